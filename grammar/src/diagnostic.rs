//! What is to be said about the user's file, as plain data. Rendered only at the edge (terminal, JSON, editor).

use crate::source::Span;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The file cannot be built.
    Error,
    /// It can, but probably not as meant.
    Warning,
    /// Worth knowing.
    Note,
}

/// A stable name for a kind of diagnostic, in kebab case (`unknown-instruction`); lint rules use their rule's name.
pub type Code = &'static str;

/// One thing to say about the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind it is, for configuration and for machines.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// One line, lower case, no full stop, names the thing.
    pub message: String,
    /// The places; the first is the primary one. Empty only where no place exists (an empty file).
    pub labels: Vec<Label>,
    /// What to do, if there is something to say beyond the message.
    pub help: Option<String>,
    /// The edit that mends it, where one is safe.
    pub fix: Option<Box<Fix>>,
}

/// A place with a short remark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The words it is about.
    pub span: Span,
    /// The remark beside the underline; may be empty.
    pub text: String,
}

/// Replacements that, done together, mend a problem. Ranges do not overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What the fix does, for a menu.
    pub title: String,
    /// What to put in place of what.
    pub edits: Vec<(Span, String)>,
    /// Whether it may be done without being asked: what the file builds stays the same, but for what was found.
    pub is_safe: bool,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: Code, message: impl Into<String>, span: Span) -> Diagnostic {
        Diagnostic::new(Severity::Error, code, message, span)
    }

    /// A warning at a place.
    pub fn warning(code: Code, message: impl Into<String>, span: Span) -> Diagnostic {
        Diagnostic::new(Severity::Warning, code, message, span)
    }

    /// A note at a place.
    pub fn note(code: Code, message: impl Into<String>, span: Span) -> Diagnostic {
        Diagnostic::new(Severity::Note, code, message, span)
    }

    fn new(severity: Severity, code: Code, message: impl Into<String>, span: Span) -> Diagnostic {
        Diagnostic {
            code,
            severity,
            message: message.into(),
            labels: vec![Label { span, text: String::new() }],
            help: None,
            fix: None,
        }
    }

    /// An error about the file as a whole.
    pub fn without_place(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity: Severity::Error,
            message: message.into(),
            labels: Vec::new(),
            help: None,
            fix: None,
        }
    }

    /// Adds what to do.
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// Adds a remark beside the primary underline.
    pub fn label(mut self, text: impl Into<String>) -> Diagnostic {
        if let Some(first) = self.labels.first_mut() {
            first.text = text.into();
        }
        self
    }

    /// Adds a further place.
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Adds an edit that replaces the primary place.
    pub fn fix(mut self, title: impl Into<String>, replacement: impl Into<String>) -> Diagnostic {
        if let Some(first) = self.labels.first() {
            let edits = vec![(first.span, replacement.into())];
            self.fix = Some(Box::new(Fix { title: title.into(), edits, is_safe: true }));
        }
        self
    }

    /// The primary place, if there is one.
    pub fn span(&self) -> Option<Span> {
        self.labels.first().map(|label| label.span)
    }
}
