//! "Did you mean": the nearest of the known names.

/// How many edits away a name may be; BuildKit takes the same distance.
const MAX_DISTANCE: usize = 2;

/// The known name nearest to what was written, if one is near. Case is not looked at.
pub(crate) fn nearest<'k>(
    written: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<&'k str> {
    if written.len() > 64 {
        return None;
    }
    let written = written.to_lowercase();
    known
        .into_iter()
        .map(|name| {
            let lower = name.to_lowercase();
            // Of names equally near, one with swapped or doubled letters is the likelier slip.
            let distance = strsim::levenshtein(&written, &lower);
            (distance, strsim::osa_distance(&written, &lower), name)
        })
        .filter(|(distance, _, _)| *distance <= MAX_DISTANCE)
        .min_by_key(|(distance, swaps, _)| (*distance, *swaps))
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
