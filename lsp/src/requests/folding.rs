//! `textDocument/foldingRange`: stages, instructions of several lines, heredocs, blocks of comments.

use lsp_types::{FoldingRange, FoldingRangeKind, FoldingRangeParams};

use super::Answer;
use crate::server::Server;

/// Answers the request.
pub(crate) fn answer(server: &Server<'_>, params: FoldingRangeParams) -> Answer<Vec<FoldingRange>> {
    let Some(cursor) = server.file(&params.text_document.uri) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    let mut fold = |start: u32, end: u32, kind: Option<FoldingRangeKind>| {
        if start < end {
            found.push(FoldingRange {
                start_line: start,
                end_line: end,
                kind,
                ..FoldingRange::default()
            });
        }
    };
    let mut comment: Option<(u32, u32)> = None;
    for (line, text) in (0..).zip(cursor.text().lines()) {
        let is_comment = text.trim_start().starts_with('#');
        comment = match (comment, is_comment) {
            (Some((start, _)), true) => Some((start, line)),
            (None, true) => Some((line, line)),
            (Some((start, end)), false) => {
                fold(start, end, Some(FoldingRangeKind::Comment));
                None
            }
            (None, false) => None,
        };
    }
    if let Some((start, end)) = comment {
        fold(start, end, Some(FoldingRangeKind::Comment));
    }
    if !cursor.is_ignore() {
        let lines = |range: lsp_types::Range| (range.start.line, range.end.line);
        for stage in &cursor.analysis.stages.list {
            let (start, end) = lines(cursor.range(stage.span));
            fold(start, end, Some(FoldingRangeKind::Region));
        }
        for statement in &cursor.analysis.tree.statements {
            let (start, end) = lines(cursor.range(statement.span));
            fold(start, end, None);
        }
    }
    Ok(found)
}
