//! `--filter KEY=VALUE` of the commands on images.

use crate::error::CliError;

/// Takes filters apart; only `keys` are known. `label!` is the key of `label!=…`.
///
/// # Errors
/// Another key, or no `=`.
pub(crate) fn parse(typed: &[String], keys: &[&str]) -> Result<Vec<(String, String)>, CliError> {
    let known = || format!("there are {}", keys.join(", ").replace("label!", "label!="));
    let mut filters = Vec::new();
    for text in typed {
        let Some((key, value)) = text.split_once('=') else {
            return Err(CliError::usage(format!("--filter `{text}` has no value"))
                .help(format!("write KEY=VALUE; {}", known())));
        };
        let key = key.trim().to_lowercase();
        if !keys.contains(&key.as_str()) {
            return Err(CliError::usage(format!("there is no filter `{key}`")).help(known()));
        }
        filters.push((key, value.trim().to_owned()));
    }
    Ok(filters)
}

/// `true` or `false`, as Go reads it.
///
/// # Errors
/// Neither.
pub(crate) fn truth(key: &str, value: &str) -> Result<bool, CliError> {
    match value.to_lowercase().as_str() {
        "true" | "1" | "t" => Ok(true),
        "false" | "0" | "f" => Ok(false),
        _ => Err(CliError::usage(format!("--filter {key}={value}: it is true or false"))),
    }
}

/// Whether a text fits a pattern of Go's `path.Match`: `*` and `?` do not stand for `/`.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // Where to go on when a `*` must take one character more.
    let (mut at, mut place, mut star) = (0, 0, None::<(usize, usize)>);
    loop {
        let step = match pattern.get(at) {
            Some('*') => {
                star = Some((at + 1, place));
                at += 1;
                continue;
            }
            None if place == text.len() => return true,
            None => None,
            Some(_) => text.get(place).and_then(|char| one(&pattern[at..], *char)),
        };
        match (step, star) {
            (Some(length), _) => (at, place) = (at + length, place + 1),
            (None, Some((behind, taken))) if text.get(taken).is_some_and(|char| *char != '/') => {
                star = Some((behind, taken + 1));
                (at, place) = (behind, taken + 1);
            }
            (None, Some(_) | None) => return false,
        }
    }
}

/// How long the part of the pattern is that stands for this one character; `None` if it does not.
fn one(pattern: &[char], char: char) -> Option<usize> {
    match pattern {
        ['?', ..] => (char != '/').then_some(1),
        ['\\', escaped, ..] => (*escaped == char).then_some(2),
        ['[', rest @ ..] => {
            let end = rest.iter().skip(1).position(|it| *it == ']')? + 1;
            let (negated, set) = match &rest[..end] {
                ['^', set @ ..] => (true, set),
                set => (false, set),
            };
            let mut found = false;
            let mut set = set;
            while let [first, after @ ..] = set {
                (found, set) = match after {
                    ['-', last, after @ ..] => (found || (*first..=*last).contains(&char), after),
                    _ => (found || *first == char, after),
                };
            }
            (found != negated).then_some(end + 2)
        }
        [literal, ..] => (*literal == char).then_some(1),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, wanted) in [
            ("*", "alpine", true),
            ("*", "team/app", false),
            ("team/*", "team/app", true),
            ("*/*", "team/app", true),
            ("al*:3*", "alpine:3.20", true),
            ("al?ine", "alpine", true),
            ("[a-c]lpine", "alpine", true),
            ("[^a-c]lpine", "alpine", false),
            ("*pine*", "alpine", true),
            ("*pin", "alpine", false),
            ("a\\*", "a*", true),
            ("", "", true),
            ("[", "[", false),
        ] {
            assert_eq!(fits(pattern, text), wanted, "{pattern} {text}");
        }
    }

    #[test]
    fn unknown_keys_are_named() {
        let error = parse(&["lable=x".into()], &["label", "label!"]).unwrap_err();
        assert!(error.advice().unwrap().contains("label, label!="));
        assert!(parse(&["label".into()], &["label"]).is_err());
        let parsed = parse(&["label!=a=b".into()], &["label!"]).unwrap();
        assert_eq!(parsed, [("label!".to_owned(), "a=b".to_owned())]);
    }
}
