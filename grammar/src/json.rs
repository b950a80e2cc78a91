//! The JSON form of an instruction: an array of strings, as Go's `encoding/json` reads it.

use std::ops::Range;

use pest::Parser;
use pest::iterators::Pair;
use pest_derive::Parser;

use crate::limits::MAX_JSON_NESTING;

#[derive(Parser)]
#[grammar = "json.pest"]
struct JsonParser;

/// What a text is as a JSON array.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Array {
    /// An array of strings.
    Strings(Vec<JsonString>),
    /// JSON, but with something at this place that is no string.
    Mixed(Range<usize>),
    /// Nested too deeply to say.
    TooDeep,
    /// No JSON array.
    No,
}

/// A string of an array.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct JsonString {
    /// Where it stands, without its quotes.
    pub(crate) range: Range<usize>,
    /// Its value in pieces: what each says, and where.
    pub(crate) pieces: Vec<(String, Range<usize>)>,
}

/// Where the strings of an array stand, without their quotes, if it is one of strings that have no escapes: nearly all
/// are. `None` says nothing.
pub(crate) fn plain_array(text: &str) -> Option<Vec<Range<usize>>> {
    let blank = |rest: &'_ str| rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    let mut at = text.starts_with('[').then_some(1)?;
    let mut strings = Vec::new();
    loop {
        at += blank(&text[at..]);
        at += text[at..].starts_with('"').then_some(1)?;
        let end = at + text[at..].find(|c: char| matches!(c, '"' | '\\' | '\0'..='\x1f'))?;
        text[end..].starts_with('"').then_some(())?;
        strings.push(at..end);
        at = end + 1;
        at += blank(&text[at..]);
        match text.as_bytes().get(at)? {
            b',' => at += 1,
            b']' => return (at + 1 + blank(&text[at + 1..]) == text.len()).then_some(strings),
            _ => return None,
        }
    }
}

/// Reads a text as an array of strings.
pub(crate) fn array(text: &str) -> Array {
    if !text.starts_with('[') {
        return Array::No;
    }
    if is_too_deep(text) {
        return Array::TooDeep;
    }
    let Ok(mut pairs) = JsonParser::parse(Rule::array_form, text) else { return Array::No };
    let Some(array) = pairs.next().and_then(|form| form.into_inner().next()) else {
        return Array::No;
    };
    let mut strings = Vec::new();
    let mut mixed = None;
    for value in array.into_inner() {
        if value.as_rule() == Rule::string {
            strings.push(string(value));
        } else if has_unreadable_number(&value) {
            return Array::No;
        } else if mixed.is_none() {
            mixed = Some(value.as_span().start()..value.as_span().end());
        }
    }
    mixed.map_or(Array::Strings(strings), Array::Mixed)
}

/// The string that a member of a JSON object has as its value. The last of equal names counts.
pub(crate) fn member(text: &str, name: &str) -> Option<String> {
    if is_too_deep(text) {
        return None;
    }
    let form = JsonParser::parse(Rule::object_form, text).ok()?.next()?;
    let object = form.into_inner().next()?;
    let member = object.into_inner().rfind(|member| {
        member.clone().into_inner().next().is_some_and(|key| value_of(string(key)) == name)
    })?;
    let value = member.into_inner().nth(1)?;
    (value.as_rule() == Rule::string).then(|| value_of(string(value)))
}

fn value_of(string: JsonString) -> String {
    string.pieces.into_iter().map(|(text, _)| text).collect()
}

/// Go reads numbers as 64-bit floats, and takes none that do not fit.
fn has_unreadable_number(value: &Pair<'_, Rule>) -> bool {
    value.as_rule() == Rule::number
        && value.as_str().parse::<f64>().is_ok_and(|number| number.is_infinite())
        || value.clone().into_inner().any(|inner| has_unreadable_number(&inner))
}

fn string(pair: Pair<'_, Rule>) -> JsonString {
    let range = pair.as_span().start() + 1..pair.as_span().end() - 1;
    let mut pieces: Vec<(String, Range<usize>)> = Vec::new();
    let mut high = None;
    for piece in pair.into_inner().filter(|pair| pair.as_rule() != Rule::EOI) {
        let at = piece.as_span().start()..piece.as_span().end();
        let text = piece.as_str();
        let unit = text.strip_prefix("\\u").and_then(|hex| u16::from_str_radix(hex, 16).ok());
        if let (Some(first), Some(second)) = (high, unit) {
            let decoded = char::decode_utf16([first, second]).next();
            if let (Some(Ok(c)), Some(last)) = (decoded, pieces.last_mut()) {
                *last = (c.to_string(), last.1.start..at.end);
                high = None;
                continue;
            }
        }
        high = unit.filter(|unit| (0xd800..0xdc00).contains(unit));
        pieces.push((unescaped(text, unit), at));
    }
    JsonString { range, pieces }
}

fn unescaped(text: &str, unit: Option<u16>) -> String {
    match (text, unit) {
        (_, Some(unit)) => {
            char::from_u32(unit.into()).unwrap_or(char::REPLACEMENT_CHARACTER).into()
        }
        ("\\b", _) => "\u{8}".into(),
        ("\\f", _) => "\u{c}".into(),
        ("\\n", _) => "\n".into(),
        ("\\r", _) => "\r".into(),
        ("\\t", _) => "\t".into(),
        (plain, _) => plain.strip_prefix('\\').unwrap_or(plain).into(),
    }
}

/// Whether brackets outside strings nest deeper than the parser should go.
fn is_too_deep(text: &str) -> bool {
    let mut depth = 0_usize;
    let mut bytes = text.bytes();
    let mut in_string = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => drop(bytes.next()),
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_JSON_NESTING {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(text: &str) -> Vec<String> {
        let Array::Strings(strings) = array(text) else { panic!("{text}") };
        strings.into_iter().map(value_of).collect()
    }

    #[test]
    fn strings_are_unescaped() {
        assert_eq!(strings("[]"), Vec::<String>::new());
        assert_eq!(strings(r#"[ "a" , "b\tc\/\u00e9" ] "#), ["a", "b\tc/é"]);
        assert_eq!(strings(r#"["\ud83d\ude00\ud83d\u0041"]"#), ["😀\u{fffd}A"]);
    }

    #[test]
    fn plain_arrays_are_read_alike() {
        for text in [
            r#"["a"]"#,
            r#"[ "a" ,"é b", "" ] "#,
            r#"["a",]"#,
            r#"["a"] b"#,
            r#"["a"b]"#,
            "[",
            "[]",
        ] {
            let Some(found) = plain_array(text) else { continue };
            let Array::Strings(strings) = array(text) else { panic!("{text}") };
            assert_eq!(found, strings.into_iter().map(|it| it.range).collect::<Vec<_>>());
        }
        assert_eq!(plain_array(r#"[ "a" ,"b"]"#), Some(vec![3..4, 8..9]));
        for text in [r#"["a",]"#, r#"["a"] b"#, r#"["\n"]"#, "[\"a\tb\"]", "[1]"] {
            assert_eq!(plain_array(text), None);
        }
    }

    #[test]
    fn what_is_no_array_of_strings() {
        assert_eq!(array(r#"["a",]"#), Array::No);
        assert_eq!(array(r#"["a"] b"#), Array::No);
        assert_eq!(array("['a']"), Array::No);
        assert_eq!(array("[\"a\tb\"]"), Array::No);
        assert_eq!(array("[1e999]"), Array::No);
        assert_eq!(array(r#"["a", 1]"#), Array::Mixed(6..7));
        assert_eq!(array(r#"[["a"]]"#), Array::Mixed(1..6));
        assert_eq!(array("[null]"), Array::Mixed(1..5));
        assert_eq!(array(&"[".repeat(100_000)), Array::TooDeep);
    }

    #[test]
    fn members_of_objects() {
        assert_eq!(member(r#"{"syntax": "a", "b": [1]}"#, "syntax").as_deref(), Some("a"));
        assert_eq!(member(r#"{"syntax": 1}"#, "syntax"), None);
        assert_eq!(member("{", "syntax"), None);
    }
}
