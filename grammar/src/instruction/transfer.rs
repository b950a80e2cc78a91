//! What `COPY` and `ADD` share.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::flags::FlagReader;
use crate::heredoc;
use crate::instruction::Draft;
use crate::source::Spanned;
use crate::tree::Heredoc;
use crate::word::Word;

/// Where `COPY` and `ADD` take from and put to, and the flags they share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Paths and heredocs.
    pub sources: Vec<Source>,
    /// The destination.
    pub destination: Word,
    /// `--chown`
    pub chown: Option<Word>,
    /// `--chmod`
    pub chmod: Option<Word>,
    /// `--link`
    pub link: bool,
    /// `--exclude`, repeatable
    pub exclude: Vec<Word>,
}

/// One source of a `COPY` or `ADD`, in the order written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A path, wildcard, URL or git reference.
    Path(Word),
    /// A heredoc.
    Heredoc(SourceHeredoc),
}

/// A heredoc among the sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceHeredoc {
    /// The word, unquoted: the name of the file.
    pub name: Spanned<String>,
    /// Its index in [`Statement::heredocs`](crate::Statement::heredocs). Of heredocs with equal names that is the last.
    /// `None` if there is no body (the JSON form, or an unclosed quote in the line): the file is empty.
    pub body: Option<usize>,
    /// False if this word was quoted.
    pub expand: bool,
    /// Whether this one was written `<<-`.
    pub chomp: bool,
}

impl SourceHeredoc {
    /// The file's content, to be expanded by [`Word::body_parts`] if [`SourceHeredoc::expand`] says so. `bodies` are
    /// the statement's heredocs.
    pub fn content(&self, bodies: &[Heredoc]) -> Word {
        match self.body.and_then(|body| bodies.get(body)) {
            Some(body) if self.chomp => heredoc::without_tabs(&body.content),
            Some(body) => Word::verbatim(body.content.value.clone(), body.content.span),
            None => Word::in_one("", self.name.span),
        }
    }
}

impl Transfer {
    /// Reads the words, and the flags that both instructions have.
    pub(super) fn read(
        draft: &Draft<'_>,
        flags: &FlagReader<'_>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Transfer> {
        let name = draft.name();
        let [sources @ .., destination] = draft.args else {
            diagnostics.push(no_destination(draft));
            return None;
        };
        if sources.is_empty() {
            diagnostics.push(no_destination(draft));
            return None;
        }
        if let Ok(Some(_)) = heredoc::token(&destination.text) {
            let message = format!("{name} cannot accept a heredoc as a destination");
            diagnostics.push(
                Diagnostic::error("heredoc-destination", message, destination.span)
                    .help("write a path behind it"),
            );
            return None;
        }
        let bodies: Bodies<'_> =
            draft.heredocs.iter().map(|it| it.name.value.as_str()).zip(0..).collect();
        Some(Transfer {
            sources: sources.iter().map(|word| source(&bodies, word)).collect(),
            destination: destination.clone(),
            chown: flags.value("chown"),
            chmod: flags.value("chmod"),
            link: flags.switch("link").unwrap_or(false),
            exclude: flags.values("exclude"),
        })
    }
}

fn no_destination(draft: &Draft<'_>) -> Diagnostic {
    let name = draft.name();
    let message = format!(
        "{name} requires at least two arguments, but only one was provided. Destination could not be determined"
    );
    Diagnostic::error("missing-argument", message, draft.args_span())
        .help(format!("write `{name} SOURCE... DESTINATION`"))
}

/// The last body of each name.
type Bodies<'a> = BTreeMap<&'a str, usize>;

fn source(bodies: &Bodies<'_>, word: &Word) -> Source {
    let Ok(Some(token)) = heredoc::token(&word.text) else { return Source::Path(word.clone()) };
    Source::Heredoc(SourceHeredoc {
        body: bodies.get(token.name.as_str()).copied(),
        name: Spanned::new(token.name, word.span),
        expand: token.expand,
        chomp: token.chomp,
    })
}
