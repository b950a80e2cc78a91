//! `.dockerignore`: any text is read or refused with its line, and walking gives what asking for each path gives.
//!
//! The input is text: paths, a line each, an empty line, and the file.

use compiler::ignore::{IgnoreFile, Verdict};
use compiler::pattern::Glob;

/// More paths than that would only take time.
const PATHS: usize = 32;

/// Reads the file, and asks for the paths.
pub fn bytes(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (paths, file) = text.split_once("\n\n").unwrap_or(("", &text));
    match IgnoreFile::parse(".dockerignore", file) {
        Ok(ignore) => paths.lines().take(PATHS).for_each(|path| ask(&ignore, path)),
        Err(error) => {
            let lines = file.split('\n').count();
            assert!((1..=lines).contains(&error.line()), "{error} in {file:?}");
        }
    }
    // The same words as sources of a COPY.
    let lines: Vec<&str> = file.lines().take(PATHS).collect();
    for glob in lines.iter().filter_map(|line| Glob::parse(line).ok()) {
        for path in paths.lines().take(PATHS) {
            if glob.below.is_some() && glob.matches(path.as_bytes()) {
                let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
                // What could not match below a folder does not match below it.
                for folder in folders.filter(|folder| !folder.is_empty()) {
                    let could = glob.could_match_below(folder.as_bytes());
                    assert!(could, "`{path}` below `{folder}` in {lines:?}");
                }
            }
        }
    }
    let _ = IgnoreFile::from_patterns("--exclude", &lines);
}

/// A walk goes into a folder that is ignored only if something below may come back: so nothing may come back below
/// one that it leaves out.
fn ask(ignore: &IgnoreFile, path: &str) {
    let path = path.trim_matches('/').as_bytes();
    if path.is_empty()
        || path.split(|byte| *byte == b'/').any(|part| matches!(part, b"" | b"." | b".."))
    {
        return;
    }
    let alone = ignore.matches(path);
    assert_eq!(alone, ignore.enter(&Verdict::default(), path).is_ignored);
    if let Some(rule) = ignore.decided_by(path) {
        assert_eq!(rule.is_exception, !alone, "{rule} decides on {:?}", path.escape_ascii());
    } else {
        assert!(!alone, "nobody ignores {}", path.escape_ascii());
    }
    let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    let mut verdict = Verdict::default();
    let mut left_out = false;
    for end in ends.chain([path.len()]) {
        verdict = ignore.enter(&verdict, &path[..end]);
        assert!(
            !left_out || verdict.is_ignored,
            "{} comes back below a folder that was left out",
            path.escape_ascii()
        );
        left_out |= verdict.is_ignored && !ignore.could_reinclude_below(&verdict, &path[..end]);
    }
}
