//! `--fix`: does the fixes of findings, again and again until there is nothing left to do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use compiler::fixes;
use grammar::{Code, Fix, Severity, SourceFile};

use crate::project::checked::Checked;

/// One fix may make room for another; so often at most.
const MAX_ROUNDS: usize = 10;

/// A file that was mended.
#[derive(Debug)]
pub(crate) struct Mended {
    /// The text as it was.
    pub(super) before: String,
    /// As it is now.
    pub(super) text: String,
    /// How many findings of each rule were mended.
    done: BTreeMap<Code, usize>,
}

impl Mended {
    /// Whether anything was.
    pub(super) fn is_changed(&self) -> bool {
        self.before != self.text
    }

    /// What was mended, a line.
    pub(super) fn summary(&self, name: &str) -> String {
        let count: usize = self.done.values().sum();
        let rules: Vec<String> = self
            .done
            .iter()
            .map(|(rule, count)| match count {
                1 => (*rule).to_owned(),
                _ => format!("{rule} ({count})"),
            })
            .collect();
        format!("{name}: mended {count}: {}", rules.join(", "))
    }

    /// Puts the new text in the place of the old: whole or not at all, with the same mode.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        // A link stays one.
        let path = path.canonicalize()?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        let mut file = tempfile::Builder::new().prefix(".dfc-").tempfile_in(folder)?;
        file.write_all(self.text.as_bytes())?;
        file.as_file().set_permissions(fs::metadata(&path)?.permissions())?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(())
    }
}

/// Mends a text, with fixes that are not safe only `if unsafe_too`; gives what is left to say. Nothing is done that makes an error, or in a file that is not UTF-8: its bytes
/// would be lost.
pub(super) fn mend(
    source: &SourceFile,
    unsafe_too: bool,
    check: &dyn Fn(SourceFile) -> Checked,
) -> (Checked, Mended) {
    let before = source.text().to_owned();
    let mut mended = Mended { text: before.clone(), before, done: BTreeMap::new() };
    let mut checked = check(source.clone());
    if source.is_mended() {
        return (checked, mended);
    }
    let mut refused = BTreeSet::new();
    for _ in 0..MAX_ROUNDS {
        let fixes = wanted(&checked, &refused, unsafe_too);
        let fixed = fixes::apply(&mended.text, fixes.iter().map(|(_, fix)| fix));
        if fixed.done.is_empty() || fixed.text == mended.text {
            break;
        }
        let after = check(SourceFile::new(source.name(), fixed.text.as_str()));
        if errors(&checked) < errors(&after) {
            // One of them does harm: tried alone, the others still help.
            let harmful: Vec<String> = fixes
                .iter()
                .filter(|(_, fix)| {
                    let alone = fixes::apply(&mended.text, [fix]);
                    let after = check(SourceFile::new(source.name(), alone.text));
                    errors(&checked) < errors(&after)
                })
                .map(|(_, fix)| key(fix))
                .collect();
            if harmful.is_empty() {
                break;
            }
            refused.extend(harmful);
            continue;
        }
        for position in fixed.done {
            *mended.done.entry(fixes[position].0).or_default() += 1;
        }
        mended.text = fixed.text;
        checked = after;
    }
    (checked, mended)
}

/// The fixes of findings, each once.
fn wanted(checked: &Checked, refused: &BTreeSet<String>, unsafe_too: bool) -> Vec<(Code, Fix)> {
    let mut seen = BTreeSet::new();
    let own = checked.findings.iter().map(|finding| &finding.diagnostic);
    own.filter_map(|found| Some((found.code, found.fix.as_deref()?.clone())))
        .filter(|(_, fix)| fix.is_safe || unsafe_too)
        .filter(|(_, fix)| !refused.contains(&key(fix)) && seen.insert(key(fix)))
        .collect()
}

/// What tells a fix from others, wherever it is.
fn key(fix: &Fix) -> String {
    format!("{fix:?}")
}

fn errors(checked: &Checked) -> usize {
    checked.diagnostics.iter().filter(|found| found.severity == Severity::Error).count()
}

#[cfg(test)]
mod tests {
    use compiler::lint::Finding;
    use grammar::{Diagnostic, Span};

    use super::*;

    /// Finds every `x`, to be replaced by `y`, and every `b`, to be replaced by what is an error.
    fn check(source: SourceFile) -> Checked {
        let finding = |(at, found): (usize, &str)| {
            let new = if found == "x" { "y" } else { "!" };
            let diagnostic = Diagnostic::warning("Rule", "m", Span::new(at, at + 1)).fix("t", new);
            Finding { diagnostic, lines: (1, 1) }
        };
        let found = source.text().match_indices(['x', 'b']).map(finding).collect();
        let errors = source.text().matches('!');
        let errors = errors.map(|_| Diagnostic::without_place("e", "m")).collect();
        Checked { diagnostics: errors, findings: found, sources: vec![source] }
    }

    #[test]
    fn what_makes_errors_is_left_out() {
        let source = SourceFile::new("D", "a x b x");
        let (checked, mended) = mend(&source, false, &check);
        assert_eq!((mended.text.as_str(), checked.findings.len()), ("a y b y", 1));
        assert_eq!(mended.summary("D"), "D: mended 2: Rule (2)");
    }

    #[test]
    fn the_mode_stays_and_so_does_a_link() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("D"), folder.path().join("L"));
        fs::write(&file, "x").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("D", &link).unwrap();
        let (_, mended) = mend(&SourceFile::new("D", "x"), false, &check);
        mended.write(&link).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "y");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o640);
        assert!(link.is_symlink() && fs::read_dir(folder.path()).unwrap().count() == 2);
    }
}
