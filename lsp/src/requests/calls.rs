//! `textDocument/prepareCallHierarchy`, `callHierarchy/incomingCalls` and `outgoingCalls`: the graph of the stages. A stage
//! "calls" the stages and images that it starts from and takes files from.

use std::collections::BTreeMap;

use grammar::Span;
use lsp_types::{
    CallHierarchyIncomingCall, CallHierarchyIncomingCallsParams, CallHierarchyItem,
    CallHierarchyOutgoingCall, CallHierarchyOutgoingCallsParams, CallHierarchyPrepareParams,
    SymbolKind,
};
use serde_json::{Value, json};

use super::{Answer, links};
use crate::cursor::Cursor;
use crate::server::Server;
use crate::symbols::{self, Symbol};
use crate::variables::touches;

/// What an item of the hierarchy stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    /// By its number.
    Stage(usize),
    /// By its name.
    Image(String),
}

impl Node {
    fn data(&self) -> Value {
        match self {
            Node::Stage(index) => json!({ "stage": index }),
            Node::Image(name) => json!({ "image": name }),
        }
    }

    /// What an item stood for when it was given. The file may have changed since: a stage is found by its name first.
    fn of(cursor: &Cursor<'_>, item: &CallHierarchyItem) -> Option<Node> {
        let data = item.data.as_ref()?;
        if let Some(name) = data["image"].as_str() {
            return Some(Node::Image(name.to_owned()));
        }
        let stages = &cursor.analysis.stages;
        let index = usize::try_from(data["stage"].as_u64()?).ok()?;
        let is_same = stages.list.get(index).is_some() && stages.title(index) == item.name;
        if is_same {
            return Some(Node::Stage(index));
        }
        stages.named(&item.name).map(Node::Stage)
    }
}

/// One stage that takes from another, or from an image.
struct Call {
    from: usize,
    to: Node,
    /// Where it says so.
    span: Span,
}

/// Says which stage or image is at a place.
pub(crate) fn prepare(
    server: &Server<'_>,
    params: CallHierarchyPrepareParams,
) -> Answer<Option<Vec<CallHierarchyItem>>> {
    let at = params.text_document_position_params;
    let cursor = server.cursor(&at).filter(|it| !it.is_ignore());
    let Some(cursor) = cursor else { return Ok(None) };
    Ok(node_at(&cursor).and_then(|node| Some(vec![item(&cursor, &node)?])))
}

/// Who takes from an item.
pub(crate) fn incoming(
    server: &Server<'_>,
    params: CallHierarchyIncomingCallsParams,
) -> Answer<Vec<CallHierarchyIncomingCall>> {
    let cursor = server.file(&params.item.uri).filter(|it| !it.is_ignore());
    let Some(cursor) = cursor else { return Ok(Vec::new()) };
    let Some(node) = Node::of(&cursor, &params.item) else { return Ok(Vec::new()) };
    let mut callers: BTreeMap<usize, Vec<Span>> = BTreeMap::new();
    for call in calls(&cursor).into_iter().filter(|call| call.to == node) {
        callers.entry(call.from).or_default().push(call.span);
    }
    let calls = callers.into_iter().filter_map(|(from, spans)| {
        Some(CallHierarchyIncomingCall {
            from: item(&cursor, &Node::Stage(from))?,
            from_ranges: spans.into_iter().map(|span| cursor.range(span)).collect(),
        })
    });
    Ok(calls.collect())
}

/// What an item takes from.
pub(crate) fn outgoing(
    server: &Server<'_>,
    params: CallHierarchyOutgoingCallsParams,
) -> Answer<Vec<CallHierarchyOutgoingCall>> {
    let cursor = server.file(&params.item.uri).filter(|it| !it.is_ignore());
    let Some(cursor) = cursor else { return Ok(Vec::new()) };
    let Some(Node::Stage(stage)) = Node::of(&cursor, &params.item) else { return Ok(Vec::new()) };
    let mut called: BTreeMap<Node, Vec<Span>> = BTreeMap::new();
    for call in calls(&cursor).into_iter().filter(|call| call.from == stage) {
        called.entry(call.to).or_default().push(call.span);
    }
    let calls = called.into_iter().filter_map(|(to, spans)| {
        Some(CallHierarchyOutgoingCall {
            to: item(&cursor, &to)?,
            from_ranges: spans.into_iter().map(|span| cursor.range(span)).collect(),
        })
    });
    Ok(calls.collect())
}

/// A stage at its name, its FROM or a use of it; else an image at its name.
fn node_at(cursor: &Cursor<'_>) -> Option<Node> {
    if let Some((Symbol::Stage(index), _)) = symbols::at(&cursor.analysis, cursor.offset) {
        return Some(Node::Stage(index));
    }
    let images = links::images(cursor).into_iter();
    let mut images = images.filter(|(span, _)| cursor.analysis.stages.at(span.start).is_some());
    if let Some((_, name)) = images.find(|(span, _)| touches(*span, cursor.offset)) {
        return Some(Node::Image(name));
    }
    let (index, _) = cursor.statement()?;
    cursor.analysis.stages.list.iter().position(|stage| stage.from == index).map(Node::Stage)
}

/// All calls of a file, in its order.
fn calls(cursor: &Cursor<'_>) -> Vec<Call> {
    let stages = &cursor.analysis.stages;
    let uses = stages.uses.iter().map(|used| (used.span, Node::Stage(used.stage)));
    let images = links::images(cursor).into_iter().map(|(span, name)| (span, Node::Image(name)));
    let mut calls: Vec<Call> = uses
        .chain(images)
        .filter_map(|(span, to)| Some(Call { from: stages.at(span.start)?, to, span }))
        .collect();
    calls.sort_by_key(|call| call.span);
    calls
}

fn item(cursor: &Cursor<'_>, node: &Node) -> Option<CallHierarchyItem> {
    let (name, kind, detail, range, selection) = match node {
        Node::Stage(index) => {
            let stage = cursor.analysis.stages.list.get(*index)?;
            let name = cursor.analysis.stages.title(*index);
            let selection = stage.name.as_ref().map_or(stage.image.span, |name| name.span);
            let detail = format!("FROM {}", stage.image.value);
            (name, SymbolKind::NAMESPACE, detail, stage.span, selection)
        }
        Node::Image(name) => {
            let images = links::images(cursor);
            let mut images = images.iter().filter(|(_, known)| known == name);
            let (span, _) =
                images.find(|(span, _)| cursor.analysis.stages.at(span.start).is_some())?;
            (name.clone(), SymbolKind::PACKAGE, "image".to_owned(), *span, *span)
        }
    };
    Some(CallHierarchyItem {
        name,
        kind,
        tags: None,
        detail: Some(detail),
        uri: cursor.document.uri.clone(),
        range: cursor.range(range),
        selection_range: cursor.range(selection),
        data: Some(node.data()),
    })
}
