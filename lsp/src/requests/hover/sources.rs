//! What a source of COPY or ADD brings out of the context.

use compiler::ignore::IgnoreFile;
use compiler::pattern::Glob;
use grammar::instruction::Source;

use super::Told;
use crate::analysis::from_context;
use crate::cursor::Cursor;
use crate::ignore;
use crate::variables::touches;

/// The source that is named here.
pub(super) fn tell(cursor: &Cursor<'_>) -> Option<Told> {
    let (index, statement) = cursor.innermost()?;
    let transfer = from_context(statement)?;
    let word = transfer.sources.iter().find_map(|source| match source {
        Source::Path(word) => Some(word).filter(|word| touches(word.span, cursor.offset)),
        Source::Heredoc(_) => None,
    })?;
    let scope = cursor.analysis.variables.scope(index)?;
    let path = scope.expand(word, cursor.analysis.tree.dialect.escape)?;
    if path.contains("://") || path.starts_with("git@") {
        return Some((format!("`{path}`: downloaded when it is built"), Some(word.span)));
    }
    let glob = Glob::parse(path.trim_start_matches('/')).ok()?;
    let listing = cursor.knowledge.files(cursor.analysis.context.as_deref()?);
    let ignored = cursor.analysis.ignore.as_ref();
    let ignored =
        ignored.and_then(|(_, text)| IgnoreFile::parse("", text).ok()).unwrap_or_default();
    let (ignored, files): (Vec<_>, Vec<_>) = listing
        .files
        .iter()
        .filter(|(path, _)| takes(&glob, path))
        .partition(|(path, _)| ignored.matches(path.as_bytes()));
    let text = match files.is_empty() && listing.is_complete {
        true => "brings no file of the context".to_owned(),
        false => ignore::files(files.into_iter(), listing.is_complete),
    };
    let left_out = match ignored.len() {
        0 => String::new(),
        count => format!("\n\n{count} more are left out by .dockerignore"),
    };
    Some((format!("`{path}`: {text}{left_out}"), Some(word.span)))
}

/// Whether a source brings a file, itself or with a folder.
fn takes(glob: &Glob, path: &str) -> bool {
    let base = if glob.base == "." { "" } else { glob.base.as_str() };
    let below = match base {
        "" => Some(path),
        base if path == base => Some(""),
        base => path.strip_prefix(base).and_then(|rest| rest.strip_prefix('/')),
    };
    let Some(below) = below else { return false };
    if glob.below.is_none() {
        return true;
    }
    let slashes = below.match_indices('/').map(|(at, _)| at);
    slashes.chain([below.len()]).any(|end| glob.matches(&below.as_bytes()[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_folders() {
        let takes = |glob: &str, path: &str| takes(&Glob::parse(glob).unwrap(), path);
        assert!(takes("a", "a") && takes("a", "a/b/c") && !takes("a", "ab"));
        assert!(takes("*.txt", "a.txt") && !takes("*.txt", "b/a.txt"));
        assert!(takes("b/*.txt", "b/a.txt") && takes("s*", "src/x/y"));
        assert!(takes(".", "anything/below"));
    }
}
