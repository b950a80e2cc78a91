//! .dockerignore as a language: bad patterns, patterns that match nothing, and what a pattern matches.

use compiler::ignore::IgnoreFile;
use lsp_types::{Diagnostic, DiagnosticSeverity, DiagnosticTag, NumberOrString};

use crate::documents::Document;
use crate::knowledge::Knowledge;

/// What there is to say about the file.
pub(crate) fn diagnostics(knowledge: &dyn Knowledge, document: &Document) -> Vec<Diagnostic> {
    let listing = document.folder().map(|folder| knowledge.files(folder));
    let listing = listing.filter(|listing| listing.is_complete);
    let mut found = Vec::new();
    for line in 0.. {
        let Some((start, end)) = document.lines.bounds(&document.text, line) else { break };
        let text = &document.text[start..end];
        let (code, severity, message, tags) = match pattern(text) {
            Err(why) => ("invalid-ignore-file", DiagnosticSeverity::ERROR, why, None),
            Ok(None) => continue,
            Ok(Some(pattern)) => {
                let matches = |listing: &std::sync::Arc<crate::knowledge::Listing>| {
                    listing.files.iter().any(|(path, _)| pattern.matches(path.as_bytes()))
                };
                if listing.as_ref().is_none_or(matches) {
                    continue;
                }
                let why = "no file of this folder matches the pattern".to_owned();
                let tags = Some(vec![DiagnosticTag::UNNECESSARY]);
                ("unused-pattern", DiagnosticSeverity::HINT, why, tags)
            }
        };
        found.push(Diagnostic {
            range: document.lines.range(&document.text, start, end),
            severity: Some(severity),
            code: Some(NumberOrString::String(code.to_owned())),
            source: Some("dfc".to_owned()),
            message,
            tags,
            ..Diagnostic::default()
        });
    }
    found
}

/// The pattern of a line, as one that leaves out; `None` for comments and empty lines.
fn pattern(line: &str) -> Result<Option<IgnoreFile>, String> {
    let text = line.trim();
    if line.starts_with('#') || text.is_empty() {
        return Ok(None);
    }
    let bare = text.strip_prefix('!').filter(|rest| !rest.trim().is_empty()).unwrap_or(text);
    let file = IgnoreFile::parse(".dockerignore", bare).map_err(|error| error.to_string())?;
    Ok(Some(file).filter(|file| !file.is_empty()))
}

/// What the pattern of a line matches, for people.
pub(crate) fn describe(
    knowledge: &dyn Knowledge,
    document: &Document,
    offset: usize,
) -> Option<String> {
    let position = document.lines.position(&document.text, offset);
    let (start, end) = document.lines.bounds(&document.text, position.line as usize)?;
    let pattern = pattern(&document.text[start..end]).ok()??;
    let listing = knowledge.files(document.folder()?);
    let matching = listing.files.iter().filter(|(path, _)| pattern.matches(path.as_bytes()));
    Some(files(matching, listing.is_complete))
}

/// A number of files, their size, and the first few.
pub(crate) fn files<'a>(
    files: impl Iterator<Item = &'a (String, u64)>,
    is_complete: bool,
) -> String {
    let files: Vec<&(String, u64)> = files.collect();
    let size: u64 = files.iter().map(|(_, size)| size).sum();
    let least = if is_complete { "" } else { "at least " };
    let mut text = format!("{least}{} files, {size} bytes", files.len());
    for (path, _) in files.iter().take(8) {
        text.push_str(&format!("\n- `{path}`"));
    }
    if files.len() > 8 {
        text.push_str("\n- ...");
    }
    text
}
