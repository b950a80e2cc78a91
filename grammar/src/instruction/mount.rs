//! `--mount` and `--device` of a `RUN`: comma-separated fields.

use std::ops::Range;

use pest::Parser;
use pest::iterators::Pair;

use crate::diagnostic::Diagnostic;
use crate::shape::{InstructionParser, Rule};
use crate::source::Spanned;
use crate::word::{Word, WordBuilder};

/// One `--mount=key=value,…`, not expanded.
///
/// BuildKit looks at keys and values when it compiles the RUN, and so does whoever lowers this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The whole value of the flag.
    pub text: Word,
    /// The fields in order, keys as written; a key without `=` has no value. Case does not matter in keys.
    pub fields: Vec<(Spanned<String>, Option<Word>)>,
}

/// One `--device=NAME,…`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The whole value of the flag.
    pub text: Word,
    /// Which device; empty if none was named.
    pub name: String,
    /// Whether the build fails without it.
    pub required: bool,
}

impl Mount {
    /// Reads the flag's value; what BuildKit would refuse before it compiles the RUN is a mistake.
    pub(super) fn read(text: Word, diagnostics: &mut Vec<Diagnostic>) -> Option<Mount> {
        let fields = match fields(&text) {
            Ok(fields) => fields,
            Err(bad) => {
                diagnostics.push(bad.diagnostic("mounts", &text));
                return None;
            }
        };
        let mount = Mount { fields: fields.iter().map(key_and_value).collect(), text };
        for (key, value) in &mount.fields {
            let Some(value) = value.as_ref().filter(|_| is_from(&key.value)) else { continue };
            if value.text.find('$').is_some_and(|at| at + 1 != value.text.len()) {
                let message =
                    "'from' doesn't support variable expansion, define alias stage instead";
                diagnostics.push(
                    Diagnostic::error("mount-from-variable", message, value.span)
                        .help("name a stage by `FROM $IMAGE AS name`, and write `from=name`"),
                );
            }
        }
        Some(mount)
    }
}

fn is_from(key: &str) -> bool {
    key.to_lowercase() == "from"
}

fn key_and_value(field: &Word) -> (Spanned<String>, Option<Word>) {
    let end = field.text.find('=').unwrap_or(field.text.len());
    let key = field.slice(0..end);
    let value = (end < field.text.len()).then(|| field.slice(end + 1..field.text.len()));
    (Spanned::new(key.text, key.span), value)
}

impl Device {
    /// Reads the flag's value.
    pub(super) fn read(text: Word, diagnostics: &mut Vec<Diagnostic>) -> Option<Device> {
        let fields = match fields(&text) {
            Ok(fields) => fields,
            Err(bad) => {
                diagnostics.push(bad.diagnostic("devices", &text));
                return None;
            }
        };
        let mut device = Device { text, name: String::new(), required: false };
        for field in &fields {
            if let Err(message) = device.field(field) {
                diagnostics.push(Diagnostic::error("invalid-device", message, field.span));
            }
        }
        Some(device)
    }

    fn field(&mut self, field: &Word) -> Result<(), String> {
        let (key, value) = key_and_value(field);
        match (key.value.to_lowercase().as_str(), value) {
            ("required", None) => self.required = true,
            ("required", Some(value)) => {
                self.required = parse_bool(&value.text)
                    .ok_or_else(|| format!("invalid value for required: {}", value.text))?;
            }
            ("name", Some(_)) if !self.name.is_empty() => {
                return Err(format!("device name already set to {}", self.name));
            }
            ("name", Some(value)) => self.name = value.text,
            (_, _) if self.name.is_empty() => self.name.clone_from(&field.text),
            (_, None) => {
                return Err(format!("invalid field '{}' must be a key=value pair", field.text));
            }
            (key, Some(_)) => return Err(format!("unexpected key '{key}' in '{}'", field.text)),
        }
        Ok(())
    }
}

/// What Go's `strconv.ParseBool` takes.
fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// Why a value is no list of fields.
struct BadFields {
    message: String,
    at: Range<usize>,
}

impl BadFields {
    fn new(message: &str, at: usize) -> BadFields {
        // The column counts bytes from 1.
        let message = format!("parse error on line 1, column {}: {message}", at + 1);
        BadFields { message, at: at..at + 1 }
    }

    fn diagnostic(self, what: &str, text: &Word) -> Diagnostic {
        let message = format!("failed to parse csv {what}: {}", self.message);
        let end = self.at.end.min(text.text.len());
        let span = text.span_of(self.at.start.min(end), end);
        Diagnostic::error("invalid-mount", message, span)
    }
}

/// Splits a flag's value at its commas; a field may stand in double quotes, with doubled ones inside.
fn fields(text: &Word) -> Result<Vec<Word>, BadFields> {
    if !text.text.is_empty() && !text.text.contains('"') {
        let mut start = 0;
        let fields = text.text.split(',').map(|field| {
            let range = start..start + field.len();
            start = range.end + 1;
            text.slice(range)
        });
        return Ok(fields.collect());
    }
    let parsed = InstructionParser::parse(Rule::fields, &text.text);
    match parsed.ok().and_then(|mut pairs| pairs.next()) {
        Some(fields) if !text.text.is_empty() => {
            let fields = fields.into_inner().filter(|pair| pair.as_rule() == Rule::field);
            fields.map(|pair| field(text, pair)).collect()
        }
        Some(_) | None => Err(BadFields { message: "EOF".to_owned(), at: 0..0 }),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "pest makes one enum of all rules")]
fn field(text: &Word, pair: Pair<'_, Rule>) -> Result<Word, BadFields> {
    let start = text.span_of(pair.as_span().start(), pair.as_span().start());
    let mut word = WordBuilder::new(start.source, start.start as usize);
    for piece in pair.into_inner() {
        let at = piece.as_span().start()..piece.as_span().end();
        match piece.as_rule() {
            Rule::bare_quote => {
                return Err(BadFields::new("bare \" in non-quoted field", at.start));
            }
            Rule::stray_quote => {
                let message = "extraneous or missing \" in quoted-field";
                return Err(BadFields::new(message, at.start));
            }
            Rule::doubled_quote => word.written_as("\"", text.span_of(at.start, at.end).range()),
            _ => word.word(&text.slice(at)),
        }
    }
    Ok(word.finish())
}
