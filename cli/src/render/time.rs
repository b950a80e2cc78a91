//! Times and durations for people.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `0.3s`, `12.0s`, `3m 5s`, `2h 10m`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..100 => format!("{:.1}s", duration.as_secs_f64()),
        100..6000 => format!("{}m {}s", seconds / 60, seconds % 60),
        _ => format!("{}h {}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// How long ago something was, in docker's words: `5 minutes ago`.
pub(crate) fn ago(then: i64, now: i64) -> String {
    let seconds = now.saturating_sub(then);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    let many = |count: i64, unit: &str| format!("{count} {unit} ago");
    match seconds {
        i64::MIN..1 => "just now".into(),
        1 => "1 second ago".into(),
        2..60 => many(seconds, "seconds"),
        60..120 => "1 minute ago".into(),
        120..3600 => many(minutes, "minutes"),
        3600..7200 => "1 hour ago".into(),
        7200..172_800 => many(hours, "hours"),
        _ if days < 14 => many(days, "days"),
        _ if days < 60 => many(days / 7, "weeks"),
        _ if days < 730 => many(days / 30, "months"),
        _ => many(days / 365, "years"),
    }
}

/// Seconds since 1970 of a clock.
pub(crate) fn now(clock: SystemTime) -> i64 {
    let since = clock.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Seconds since 1970 of an RFC 3339 time.
pub(crate) fn seconds(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}

/// As docker prints the time of an image: `2026-01-31 12:00:00 +0000 UTC`.
pub(crate) fn stamp(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string(),
        Err(_) => "N/A".into(),
    }
}

/// RFC 3339, in UTC.
pub(crate) fn rfc3339(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        Err(_) => "N/A".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_stay_short() {
        let show = |millis| duration(Duration::from_millis(millis));
        assert_eq!(show(40), "0.0s");
        assert_eq!(show(12_345), "12.3s");
        assert_eq!(show(185_000), "3m 5s");
        assert_eq!(show(7_800_000), "2h 10m");
    }

    #[test]
    fn ages_are_in_words() {
        for (age, text) in [
            (0, "just now"),
            (59, "59 seconds ago"),
            (3 * 60, "3 minutes ago"),
            (47 * 3600, "47 hours ago"),
            (13 * 86400, "13 days ago"),
            (21 * 86400, "3 weeks ago"),
            (800 * 86400, "2 years ago"),
        ] {
            assert_eq!(ago(0, age), text);
        }
        assert_eq!(seconds("1970-01-01T00:01:00Z"), Some(60));
    }
}
