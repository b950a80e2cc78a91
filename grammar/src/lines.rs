//! Physical lines to logical lines: what a PEG cannot say well.
//!
//! A logical line is one instruction without its heredoc bodies: continuations are joined, comments and empty lines
//! between them dropped. It remembers where each of its bytes stands in the source ([`LogicalLine::span`]).

use std::borrow::Cow;
use std::ops::Range;

use crate::diagnostic::Diagnostic;
use crate::directives::{Found, Key, Section};
use crate::limits::{MAX_ERRORS, MAX_INSTRUCTION, MAX_LINE};
use crate::source::{LineIndex, SourceFile, SourceId, Span, Spanned};
use crate::tree::Dialect;
use crate::word::Word;

/// Room for an instruction on several lines.
const JOINED: usize = 256;

/// One instruction's text.
#[derive(Debug)]
pub(crate) struct LogicalLine<'s> {
    source: SourceId,
    /// The joined text; blanks at its end are still there.
    pub(crate) text: Cow<'s, str>,
    /// Where `text` begins in the source.
    start: u32,
    /// Where further pieces of `text` stand: (offset in `text`, offset in the source), ascending.
    pieces: Vec<(u32, u32)>,
    /// First and last physical line, from 1.
    pub(crate) lines: (u32, u32),
    /// Empty lines between continuations.
    pub(crate) empty_lines: Vec<Span>,
    /// The comment block above.
    pub(crate) comments: Vec<Spanned<String>>,
}

impl LogicalLine<'_> {
    /// Where the byte at an offset of `text` stands.
    fn at(&self, offset: usize) -> usize {
        let after = self.pieces.partition_point(|(text, _)| *text as usize <= offset);
        match after.checked_sub(1).map(|piece| self.pieces[piece]) {
            Some((text, source)) => source as usize + (offset - text as usize),
            None => self.start as usize + offset,
        }
    }

    /// Where a range of `text` stands.
    pub(crate) fn span(&self, range: Range<usize>) -> Span {
        if range.is_empty() {
            // Behind the byte before, so that the end of a line is not the start of the next.
            let at = match range.start.checked_sub(1) {
                Some(before) if !self.pieces.is_empty() => self.at(before) + 1,
                Some(_) | None => self.at(range.start),
            };
            return Span::in_source(self.source, at, at);
        }
        Span::in_source(self.source, self.at(range.start), self.at(range.end - 1) + 1)
    }

    /// A range of `text` as a word.
    pub(crate) fn word(&self, range: Range<usize>) -> Word {
        let span = self.span(range.clone());
        let mut word = Word::verbatim(&self.text[range.clone()], span);
        if span.len() != range.len() {
            word.map = self.map(range);
        }
        word
    }

    /// The pieces that a range of `text` is made of, as a word's map.
    pub(crate) fn map(&self, range: Range<usize>) -> Vec<(u32, u32)> {
        let mut map = vec![(0, self.at(range.start) as u32)];
        let first = self.pieces.partition_point(|(text, _)| *text as usize <= range.start);
        let inside = self.pieces[first..].iter().take_while(|(at, _)| (*at as usize) < range.end);
        map.extend(inside.map(|(text, source)| (text - range.start as u32, *source)));
        map
    }
}

/// Cuts a source into logical lines and heredoc bodies.
#[derive(Debug)]
pub(crate) struct Splitter<'s> {
    source: SourceId,
    text: &'s str,
    index: &'s LineIndex,
    /// How many physical lines are read.
    read: u32,
    section: Section,
    /// The directives that were read, for what is given twice.
    directives: Vec<(Key, Span)>,
    comments: Vec<Spanned<String>>,
    /// What the directives decided so far.
    pub(crate) dialect: Dialect,
    /// What there is to say.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// A physical line: where it stands without its line break, and what it says.
#[derive(Debug, Clone, Copy)]
struct Physical<'s> {
    start: usize,
    text: &'s str,
}

impl<'s> Splitter<'s> {
    /// Starts at the top of a source.
    pub(crate) fn new(file: &'s SourceFile) -> Splitter<'s> {
        Splitter {
            source: file.id(),
            text: file.text(),
            index: file.lines(),
            read: 0,
            section: Section::new("#"),
            directives: Vec::new(),
            comments: Vec::new(),
            dialect: Dialect { escape: '\\', syntax: None, check: None },
            diagnostics: Vec::new(),
        }
    }

    /// The number of the last physical line that was read; 0 before the first.
    pub(crate) fn line(&self) -> u32 {
        self.read
    }

    /// Where the last physical line that was read ends, without its line break.
    pub(crate) fn end(&self) -> usize {
        let start = self.index.start(self.read.max(1)).map_or(0, |start| start as usize);
        start + self.text[start..self.offset()].trim_end_matches(['\r', '\n']).len()
    }

    /// Skips what is left.
    pub(crate) fn stop(&mut self) {
        self.read = self.index.len() as u32;
    }

    /// The next instruction's text; `None` at the end of the source.
    pub(crate) fn next(&mut self) -> Option<LogicalLine<'s>> {
        loop {
            let line = self.physical()?;
            if self.diagnostics.len() > MAX_ERRORS {
                self.stop();
                return None;
            }
            let number = self.read;
            let trimmed = trim_start(line);
            if trimmed.text.starts_with('#') {
                self.comment(line, trimmed);
                continue;
            }
            self.section.read(trimmed.text);
            match self.continuation(trimmed.text) {
                None if trimmed.text.is_empty() => {}
                None => {
                    return Some(LogicalLine {
                        source: self.source,
                        text: Cow::Borrowed(trimmed.text),
                        start: trimmed.start as u32,
                        pieces: Vec::new(),
                        lines: (number, number),
                        empty_lines: Vec::new(),
                        comments: std::mem::take(&mut self.comments),
                    });
                }
                Some(head) => return Some(self.joined(number, trimmed.start, head)),
            }
        }
    }

    /// Reads on from a first line that is continued.
    fn joined(&mut self, first: u32, start: usize, head: &'s str) -> LogicalLine<'s> {
        let mut text = String::with_capacity(JOINED.max(2 * head.len()));
        text.push_str(head);
        let mut start = start as u32;
        let mut pieces = Vec::new();
        let mut empty_lines = Vec::new();
        while let Some(line) = self.physical() {
            let trimmed = line.text.trim_start();
            if trimmed.starts_with('#') {
                continue;
            }
            if trimmed.is_empty() {
                let end = line.start + line.text.len();
                empty_lines.push(Span::in_source(self.source, line.start, end));
                continue;
            }
            let continued = self.continuation(line.text);
            let piece = continued.unwrap_or(line.text);
            if !piece.is_empty() {
                if text.is_empty() {
                    start = line.start as u32;
                } else {
                    pieces.push((text.len() as u32, line.start as u32));
                }
                text.push_str(piece);
                if text.len() > MAX_INSTRUCTION {
                    self.too_large(line);
                    break;
                }
            }
            if continued.is_none() {
                break;
            }
        }
        LogicalLine {
            source: self.source,
            text: Cow::Owned(text),
            start,
            pieces,
            lines: (first, self.read),
            empty_lines,
            comments: std::mem::take(&mut self.comments),
        }
    }

    /// The body of a heredoc up to its terminator, which is read, too. `None` if there is no terminator; then the
    /// rest of the source is read.
    pub(crate) fn heredoc(&mut self, terminator: &str, chomp: bool) -> Option<Spanned<String>> {
        let start = self.offset();
        loop {
            let end = self.offset();
            let line = self.physical()?.text;
            let line = if chomp { line.trim_start_matches('\t') } else { line };
            if line == terminator {
                let span = Span::in_source(self.source, start, end);
                return Some(Spanned::new(self.text[start..end].to_owned(), span));
            }
        }
    }

    /// The first line behind a line that would end a heredoc if there were no blanks around it.
    pub(crate) fn almost(&self, line: u32, terminator: &str) -> Option<Span> {
        let start = self.index.start(line + 1)? as usize;
        let mut offset = start;
        for line in self.text[start..].split_inclusive('\n') {
            let text = line.trim_end_matches(['\n', '\r']);
            if text.trim() == terminator {
                return Some(Span::in_source(self.source, offset, offset + text.len()));
            }
            offset += line.len();
        }
        None
    }

    /// Where the next physical line starts.
    fn offset(&self) -> usize {
        self.index.start(self.read + 1).map_or(self.text.len(), |start| start as usize)
    }

    fn physical(&mut self) -> Option<Physical<'s>> {
        let mut start = self.index.start(self.read + 1)? as usize;
        let end = self.index.start(self.read + 2).map_or(self.text.len(), |end| end as usize);
        if start == self.text.len() {
            return None;
        }
        let bytes = end - start - usize::from(self.text.as_bytes()[end - 1] == b'\n');
        if bytes > MAX_LINE {
            self.too_long(start, bytes);
            return None;
        }
        if self.read == 0 && self.text.starts_with('\u{feff}') {
            start += '\u{feff}'.len_utf8();
        }
        self.read += 1;
        Some(Physical { start, text: self.text[start..end].trim_end_matches(['\r', '\n']) })
    }

    fn too_large(&mut self, line: Physical<'_>) {
        let message = format!("the instruction has more than {MAX_INSTRUCTION} bytes");
        let place = Span::in_source(self.source, line.start, line.start + line.text.len());
        let error = Diagnostic::error("too-large", message, place)
            .label("from here on it is not read")
            .help("put long lists into files, or into a heredoc");
        self.diagnostics.push(error);
        self.stop();
    }

    fn too_long(&mut self, start: usize, bytes: usize) {
        let mut end = start + 80;
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        let message = format!("dockerfile line greater than max allowed size of {MAX_LINE}");
        let error =
            Diagnostic::error("line-too-long", message, Span::in_source(self.source, start, end))
                .label(format!("this line has {bytes} bytes"))
                .help(format!("break it up with `{}` at the end of lines", self.dialect.escape));
        let before = self.index.start(self.read).map(|start| start as usize);
        self.diagnostics.push(match before {
            Some(before) => error.also(
                Span::in_source(self.source, before, self.end()),
                "the last line that can be read",
            ),
            None => error,
        });
        self.stop();
    }

    /// The line without its continuation character, if it is continued. A doubled character does not continue.
    fn continuation(&self, line: &'s str) -> Option<&'s str> {
        let escape = self.dialect.escape;
        let head = line.trim_end_matches([' ', '\t']).strip_suffix(escape)?;
        (!head.ends_with(escape)).then_some(head)
    }

    fn comment(&mut self, line: Physical<'s>, trimmed: Physical<'s>) {
        if self.section.is_open() && self.directive(trimmed) {
            return;
        }
        // BuildKit cuts off the first character, whether it is `#` or a blank before it.
        let mut chars = line.text.chars();
        chars.next();
        let text = chars.as_str();
        let comment = text.trim();
        if comment.is_empty() {
            self.comments.clear();
            return;
        }
        let start = line.start + line.text.len() - text.trim_start().len();
        let span = Span::in_source(self.source, start, start + comment.len());
        self.comments.push(Spanned::new(comment.to_owned(), span));
    }

    /// Reads a directive; says whether it is one.
    fn directive(&mut self, line: Physical<'s>) -> bool {
        let whole = Span::in_source(self.source, line.start, line.start + line.text.len());
        match self.section.read(line.text) {
            Found::Nothing => false,
            Found::Repeated(key) => {
                let message = format!("only one {} parser directive can be used", key.name());
                let error = Diagnostic::error("duplicate-directive", message, whole);
                let error = error.help("take one of them away");
                let first = self.directives.iter().find(|(known, _)| *known == key);
                self.diagnostics.push(match first {
                    Some((_, span)) => error.also(*span, "first given here"),
                    None => error,
                });
                true
            }
            Found::Directive { key, value, at } => {
                let start = line.start + at;
                let span = Span::in_source(self.source, start, start + value.len());
                let value = Spanned::new(value.to_owned(), span);
                self.directives.push((key, whole));
                match key {
                    Key::Syntax => self.dialect.syntax = Some(value),
                    Key::Check => self.dialect.check = Some(value),
                    Key::Escape => self.escape(&value),
                }
                true
            }
        }
    }

    fn escape(&mut self, value: &Spanned<String>) {
        match value.value.as_str() {
            "\\" => self.dialect.escape = '\\',
            "`" => self.dialect.escape = '`',
            other => {
                let message = format!("invalid escape token '{other}' does not match ` or \\");
                self.diagnostics.push(
                    Diagnostic::error("invalid-escape", message, value.span)
                        .help("write `# escape=\\` or `` # escape=` ``"),
                );
            }
        }
    }
}

fn trim_start(line: Physical<'_>) -> Physical<'_> {
    let text = line.text.trim_start();
    Physical { start: line.start + line.text.len() - text.len(), text }
}
