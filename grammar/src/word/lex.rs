//! A word's pieces as BuildKit's shell lexer reads them (`shell/lex.go`): the tree behind [`super::Part`].

use pest::Parser;
use pest::iterators::Pair;
use pest_derive::Parser;
use std::ops::Range;

use crate::limits::{MAX_NESTING, MAX_VARIABLES};
use crate::word::depth;

/// What an editor may have put before a text.
const MARK: char = '\u{FEFF}';

#[derive(Parser)]
#[grammar = "word.pest"]
struct WordParser;

/// How a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Quotes are taken off; escapes begin with this character, `\` or `` ` ``.
    Word(char),
    /// Quotes are text; escapes begin with `\`.
    Body,
}

/// A piece of a text, and where in the text it stands.
#[derive(Debug)]
pub(crate) struct Piece<'t> {
    pub(crate) range: Range<usize>,
    pub(crate) kind: Kind<'t>,
}

/// What a piece is.
#[derive(Debug)]
pub(crate) enum Kind<'t> {
    /// Text without meaning.
    Plain(&'t str),
    /// An escape character, and what follows it.
    Escaped { escape: &'t str, text: &'t str },
    /// `<`, or `<<` with the blanks behind it, which do not end a word.
    Angle(&'t str),
    /// The text between single quotes.
    Single(&'t str),
    /// The pieces between double quotes; `Plain`, `Escaped` and variables only.
    Double(Vec<Piece<'t>>),
    /// A `$` that begins nothing.
    Dollar,
    /// `$name`
    Named(&'t str),
    /// `${name}`
    Braced(&'t str),
    /// `${name:-word}` and the like; `operator` is what stands between.
    Modified { name: &'t str, name_at: usize, operator: &'t str, word: Vec<Piece<'t>> },
    /// `${name/pattern/replacement}`
    Replaced {
        name: &'t str,
        name_at: usize,
        all: bool,
        pattern: Vec<Piece<'t>>,
        replacement: Vec<Piece<'t>>,
    },
}

/// A mistake in a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LexError {
    pub(crate) message: String,
    /// What is to be underlined.
    pub(crate) range: Range<usize>,
    /// How far the text was read.
    read: usize,
}

/// The pieces of a text, one after the other; none follows a mistake.
pub(crate) fn pieces(text: &str, mode: Mode) -> Pieces<'_> {
    let start = if text.starts_with(MARK) { MARK.len_utf8() } else { 0 };
    let failed = depth::too_deep(text, mode).map(nested_too_deeply);
    Pieces { text, mode, at: start, ready: Vec::new().into_iter(), failed }
}

/// See [`pieces`].
#[derive(Debug)]
pub(crate) struct Pieces<'t> {
    text: &'t str,
    mode: Mode,
    /// What stands before this was read.
    at: usize,
    /// What was read and not yet asked for.
    ready: std::vec::IntoIter<Piece<'t>>,
    /// A mistake behind what is ready.
    failed: Option<LexError>,
}

impl<'t> Iterator for Pieces<'t> {
    type Item = Result<Piece<'t>, LexError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(piece) = self.ready.next() {
            return Some(Ok(piece));
        }
        if let Some(error) = self.failed.take() {
            self.at = self.text.len();
            return Some(Err(error));
        }
        let rest = &self.text[self.at..];
        let end = rest.find(self.mode.special()).unwrap_or(rest.len());
        if end > 0 {
            let range = self.at..self.at + end;
            self.at = range.end;
            return Some(Ok(Piece { range, kind: Kind::Plain(&rest[..end]) }));
        }
        if rest.is_empty() {
            return None;
        }
        if let Some((length, name)) = plain_variable(rest) {
            let range = self.at..self.at + length;
            self.at = range.end;
            let in_braces = rest.as_bytes()[1] == b'{';
            let kind = if in_braces { Kind::Braced(name) } else { Kind::Named(name) };
            return Some(Ok(Piece { range, kind }));
        }
        self.read();
        self.next()
    }
}

impl Pieces<'_> {
    /// Lets the grammar read some pieces.
    fn read(&mut self) {
        let text = &self.text[self.at..];
        let Some(pairs) = self.mode.parse(text) else {
            // Every text matches; only a stack that is nearly used up gets here.
            self.failed = Some(nested_too_deeply(self.at));
            return;
        };
        let reader = Reader { text: self.text, base: self.at };
        let end = self.at + pairs.as_span().end();
        let mut ready = Vec::new();
        for pair in pairs.into_inner() {
            match reader.piece(pair) {
                Ok(piece) => ready.push(piece),
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
        self.at = end;
        self.ready = ready.into_iter();
    }
}

impl Mode {
    /// What begins an escape.
    pub(super) fn escape(self) -> u8 {
        match self {
            Mode::Word('`') => b'`',
            Mode::Word(_) | Mode::Body => b'\\',
        }
    }

    /// Whether a character may be anything but text.
    fn special(self) -> impl Fn(char) -> bool {
        let escape = char::from(self.escape());
        let quotes = matches!(self, Mode::Word(_));
        move |c| c == '$' || c == escape || quotes && matches!(c, '\'' | '"' | '<')
    }

    /// The first pieces of a text that begins with one.
    fn parse(self, text: &str) -> Option<Pair<'_, Rule>> {
        let rule = match self {
            Mode::Word('`') => Rule::with_backtick,
            Mode::Word(_) => Rule::with_backslash,
            Mode::Body => Rule::body,
        };
        WordParser::parse(rule, text).ok()?.next()
    }
}

fn nested_too_deeply(at: usize) -> LexError {
    let message = format!("more than {MAX_NESTING} substitutions inside one another");
    LexError { message, range: at..at, read: at }
}

/// The refusal of a word that nobody wrote.
pub(super) fn too_many_variables() -> LexError {
    let message = format!("more than {MAX_VARIABLES} substitutions in one word");
    LexError { message, range: 0..0, read: 0 }
}

/// How long a `$name` or `${name}` is that a text begins with, and its name: most variables are written so.
fn plain_variable(text: &str) -> Option<(usize, &str)> {
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let in_braces = text.strip_prefix("${");
    let behind = in_braces.or_else(|| text.strip_prefix('$'))?;
    behind.bytes().next().filter(|b| is_name(b) && !b.is_ascii_digit())?;
    let length = behind.bytes().position(|b| !is_name(&b)).unwrap_or(behind.len());
    let (name, rest) = behind.split_at(length);
    match (in_braces, rest.bytes().next()) {
        (Some(_), Some(b'}')) => Some((length + 3, name)),
        (Some(_), _) => None,
        // Other letters would go on with the name.
        (None, next) => next.is_none_or(|b| b.is_ascii()).then_some((length + 1, name)),
    }
}

/// How deep the grammar nests substitutions in a text.
#[cfg(test)]
pub(super) fn grammar_depth(text: &str, mode: Mode) -> usize {
    fn deepest(pair: Pair<'_, Rule>) -> usize {
        let opens = matches!(pair.as_rule(), Rule::word | Rule::replace);
        let inner: Vec<Pair<'_, Rule>> = pair.into_inner().collect();
        let here = inner.iter().any(|it| matches!(it.as_rule(), Rule::word | Rule::replace));
        let below = inner.into_iter().map(deepest).max().unwrap_or(0);
        if opens { 0 } else { below + usize::from(here) }
    }
    let mut at = 0;
    let mut depth = 0;
    while let Some(pair) = (at < text.len()).then(|| mode.parse(&text[at..])).flatten() {
        at += pair.as_span().end();
        depth = depth.max(deepest(pair));
    }
    depth
}

struct Reader<'t> {
    /// All of the text.
    text: &'t str,
    /// Where in it the grammar began to read.
    base: usize,
}

impl<'t> Reader<'t> {
    /// Where a rule's text stands.
    fn range(&self, pair: &Pair<'t, Rule>) -> Range<usize> {
        let span = pair.as_span();
        self.base + span.start()..self.base + span.end()
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "pest makes one enum of all rules")]
    fn piece(&self, pair: Pair<'t, Rule>) -> Result<Piece<'t>, LexError> {
        let range = self.range(&pair);
        let text = pair.as_str();
        let kind = match pair.as_rule() {
            Rule::escaped | Rule::double_escape => {
                // Both escape characters are one byte long.
                let (escape, text) = text.split_at(1);
                Kind::Escaped { escape, text }
            }
            Rule::angle => Kind::Angle(text),
            Rule::single => self.single(pair)?,
            Rule::double => self.double(pair)?,
            Rule::lone => Kind::Dollar,
            Rule::named => Kind::Named(&text[1..]),
            Rule::braced | Rule::body_braced => self.braced(pair)?,
            _ => Kind::Plain(text),
        };
        Ok(Piece { range, kind })
    }

    fn single(&self, pair: Pair<'t, Rule>) -> Result<Kind<'t>, LexError> {
        let start = self.range(&pair).start;
        let mut inner = pair.into_inner();
        let text = inner.next().map_or("", |text| text.as_str());
        match inner.next() {
            None => Ok(Kind::Single(text)),
            Some(_) => Err(self.unclosed_quote("single", start)),
        }
    }

    fn double(&self, pair: Pair<'t, Rule>) -> Result<Kind<'t>, LexError> {
        let start = self.range(&pair).start;
        let mut pieces = Vec::new();
        for inner in pair.into_inner() {
            if inner.as_rule() == Rule::unclosed {
                return Err(self.unclosed_quote("double", start));
            }
            pieces.push(self.piece(inner)?);
        }
        Ok(Kind::Double(pieces))
    }

    fn unclosed_quote(&self, kind: &str, start: usize) -> LexError {
        let message =
            format!("unexpected end of statement while looking for matching {kind}-quote");
        LexError { message, range: start..start + 1, read: self.text.len() }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "pest makes one enum of all rules")]
    fn braced(&self, pair: Pair<'t, Rule>) -> Result<Kind<'t>, LexError> {
        let whole = self.range(&pair);
        let mut inner = pair.into_inner();
        let Some(name) = inner.next() else { return Ok(Kind::Braced("")) };
        match name.as_rule() {
            Rule::unclosed => return Err(self.missing('}', &whole)),
            Rule::bad => {
                let message = "syntax error: bad substitution".to_owned();
                let end = whole.end + 1;
                return Err(LexError { message, range: whole.start..end, read: whole.end });
            }
            _ => {}
        }
        let (name, name_at) = (name.as_str(), self.range(&name).start);
        let Some(operator) = inner.next() else { return Ok(Kind::Braced(name)) };
        let at = self.range(&operator);
        let text = operator.as_str();
        match operator.as_rule() {
            Rule::word => {
                let word = match inner.next() {
                    Some(word) => self.up_to(word, '}', &whole)?,
                    None => Vec::new(),
                };
                Ok(Kind::Modified { name, name_at, operator: text, word })
            }
            Rule::replace => {
                let mut words = inner;
                let pattern = match words.next() {
                    Some(pattern) => self.up_to(pattern, '/', &whole)?,
                    None => Vec::new(),
                };
                let replacement = match words.next() {
                    Some(word) if word.as_rule() != Rule::unclosed => {
                        self.up_to(word, '}', &whole)?
                    }
                    Some(_) | None => return Err(self.missing('}', &whole)),
                };
                Ok(Kind::Replaced { name, name_at, all: text.len() > 1, pattern, replacement })
            }
            // BuildKit calls the end of the text an unsupported modifier.
            _ if text.is_empty() => Err(self.missing('}', &whole)),
            _ => Err(unsupported(text, at.clone(), at.end)),
        }
    }

    /// The pieces up to a closing character. Any mistake at the end of the text means that the character is missing.
    fn up_to(
        &self,
        pair: Pair<'t, Rule>,
        closing: char,
        whole: &Range<usize>,
    ) -> Result<Vec<Piece<'t>>, LexError> {
        let mut pieces = Vec::new();
        for inner in pair.into_inner() {
            if inner.as_rule() == Rule::unclosed {
                return Err(self.missing(closing, whole));
            }
            match self.piece(inner) {
                Ok(piece) => pieces.push(piece),
                Err(error) if error.read == self.text.len() => {
                    return Err(self.missing(closing, whole));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(pieces)
    }

    fn missing(&self, closing: char, whole: &Range<usize>) -> LexError {
        let message = match closing {
            '/' => "syntax error: missing '/' in ${}".to_owned(),
            _ => "syntax error: missing '}'".to_owned(),
        };
        LexError { message, range: whole.clone(), read: self.text.len() }
    }
}

/// The mistake of an operator that BuildKit does not know.
pub(crate) fn unsupported(operator: &str, range: Range<usize>, read: usize) -> LexError {
    let message = format!("unsupported modifier ({operator}) in substitution");
    LexError { message, range, read }
}
