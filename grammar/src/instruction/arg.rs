//! `ARG`: build arguments.

use crate::diagnostic::Diagnostic;
use crate::instruction::Draft;
use crate::word::Word;

/// `ARG NAME[=DEFAULT] …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arg {
    /// Each declared name with its default.
    pub args: Vec<ArgDeclaration>,
}

/// One name that an ARG declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgDeclaration {
    /// The name.
    pub name: Word,
    /// The default; `None` if there was no `=`.
    pub default: Option<Word>,
}

/// Any flag is accepted, and means nothing.
pub(super) fn read(draft: &Draft<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Arg> {
    draft.at_least_one(diagnostics)?;
    let args: Vec<ArgDeclaration> = draft.args.iter().map(declaration).collect();
    for arg in args.iter().filter(|arg| arg.name.text.is_empty()) {
        diagnostics.push(draft.blank_name(arg.default.as_ref().unwrap_or(&arg.name)));
    }
    Some(Arg { args })
}

fn declaration(word: &Word) -> ArgDeclaration {
    match word.text.find('=') {
        Some(equals) => ArgDeclaration {
            name: word.slice(0..equals),
            default: Some(word.slice(equals + 1..word.text.len())),
        },
        None => ArgDeclaration { name: word.clone(), default: None },
    }
}
