//! The open files, kept as the client has them.

use std::cell::{Cell, OnceCell};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use lsp_types::{Diagnostic, TextDocumentContentChangeEvent, TextDocumentItem, Uri};

use crate::analysis::Analysis;
use crate::knowledge::Knowledge;
use crate::position::{Encoding, Lines};
use crate::requests::semantic::Told;
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
    /// The tokens that the client has.
    pub(crate) told: Told,
    analysis: OnceCell<Rc<Analysis>>,
    /// The version and the digest of the diagnostics that the client has.
    shown: Cell<Option<(i32, u64)>>,
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
            told: Told::default(),
            analysis: OnceCell::new(),
            shown: Cell::new(None),
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

    /// Whether the client does not have these diagnostics yet; from now on it has.
    pub(crate) fn is_news(&self, version: i32, diagnostics: &[Diagnostic]) -> bool {
        let shown = Some((version, digest(diagnostics)));
        self.shown.replace(shown) != shown
    }

    /// Whether it is a .dockerignore.
    pub(crate) fn is_ignore(&self) -> bool {
        self.language == Language::Ignore
    }

    /// The folder it is in.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.path.as_deref()?.parent()
    }
}

/// A number that tells lists of diagnostics apart.
pub(crate) fn digest(diagnostics: &[Diagnostic]) -> u64 {
    let mut hasher = DefaultHasher::new();
    serde_json::to_string(diagnostics).unwrap_or_default().hash(&mut hasher);
    hasher.finish()
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
