//! `textDocument/rename` and `textDocument/prepareRename`: stages, variables and heredocs.

use lsp_types::{
    PrepareRenameResponse, RenameParams, TextDocumentPositionParams, TextEdit, WorkspaceEdit,
};

use super::{Answer, Refusal, actions};
use crate::cursor::Cursor;
use crate::server::Server;
use crate::symbols::{self, Symbol};
use crate::variables::PREDEFINED;

/// Says what would be renamed.
pub(crate) fn prepare(
    server: &Server<'_>,
    params: TextDocumentPositionParams,
) -> Answer<Option<PrepareRenameResponse>> {
    let Some(cursor) = server.cursor(&params).filter(|it| !it.is_ignore()) else { return Ok(None) };
    let Some((symbol, span)) = symbols::at(&cursor.analysis, cursor.offset) else {
        return Ok(None);
    };
    if let Symbol::File(_) = symbol {
        // Most places are no names at all; a path is no exception.
        return Ok(None);
    }
    check_symbol(&cursor, &symbol)?;
    let placeholder = cursor.text()[span.range()].to_owned();
    let range = cursor.range(span);
    Ok(Some(PrepareRenameResponse::RangeWithPlaceholder { range, placeholder }))
}

/// Renames.
pub(crate) fn answer(server: &Server<'_>, params: RenameParams) -> Answer<Option<WorkspaceEdit>> {
    let cursor = server.cursor(&params.text_document_position).filter(|it| !it.is_ignore());
    let Some(cursor) = cursor else { return Ok(None) };
    let Some((symbol, _)) = symbols::at(&cursor.analysis, cursor.offset) else {
        return Ok(None);
    };
    check_symbol(&cursor, &symbol)?;
    let name = params.new_name.as_str();
    check_name(&cursor, &symbol, name)?;
    let places = symbols::occurrences(&cursor.analysis, &symbol).into_iter();
    let places = places.filter(|it| it.is_name);
    let edits = places.map(|it| TextEdit::new(cursor.range(it.span), name.to_owned())).collect();
    Ok(Some(actions::change(&cursor, edits)))
}

/// Some names belong to others.
fn check_symbol(cursor: &Cursor<'_>, symbol: &Symbol) -> Answer<()> {
    let why = match symbol {
        Symbol::Stage(stage) => {
            let stage = cursor.analysis.stages.list.get(*stage);
            let unnamed = stage.is_none_or(|stage| stage.name.is_none());
            unnamed.then(|| "this stage has no name; give it one with `AS NAME`".to_owned())
        }
        Symbol::Variable(name) => {
            let is_known = PREDEFINED.iter().any(|(known, _)| known == name);
            let bindings = &cursor.analysis.variables.bindings;
            let is_bound = bindings.iter().any(|it| it.name == *name);
            if is_known {
                Some(format!("`{name}` has its meaning from the build"))
            } else if !is_bound {
                Some(format!("no ARG or ENV of this file gives `{name}` a value"))
            } else {
                None
            }
        }
        Symbol::Heredoc(..) => None,
        Symbol::File(path) => Some(format!("`{path}` is a file, which is renamed elsewhere")),
    };
    why.map_or(Ok(()), |why| Err(Refusal(why)))
}

fn check_name(cursor: &Cursor<'_>, symbol: &Symbol, name: &str) -> Answer<()> {
    let refuse = |why: String| Err(Refusal(why));
    let first = name.chars().next().unwrap_or('0');
    match symbol {
        Symbol::Stage(stage) => {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if !first.is_ascii_alphabetic() || !name.chars().all(fits) {
                return refuse(format!(
                    "`{name}` cannot be a stage: a letter, then letters, digits, `-`, `_` and `.`"
                ));
            }
            let taken = cursor.analysis.stages.named(name).filter(|other| other != stage);
            if taken.is_some() || matches!(name.to_lowercase().as_str(), "scratch" | "context") {
                return refuse(format!("there is a `{name}` already"));
            }
        }
        Symbol::Variable(old) => {
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if first.is_ascii_digit() || !name.chars().all(fits) {
                return refuse(format!(
                    "`{name}` cannot be a variable: letters, digits and `_`, no digit first"
                ));
            }
            let bindings = &cursor.analysis.variables.bindings;
            let is_taken = bindings.iter().any(|it| it.name == name) && name != old;
            if is_taken || PREDEFINED.iter().any(|(known, _)| *known == name) {
                return refuse(format!("there is a variable `{name}` already"));
            }
        }
        // Said before.
        Symbol::File(_) => {}
        Symbol::Heredoc(statement, number) => {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if name.is_empty() || !name.chars().all(fits) {
                return refuse(format!("`{name}` cannot end a heredoc"));
            }
            let statement = cursor.analysis.tree.statements.get(*statement);
            let heredocs = statement.map(|it| it.heredocs.as_slice()).unwrap_or_default();
            let body = heredocs.get(*number).map(|it| it.content.value.as_str());
            if body.unwrap_or_default().lines().any(|line| line.trim() == name) {
                return refuse(format!("a line of the body says `{name}`, which would end it"));
            }
        }
    }
    Ok(())
}
