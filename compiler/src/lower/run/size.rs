//! Sizes with units: `10m`, `1.5GiB`.

/// Bytes, as `docker` reads them: factors of 1024, units in any case, an optional `b` or `ib` behind.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let end = text.rfind(|c: char| c.is_ascii_digit() || c == '.' || c == ' ')?;
    let number_end = if text.as_bytes()[end] == b' ' { end } else { end + 1 };
    let (number, suffix) = (&text[..number_end], text[end + 1..].to_ascii_lowercase());
    let number: f64 = number.parse().ok().filter(|number: &f64| *number >= 0.0)?;
    let mut letters = suffix.chars();
    let factor: f64 = match letters.next() {
        None => 1.0,
        Some('b') if suffix.len() == 1 => 1.0,
        Some('b') => return None,
        Some('k') => 1024.0,
        Some('m') => 1024.0_f64.powi(2),
        Some('g') => 1024.0_f64.powi(3),
        Some('t') => 1024.0_f64.powi(4),
        Some('p') => 1024.0_f64.powi(5),
        Some(_) => return None,
    };
    let unit = letters.as_str();
    // Beyond what fits the cast stops at the largest number.
    (unit.is_empty() || unit == "b" || unit == "ib").then_some((number * factor) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, want) in [
            ("0", Some(0)),
            ("10m", Some(10 << 20)),
            ("1.5G", Some(3 << 29)),
            ("1 kb", Some(1024)),
            ("2KiB", Some(2048)),
            ("7b", Some(7)),
            ("x", None),
            ("-1", None),
            ("1kx", None),
            ("1bb", None),
            ("", None),
        ] {
            assert_eq!(bytes(text), want, "{text}");
        }
    }
}
