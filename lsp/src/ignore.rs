//! .dockerignore as a language: bad patterns, patterns that match nothing, and what a pattern matches.

pub(crate) mod completion;

use compiler::ignore::{IgnoreError, IgnoreFile};
use lsp_types::{Diagnostic, DiagnosticSeverity, DiagnosticTag, NumberOrString};

use crate::documents::Document;
use crate::knowledge::{Knowledge, Listing};

/// How many times a pattern is held against a path for the diagnostics of a file: it must not take long.
const MAX_TRIES: usize = 200_000;
/// How many files a hover names.
const MAX_NAMED: usize = 8;

/// A line that has a pattern.
#[derive(Debug)]
struct Line<'t> {
    /// Where the pattern is, blanks at both ends left out.
    start: usize,
    end: usize,
    /// The pattern as written, without `!`.
    written: &'t str,
    /// Whether it takes back.
    is_exception: bool,
    /// The pattern alone, as one that leaves out.
    pattern: Result<IgnoreFile, IgnoreError>,
}

/// What may be done about a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Remedy {
    /// For a menu.
    pub(crate) title: String,
    /// From where to where, in bytes.
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) replacement: String,
}

/// What there is to say about the file.
pub(crate) fn diagnostics(knowledge: &dyn Knowledge, document: &Document) -> Vec<Diagnostic> {
    let found = problems(knowledge, document).into_iter();
    found.map(|(diagnostic, _)| diagnostic).collect()
}

/// The same with what may be done.
pub(crate) fn problems(
    knowledge: &dyn Knowledge,
    document: &Document,
) -> Vec<(Diagnostic, Vec<Remedy>)> {
    let listing = document.folder().map(|folder| knowledge.files(folder));
    let listing = listing.filter(|listing| listing.is_complete && !listing.files.is_empty());
    let mut left = MAX_TRIES;
    let mut found = Vec::new();
    let lines = lines(document);
    for (index, line) in lines.iter().enumerate() {
        let is_again = lines[..index]
            .iter()
            .any(|other| other.written == line.written && other.is_exception == line.is_exception)
            && !lines[..index].iter().any(|other| other.is_exception != line.is_exception);
        let (code, severity, message, mut remedies) = match &line.pattern {
            Err(why) => {
                // The message is about a file of this one line.
                let why = why.to_string();
                let why = why.strip_prefix("failed parsing .dockerignore: ").unwrap_or(&why);
                let why = why.replace("line 1: ", "").replace(" (line 1)", "");
                ("invalid-ignore-file", DiagnosticSeverity::ERROR, why, Vec::new())
            }
            Ok(_) if is_again => {
                let why = "a line above says the same".to_owned();
                ("unused-pattern", DiagnosticSeverity::HINT, why, Vec::new())
            }
            Ok(pattern) => {
                let Some(listing) = &listing else { continue };
                if matches(pattern, listing, &mut left) != Some(false) {
                    continue;
                }
                let (why, remedies) = unused(line, listing, &mut left);
                ("unused-pattern", DiagnosticSeverity::HINT, why, remedies)
            }
        };
        let is_unused = severity == DiagnosticSeverity::HINT;
        if is_unused {
            remedies.push(removal(document, line));
        }
        let diagnostic = Diagnostic {
            range: document.lines.range(&document.text, line.start, line.end),
            severity: Some(severity),
            code: Some(NumberOrString::String(code.to_owned())),
            source: Some("dfc".to_owned()),
            message,
            tags: is_unused.then(|| vec![DiagnosticTag::UNNECESSARY]),
            ..Diagnostic::default()
        };
        found.push((diagnostic, remedies));
    }
    found
}

/// Whether a pattern matches any file; `None` if looking would take too long.
fn matches(pattern: &IgnoreFile, listing: &Listing, left: &mut usize) -> Option<bool> {
    for (path, _) in &listing.files {
        *left = left.checked_sub(1)?;
        if pattern.matches(path.as_bytes()) {
            return Some(true);
        }
    }
    Some(false)
}

/// Why nothing matches, and what was probably meant.
fn unused(line: &Line<'_>, listing: &Listing, left: &mut usize) -> (String, Vec<Remedy>) {
    let plain = "no file of this folder matches the pattern".to_owned();
    let remedy = |written: &str| {
        let mark = if line.is_exception { "!" } else { "" };
        Remedy {
            title: format!("Replace by `{mark}{written}`"),
            start: line.start,
            end: line.end,
            replacement: format!("{mark}{written}"),
        }
    };
    let helps = |written: &str, left: &mut usize| {
        let pattern = IgnoreFile::parse("", written).ok();
        pattern.and_then(|pattern| matches(&pattern, listing, left)) == Some(true)
    };
    if let Some((pattern, _)) = line.written.split_once(" #") {
        let why = format!("{plain}: `#` opens a comment only at the beginning of a line");
        return (why, vec![remedy(pattern.trim_end())]);
    }
    let below = format!("**/{}", line.written.trim_start_matches('/'));
    if !line.written.starts_with("**") && helps(&below, left) {
        let why = format!("{plain}: patterns count from its root; `{below}` matches files below");
        return (why, vec![remedy(&below)]);
    }
    (plain, Vec::new())
}

/// Takes a line out, with its end.
fn removal(document: &Document, line: &Line<'_>) -> Remedy {
    let text = document.text.as_str();
    let start = text[..line.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[line.end..].find('\n').map_or(text.len(), |at| line.end + at + 1);
    Remedy { title: "Remove the line".to_owned(), start, end, replacement: String::new() }
}

/// The lines that have a pattern.
fn lines(document: &Document) -> Vec<Line<'_>> {
    let text = document.text.as_str();
    let mut found = Vec::new();
    for number in 0.. {
        let Some((start, end)) = document.lines.bounds(text, number) else { break };
        let line = &text[start..end];
        let trimmed = line.trim().trim_start_matches('\u{feff}');
        if line.starts_with('#') || trimmed.is_empty() {
            continue;
        }
        let start = start + line.find(trimmed).unwrap_or_default();
        let bare = trimmed.strip_prefix('!').filter(|rest| !rest.trim().is_empty());
        let written = bare.unwrap_or(trimmed).trim();
        let pattern = IgnoreFile::parse(".dockerignore", written);
        if pattern.as_ref().is_ok_and(IgnoreFile::is_empty) {
            continue;
        }
        let end = start + trimmed.len();
        found.push(Line { start, end, written, is_exception: bare.is_some(), pattern });
    }
    found
}

/// What the pattern of a line matches, for people.
pub(crate) fn describe(
    knowledge: &dyn Knowledge,
    document: &Document,
    offset: usize,
) -> Option<String> {
    let lines = lines(document);
    let line = lines.into_iter().find(|line| line.start <= offset && offset <= line.end)?;
    let pattern = line.pattern.ok()?;
    let listing = knowledge.files(document.folder()?);
    let matching: Vec<&(String, u64)> =
        listing.files.iter().filter(|(path, _)| pattern.matches(path.as_bytes())).collect();
    let whole = IgnoreFile::parse("", &document.text).ok();
    let left_out = |(path, _): &&&(String, u64)| {
        whole.as_ref().is_some_and(|whole| whole.matches(path.as_bytes()))
    };
    let out = matching.iter().filter(left_out).count();
    let what =
        if line.is_exception { "takes back what lines above leave out" } else { "leaves out" };
    let all = matching.len();
    let verdict = match (line.is_exception, all) {
        (_, 0) => String::new(),
        (false, all) if out == all => String::new(),
        (false, all) => format!("\n\n{} of them are taken back by other lines", all - out),
        (true, _) if out == 0 => String::new(),
        (true, _) => format!("\n\n{out} of them are left out all the same, by other lines"),
    };
    let files = files(matching.into_iter(), listing.is_complete);
    Some(format!("`{}` {what}: {files}{verdict}", line.written))
}

/// A number of files, their size, and the first few.
pub(crate) fn files<'a>(
    files: impl Iterator<Item = &'a (String, u64)>,
    is_complete: bool,
) -> String {
    let files: Vec<&(String, u64)> = files.collect();
    let size: u64 = files.iter().map(|(_, size)| size).sum();
    let least = if is_complete { "" } else { "at least " };
    let count = files.len();
    let noun = if count == 1 { "file" } else { "files" };
    let mut text = format!("{least}{count} {noun}, {}", bytes(size));
    for (at, (path, _)) in files.iter().take(MAX_NAMED).enumerate() {
        text.push_str(if at == 0 { "\n\n" } else { "\n" });
        text.push_str(&format!("- `{path}`"));
    }
    if files.len() > MAX_NAMED {
        text.push_str("\n- ...");
    }
    text
}

/// A size for people.
pub(crate) fn bytes(size: u64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (size as f64, 0);
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    match unit {
        0 => format!("{size} {}", units[0]),
        unit => format!("{value:.1} {}", units[unit]),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_are_for_people() {
        assert_eq!(super::bytes(5), "5 bytes");
        assert_eq!(super::bytes(1_234_567), "1.2 MB");
    }
}
