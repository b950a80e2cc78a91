//! The syntax tree: a [`Dockerfile`] is a list of [`Statement`]s. Syntax only, nothing expanded.

use crate::diagnostic::Diagnostic;
use crate::instruction::Instruction;
use crate::source::{Span, Spanned};
use crate::word::Word;

/// What parsing gives: always a tree, and what there is to say about it. Parsing never fails.
#[derive(Debug, Clone)]
pub struct Parse<T> {
    /// The tree, filled as far as the text allows.
    pub tree: T,
    /// In the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// A whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dockerfile {
    /// What the parser directives decided.
    pub dialect: Dialect,
    /// The parser directives as the stand-alone reader finds them (`# syntax=`, `# escape=`, `# check=`).
    pub directives: Vec<Directive>,
    /// The instructions in order, invalid ones included.
    pub statements: Vec<Statement>,
}

/// What the parser directives decided for the rest of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialect {
    /// The escape character: `\` or `` ` ``.
    pub escape: char,
    /// The frontend image that `# syntax=` names.
    pub syntax: Option<Spanned<String>>,
    /// The text of `# check=`.
    pub check: Option<Spanned<String>>,
}

/// One parser directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// Lower-case key.
    pub name: String,
    /// Everything behind `=`, trimmed.
    pub value: Spanned<String>,
    /// The line it is on, from 1.
    pub line: u32,
}

/// One instruction with all that instructions have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The keyword as written; compare in lower case.
    pub keyword: Spanned<String>,
    /// From the keyword to the end, continuation lines and heredoc bodies included.
    pub span: Span,
    /// The instruction without its heredoc bodies: from the keyword to the end of the last continuation line.
    pub head: Span,
    /// First and last line, from 1, heredoc terminators included.
    pub lines: (u32, u32),
    /// The logical line: continuations joined, comments dropped, blanks trimmed (BuildKit's `Original`).
    pub original: String,
    /// The comment block above, a line each, without `#`.
    pub comments: Vec<Spanned<String>>,
    /// Empty lines between continuation lines. BuildKit warns of them, naming the last line of [`Statement::head`].
    pub empty_lines: Vec<Span>,
    /// The `--flags`, in order, known or not.
    pub flags: Vec<Flag>,
    /// The words behind the flags as BuildKit's parser splits them (quotes kept, nothing expanded): what tools
    /// see as `args`. ENV and LABEL give name, value, name, value, ...
    pub args: Vec<Word>,
    /// Whether the JSON form was used.
    pub json: bool,
    /// Bodies of heredocs, in order.
    pub heredocs: Vec<Heredoc>,
    /// What it is.
    pub instruction: Instruction,
}

/// A `--name` or `--name=value` before an instruction's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The name without dashes.
    pub name: Spanned<String>,
    /// The value, unquoted by the rules for flags, not expanded; `None` without `=`.
    pub value: Option<Word>,
    /// The whole flag.
    pub span: Span,
}

impl Flag {
    /// The flag as BuildKit's parser keeps it: unquoted, with dashes.
    pub fn text(&self) -> String {
        match &self.value {
            Some(value) => format!("--{}={}", self.name.value, value.text),
            None => format!("--{}", self.name.value),
        }
    }
}

/// A here-document of RUN, COPY or ADD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heredoc {
    /// The word, unquoted.
    pub name: Spanned<String>,
    /// The body. Tabs are still there when `chomp` is set; [`Heredoc::chomped`] takes them off.
    pub content: Spanned<String>,
    /// False if the word was quoted.
    pub expand: bool,
    /// Whether it was written `<<-`.
    pub chomp: bool,
    /// The file descriptor before `<<`; 0 if none was written.
    pub fd: u32,
}
