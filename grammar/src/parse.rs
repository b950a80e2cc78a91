//! A whole file, instruction by instruction.

use std::borrow::Cow;
use std::ops::Range;

use crate::diagnostic::{Diagnostic, Severity};
use crate::directives;
use crate::heredoc::{self, Token};
use crate::instruction::{self, Instruction, Keyword, Onbuild};
use crate::limits::{MAX_ERRORS, MAX_FILE, MAX_INSTRUCTIONS, MAX_WORDS};
use crate::lines::{LogicalLine, Splitter};
use crate::shape::{self, Shape};
use crate::source::{SourceFile, Span, Spanned};
use crate::tree::{Dockerfile, Heredoc, Parse, Statement};

/// Parses a Dockerfile. Gives a tree for any text; the file can be built only if no diagnostic is an error.
pub fn parse(file: &SourceFile) -> Parse<Dockerfile> {
    let (mut splitter, statements) = statements(file);
    if statements.is_empty() && splitter.diagnostics.is_empty() {
        splitter.diagnostics.push(no_instructions(file));
    }
    let mut diagnostics = splitter.diagnostics;
    diagnostics.extend(before_from(&statements));
    diagnostics.sort_by_key(|diagnostic| diagnostic.span().map(|span| span.start));
    let dialect = splitter.dialect;
    let tree = Dockerfile { dialect, directives: directives::find_all(file), statements };
    Parse { tree, diagnostics }
}

/// Parses the text of an ONBUILD trigger: a file of its own with exactly one instruction.
pub fn parse_trigger(file: &SourceFile) -> Parse<Option<Statement>> {
    let (mut splitter, mut statements) = statements(file);
    if statements.len() != 1 && splitter.diagnostics.is_empty() {
        let message = "onbuild trigger should be a single expression";
        let span = Span::in_source(file.id(), 0, file.text().len());
        splitter.diagnostics.push(Diagnostic::error("invalid-trigger", message, span));
    }
    statements.truncate(1);
    let tree = statements.pop();
    if let Some(Instruction::From(_)) = tree.as_ref().map(|statement| &statement.instruction) {
        let message = "FROM isn't allowed as an ONBUILD trigger";
        let span = Span::in_source(file.id(), 0, file.text().len());
        splitter.diagnostics.push(Diagnostic::error("invalid-trigger", message, span));
    }
    Parse { tree, diagnostics: splitter.diagnostics }
}

fn statements(file: &SourceFile) -> (Splitter<'_>, Vec<Statement>) {
    let mut splitter = Splitter::new(file);
    if file.text().len() > MAX_FILE {
        splitter.stop();
        splitter.diagnostics.push(too_large(file));
    }
    let mut words = 0;
    // A file has a good third as many instructions as lines.
    let mut statements = Vec::with_capacity(file.lines().len().min(10_000) / 2);
    while let Some(line) = splitter.next() {
        let errors = splitter.diagnostics.len();
        let statement = statement(&mut splitter, line);
        words += words_of(&statement);
        if let Some(error) = too_much(statements.len() + 1, words, &statement) {
            splitter.diagnostics.push(error);
            splitter.stop();
            break;
        }
        if let Some(error) = splitter.diagnostics[errors..].first_mut()
            && error.code == "unknown-instruction"
        {
            explain_unknown(error, &statement, statements.last());
        }
        let binary = is_garbage(&statement) && is_binary(file.text());
        statements.push(statement);
        if binary || too_many(&mut splitter) {
            splitter.stop();
        }
    }
    (splitter, statements)
}

fn statement(splitter: &mut Splitter<'_>, line: LogicalLine<'_>) -> Statement {
    let mut diagnostics = Vec::new();
    let escape = splitter.dialect.escape;
    let mut shape = shape::of_line(&line, escape, &mut diagnostics);
    let trigger = shape.trigger.take();
    let heredocs =
        heredocs(splitter, &line, trigger.as_deref().unwrap_or(&shape), &mut diagnostics);
    let onbuild = (shape.kind == Some(Keyword::Onbuild)).then(|| Onbuild {
        expression: instruction::expression(&line, &shape, &heredocs),
        trigger: trigger
            .map(|trigger| instruction::trigger(&line, *trigger, &heredocs, &mut diagnostics))
            .map(Box::new),
    });
    let instruction = instruction::read(&line, &shape, &heredocs, onbuild, &mut diagnostics);
    splitter.diagnostics.append(&mut diagnostics);

    let head = line.span(0..line.text.trim_end().len());
    let span = match heredocs.last() {
        Some(last) => head.to(terminator(splitter, last)),
        None => head,
    };
    Statement {
        instruction: instruction.unwrap_or(Instruction::Invalid(span)),
        keyword: shape.keyword,
        span,
        head,
        lines: (line.lines.0, splitter.line()),
        original: trimmed(line.text),
        comments: line.comments,
        empty_lines: line.empty_lines,
        flags: shape.flags,
        args: shape.args,
        json: shape.json,
        heredocs,
    }
}

fn trimmed(text: Cow<'_, str>) -> String {
    match text {
        Cow::Owned(mut text) if text.trim_start().len() == text.len() => {
            text.truncate(text.trim_end().len());
            text
        }
        Cow::Owned(_) | Cow::Borrowed(_) => text.trim().to_owned(),
    }
}

/// The line that ends a heredoc, as far as the splitter has read.
fn terminator(splitter: &Splitter<'_>, heredoc: &Heredoc) -> Span {
    let end = splitter.end();
    Span::in_source(heredoc.content.span.source, heredoc.content.span.end as usize, end)
}

/// Reads the bodies of the heredocs that a line begins.
fn heredocs(
    splitter: &mut Splitter<'_>,
    line: &LogicalLine<'_>,
    shape: &Shape,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Heredoc> {
    let takes_them = matches!(shape.kind, Some(Keyword::Add | Keyword::Copy | Keyword::Run));
    if !takes_them || shape.json || !shape.usable || !line.text.contains("<<") {
        return Vec::new();
    }
    let tokens = match heredoc::in_line(&line.text) {
        Ok(tokens) => tokens,
        Err(message) => {
            let span = line.span(shape.rest.clone());
            diagnostics.push(Diagnostic::error("invalid-heredoc", message, span));
            return Vec::new();
        }
    };
    let mut heredocs = Vec::new();
    for (token, range) in tokens {
        let from = splitter.line();
        match splitter.heredoc(&token.name, token.chomp) {
            Some(content) => heredocs.push(body(line, token, range, content)),
            None => {
                let message = "unterminated heredoc";
                let error = Diagnostic::error("unterminated-heredoc", message, line.span(range))
                    .label("begins here")
                    .help(format!("end it with a line that says `{}`", token.name));
                diagnostics.push(match splitter.almost(from, &token.name) {
                    Some(span) => error.also(span, "there are blanks in this line"),
                    None => error,
                });
                break;
            }
        }
    }
    heredocs
}

fn body(
    line: &LogicalLine<'_>,
    token: Token,
    range: Range<usize>,
    content: Spanned<String>,
) -> Heredoc {
    Heredoc {
        name: Spanned::new(token.name, line.span(range)),
        content,
        expand: token.expand,
        chomp: token.chomp,
        fd: token.fd,
    }
}

/// The first instruction that stands before every FROM and is no ARG.
fn before_from(statements: &[Statement]) -> Option<Diagnostic> {
    let first = statements.iter().find(|statement| {
        Keyword::of(&statement.keyword.value).is_some_and(|keyword| keyword != Keyword::Arg)
    })?;
    if Keyword::of(&first.keyword.value) == Some(Keyword::From) {
        return None;
    }
    let message = "no build stage in current context";
    Some(
        Diagnostic::error("no-build-stage", message, first.keyword.span)
            .help("begin a stage with FROM; only ARG may stand before it"),
    )
}

/// BuildKit names the last line; an empty file has none.
fn no_instructions(file: &SourceFile) -> Diagnostic {
    let message = "file with no instructions";
    let help = "a Dockerfile begins with FROM";
    let Some(last) = file.text().split_inclusive('\n').next_back() else {
        return Diagnostic::without_place("no-instructions", message).help(help);
    };
    let start = file.text().len() - last.len();
    let end = start + last.trim_end_matches(['\r', '\n']).len();
    let span = Span::in_source(file.id(), start, end);
    Diagnostic::error("no-instructions", message, span).help(help)
}

/// Says more of an unknown instruction that looks like nothing else.
fn explain_unknown(error: &mut Diagnostic, statement: &Statement, before: Option<&Statement>) {
    if error.help.is_some() {
        return;
    }
    error.help = if is_garbage(statement) {
        Some("these are no letters; is this a text file?".to_owned())
    } else if before.is_some_and(|before| !matches!(before.instruction, Instruction::Invalid(_))) {
        Some(
            "to continue the instruction above, end its last line with a continuation character"
                .into(),
        )
    } else {
        None
    };
}

/// How many words and flags an instruction has.
fn words_of(statement: &Statement) -> usize {
    let own = statement.args.len() + statement.flags.len();
    let Instruction::Onbuild(onbuild) = &statement.instruction else { return own };
    own + onbuild.trigger.as_deref().map_or(0, words_of)
}

/// The refusal of a file that nobody wrote.
fn too_large(file: &SourceFile) -> Diagnostic {
    let mut end = MAX_FILE;
    while !file.text().is_char_boundary(end) {
        end += 1;
    }
    let message = format!("the Dockerfile is larger than {MAX_FILE} bytes");
    Diagnostic::error("too-large", message, Span::in_source(file.id(), end, end))
        .label("what stands behind this is not read")
        .help("take large files in by COPY instead of writing them into the Dockerfile")
}

/// The refusal of the instruction with which a file gets too long.
fn too_much(instructions: usize, words: usize, last: &Statement) -> Option<Diagnostic> {
    let (what, help) = if instructions > MAX_INSTRUCTIONS {
        (format!("{MAX_INSTRUCTIONS} instructions"), "split it into several files")
    } else if words > MAX_WORDS {
        (format!("{MAX_WORDS} words"), "put long lists into files that a RUN reads")
    } else {
        return None;
    };
    let message = format!("the Dockerfile has more than {what}");
    let error = Diagnostic::error("too-large", message, last.keyword.span);
    Some(error.label("from here on it is not read").help(help))
}

/// Whether an instruction begins with what nobody writes.
fn is_garbage(statement: &Statement) -> bool {
    matches!(statement.instruction, Instruction::Invalid(_))
        && statement.keyword.value.contains(['\0', char::REPLACEMENT_CHARACTER])
}

/// Whether a text is surely none: its beginning is full of what nobody writes. A stray byte does not make it so.
fn is_binary(text: &str) -> bool {
    let odd = |c: char| c == char::REPLACEMENT_CHARACTER || (c.is_control() && !c.is_whitespace());
    let (mut all, mut found) = (0, 0);
    for c in text.chars().take(8_000) {
        all += 1;
        found += usize::from(odd(c));
    }
    found * 10 > all
}

fn too_many(splitter: &mut Splitter<'_>) -> bool {
    let diagnostics = &mut splitter.diagnostics;
    diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count()
        > MAX_ERRORS
}
