//! A word's pieces as BuildKit's shell lexer reads them (`shell/lex.go`): the tree behind [`super::Part`].

use pest::Parser;
use pest::iterators::Pair;
use pest_derive::Parser;
use std::ops::Range;

/// How deep `${` may nest. The shell has no limit; a Dockerfile has no use for more.
const MAX_DEPTH: usize = 100;

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

/// Reads a text.
pub(crate) fn pieces(text: &str, mode: Mode) -> Result<Vec<Piece<'_>>, LexError> {
    if let Some(at) = too_deep(text) {
        return Err(nested_too_deeply(at));
    }
    let rule = match mode {
        Mode::Word('`') => Rule::with_backtick,
        Mode::Word(_) => Rule::with_backslash,
        Mode::Body => Rule::body,
    };
    match WordParser::parse(rule, text) {
        Ok(mut pairs) => pairs.next().map_or(Ok(Vec::new()), |pair| Reader { text }.all(pair)),
        // Every text matches; only a stack that is nearly used up gets here.
        Err(_) => Err(nested_too_deeply(0)),
    }
}

fn nested_too_deeply(at: usize) -> LexError {
    let message = format!("more than {MAX_DEPTH} substitutions inside one another");
    LexError { message, range: at..at, read: at }
}

/// Where `${` nests too deeply. Errs on the safe side: a `}` behind a quote is not taken for the end of anything.
fn too_deep(text: &str) -> Option<usize> {
    let mut open: Vec<bool> = Vec::new();
    let bytes = text.as_bytes();
    for (i, byte) in bytes.iter().enumerate() {
        match byte {
            b'$' if bytes.get(i + 1) == Some(&b'{') => open.push(has_pattern(&bytes[i + 2..])),
            b'\'' | b'"' | b'\\' | b'`' => open.iter_mut().for_each(|quoted| *quoted = true),
            b'}' if open.last() == Some(&false) => drop(open.pop()),
            _ => {}
        }
        if open.len() > MAX_DEPTH {
            return Some(i);
        }
    }
    None
}

/// Whether what stands behind `${` is a name and `/`: in its pattern a `}` is text.
fn has_pattern(bytes: &[u8]) -> bool {
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || b"_@*#?-$!".contains(b) || !b.is_ascii();
    bytes.iter().find(|b| !is_name(b)) == Some(&b'/')
}

struct Reader<'t> {
    text: &'t str,
}

impl<'t> Reader<'t> {
    /// All pieces inside a rule; `None`-like mistakes of its end are the caller's.
    fn all(&self, pair: Pair<'t, Rule>) -> Result<Vec<Piece<'t>>, LexError> {
        pair.into_inner().map(|inner| self.piece(inner)).collect()
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "pest makes one enum of all rules")]
    fn piece(&self, pair: Pair<'t, Rule>) -> Result<Piece<'t>, LexError> {
        let range = pair.as_span().start()..pair.as_span().end();
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
        let start = pair.as_span().start();
        let mut inner = pair.into_inner();
        let text = inner.next().map_or("", |text| text.as_str());
        match inner.next() {
            None => Ok(Kind::Single(text)),
            Some(_) => Err(self.unclosed_quote("single", start)),
        }
    }

    fn double(&self, pair: Pair<'t, Rule>) -> Result<Kind<'t>, LexError> {
        let start = pair.as_span().start();
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
        let whole = pair.as_span().start()..pair.as_span().end();
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
        let (name, name_at) = (name.as_str(), name.as_span().start());
        let Some(operator) = inner.next() else { return Ok(Kind::Braced(name)) };
        let at = operator.as_span().start()..operator.as_span().end();
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
