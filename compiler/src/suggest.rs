//! "Did you mean …?"

/// How many bytes longer or shorter a name may be that is two characters away.
const MAX_EXTRA: usize = 8;

/// The option that is at most two edits away, the nearest of them; nothing if the value is one of the options.
pub(crate) fn nearest<'a>(
    value: &str,
    options: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let mut best = None;
    let mut limit = 3;
    for option in options {
        if option == value {
            return None;
        }
        if option.len().abs_diff(value.len()) > MAX_EXTRA {
            continue;
        }
        let distance = strsim::levenshtein(value, option);
        if distance < limit {
            limit = distance;
            best = Some(option.to_owned());
        }
    }
    // A variable may have no name, which helps nobody.
    best.filter(|name| !name.is_empty())
}

/// A message with the suggestion behind it, if there is one.
pub(crate) fn with_suggestion<'a>(
    message: String,
    value: &str,
    options: impl IntoIterator<Item = &'a str>,
) -> String {
    match nearest(value, options) {
        Some(option) => format!("{message} (did you mean {option}?)"),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_wins_and_the_same_is_none() {
        assert_eq!(nearest("biuld", ["test", "build"]), Some("build".into()));
        assert_eq!(nearest("build", ["biuld", "build"]), None);
        assert_eq!(nearest("x", ["build"]), None);
        assert_eq!(with_suggestion("no".into(), "tets", ["test"]), "no (did you mean test?)");
    }
}
