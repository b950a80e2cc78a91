//! The shape of an instruction: keyword, flags, and its words as BuildKit's parser splits them.
//!
//! This is what BuildKit's parser does before it knows what an instruction means; what it refuses here it refuses for
//! the trigger of an ONBUILD, too.

use std::ops::Range;

use pest::Parser;
use pest_derive::Parser;

use crate::diagnostic::Diagnostic;
use crate::flags;
use crate::instruction::Keyword;
use crate::json::{self, Array, JsonString};
use crate::lines::LogicalLine;
use crate::quote::quoted;
use crate::source::Spanned;
use crate::tree::Flag;
use crate::word::{Word, WordBuilder};

#[derive(Parser)]
#[grammar = "instruction.pest"]
pub(crate) struct InstructionParser;

/// An instruction's head and words.
#[derive(Debug)]
pub(crate) struct Shape {
    /// The keyword as written.
    pub(crate) keyword: Spanned<String>,
    /// What the keyword is.
    pub(crate) kind: Option<Keyword>,
    /// The flags.
    pub(crate) flags: Vec<Flag>,
    /// From the keyword to the end, in the line, without blanks around it.
    pub(crate) range: Range<usize>,
    /// What stands behind the flags, in the line.
    pub(crate) rest: Range<usize>,
    /// The words; for ENV and LABEL name, value, name, value, ...
    pub(crate) args: Vec<Word>,
    /// Whether the JSON form was used.
    pub(crate) json: bool,
    /// Whether ENV or LABEL has the old form without `=`.
    pub(crate) legacy: bool,
    /// Whether the words are of use.
    pub(crate) usable: bool,
    /// What follows an ONBUILD.
    pub(crate) trigger: Option<Box<Shape>>,
}

/// How many ONBUILDs in a row are read; two are one too many already.
const MAX_CHAIN: usize = 8;

/// Reads the shape of a line.
pub(crate) fn of_line(
    line: &LogicalLine<'_>,
    escape: char,
    diagnostics: &mut Vec<Diagnostic>,
) -> Shape {
    read(line, 0..line.text.len(), escape, MAX_CHAIN, diagnostics)
}

fn read(
    line: &LogicalLine<'_>,
    range: Range<usize>,
    escape: char,
    chain: usize,
    diagnostics: &mut Vec<Diagnostic>,
) -> Shape {
    let range = trimmed(&line.text, range);
    let text = &line.text[range.clone()];
    let keyword_end = range.start + text.find(is_blank).unwrap_or(text.len());
    let behind = line.text[keyword_end..range.end].trim_start_matches(is_blank);
    let (flags, rest) = flags::read(line, range.end - behind.len()..range.end, escape);
    let keyword = &line.text[range.start..keyword_end];
    let mut shape = Shape {
        kind: Keyword::of(keyword),
        keyword: Spanned::new(keyword.to_owned(), line.span(range.start..keyword_end)),
        flags,
        rest: trimmed(&line.text, rest..range.end),
        range,
        args: Vec::new(),
        json: false,
        legacy: false,
        usable: true,
        trigger: None,
    };
    if shape.kind == Some(Keyword::Onbuild) && !shape.rest.is_empty() && chain > 0 {
        let inner = read(line, shape.rest.clone(), escape, chain - 1, diagnostics);
        shape.trigger = Some(Box::new(inner));
    }
    let mut words = Words { line, escape, shape: &mut shape, diagnostics };
    if let Some(kind) = words.shape.kind {
        words.read(kind);
    }
    shape
}

/// The blanks between a keyword and what follows, and between the words of most instructions.
fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\x0b' | '\x0c' | '\r' | ' ')
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.end - part.trim_start().len();
    start..start + part.trim().len()
}

/// Splits what stands behind the flags.
struct Words<'a> {
    line: &'a LogicalLine<'a>,
    escape: char,
    shape: &'a mut Shape,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Words<'_> {
    fn read(&mut self, kind: Keyword) {
        match kind {
            Keyword::Add | Keyword::Copy | Keyword::Volume => {
                if !self.json(self.shape.rest.clone()) {
                    self.shape.args = self.between(is_blank);
                }
            }
            Keyword::Expose | Keyword::From => self.shape.args = self.between(is_blank),
            Keyword::Cmd | Keyword::Entrypoint | Keyword::Run | Keyword::Shell => {
                self.json_or_text(self.shape.rest.clone());
            }
            Keyword::Maintainer | Keyword::Stopsignal | Keyword::User | Keyword::Workdir => {
                self.text(self.shape.rest.clone());
            }
            Keyword::Arg => self.shape.args = self.quoted(),
            Keyword::Env | Keyword::Label => self.pairs(kind),
            Keyword::Healthcheck => self.healthcheck(),
            Keyword::Onbuild => {}
        }
    }

    fn rest(&self) -> &str {
        &self.line.text[self.shape.rest.clone()]
    }

    /// All of a range as one word, unless it is empty.
    fn text(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.shape.args.push(self.line.word(range));
        }
    }

    fn json_or_text(&mut self, range: Range<usize>) {
        if !self.json(range.clone()) {
            self.text(range);
        }
    }

    /// Reads a JSON array; says whether it is one. One with something else than strings in it is a mistake.
    fn json(&mut self, range: Range<usize>) -> bool {
        if let Some(strings) = json::plain_array(&self.line.text[range.clone()]) {
            self.shape.json = true;
            let words = strings
                .into_iter()
                .map(|at| self.line.word(range.start + at.start..range.start + at.end));
            self.shape.args.extend(words);
            return true;
        }
        match json::array(&self.line.text[range.clone()]) {
            Array::Strings(strings) => {
                self.shape.json = true;
                let words = strings.iter().map(|string| self.json_word(string, range.start));
                let words: Vec<Word> = words.collect();
                self.shape.args.extend(words);
                true
            }
            Array::Mixed(place) => {
                let message =
                    "when using JSON array syntax, arrays must be comprised of strings only";
                let place = range.start + place.start..range.start + place.end;
                let span = self.line.span(place);
                self.refuse(
                    Diagnostic::error("invalid-json-form", message, span)
                        .label("this is no string")
                        .help("put it in double quotes"),
                );
                true
            }
            Array::TooDeep => {
                let message = "brackets nest too deeply";
                let span = self.line.span(range);
                self.refuse(Diagnostic::error("nested-too-deeply", message, span));
                true
            }
            Array::No => false,
        }
    }

    fn json_word(&self, string: &JsonString, start: usize) -> Word {
        let range = start + string.range.start..start + string.range.end;
        let span = self.line.span(range);
        let mut word = WordBuilder::new(span.source, span.start as usize);
        for (text, at) in &string.pieces {
            let at = start + at.start..start + at.end;
            if *text == self.line.text[at.clone()] {
                word.mapped(text, &self.line.map(at));
            } else {
                word.written_as(text, self.line.span(at).range());
            }
        }
        word.finish()
    }

    /// Words between blanks: nothing that a grammar would be needed for.
    fn between(&self, is_blank: impl FnMut(char) -> bool) -> Vec<Word> {
        let mut words = Vec::new();
        let mut start = self.shape.rest.start;
        for word in self.rest().split(is_blank) {
            if !word.is_empty() {
                words.push(self.line.word(start..start + word.len()));
            }
            let behind = start + word.len();
            start = behind + self.line.text[behind..].chars().next().map_or(0, char::len_utf8);
        }
        words
    }

    /// Words in which quotes and escapes hide blanks. Both stay in the words.
    fn quoted(&self) -> Vec<Word> {
        let rest = self.rest();
        if !rest.contains(self.escape) {
            let mut open = None;
            return self.between(move |c| {
                match (open, c) {
                    (None, '\'' | '"') => open = Some(c),
                    (Some(quote), c) if quote == c => open = None,
                    (None | Some(_), _) => {}
                }
                open.is_none() && c.is_whitespace()
            });
        }
        let rule = match self.escape {
            '`' => Rule::quoted_with_backtick,
            _ => Rule::quoted_with_backslash,
        };
        let start = self.shape.rest.start;
        let Ok(pairs) = InstructionParser::parse(rule, rest) else { return Vec::new() };
        pairs
            .flat_map(|words| words.into_inner())
            .filter(|word| word.as_rule() == Rule::quoted_word)
            .map(|word| word.as_span())
            .map(|word| self.line.word(start + word.start()..start + word.end()))
            .collect()
    }

    fn pairs(&mut self, kind: Keyword) {
        let words = self.quoted();
        let Some(first) = words.first() else { return };
        if !first.text.contains('=') {
            self.legacy_pair(kind, first.span.to(words[words.len() - 1].span));
            return;
        }
        for word in words {
            let Some(equals) = word.text.find('=') else {
                let message = format!(
                    "Syntax error - can't find = in {}. Must be of the form: name=value",
                    quoted(&word.text)
                );
                self.refuse(
                    Diagnostic::error("missing-equals", message, word.span)
                        .help("put a value with blanks in it in double quotes"),
                );
                continue;
            };
            self.shape.args.push(word.slice(0..equals));
            self.shape.args.push(word.slice(equals + 1..word.text.len()));
        }
    }

    /// `ENV name all the rest`
    fn legacy_pair(&mut self, kind: Keyword, span: crate::source::Span) {
        let rest = self.rest();
        let Some(end) = rest.find(is_blank) else {
            let name = kind.name();
            let message = format!("{name} must have two arguments");
            self.refuse(
                Diagnostic::error("missing-argument", message, span)
                    .help(format!("write `{name} name=value`")),
            );
            return;
        };
        let value = rest.len() - rest[end..].trim_start_matches(is_blank).len();
        let start = self.shape.rest.start;
        let words = [start..start + end, start + value..self.shape.rest.end];
        self.shape.args.extend(words.map(|range| self.line.word(range)));
        self.shape.legacy = true;
    }

    /// The type, and behind it a command. The type ends at a byte that is a blank in Latin-1.
    fn healthcheck(&mut self) {
        let rest = self.rest();
        let is_space = |b: &u8| matches!(b, b'\t'..=b'\r' | b' ' | 0x85 | 0xa0);
        let mut end = rest.bytes().position(|b| is_space(&b)).unwrap_or(rest.len());
        let mut next =
            rest.bytes().skip(end).position(|b| !is_space(&b)).map_or(rest.len(), |n| end + n);
        while !rest.is_char_boundary(end) {
            end += 1;
        }
        while !rest.is_char_boundary(next) {
            next += 1;
        }
        let Range { start, end: rest_end } = self.shape.rest.clone();
        self.text(start..start + end);
        self.json_or_text(start + next..rest_end);
    }

    fn refuse(&mut self, diagnostic: Diagnostic) {
        self.shape.usable = false;
        self.diagnostics.push(diagnostic);
    }
}
