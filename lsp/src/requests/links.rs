//! The files of the context that COPY and ADD name: where going to the definition leads.

use grammar::Span;
use grammar::instruction::Source;
use lsp_types::Uri;

use crate::analysis::from_context;
use crate::cursor::Cursor;
use crate::uri;

/// The sources that are files, and their addresses.
pub(crate) fn files(cursor: &Cursor<'_>) -> Vec<(Span, Uri)> {
    let Some(context) = &cursor.analysis.context else { return Vec::new() };
    let transfers = cursor.analysis.tree.statements.iter().filter_map(from_context);
    let sources = transfers.flat_map(|transfer| &transfer.sources);
    sources
        .filter_map(|source| {
            let Source::Path(word) = source else { return None };
            let relative = word.text.trim_start_matches('/');
            let path = context.join(relative);
            let fits = !relative.contains(['$', '*', ':']) && !relative.contains("..");
            (fits && knowledge_has(cursor, &path)).then(|| Some((word.span, uri::of(&path)?)))?
        })
        .collect()
}

fn knowledge_has(cursor: &Cursor<'_>, path: &std::path::Path) -> bool {
    cursor.knowledge.exists(path)
}
