//! Here-documents: where an instruction's line begins one, and what its word says.
//!
//! BuildKit finds them by splitting the whole line with its shell lexer, so an unclosed quote anywhere in the line
//! means that the line has none, and `$(( 1 << 2 ))` means that it has one.

use std::ops::Range;

use crate::source::Spanned;
use crate::tree::Heredoc;
use crate::word::lex::{self, Kind, Mode, Piece};
use crate::word::{Word, WordBuilder};

/// The word of a heredoc: `<<NAME`, `<<-"NAME"`, `3<<NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// The word, unquoted.
    pub(crate) name: String,
    /// False if some of the word was quoted.
    pub(crate) expand: bool,
    /// `<<-`
    pub(crate) chomp: bool,
    /// The number before `<<`; 0 if there is none.
    pub(crate) fd: u32,
}

/// The heredocs that a line begins, and where in the line. An error is BuildKit's message.
pub(crate) fn in_line(line: &str) -> Result<Vec<(Token, Range<usize>)>, String> {
    let mut reader = Unset { raw_quotes: true, raw_escapes: true, words: Words::default() };
    let mut pieces = lex::pieces(line, Mode::Word('\\'));
    if pieces.try_for_each(|piece| reader.one(&piece.ok()?)).is_none() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for (word, range) in reader.words.finish() {
        if let Some(token) = token(&word)? {
            found.push((token, range));
        }
    }
    Ok(found)
}

/// Whether a line is a heredoc's beginning and nothing else: `<<EOF`, `3<<-"E F"`.
pub fn is_heredoc(line: &str) -> bool {
    matches!(token(line), Ok(Some(_)))
}

/// What a word is as a heredoc's; `None` if it begins none.
pub(crate) fn token(word: &str) -> Result<Option<Token>, String> {
    let digits = word.len() - word.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (fd, rest) = word.split_at(digits);
    let Some(rest) = rest.strip_prefix("<<") else { return Ok(None) };
    let (chomp, rest) = match rest.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let rest = rest.trim_start_matches(['\t', '\n', '\x0c', '\r', ' ']);
    if rest.is_empty() || rest.contains('<') {
        return Ok(None);
    }
    let unquoted = words(rest, false)?;
    let [name] = unquoted.as_slice() else { return Ok(None) };
    let quoted = words(rest, true)?;
    let [raw] = quoted.as_slice() else {
        return Err(format!("internal lexing of heredoc produced inconsistent results: {rest}"));
    };
    let quotes = |text: &str| text.matches(['\'', '"']).count();
    let expand = quotes(name) == quotes(raw);
    Ok(Some(Token { name: name.clone(), expand, chomp, fd: fd.parse().unwrap_or(0) }))
}

/// The words of a text when no variable is set.
fn words(text: &str, raw_quotes: bool) -> Result<Vec<String>, String> {
    if !text.contains(['$', '\'', '"', '<', '\\', '\u{feff}']) {
        return Ok(text.split_whitespace().map(str::to_owned).collect());
    }
    let mut reader = Unset { raw_quotes, raw_escapes: false, words: Words::default() };
    for piece in lex::pieces(text, Mode::Word('\\')) {
        let piece = piece.map_err(|error| error.message)?;
        reader.one(&piece).ok_or_else(|| "unsupported modifier in substitution".to_owned())?;
    }
    Ok(reader.words.finish().into_iter().map(|(word, _)| word).collect())
}

/// Expands pieces with nothing set and unset variables left as they are.
struct Unset {
    raw_quotes: bool,
    raw_escapes: bool,
    words: Words,
}

/// Words in the making, with where each stands.
#[derive(Default)]
struct Words {
    done: Vec<(String, Range<usize>)>,
    text: String,
    range: Range<usize>,
}

impl Words {
    /// Adds text in which blanks end words.
    fn split(&mut self, text: &str, at: &Range<usize>) {
        for c in text.chars() {
            if !c.is_whitespace() {
                self.push(c.encode_utf8(&mut [0; 4]), at);
            } else if !self.text.is_empty() {
                self.done.push((std::mem::take(&mut self.text), self.range.clone()));
            }
        }
    }

    /// Adds text as it is.
    fn push(&mut self, text: &str, at: &Range<usize>) {
        if self.text.is_empty() {
            self.range = at.clone();
        }
        self.range.end = at.end;
        self.text.push_str(text);
    }

    fn finish(mut self) -> Vec<(String, Range<usize>)> {
        if !self.text.is_empty() {
            self.done.push((self.text, self.range));
        }
        self.done
    }
}

impl Unset {
    /// Reads a piece into words; `None` if BuildKit's lexer would refuse it.
    fn one(&mut self, piece: &Piece<'_>) -> Option<()> {
        let at = &piece.range;
        match &piece.kind {
            Kind::Plain(text) => {
                // Run by run, so that each word knows where it stands.
                for (start, text) in char_runs(text) {
                    let start = at.start + start;
                    self.words.split(text, &(start..start + text.len()));
                }
            }
            Kind::Dollar => self.words.split("$", at),
            Kind::Named(_) | Kind::Braced(_) | Kind::Modified { .. } | Kind::Replaced { .. } => {
                let text = self.variable(piece)?;
                self.words.split(&text, at);
            }
            Kind::Escaped { .. } | Kind::Angle(_) | Kind::Single(_) | Kind::Double(_) => {
                let mut text = String::new();
                self.text(piece, &mut text)?;
                self.words.push(&text, at);
            }
        }
        Some(())
    }

    /// What a piece says.
    fn text(&mut self, piece: &Piece<'_>, out: &mut String) -> Option<()> {
        match &piece.kind {
            Kind::Plain(text) | Kind::Angle(text) => out.push_str(text),
            Kind::Dollar => out.push('$'),
            Kind::Escaped { escape, text } => {
                if self.raw_escapes {
                    out.push_str(escape);
                }
                out.push_str(text);
            }
            Kind::Single(text) => {
                let quote = if self.raw_quotes { "'" } else { "" };
                out.extend([quote, text, quote]);
            }
            Kind::Double(inner) => {
                let quote = if self.raw_quotes { "\"" } else { "" };
                out.push_str(quote);
                for piece in inner {
                    if let Kind::Escaped { escape, text: "" } = &piece.kind {
                        out.push_str(escape);
                    }
                    self.text(piece, out)?;
                }
                out.push_str(quote);
            }
            Kind::Named(_) | Kind::Braced(_) | Kind::Modified { .. } | Kind::Replaced { .. } => {
                out.push_str(&self.variable(piece)?);
            }
        }
        Some(())
    }

    /// A variable that is not set, as BuildKit puts it back together.
    fn variable(&mut self, piece: &Piece<'_>) -> Option<String> {
        match &piece.kind {
            Kind::Named(name) => Some(format!("${name}")),
            Kind::Braced(name) => Some(format!("${{{name}}}")),
            Kind::Modified { name, operator, word, .. } => {
                let word = self.nested(word, matches!(*operator, "#" | "%"))?;
                Some(format!("${{{name}{operator}{word}}}"))
            }
            Kind::Replaced { name, pattern, replacement, .. } => {
                let pattern = self.nested(pattern, true)?;
                let replacement = self.nested(replacement, true)?;
                Some(format!("${{{name}/{pattern}/{replacement}}}"))
            }
            Kind::Plain(_)
            | Kind::Dollar
            | Kind::Escaped { .. }
            | Kind::Angle(_)
            | Kind::Single(_)
            | Kind::Double(_) => None,
        }
    }

    /// The word of a modifier. Reading one makes BuildKit forget the word it stands in so far.
    fn nested(&mut self, pieces: &[Piece<'_>], raw_escapes: bool) -> Option<String> {
        self.words.text.clear();
        let outer = std::mem::replace(&mut self.raw_escapes, raw_escapes);
        let mut out = String::new();
        let read = pieces.iter().try_for_each(|piece| self.text(piece, &mut out));
        self.raw_escapes = outer;
        read.map(|()| out)
    }
}

/// Runs of blanks and of other characters, with their offsets.
fn char_runs(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let blank = rest.chars().next()?.is_whitespace();
        let end = rest.find(|c: char| c.is_whitespace() != blank).unwrap_or(rest.len());
        let start = text.len() - rest.len();
        let (run, after) = rest.split_at(end);
        rest = after;
        Some((start, run))
    })
}

impl Heredoc {
    /// The body, with the leading tabs taken off where `<<-` asks for that, as a word that can be expanded by
    /// [`Word::body_parts`].
    pub fn chomped(&self) -> Word {
        if self.chomp {
            return without_tabs(&self.content);
        }
        Word::verbatim(self.content.value.clone(), self.content.span)
    }
}

/// A body without the tabs at the start of its lines.
pub(crate) fn without_tabs(content: &Spanned<String>) -> Word {
    let Spanned { value, span } = content;
    let mut word = WordBuilder::new(span.source, span.start as usize);
    let mut offset = span.start as usize;
    for line in value.split_inclusive('\n') {
        let text = line.trim_start_matches('\t');
        word.verbatim(text, offset + line.len() - text.len());
        offset += line.len();
    }
    word.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(line: &str) -> Vec<String> {
        in_line(line).unwrap().into_iter().map(|(token, _)| token.name).collect()
    }

    #[test]
    fn chomping_takes_tabs_only() {
        let text = "\t\ta\n\t b\n";
        let content = Spanned::new(text.to_owned(), crate::source::Span::new(0, text.len()));
        assert_eq!(without_tabs(&content).text, "a\n b\n");
    }

    #[test]
    fn where_heredocs_begin() {
        assert_eq!(names("RUN <<EOF"), ["EOF"]);
        assert_eq!(names("RUN << EOF"), ["EOF"]);
        assert_eq!(names("RUN <<- EOF"), Vec::<String>::new());
        assert_eq!(names("RUN 3<<A cat <<-'B'"), ["A", "B"]);
        assert_eq!(names("RUN <<<EOF"), Vec::<String>::new());
        assert_eq!(names("RUN a<<EOF \"<<EOF\""), Vec::<String>::new());
        assert_eq!(names("RUN echo $(( 1 << X ))"), ["X"]);
        assert_eq!(names("RUN don't <<EOF"), Vec::<String>::new());
        assert_eq!(names("RUN <<$X"), ["$X"]);
        assert_eq!(names("RUN ${a:-x <<EOF}"), ["EOF}"]);
        assert_eq!(names("COPY <<\"E F\" /x"), ["E F"]);
    }

    #[test]
    fn lines_that_are_heredocs() {
        for yes in ["<<EOF", "<< EOF", "3<<EOF", "<<-\"A B\"", "<<'EOF'"] {
            assert!(is_heredoc(yes), "{yes}");
        }
        for no in ["<<EOF cat", "<<<EOF", "cat <<EOF", "<<", "<<A<<B", "<<'A"] {
            assert!(!is_heredoc(no), "{no}");
        }
    }

    #[test]
    fn quoting_turns_expansion_off() {
        let expand = |word: &str| token(word).unwrap().unwrap().expand;
        assert!(expand("<<EOF"));
        assert!(!expand("<<'EOF'"));
        assert!(!expand("<<E\"O\"F"));
    }
}
