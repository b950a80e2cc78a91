//! What a parser directive means, and the rules that a comment leaves out.

use compiler::lint::{self, Origin};
use grammar::Span;

use super::Told;
use crate::cursor::Cursor;
use crate::text::{DIRECTIVES, links};

/// The directive or the rule that is named here.
pub(super) fn tell(cursor: &Cursor<'_>) -> Option<Told> {
    let text = cursor.text();
    let line = cursor.document.lines.position(text, cursor.offset).line;
    let (start, end) = cursor.document.lines.bounds(text, line as usize)?;
    let comment = text[start..end].trim_start().strip_prefix('#')?;
    let is_body = cursor.statement().is_some_and(|(_, statement)| {
        statement.heredocs.iter().any(|it| it.content.span.range().contains(&cursor.offset))
    });
    if is_body {
        return None;
    }
    let fits = |c: char| c.is_ascii_alphanumeric();
    let before = text[start..cursor.offset].rsplit(|c| !fits(c)).next().unwrap_or_default();
    let from = cursor.offset - before.len();
    let to = text[cursor.offset..end].find(|c| !fits(c)).map_or(end, |at| cursor.offset + at);
    let (word, span) = (&text[from..to], Span::new(from, to));
    if let Some(rule) = lint::rule(word).filter(|_| comment.contains('=')) {
        let mut told = cursor.knowledge.rule_page(rule.name()).unwrap_or_else(|| {
            let whose = if rule.origin() == Origin::BuildKit { "BuildKit's" } else { "dfc's" };
            format!("`{}`: one of {whose} rules", rule.name())
        });
        if word != rule.name() {
            told = format!("`{word}` of hadolint is `{}`\n\n{told}", rule.name());
        }
        return Some((told, Some(span)));
    }
    let name = comment.split('=').next().unwrap_or_default().trim();
    let (name, meaning) = DIRECTIVES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known))?;
    let is_known = cursor.analysis.tree.directives.iter().any(|it| it.line == line + 1);
    if !is_known && *name != "check" {
        return None;
    }
    let told = match (is_known, *name) {
        (false, _) => "Rules that do not run for the instruction below.".to_owned(),
        (true, name) => {
            format!("`# {name}=`\n\n{meaning}\n\n[Reference]({})", links::directive(name))
        }
    };
    Some((told, None))
}
