//! The shell commands of a RUN, each word with its place in the Dockerfile.
//!
//! ```text
//! Statement --text--> Word (the script, and where each byte of it was written) --shuck--> tree --flatten--> [Command]
//! ```
//!
//! The script is read by `shuck-parser`, which gives byte offsets, recovers, and bounds its own depth and work. Compared
//! over the 3,769 scripts of 1,500 public Dockerfiles: shuck-parser 0.2 reads 97.3% (all it refuses is PowerShell, a
//! template, or broken) and brings five crates; brush-parser 0.4 reads 89.6%, gives positions in characters and
//! brings eighty; yash-syntax is under the GPL; conch-parser is from 2019; tree-sitter-bash is eight megabytes of C.
//!
//! What is not read cleanly is not read at all: a rule that sees half a script would be wrong about the other half.

mod command;
mod flatten;
mod text;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use grammar::{Span, Statement, Word};
use shuck_parser::parser::{Parser, ShellDialect};

pub use command::{Command, Redirect, ShellWord};
pub use text::script;

/// Longer scripts are not read, in bytes.
const MAX_BYTES: usize = 128 * 1024;
/// Nor are such whose brackets are nested deeper: the work grows with the square of that.
const MAX_NESTING: usize = 48;

/// A script that was read.
#[derive(Debug, Clone)]
pub struct ShellScript {
    text: Word,
    /// The simple commands in the order of the text, those in `if`, loops, functions and `$(…)`, too.
    pub commands: Vec<Command>,
    /// Behind the last command, if a further one may be joined to it there by `&&`.
    end: Option<usize>,
}

impl ShellScript {
    /// Reads the script that a RUN gives to its shell; `None` if it gives none, or one that cannot be read.
    pub fn of(statement: &Statement) -> Option<ShellScript> {
        ShellScript::read(script(statement)?)
    }

    /// Reads a script.
    pub fn read(text: Word) -> Option<ShellScript> {
        if MAX_BYTES < text.text.len() || MAX_NESTING < nesting(&text.text) {
            return None;
        }
        let parse = || Parser::with_dialect(&text.text, ShellDialect::Bash).parse();
        // It is not to panic. If it does nevertheless, this script is unread, and the others are not.
        let parsed = catch_unwind(AssertUnwindSafe(parse)).ok()?;
        if !parsed.is_ok() {
            return None;
        }
        let (commands, end) = flatten::commands(&text.text, &parsed.file.body);
        Some(ShellScript { text, commands, end })
    }

    /// The text with its places.
    pub fn word(&self) -> &Word {
        &self.text
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text.text
    }

    /// Where a piece of the text was written.
    pub fn span(&self, range: &Range<usize>) -> Span {
        self.text.span_of(range.start, range.end)
    }

    /// The place right behind a piece of the text, for insertions.
    pub fn behind(&self, range: &Range<usize>) -> Span {
        let span = self.span(range);
        Span { start: span.end, ..span }
    }

    /// Whether places in the Dockerfile are known to the byte.
    pub fn is_exact(&self) -> bool {
        let whole = self.text.span_of(0, 1);
        self.text.text.len() < 2 || whole.len() == 1
    }

    /// The place where a further command may be joined by `&&`: it runs when all others did well, as the last.
    pub fn end(&self) -> Option<Span> {
        let end = self.end.filter(|end| 0 < *end && self.is_exact())?;
        Some(self.behind(&(end - 1..end)))
    }
}

/// How deep brackets go, none of them taken for quoted.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'{' => depth += 1,
            b')' | b'}' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[cfg(test)]
mod tests;
