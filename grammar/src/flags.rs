//! The `--flags` before an instruction's words: how they are written ([`read`]) and whether an instruction takes them
//! ([`FlagReader`]).

use std::ops::Range;

use pest::Parser;
use pest::iterators::Pair;

use crate::diagnostic::Diagnostic;
use crate::lines::LogicalLine;
use crate::shape::{InstructionParser, Rule};
use crate::source::{Span, Spanned};
use crate::suggest;
use crate::tree::Flag;
use crate::word::{Word, WordBuilder};

/// Reads the flags at the start of a range of the line; gives them and the offset behind them.
pub(crate) fn read(
    line: &LogicalLine<'_>,
    range: Range<usize>,
    escape: char,
) -> (Vec<Flag>, usize) {
    match plain(line, range.clone(), escape) {
        Some(flags) => flags,
        None => with_quotes(line, range, escape),
    }
}

/// Reads flags that have no quotes or escapes and are ASCII: nearly all. `None` if there are others.
fn plain(line: &LogicalLine<'_>, range: Range<usize>, escape: char) -> Option<(Vec<Flag>, usize)> {
    let mut flags = Vec::new();
    let mut at = range.start;
    loop {
        let text = &line.text[at..range.end];
        let Some(behind) = text.strip_prefix("--") else { return Some((flags, at)) };
        let length = behind.find(|c: char| matches!(c, '\t'..='\r' | ' ')).unwrap_or(behind.len());
        let flag = &behind[..length];
        if !flag.is_ascii() || flag.contains(['\'', '"', escape]) {
            return None;
        }
        let start = at + "--".len();
        let end = start + length;
        if flag.is_empty() {
            return Some((flags, end));
        }
        let equals = flag.find('=').map(|equals| start + equals);
        let name = start..equals.unwrap_or(end);
        flags.push(Flag {
            name: Spanned::new(line.text[name.clone()].to_owned(), line.span(name)),
            value: equals.map(|equals| line.word(equals + 1..end)),
            span: line.span(at..end),
        });
        let blanks = &line.text[end..range.end];
        at = range.end - blanks.trim_start_matches(|c: char| matches!(c, '\t'..='\r' | ' ')).len();
    }
}

/// Reads flags of any kind.
fn with_quotes(line: &LogicalLine<'_>, range: Range<usize>, escape: char) -> (Vec<Flag>, usize) {
    let text = &line.text[range.clone()];
    let rule = match escape {
        '`' => Rule::flags_with_backtick,
        _ => Rule::flags_with_backslash,
    };
    let latin: Option<String> = (!text.is_ascii()).then(|| text.bytes().map(char::from).collect());
    let offsets = latin.as_deref().map(byte_offsets);
    let written = Written { line, start: range.start, offsets };
    let parsed = InstructionParser::parse(rule, latin.as_deref().unwrap_or(text));
    let Some(pairs) = parsed.ok().and_then(|mut pairs| pairs.next()) else {
        return (Vec::new(), range.start);
    };
    let mut flags = Vec::new();
    let mut end = range.start;
    for pair in pairs.into_inner() {
        let flag_end = written.offset(pair.as_span().end());
        end = flag_end;
        match written.flag(pair) {
            Some(flag) => flags.push(flag),
            // `--` alone ends the flags.
            None => break,
        }
    }
    (flags, end)
}

/// For each byte of a text in Latin-1 (and its end), which character it belongs to.
fn byte_offsets(latin: &str) -> Vec<u32> {
    let chars = latin.chars().zip(0..).flat_map(|(c, i)| std::iter::repeat_n(i, c.len_utf8()));
    chars.chain([latin.chars().count() as u32]).collect()
}

/// Flags as they are written: in the line itself, or, where it is not ASCII, in a copy with a character per byte; then
/// `offsets` leads back.
struct Written<'a> {
    line: &'a LogicalLine<'a>,
    start: usize,
    offsets: Option<Vec<u32>>,
}

impl Written<'_> {
    /// The offset in the line of an offset in what was parsed. Inside a character: behind it.
    fn offset(&self, parsed: usize) -> usize {
        let bytes = self.offsets.as_ref().map_or(parsed, |offsets| offsets[parsed] as usize);
        let mut offset = self.start + bytes;
        while !self.line.text.is_char_boundary(offset) {
            offset += 1;
        }
        offset
    }

    fn flag(&self, pair: Pair<'_, Rule>) -> Option<Flag> {
        let range = self.offset(pair.as_span().start())..self.offset(pair.as_span().end());
        let span = self.line.span(range.clone());
        let mut name = String::new();
        let mut name_end = range.start;
        let mut value: Option<WordBuilder> = None;
        for piece in pair.into_inner().filter(|piece| piece.as_rule() != Rule::EOI) {
            let at = piece.as_span().start();
            let text = piece.as_str();
            if let Some(value) = &mut value {
                self.add(value, text, at);
                continue;
            }
            let (head, tail) = match text.split_once('=') {
                Some((head, tail)) => (head, Some(tail)),
                None => (text, None),
            };
            name.push_str(head);
            name_end = self.offset(at + head.len());
            if let Some(tail) = tail {
                let start = self.line.span(name_end..name_end + 1).end as usize;
                let mut word = WordBuilder::new(span.source, start);
                self.add(&mut word, tail, at + head.len() + 1);
                value = Some(word);
            }
        }
        if name == "--" && value.is_none() {
            return None;
        }
        let name_start = (range.start + 2).min(name_end);
        let name_span = self.line.span(name_start..name_end);
        let name = name.strip_prefix("--").unwrap_or(&name).to_owned();
        let value = value.map(|value| self.value(value, span));
        Some(Flag { name: Spanned::new(name, name_span), value, span })
    }

    fn add(&self, word: &mut WordBuilder, text: &str, at: usize) {
        if text.is_empty() {
            return;
        }
        let range = self.offset(at)..self.offset(at + text.len());
        if text.is_ascii() {
            word.mapped(text, &self.line.map(range));
        } else {
            word.written_as(text, self.line.span(range).range());
        }
    }

    /// A value that is read in Latin-1 has a place as a whole only.
    fn value(&self, value: WordBuilder, flag: Span) -> Word {
        let word = value.finish();
        if self.offsets.is_some() && !word.text.is_ascii() {
            return Word::in_one(word.text, Span { end: flag.end, ..word.span });
        }
        word
    }
}

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Nothing, `true` or `false`; at most once.
    Bool,
    /// A value; at most once.
    Value,
    /// A value each time.
    Values,
}

/// The flags of one instruction, checked against those it knows.
#[derive(Debug)]
pub(crate) struct FlagReader<'a> {
    flags: &'a [Flag],
}

impl<'a> FlagReader<'a> {
    /// Checks the flags; says what is wrong with each.
    pub(crate) fn new(
        flags: &'a [Flag],
        known: &[(&str, Takes)],
        diagnostics: &mut Vec<Diagnostic>,
    ) -> FlagReader<'a> {
        let mut seen: Vec<Option<&Flag>> = vec![None; known.len()];
        for flag in flags {
            let name = flag.name.value.as_str();
            let Some(which) = known.iter().position(|(known, _)| *known == name) else {
                diagnostics.push(unknown(flag, known));
                continue;
            };
            match (known[which].1, seen[which].replace(flag)) {
                (Takes::Bool | Takes::Value, Some(earlier)) => diagnostics.push(
                    Diagnostic::error(
                        "duplicate-flag",
                        format!("duplicate flag specified: --{name}"),
                        flag.span,
                    )
                    .also(earlier.span, "first given here"),
                ),
                (Takes::Bool, None) => diagnostics.extend(bad_bool(flag)),
                (Takes::Value, None) | (Takes::Values, _) => diagnostics.extend(missing(flag)),
            }
        }
        FlagReader { flags }
    }

    /// The value of a flag that is given at most once.
    pub(crate) fn value(&self, name: &str) -> Option<Word> {
        self.find(name)?.value.clone()
    }

    /// The values of a flag that may be given many times.
    pub(crate) fn values(&self, name: &str) -> Vec<Word> {
        let flags = self.flags.iter().filter(|flag| flag.name.value == name);
        flags.filter_map(|flag| flag.value.clone()).collect()
    }

    /// Whether a flag is given, and if so, whether it is true.
    pub(crate) fn switch(&self, name: &str) -> Option<bool> {
        let flag = self.find(name)?;
        Some(flag.value.as_ref().is_none_or(|value| value.text.eq_ignore_ascii_case("true")))
    }

    fn find(&self, name: &str) -> Option<&Flag> {
        self.flags.iter().find(|flag| flag.name.value == name)
    }
}

fn unknown(flag: &Flag, known: &[(&str, Takes)]) -> Diagnostic {
    let name = &flag.name.value;
    let error =
        Diagnostic::error("unknown-flag", format!("unknown flag: --{name}"), flag.name.span);
    match suggest::nearest(name, known.iter().map(|(known, _)| *known)) {
        Some(near) => error
            .help(format!("did you mean `--{near}`?"))
            .fix(format!("replace by `--{near}`"), near),
        None if known.is_empty() => error.help("this instruction has no flags"),
        None => {
            let names: Vec<String> = known.iter().map(|(name, _)| format!("--{name}")).collect();
            error.help(format!("it takes {}", names.join(", ")))
        }
    }
}

fn bad_bool(flag: &Flag) -> Option<Diagnostic> {
    let value = flag.value.as_ref()?;
    if value.text.is_empty() {
        return Some(missing_value(
            flag,
            "leave out the `=`, or write `true` or `false` behind it",
        ));
    }
    if ["true", "false"].iter().any(|known| value.text.eq_ignore_ascii_case(known)) {
        return None;
    }
    let name = &flag.name.value;
    let message = format!("expecting boolean value for flag --{name}, not: {}", value.text);
    Some(
        Diagnostic::error("invalid-flag-value", message, value.span)
            .help("write `true` or `false`"),
    )
}

fn missing(flag: &Flag) -> Option<Diagnostic> {
    let name = &flag.name.value;
    flag.value.is_none().then(|| {
        missing_value(flag, &format!("write `--{name}=VALUE`, without a blank before VALUE"))
    })
}

fn missing_value(flag: &Flag, help: &str) -> Diagnostic {
    let message = format!("missing a value on flag: --{}", flag.name.value);
    Diagnostic::error("missing-flag-value", message, flag.span).help(help)
}
