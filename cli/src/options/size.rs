//! Sizes: `128m` to bytes (as docker reads it, powers of 1024), bytes to `1.23MB` (as docker prints it, powers of 1000).

use crate::error::CliError;

/// Reads a size such as `64m`, `1.5g`, `1024` or `10GB`.
///
/// # Errors
/// What is no size, or too large for 64 bits.
pub(crate) fn parse(flag: &str, text: &str) -> Result<u64, CliError> {
    let wrong = || {
        CliError::usage(format!("--{flag} `{text}` is no size"))
            .help("write a number with b, k, m, g or t behind it, such as 128m")
    };
    let lower = text.trim().to_ascii_lowercase();
    let split = lower.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(lower.len());
    let (number, unit) = lower.split_at(split);
    let factor: u64 = match unit.trim() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        _ => return Err(wrong()),
    };
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor).ok_or_else(wrong);
    }
    let value = number.parse::<f64>().map_err(|_| wrong())? * factor as f64;
    if value.is_finite() && value < u64::MAX as f64 { Ok(value as u64) } else { Err(wrong()) }
}

/// A size for people, three digits and a unit.
pub(crate) fn show(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "kB", "MB", "GB", "TB"] {
        if value < 999.5 || unit == "TB" {
            return match unit {
                "B" => format!("{bytes}B"),
                _ if value < 9.995 => format!("{value:.2}{unit}"),
                _ if value < 99.95 => format!("{value:.1}{unit}"),
                _ => format!("{value:.0}{unit}"),
            };
        }
        value /= 1000.0;
    }
    unreachable!("the last unit takes everything")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_docker_sizes() {
        for (text, bytes) in
            [("0", 0), ("64m", 64 << 20), ("1.5g", 3 << 29), ("10GB", 10 << 30), ("7 KiB", 7168)]
        {
            assert_eq!(parse("shm-size", text).unwrap(), bytes, "{text}");
        }
        for text in ["", "m", "1x", "-1", "1e9", "99999999999t"] {
            assert!(parse("shm-size", text).is_err(), "{text}");
        }
    }

    #[test]
    fn shows_three_digits() {
        for (bytes, text) in [
            (0, "0B"),
            (999, "999B"),
            (1000, "1.00kB"),
            (4_267_000, "4.27MB"),
            (77_800_000, "77.8MB"),
            (999_600_000, "1.00GB"),
        ] {
            assert_eq!(show(bytes), text);
        }
    }
}
