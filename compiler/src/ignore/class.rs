//! Sets of characters: classes and escapes in the syntax of Go's regular expressions.

/// Which characters a step takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Set {
    Char(char),
    AllButNewline,
    Class { negated: bool, ranges: Vec<(char, char)> },
}

type Ranges = &'static [(char, char)];

const DIGITS: Ranges = &[('0', '9')];
const BLANKS: Ranges = &[('\t', '\n'), ('\x0c', '\r'), (' ', ' ')];
const WORDS: Ranges = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];

/// The names in `[[:name:]]`.
const NAMED: &[(&str, Ranges)] = &[
    ("alnum", &[('0', '9'), ('A', 'Z'), ('a', 'z')]),
    ("alpha", &[('A', 'Z'), ('a', 'z')]),
    ("ascii", &[('\0', '\x7f')]),
    ("blank", &[('\t', '\t'), (' ', ' ')]),
    ("cntrl", &[('\0', '\x1f'), ('\x7f', '\x7f')]),
    ("digit", DIGITS),
    ("graph", &[('!', '~')]),
    ("lower", &[('a', 'z')]),
    ("print", &[(' ', '~')]),
    ("punct", &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')]),
    ("space", &[('\t', '\r'), (' ', ' ')]),
    ("upper", &[('A', 'Z')]),
    ("word", WORDS),
    ("xdigit", &[('0', '9'), ('A', 'F'), ('a', 'f')]),
];

impl Set {
    pub(super) fn has(&self, c: char) -> bool {
        match self {
            Set::Char(own) => *own == c,
            Set::AllButNewline => c != '\n',
            Set::Class { negated, ranges } => {
                ranges.iter().any(|(low, high)| *low <= c && c <= *high) != *negated
            }
        }
    }
}

/// What follows `\`: the set, and what is after it. `None` if it means nothing.
pub(super) fn parse_escape(text: &str) -> Option<(Set, &str)> {
    if let Some((negated, ranges, rest)) = perl_class(text) {
        return Some((Set::Class { negated, ranges: ranges.to_vec() }, rest));
    }
    let (c, rest) = escaped_char(text)?;
    Some((Set::Char(c), rest))
}

/// What follows `[`: the class, and what is after its `]`. `None` if it is broken.
pub(super) fn parse_class(text: &str) -> Option<(Set, &str)> {
    let (negated, mut rest) = match text.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut ranges: Vec<(char, char)> = Vec::new();
    let mut is_first = true;
    loop {
        if let Some(after) = rest.strip_prefix(']').filter(|_| !is_first) {
            return Some((Set::Class { negated, ranges }, after));
        }
        is_first = false;
        if let Some((inside, after)) =
            rest.strip_prefix("[:").and_then(|rest| rest.split_once(":]"))
        {
            let (name, is_negated) = match inside.strip_prefix('^') {
                Some(name) => (name, true),
                None => (inside, false),
            };
            let (_, named) = NAMED.iter().find(|(known, _)| *known == name)?;
            add(&mut ranges, named, is_negated);
            rest = after;
            continue;
        }
        if let Some((is_negated, named, after)) = rest.strip_prefix('\\').and_then(perl_class) {
            add(&mut ranges, named, is_negated);
            rest = after;
            continue;
        }
        let (low, after) = class_char(rest)?;
        let (high, after) = match after.strip_prefix('-') {
            Some(end) if !end.is_empty() && !end.starts_with(']') => class_char(end)?,
            Some(_) | None => (low, after),
        };
        if high < low {
            return None;
        }
        ranges.push((low, high));
        rest = after;
    }
}

fn class_char(text: &str) -> Option<(char, &str)> {
    match text.strip_prefix('\\') {
        Some(escaped) => escaped_char(escaped),
        None => {
            let c = text.chars().next()?;
            Some((c, &text[c.len_utf8()..]))
        }
    }
}

fn add(ranges: &mut Vec<(char, char)>, named: &[(char, char)], is_negated: bool) {
    if !is_negated {
        ranges.extend(named);
        return;
    }
    // The named ranges are sorted and apart: what lies between them, before and after.
    let before = |c: char| char::from_u32(u32::from(c).wrapping_sub(1));
    let after = |c: char| char::from_u32(u32::from(c) + 1).unwrap_or(char::MAX);
    let mut from = '\0';
    for (low, high) in named {
        ranges.extend(before(*low).filter(|end| from <= *end).map(|end| (from, end)));
        from = after(*high);
    }
    ranges.push((from, char::MAX));
}

/// `\d`, `\s`, `\w` and their opposites, without the `\`.
fn perl_class(text: &str) -> Option<(bool, Ranges, &str)> {
    let (negated, ranges) = match text.chars().next()? {
        'd' => (false, DIGITS),
        'D' => (true, DIGITS),
        's' => (false, BLANKS),
        'S' => (true, BLANKS),
        'w' => (false, WORDS),
        'W' => (true, WORDS),
        _ => return None,
    };
    Some((negated, ranges, &text[1..]))
}

/// The character that an escape without its `\` stands for.
fn escaped_char(text: &str) -> Option<(char, &str)> {
    let c = text.chars().next()?;
    let rest = &text[c.len_utf8()..];
    let simple = match c {
        'a' => '\x07',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        'x' => return hex_char(rest),
        '0'..='7' => return octal_char(text),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
        _ => return None,
    };
    Some((simple, rest))
}

fn hex_char(text: &str) -> Option<(char, &str)> {
    let digits = text.get(..2).filter(|digits| digits.bytes().all(|c| c.is_ascii_hexdigit()))?;
    let code = u8::from_str_radix(digits, 16).ok()?;
    Some((char::from(code), &text[2..]))
}

fn octal_char(text: &str) -> Option<(char, &str)> {
    let length = text.bytes().take(3).take_while(|c| matches!(c, b'0'..=b'7')).count();
    if length == 1 && !text.starts_with('0') {
        return None; // a reference to a group
    }
    let code = u32::from_str_radix(&text[..length], 8).ok()?;
    Some((char::from_u32(code)?, &text[length..]))
}
