//! `textDocument/semanticTokens`: of a whole file, of a range, and what has changed since the last time.

use std::cell::RefCell;
use std::ops::Range;

use lsp_types::{
    SemanticToken, SemanticTokens, SemanticTokensDelta, SemanticTokensDeltaParams,
    SemanticTokensEdit, SemanticTokensFullDeltaResult, SemanticTokensParams,
    SemanticTokensRangeParams,
};
use serde_json::{Value, json};

use super::Answer;
use crate::cursor::Cursor;
use crate::server::Server;
use crate::tokens::{self, Kind, MODIFIERS};

/// What the client was told last of a file, for the difference.
#[derive(Debug, Default)]
pub(crate) struct Told {
    last: RefCell<(u64, Vec<SemanticToken>)>,
}

impl Told {
    /// Keeps what is told; gives its name.
    fn keep(&self, tokens: &[SemanticToken]) -> String {
        let mut last = self.last.borrow_mut();
        *last = (last.0 + 1, tokens.to_vec());
        last.0.to_string()
    }

    /// What was told under a name, if it is the last.
    fn of(&self, name: &str) -> Option<Vec<SemanticToken>> {
        let last = self.last.borrow();
        (last.0 > 0 && last.0.to_string() == name).then(|| last.1.clone())
    }
}

/// The kinds and modifiers that tokens are said in.
pub(crate) fn provider() -> Value {
    json!({
        "legend": { "tokenTypes": Kind::ALL.map(Kind::name), "tokenModifiers": MODIFIERS },
        "full": { "delta": true },
        "range": true,
    })
}

/// Answers the request for a whole file.
pub(crate) fn full(
    server: &Server<'_>,
    params: SemanticTokensParams,
) -> Answer<Option<SemanticTokens>> {
    let cursor = server.file(&params.text_document.uri).filter(|it| !it.is_ignore());
    let Some(cursor) = cursor else { return Ok(None) };
    let data = encoded(&cursor, 0..cursor.text().len());
    Ok(Some(SemanticTokens { result_id: Some(cursor.document.told.keep(&data)), data }))
}

/// Answers the request for a range.
pub(crate) fn range(
    server: &Server<'_>,
    params: SemanticTokensRangeParams,
) -> Answer<Option<SemanticTokens>> {
    let cursor = server.file(&params.text_document.uri).filter(|it| !it.is_ignore());
    let Some(cursor) = cursor else { return Ok(None) };
    let (start, end) = cursor.document.lines.offsets(cursor.text(), params.range);
    Ok(Some(SemanticTokens { result_id: None, data: encoded(&cursor, start..end) }))
}

/// Answers the request for what has changed.
pub(crate) fn delta(
    server: &Server<'_>,
    params: SemanticTokensDeltaParams,
) -> Answer<Option<SemanticTokensFullDeltaResult>> {
    let cursor = server.file(&params.text_document.uri).filter(|it| !it.is_ignore());
    let Some(cursor) = cursor else { return Ok(None) };
    let told = &cursor.document.told;
    let before = told.of(&params.previous_result_id);
    let data = encoded(&cursor, 0..cursor.text().len());
    let result_id = Some(told.keep(&data));
    Ok(Some(match before {
        Some(before) => {
            let edits = difference(&before, &data).into_iter().collect();
            SemanticTokensDelta { result_id, edits }.into()
        }
        None => SemanticTokens { result_id, data }.into(),
    }))
}

/// The one piece in which two lists differ. Its place counts numbers, of which a token has five.
fn difference(before: &[SemanticToken], after: &[SemanticToken]) -> Option<SemanticTokensEdit> {
    let start = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    let (before, after) = (&before[start..], &after[start..]);
    let end = before.iter().rev().zip(after.iter().rev()).take_while(|(a, b)| a == b).count();
    let (before, after) = (&before[..before.len() - end], &after[..after.len() - end]);
    if before.is_empty() && after.is_empty() {
        return None;
    }
    let numbers = |tokens: usize| u32::try_from(tokens * 5).unwrap_or(u32::MAX);
    Some(SemanticTokensEdit {
        start: numbers(start),
        delete_count: numbers(before.len()),
        data: Some(after.to_vec()),
    })
}

/// The tokens of a part of a file, each counted from the one before.
fn encoded(cursor: &Cursor<'_>, range: Range<usize>) -> Vec<SemanticToken> {
    let (mut line, mut column) = (0, 0);
    let tokens = tokens::of(&cursor.analysis, range).into_iter();
    tokens
        .map(|token| {
            let place = cursor.bytes(token.start, token.end);
            let start = place.start;
            let delta_line = start.line - line;
            let delta_start =
                if delta_line == 0 { start.character - column } else { start.character };
            (line, column) = (start.line, start.character);
            let kind = Kind::ALL.iter().position(|kind| *kind == token.kind);
            SemanticToken {
                delta_line,
                delta_start,
                length: place.end.character.saturating_sub(start.character),
                token_type: kind.and_then(|kind| u32::try_from(kind).ok()).unwrap_or_default(),
                token_modifiers_bitset: token.modifiers.0,
            }
        })
        .collect()
}
