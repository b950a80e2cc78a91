//! Leaving a rule out: `# check=skip=RULE` above an instruction, or as the file's directive.

use compiler::lint;
use grammar::Diagnostic;
use lsp_types::{CodeAction, TextEdit};

use super::{action, line_break};
use crate::cursor::Cursor;

/// Above the instruction that begins in a line, added to what is there.
pub(super) fn here(cursor: &Cursor<'_>, found: &Diagnostic, line: u32) -> Option<CodeAction> {
    lint::rule(found.code).filter(|rule| rule.hears_comments())?;
    let analysis = &cursor.analysis;
    let statement = analysis.tree.statements.iter().find(|it| it.lines.0 == line)?;
    // The first comment that is one counts.
    let known = statement.comments.iter().find_map(|comment| {
        let (name, value) = comment.value.trim_start().split_once('=')?;
        let is_check = name.trim().eq_ignore_ascii_case("check");
        is_check.then_some((comment, value))
    });
    let edit = match known {
        Some((comment, value)) => {
            let at = comment.value.len() - value.len();
            let text = format!("{}{}", &comment.value[..at], with(value, found.code));
            TextEdit::new(cursor.range(comment.span), text)
        }
        None => {
            let text = cursor.text();
            let start = analysis.sources[0].lines().start(line).unwrap_or_default() as usize;
            let rest = &text[start..];
            let indent = &rest[..rest.len() - rest.trim_start_matches([' ', '\t']).len()];
            let end = line_break(cursor);
            // Where directives are still read it would be one, and count for the whole file.
            let is_top = analysis.tree.directives.len() + 1 == line as usize;
            let first = if is_top { end } else { "" };
            let start = start + if is_top { bom(text) } else { 0 };
            let comment = format!("{first}{indent}# check=skip={}{end}", found.code);
            TextEdit::new(cursor.bytes(start, start), comment)
        }
    };
    let title = format!("Skip {} here", found.code);
    Some(CodeAction { title, ..action(cursor, found, vec![edit]) })
}

/// In the file's directive, or as a new one.
pub(super) fn in_file(cursor: &Cursor<'_>, found: &Diagnostic) -> Option<CodeAction> {
    lint::rule(found.code)?;
    let tree = &cursor.analysis.tree;
    let edit = match &tree.dialect.check {
        Some(check) => TextEdit::new(cursor.range(check.span), with(&check.value, found.code)),
        None => {
            // Directives stand before anything else.
            let behind =
                tree.directives.iter().map(|it| it.line as usize).max().unwrap_or_default();
            let bounds = cursor.document.lines.bounds(cursor.text(), behind);
            let at = bounds.map_or(cursor.text().len(), |(start, _)| start);
            let at = at.max(bom(cursor.text()));
            let text = format!("# check=skip={}{}", found.code, line_break(cursor));
            TextEdit::new(cursor.bytes(at, at), text)
        }
    };
    let title = format!("Skip {} in this file", found.code);
    Some(CodeAction { title, ..action(cursor, found, vec![edit]) })
}

/// The length of a byte order mark, which stays the first thing in the file.
fn bom(text: &str) -> usize {
    if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
}

/// The value of a check directive, with one rule more.
fn with(value: &str, rule: &str) -> String {
    let trimmed = value.trim_start();
    let blanks = &value[..value.len() - trimmed.len()];
    // What stands behind a blank is not read.
    let (options, rest) = trimmed.split_at(trimmed.find(' ').unwrap_or(trimmed.len()));
    let mut parts: Vec<String> = options.split(';').map(str::to_owned).collect();
    match parts.iter_mut().find(|it| it.trim_start().starts_with("skip=")) {
        Some(skip) if skip.trim_end().ends_with('=') => skip.push_str(rule),
        Some(skip) => *skip = format!("{},{rule}", skip.trim_end_matches([' ', ','])),
        None => {
            parts.retain(|it| !it.trim().is_empty());
            parts.push(format!("skip={rule}"));
        }
    }
    format!("{blanks}{}{rest}", parts.join(";"))
}

#[cfg(test)]
mod tests {
    use super::with;

    #[test]
    fn rules_are_added() {
        assert_eq!(with("skip=A", "B"), "skip=A,B");
        assert_eq!(with("error=true", "B"), "error=true;skip=B");
        assert_eq!(with(" skip=A;error=true for now", "B"), " skip=A,B;error=true for now");
        assert_eq!(with("skip=", "B"), "skip=B");
        assert_eq!(with("", "B"), "skip=B");
    }
}
