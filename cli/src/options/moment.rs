//! Moments as docker's `until=` takes them: a duration back from now, a date and time, or seconds since 1970.

use crate::env::Env;
use crate::error::CliError;

/// Seconds since 1970.
///
/// # Errors
/// It is no moment.
pub(crate) fn parse(text: &str, now: i64) -> Result<i64, CliError> {
    if let Some(age) = age(text) {
        return Ok(now.saturating_sub(age));
    }
    let whole = text.split('.').next().unwrap_or_default();
    if let Ok(seconds) = whole.parse::<i64>() {
        return Ok(seconds);
    }
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(time.as_second());
    }
    // Without a zone it is the time of this machine.
    let zone = jiff::tz::TimeZone::system();
    let local = text.parse::<jiff::civil::DateTime>().ok();
    let local = local.or_else(|| Some(text.parse::<jiff::civil::Date>().ok()?.at(0, 0, 0, 0)));
    let moment = local.and_then(|local| local.to_zoned(zone).ok());
    moment.map(|moment| moment.timestamp().as_second()).ok_or_else(|| {
        CliError::usage(format!("`{text}` is no moment"))
            .help("write how long ago, such as 24h or 10m, or a time such as 2026-01-31T12:00:00Z")
    })
}

/// `1h30m`, in seconds.
fn age(text: &str) -> Option<i64> {
    let mut total: f64 = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest[..end].parse().ok()?;
        let unit = &rest[end..];
        let end = unit.find(|c: char| c.is_ascii_digit()).unwrap_or(unit.len());
        let factor = match &unit[..end] {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86400.0,
            "w" => 7.0 * 86400.0,
            _ => return None,
        };
        total += number * factor;
        rest = &unit[end..];
    }
    (!text.is_empty() && total < 1e15).then_some(total as i64)
}

/// `SOURCE_DATE_EPOCH`, for commands that are not told otherwise: no time in what they make is later.
///
/// # Errors
/// It is no number of seconds.
pub(crate) fn epoch(env: &Env) -> Result<Option<i64>, CliError> {
    let Some(text) = env.var("SOURCE_DATE_EPOCH").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let seconds = text.parse().ok().filter(|seconds| *seconds >= 0);
    let wrong = || {
        CliError::usage(format!("SOURCE_DATE_EPOCH is `{text}`"))
            .help("it is a time in seconds since 1970, such as `date +%s` prints")
    };
    seconds.map(Some).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        for (text, wanted) in [
            ("24h", 1_000_000 - 86400),
            ("1h30m", 1_000_000 - 5400),
            ("2d", 1_000_000 - 172_800),
            ("12345", 12345),
            ("1970-01-01T00:01:00Z", 60),
        ] {
            assert_eq!(parse(text, 1_000_000).unwrap(), wanted, "{text}");
        }
        assert!(parse("2026-01-31", 0).is_ok() && parse("2026-01-31T12:00:00", 0).is_ok());
        assert!(parse("soon", 0).is_err() && parse("", 0).is_err());
    }
}
