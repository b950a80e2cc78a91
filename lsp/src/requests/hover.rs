//! `textDocument/hover`: values, stages, images, files of the context, instructions.

use compiler::ignore::IgnoreFile;
use compiler::pattern::Glob;
use grammar::instruction::{Keyword, Source};
use lsp_types::{Hover, HoverContents, HoverParams, MarkupContent, MarkupKind};

use super::Answer;
use crate::analysis::from_context;
use crate::cursor::Cursor;
use crate::ignore;
use crate::server::Server;
use crate::symbols::{self, Symbol};
use crate::text;
use crate::variables::{Origin, touches};

/// Answers the request.
pub(crate) fn answer(server: &Server<'_>, params: HoverParams) -> Answer<Option<Hover>> {
    let Some(cursor) = server.cursor(&params.text_document_position_params) else {
        return Ok(None);
    };
    let value = if cursor.is_ignore() {
        ignore::describe(cursor.knowledge, cursor.document, cursor.offset)
    } else {
        variable(&cursor)
            .or_else(|| stage(&cursor))
            .or_else(|| image(&cursor))
            .or_else(|| sources(&cursor))
            .or_else(|| instruction(&cursor))
    };
    Ok(value.map(|value| Hover {
        contents: HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value }),
        range: None,
    }))
}

fn variable(cursor: &Cursor<'_>) -> Option<String> {
    let variables = &cursor.analysis.variables;
    let line = |binding: usize| {
        let binding = variables.bindings.get(binding)?;
        let line = cursor.range(binding.span).start.line + 1;
        let given = if binding.is_given { ", set by `dfc.toml`" } else { "" };
        let what = if binding.is_env { "ENV" } else { "ARG" };
        Some(format!("{what}, line {line}{given}"))
    };
    let (name, value, from) = match variables.use_at(cursor.offset) {
        Some(used) => {
            let from = match &used.origin {
                Some(Origin::Binding(binding)) => line(*binding)?,
                Some(Origin::Image(image)) => format!("the image `{image}`"),
                Some(Origin::Predefined) => "the build itself".to_owned(),
                None => "nowhere: no ARG or ENV before this line".to_owned(),
            };
            (&used.name, &used.value, from)
        }
        None => {
            let at = variables.bindings.iter().position(|it| touches(it.span, cursor.offset))?;
            (&variables.bindings[at].name, &variables.bindings[at].value, line(at)?)
        }
    };
    Some(match value {
        Some(value) => format!("`{name}` = `{value}`\n\nfrom {from}"),
        None => format!("`{name}` has no value here\n\nfrom {from}"),
    })
}

fn stage(cursor: &Cursor<'_>) -> Option<String> {
    let (Symbol::Stage(index), _) = symbols::at(&cursor.analysis, cursor.offset)? else {
        return None;
    };
    let stages = &cursor.analysis.stages;
    let stage = stages.list.get(index)?;
    let statements = &cursor.analysis.tree.statements[stage.from..stage.end];
    let lines = statements.iter().take(12).map(|it| it.original.chars().take(100).collect());
    let lines: Vec<String> = lines.collect();
    let rest = statements.len() - lines.len();
    let more = if rest > 0 { format!("\n# and {rest} more") } else { String::new() };
    let (title, lines) = (stages.title(index), lines.join("\n"));
    Some(format!(
        "stage `{title}`, from `{}`\n\n```dockerfile\n{lines}{more}\n```",
        stage.image.value
    ))
}

fn image(cursor: &Cursor<'_>) -> Option<String> {
    let stages = &cursor.analysis.stages;
    let stage = stages.list.iter().find(|it| touches(it.image.span, cursor.offset))?;
    let (_, statement) = cursor.statement()?;
    let grammar::Instruction::From(from) = &statement.instruction else { return None };
    let scope = cursor.analysis.variables.scope(stage.from)?;
    let name = scope.expand(&from.image, cursor.analysis.tree.dialect.escape)?;
    let Some(facts) = cursor.knowledge.describe_image(&name) else {
        return Some(format!("image `{name}`\n\nnot in the local store"));
    };
    let mut text = format!(
        "image `{name}`\n\n{}, {} layers, {} bytes",
        facts.platform, facts.layers, facts.size
    );
    for (what, list) in [
        ("ENV", &facts.env),
        ("ENTRYPOINT", &facts.entrypoint),
        ("CMD", &facts.cmd),
        ("EXPOSE", &facts.ports),
        ("ONBUILD", &facts.triggers),
        ("USER", &vec![facts.user.clone()]),
        ("WORKDIR", &vec![facts.workdir.clone()]),
    ] {
        for value in list.iter().filter(|value| !value.is_empty()) {
            text.push_str(&format!("\n- {what} `{value}`"));
        }
    }
    Some(text)
}

/// What a source of COPY brings.
fn sources(cursor: &Cursor<'_>) -> Option<String> {
    let (index, statement) = cursor.statement()?;
    let transfer = from_context(statement)?;
    let word = transfer.sources.iter().find_map(|source| match source {
        Source::Path(word) => Some(word).filter(|word| touches(word.span, cursor.offset)),
        Source::Heredoc(_) => None,
    })?;
    let scope = cursor.analysis.variables.scope(index)?;
    let path = scope.expand(word, cursor.analysis.tree.dialect.escape)?;
    let glob = Glob::parse(path.trim_start_matches('/')).ok()?;
    let listing = cursor.knowledge.files(cursor.analysis.context.as_deref()?);
    let ignored = cursor.analysis.ignore.as_ref();
    let ignored =
        ignored.and_then(|(_, text)| IgnoreFile::parse("", text).ok()).unwrap_or_default();
    let base = if glob.base == "." { "" } else { glob.base.as_str() };
    let below = |path: &str| -> Option<bool> {
        if base.is_empty() || path == base {
            return Some(base.is_empty() && glob.below.is_none() || path == base);
        }
        path.strip_prefix(base)?.strip_prefix('/').map(|_| glob.below.is_none())
    };
    let taken = |path: &str| match &glob.below {
        None => below(path) == Some(true),
        Some(_) => {
            let rest = match base {
                "" => Some(path),
                base => path.strip_prefix(base).and_then(|rest| rest.strip_prefix('/')),
            };
            let ends = |rest: &str| {
                let slashes = rest.match_indices('/').map(|(at, _)| at);
                slashes.chain([rest.len()]).any(|end| glob.matches(&rest.as_bytes()[..end]))
            };
            rest.is_some_and(ends)
        }
    };
    let (ignored, files): (Vec<_>, Vec<_>) = listing
        .files
        .iter()
        .filter(|(path, _)| taken(path))
        .partition(|(path, _)| ignored.matches(path.as_bytes()));
    let text = ignore::files(files.into_iter(), listing.is_complete);
    let left_out = match ignored.len() {
        0 => String::new(),
        count => format!("\n\n{count} more are left out by .dockerignore"),
    };
    Some(format!("`{path}`: {text}{left_out}"))
}

fn instruction(cursor: &Cursor<'_>) -> Option<String> {
    let (_, statement) = cursor.statement()?;
    let on_keyword = touches(statement.keyword.span, cursor.offset);
    let (form, meaning, _) =
        text::of(Keyword::of(&statement.keyword.value).filter(|_| on_keyword)?);
    Some(format!("```dockerfile\n{form}\n```\n\n{meaning}"))
}
