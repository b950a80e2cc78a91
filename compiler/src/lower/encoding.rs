//! Bytes of the file that are no UTF-8: a comment or a label may hold them, what is run or copied may not.

use grammar::{Diagnostic, Span};

use super::Cx;
use crate::key;

impl Cx<'_, '_> {
    /// The refusal of the steps from `first` on, if such bytes got into one.
    pub(super) fn check_encoding(&self, first: usize) -> Result<(), Diagnostic> {
        let source = &self.conversion.out.sources[0];
        if !source.is_mended() {
            return Ok(());
        }
        let graph = &self.conversion.out.builder.graph;
        let is_bad = graph.steps().skip(first).any(|(_, step)| {
            let definition = key::definition(&step.op, &step.platform);
            definition.components.iter().any(|(name, value)| has_bad(name) || has_bad(value))
        });
        if !is_bad {
            return Ok(());
        }
        // The instruction's own bytes, or those that an ENV brought.
        let text = source.text();
        let own = self.place().range();
        let inside = text[own.clone()].find(char::REPLACEMENT_CHARACTER).map(|at| own.start + at);
        let at = inside.or_else(|| text.find(char::REPLACEMENT_CHARACTER)).unwrap_or(own.start);
        let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
        let error = Diagnostic::error(
            "not-utf8",
            "string field contains invalid UTF-8",
            Span::in_source(source.id(), at, end),
        );
        let error = error.label("these bytes are no UTF-8").help("save the file as UTF-8");
        Err(match inside {
            Some(_) => error,
            None => error.also(self.place(), "they get into this"),
        })
    }
}

fn has_bad(text: &str) -> bool {
    text.contains(char::REPLACEMENT_CHARACTER)
}
