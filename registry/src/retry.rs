//! When something is tried again, and after which pause.

use std::time::{Duration, SystemTime};

use ureq::http::HeaderMap;

use crate::settings::Limits;

/// Whether an answer may be better next time.
pub(crate) fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// The pause before a try; the first has number 0, and none before it. Half of it depends on `seed`, so that many transfers
/// do not all come back at once.
pub(crate) fn pause(limits: &Limits, attempt: u32, seed: u64) -> Duration {
    let Some(doublings) = attempt.checked_sub(1) else { return Duration::ZERO };
    let whole = limits.pause.saturating_mul(1 << doublings.min(16)).min(limits.longest_pause);
    // A multiplicative hash is all the chance that is needed.
    let fraction = (seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u32;
    whole / 2 + whole / 2 * fraction / 256
}

/// What `Retry-After` asks for: seconds, or a time.
pub(crate) fn asked_pause(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let time = httpdate::parse_http_date(text).ok()?;
    Some(time.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_within_bounds() {
        let limits = Limits {
            pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(1),
            ..Limits::default()
        };
        assert_eq!(pause(&limits, 0, 7), Duration::ZERO);
        for (attempt, whole) in [(1, 100), (2, 200), (3, 400), (5, 1000), (60, 1000)] {
            for seed in 0..50 {
                let pause = pause(&limits, attempt, seed).as_millis();
                assert!((whole / 2..=whole).contains(&pause), "{attempt}: {pause}");
            }
        }
    }

    #[test]
    fn servers_may_ask_for_a_pause() {
        let asked = |text: &str| {
            asked_pause(&HeaderMap::from_iter([(
                ureq::http::header::RETRY_AFTER,
                text.parse().unwrap(),
            )]))
        };
        assert_eq!(asked("7"), Some(Duration::from_secs(7)));
        assert_eq!(asked("Thu, 01 Jan 1970 00:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(asked("soon"), None);
        let later = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
        assert!(asked(&later).is_some_and(|pause| pause > Duration::from_secs(90)));
    }
}
