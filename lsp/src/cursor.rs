//! [`Cursor`]: a place in an open file, with all that requests ask for there.

use std::rc::Rc;

use grammar::{Instruction, Span, Statement};
use lsp_types::{Location, Range};

use crate::analysis::Analysis;
use crate::documents::{Document, Language};
use crate::knowledge::Knowledge;
use crate::server::Server;

/// A place in an open file.
pub(crate) struct Cursor<'a> {
    pub(crate) document: &'a Document,
    pub(crate) knowledge: &'a dyn Knowledge,
    pub(crate) analysis: Rc<Analysis>,
    /// In bytes.
    pub(crate) offset: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(server: &Server<'a>, document: &'a Document, offset: usize) -> Cursor<'a> {
        let knowledge = server.knowledge;
        Cursor { document, knowledge, analysis: document.analysis(knowledge), offset }
    }

    /// Whether the file is a .dockerignore.
    pub(crate) fn is_ignore(&self) -> bool {
        self.document.language == Language::Ignore
    }

    /// The file's text.
    pub(crate) fn text(&self) -> &'a str {
        &self.document.text
    }

    /// A span as the client counts.
    pub(crate) fn range(&self, span: Span) -> Range {
        self.document.lines.span(&self.document.text, span)
    }

    /// Bytes as the client counts.
    pub(crate) fn bytes(&self, start: usize, end: usize) -> Range {
        self.document.lines.range(&self.document.text, start, end)
    }

    /// A place of this file.
    pub(crate) fn location(&self, span: Span) -> Location {
        Location::new(self.document.uri.clone(), self.range(span))
    }

    /// The instruction at the place, with its number.
    pub(crate) fn statement(&self) -> Option<(usize, &Statement)> {
        self.analysis.statement_at(self.offset)
    }

    /// The same, but that of a trigger inside of its ONBUILD.
    pub(crate) fn innermost(&self) -> Option<(usize, &Statement)> {
        let (index, statement) = self.statement()?;
        let Instruction::Onbuild(onbuild) = &statement.instruction else {
            return Some((index, statement));
        };
        let trigger = onbuild.trigger.as_deref();
        let trigger = trigger.filter(|it| it.span.start as usize <= self.offset);
        Some((index, trigger.unwrap_or(statement)))
    }

    /// From the last blank before the place to the next behind it.
    pub(crate) fn word(&self) -> (usize, usize) {
        let text = self.text();
        let start = text[..self.offset].rfind(char::is_whitespace);
        let start = start.map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
        let end = text[self.offset..].find(char::is_whitespace);
        (start, end.map_or(text.len(), |end| self.offset + end))
    }
}
