//! `--chmod`: an octal number, or a list of changes as chmod(1) takes it.

use grammar::{Diagnostic, Span};

/// Checks the mode.
pub(super) fn check(mode: &str, span: Span) -> Result<(), Diagnostic> {
    let octal = !mode.is_empty() && mode.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    let fits = octal && u32::from_str_radix(mode, 8).is_ok_and(|mode| mode <= 0o7777);
    if fits || (!octal && is_symbolic(mode)) {
        return Ok(());
    }
    let message = match mode.starts_with(|first: char| first.is_ascii_digit()) {
        true => format!(
            "invalid chmod parameter: '{mode}'. it should be octal string and between 0 and 07777"
        ),
        false => format!("invalid chmod parameter: '{mode}': invalid syntax"),
    };
    Err(Diagnostic::error("invalid-chmod", message, span)
        .help("write `--chmod=755`, or changes such as `--chmod=u+x,go-w`"))
}

/// `u=rwX,go-w`: who, then one or more of an operator with permissions, parts with commas between.
fn is_symbolic(mode: &str) -> bool {
    mode.split(',').all(|part| {
        let changes = part.trim_start_matches(['a', 'u', 'g', 'o']);
        let is_operator = |c: char| matches!(c, '+' | '-' | '=');
        let is_permission =
            |c: char| matches!(c, 'r' | 's' | 't' | 'w' | 'X' | 'x' | 'u' | 'g' | 'o');
        changes.starts_with(is_operator)
            && changes.chars().all(|c| is_operator(c) || is_permission(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes() {
        for good in
            ["0", "755", "07777", "00000644", "u+x", "go=u", "a=rX", "u+x,go-w", "+t", "u+x-w"]
        {
            assert_eq!(check(good, Span::new(0, 0)), Ok(()), "{good}");
        }
        for bad in ["10000", "999", "8", "x", "u", "u+x,", "u+y", "rwx", "+x 1"] {
            assert!(check(bad, Span::new(0, 0)).is_err(), "{bad}");
        }
    }
}
