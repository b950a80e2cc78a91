//! The open files, kept as the client has them.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use lsp_types::{TextDocumentContentChangeEvent, TextDocumentItem, Uri};

use crate::analysis::Analysis;
use crate::knowledge::Knowledge;
use crate::position::{Encoding, Lines};
use crate::uri;

/// What language a file is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Dockerfile,
    Ignore,
}

/// One open file.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) uri: Uri,
    /// Where it is on this machine, if it has been saved.
    pub(crate) path: Option<PathBuf>,
    pub(crate) language: Language,
    pub(crate) version: i32,
    pub(crate) text: String,
    pub(crate) lines: Lines,
    analysis: OnceCell<Rc<Analysis>>,
}

impl Document {
    /// Takes a file that the client opened.
    pub(crate) fn open(item: TextDocumentItem, encoding: Encoding) -> Document {
        let path = uri::path(&item.uri);
        let language = language(&item.language_id, path.as_deref());
        let lines = Lines::new(&item.text, encoding);
        Document {
            uri: item.uri,
            path,
            language,
            version: item.version,
            text: item.text,
            lines,
            analysis: OnceCell::new(),
        }
    }

    /// Applies what was typed.
    pub(crate) fn change(&mut self, version: i32, changes: Vec<TextDocumentContentChangeEvent>) {
        let encoding = self.lines.encoding();
        for change in changes {
            match change.range {
                Some(range) => {
                    let (start, end) = self.lines.offsets(&self.text, range);
                    self.text.replace_range(start..end, &change.text);
                }
                None => self.text = change.text,
            }
            self.lines = Lines::new(&self.text, encoding);
        }
        self.version = version;
        self.forget();
    }

    /// Forgets what was found out: the text or its surroundings have changed.
    pub(crate) fn forget(&mut self) {
        self.analysis = OnceCell::new();
    }

    /// What compiling tells of it.
    pub(crate) fn analysis(&self, knowledge: &dyn Knowledge) -> Rc<Analysis> {
        let make = || Rc::new(Analysis::new(self, knowledge));
        Rc::clone(self.analysis.get_or_init(make))
    }

    /// The folder it is in.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.path.as_deref()?.parent()
    }
}

fn language(id: &str, path: Option<&Path>) -> Language {
    let name = path.and_then(Path::file_name).map(|name| name.to_string_lossy());
    let by_name = name
        .is_some_and(|name| name.ends_with(".dockerignore") || name.ends_with(".containerignore"));
    match id {
        "ignore" | "dockerignore" | "gitignore" => Language::Ignore,
        _ if by_name => Language::Ignore,
        _ => Language::Dockerfile,
    }
}
