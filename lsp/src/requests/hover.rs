//! `textDocument/hover`: values, stages, images, files of the context, rules, instructions and their flags.

mod comments;
mod flags;
mod images;
mod sources;
mod values;

use grammar::Span;
use grammar::instruction::Keyword;
use lsp_types::{Hover, HoverContents, HoverParams, MarkupContent, MarkupKind};

use super::Answer;
use crate::cursor::Cursor;
use crate::ignore;
use crate::server::Server;
use crate::symbols::{self, Symbol};
use crate::text;
use crate::variables::touches;

/// How many instructions of a stage are shown.
const MAX_LINES: usize = 12;
/// How much of each, in characters.
const MAX_WIDTH: usize = 100;

/// What is told, and the words it is about.
type Told = (String, Option<Span>);

/// Answers the request.
pub(crate) fn answer(server: &Server<'_>, params: HoverParams) -> Answer<Option<Hover>> {
    let Some(cursor) = server.cursor(&params.text_document_position_params) else {
        return Ok(None);
    };
    let told = if cursor.is_ignore() {
        let text = ignore::describe(cursor.knowledge, cursor.document, cursor.offset);
        text.map(|text| (text, None))
    } else {
        comments::tell(&cursor)
            .or_else(|| values::variable(&cursor))
            .or_else(|| flags::tell(&cursor))
            .or_else(|| stage(&cursor))
            .or_else(|| images::tell(&cursor))
            .or_else(|| sources::tell(&cursor))
            .or_else(|| instruction(&cursor))
            .or_else(|| values::word(&cursor))
    };
    let kind = match server.abilities.markdown {
        true => MarkupKind::Markdown,
        false => MarkupKind::PlainText,
    };
    Ok(told.map(|(value, span)| Hover {
        contents: HoverContents::Markup(MarkupContent { kind, value }),
        range: span.map(|span| cursor.range(span)),
    }))
}

/// The stage that is named here: where it begins, what is in it, and who takes from it.
fn stage(cursor: &Cursor<'_>) -> Option<Told> {
    let (Symbol::Stage(index), span) = symbols::at(&cursor.analysis, cursor.offset)? else {
        return None;
    };
    let stages = &cursor.analysis.stages;
    let stage = stages.list.get(index)?;
    let statements = &cursor.analysis.tree.statements[stage.from..stage.end];
    let lines = statements.iter().take(MAX_LINES);
    let lines: Vec<String> =
        lines.map(|it| it.original.chars().take(MAX_WIDTH).collect()).collect();
    let rest = statements.len() - lines.len();
    let more = if rest > 0 { format!("\n# and {rest} more") } else { String::new() };
    let line = cursor.range(stage.span).start.line + 1;
    let mut text =
        format!("stage `{}`, line {line}, from `{}`", stages.title(index), stage.image.value);
    let mut base = stage.base;
    while let Some(next) = base.and_then(|base| stages.list.get(base)) {
        text.push_str(&format!(", from `{}`", next.image.value));
        base = next.base;
    }
    text.push_str(&format!("\n\n```dockerfile\n{}{more}\n```", lines.join("\n")));
    let uses = stages.uses.iter().filter(|it| it.stage == index);
    let lines: Vec<String> =
        uses.map(|it| (cursor.range(it.span).start.line + 1).to_string()).collect();
    match lines.as_slice() {
        [] => text.push_str("\n\nnothing takes from it"),
        [one] => text.push_str(&format!("\n\nused in line {one}")),
        some => text.push_str(&format!("\n\nused in lines {}", some.join(", "))),
    }
    Some((text, Some(span)))
}

/// The instruction whose keyword is here; that of a trigger, too.
fn instruction(cursor: &Cursor<'_>) -> Option<Told> {
    let (_, statement) = cursor.innermost()?;
    let (name, span) = (statement.keyword.value.as_str(), statement.keyword.span);
    let keyword = Keyword::of(name).filter(|_| touches(span, cursor.offset))?;
    let (form, meaning, _) = text::of(keyword);
    let mut told = format!("```dockerfile\n{form}\n```\n\n{meaning}");
    for flag in text::flags::of(keyword) {
        told.push_str(&format!("\n- `--{}`: {}", flag.name, flag.meaning));
    }
    let link = text::links::instruction(keyword);
    Some((format!("{told}\n\n[Reference]({link})"), Some(span)))
}
