//! "Did you mean": the nearest of the known names.

/// How many edits away a name may be; BuildKit takes the same distance.
const MAX_DISTANCE: usize = 2;

/// The known name (ASCII) nearest to what was written, if one is near. Case is not looked at.
pub(crate) fn nearest<'k>(
    written: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<&'k str> {
    let written = written.to_lowercase();
    let length = written.chars().count();
    known
        .into_iter()
        .filter(|name| name.len().abs_diff(length) <= MAX_DISTANCE)
        .map(|name| (name, name.to_lowercase()))
        .map(|(name, lower)| (strsim::levenshtein(&written, &lower), lower, name))
        .filter(|(distance, _, _)| *distance <= MAX_DISTANCE)
        // Of names equally near, one with swapped letters is the likelier slip.
        .min_by_key(|(distance, lower, _)| (*distance, strsim::osa_distance(&written, lower)))
        .map(|(_, _, name)| name)
}

/// The name in the case in which something was written.
pub(crate) fn in_case_of(name: &str, written: &str) -> String {
    if written == written.to_lowercase() { name.to_lowercase() } else { name.to_uppercase() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names() {
        assert_eq!(nearest("FRMO", ["RUN", "FROM"]), Some("FROM"));
        assert_eq!(nearest("chwon", ["chmod", "chown"]), Some("chown"));
        assert_eq!(nearest("nothing", ["chmod", "chown"]), None);
        assert_eq!(in_case_of("FROM", "frmo"), "from");
    }
}
