//! [`Offer`]: one thing to choose, and how the protocol has it.

use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionItemTag, CompletionTextEdit, Documentation,
    InsertReplaceEdit, InsertTextFormat, MarkupContent, MarkupKind, TextEdit,
};

use crate::abilities::Abilities;
use crate::cursor::Cursor;

/// One thing to choose.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    label: String,
    kind: CompletionItemKind,
    /// What is put in, if it is not the label.
    insert: Option<String>,
    /// What is put in where places can be filled in.
    snippet: Option<String>,
    detail: String,
    /// Markdown.
    about: String,
    /// Things of a higher rank come later.
    rank: u8,
    /// Whether it would not work.
    is_struck: bool,
}

impl Offer {
    /// What is put in is the label.
    pub(crate) fn new(label: impl Into<String>, kind: CompletionItemKind) -> Offer {
        Offer {
            label: label.into(),
            kind,
            insert: None,
            snippet: None,
            detail: String::new(),
            about: String::new(),
            rank: 0,
            is_struck: false,
        }
    }

    /// With a remark beside it.
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Offer {
        self.detail = detail.into();
        self
    }

    /// With something to read.
    pub(crate) fn about(mut self, about: impl Into<String>) -> Offer {
        self.about = about.into();
        self
    }

    /// Puts in something else than the label.
    pub(crate) fn insert(mut self, text: impl Into<String>) -> Offer {
        self.insert = Some(text.into());
        self
    }

    /// With places to fill in, where the client can do that.
    pub(crate) fn snippet(mut self, snippet: impl Into<String>) -> Offer {
        self.snippet = Some(snippet.into());
        self
    }

    /// Comes behind those of a lower rank.
    pub(crate) fn rank(mut self, rank: u8) -> Offer {
        self.rank = rank;
        self
    }

    /// Marks it as what would not work.
    pub(crate) fn struck(mut self) -> Offer {
        self.is_struck = true;
        self.rank = u8::MAX;
        self
    }
}

/// Where offers go: in the place of a word around the cursor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    /// How much is typed, in bytes before the cursor.
    pub(crate) typed: usize,
    /// How much of the word stands behind the cursor.
    pub(crate) behind: usize,
}

impl Target {
    /// What is typed before the cursor, with the letters of a name that follow it.
    pub(crate) fn name(cursor: &Cursor<'_>, typed: usize) -> Target {
        Target::word(cursor, typed, |c| c.is_ascii_alphanumeric() || c == '_')
    }

    /// What is typed before the cursor, with what follows it and fits.
    pub(crate) fn word(cursor: &Cursor<'_>, typed: usize, fits: impl Fn(char) -> bool) -> Target {
        let rest = &cursor.text()[cursor.offset..];
        Target { typed, behind: rest.find(|c| !fits(c)).unwrap_or(rest.len()) }
    }
}

/// Offers as the protocol has them. What is typed counts for the order only by the client.
pub(crate) fn items(
    cursor: &Cursor<'_>,
    abilities: &Abilities,
    target: Target,
    offers: Vec<Offer>,
) -> Vec<CompletionItem> {
    let start = cursor.offset - target.typed;
    let before = cursor.bytes(start, cursor.offset);
    let around = cursor.bytes(start, cursor.offset + target.behind);
    let item = |(at, offer): (usize, Offer)| {
        let snippet = offer.snippet.filter(|_| abilities.snippets);
        let is_snippet = snippet.is_some();
        let text = snippet.or(offer.insert).unwrap_or_else(|| offer.label.clone());
        let text_edit = match abilities.insert_replace {
            true => CompletionTextEdit::InsertAndReplace(InsertReplaceEdit {
                new_text: text,
                insert: before,
                replace: around,
            }),
            false => CompletionTextEdit::Edit(TextEdit::new(before, text)),
        };
        let about = offer.about;
        let kind = if abilities.markdown { MarkupKind::Markdown } else { MarkupKind::PlainText };
        CompletionItem {
            kind: Some(offer.kind),
            detail: Some(offer.detail).filter(|it| !it.is_empty()),
            documentation: Some(Documentation::MarkupContent(MarkupContent { kind, value: about }))
                .filter(
                    |it| !matches!(it, Documentation::MarkupContent(it) if it.value.is_empty()),
                ),
            sort_text: Some(format!("{:03}{at:05}", offer.rank)),
            insert_text_format: is_snippet.then_some(InsertTextFormat::SNIPPET),
            tags: offer.is_struck.then(|| vec![CompletionItemTag::DEPRECATED]),
            text_edit: Some(text_edit),
            label: offer.label,
            ..CompletionItem::default()
        }
    };
    offers.into_iter().enumerate().map(item).collect()
}
