//! [`Local`]: what the language server may know, from the file system and the local store. Reads only, never the network.

mod contexts;
mod images;
mod projects;
mod steps;
mod walks;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use compiler::{ImageQuery, ResolvedImage, WorldError};
use grammar::Dockerfile;
use lsp::Knowledge;
use lsp::knowledge::{Context, Entry, ImageFacts, Listing, News, Project, StepFacts};
use oci::{ContainerConfig, ImageConfig, Platform};

use crate::commands::explain_no_resolve::PATH;
use crate::render::pages;
use contexts::Contexts;
use images::Images;
use projects::Projects;
use walks::Walks;

/// How many entries of a folder are looked at.
const MAX_ENTRIES: usize = 20_000;
/// How many of them are told.
const MAX_TOLD: usize = 2000;
/// The largest .dockerignore or dfc.toml that is read, in bytes.
const MAX_TEXT: u64 = 1 << 20;

/// The file system and the store of this machine.
#[derive(Debug)]
pub(super) struct Local {
    images: Images,
    walks: Walks,
    contexts: Contexts,
    projects: Projects,
}

impl Local {
    /// Begins to read the store, if there is one. No `dfc.toml` above the user's home counts.
    pub(super) fn new(store: Option<PathBuf>, home: Option<PathBuf>) -> Local {
        Local {
            images: Images::of(store),
            walks: Walks::default(),
            contexts: Contexts::default(),
            projects: Projects::new(home),
        }
    }
}

impl Knowledge for Local {
    fn image(&self, query: &ImageQuery<'_>) -> Result<ResolvedImage, WorldError> {
        let known = self.images.find(&query.reference.familiar());
        let known = known.filter(|(_, config)| query.platform.matches(&config.platform()));
        let config = known.map_or_else(|| unknown(query.platform), |(_, config)| config);
        Ok(ResolvedImage { manifest: None, config })
    }

    fn describe_image(&self, name: &str) -> Option<ImageFacts> {
        self.images.find(name).map(|(facts, _)| facts)
    }

    fn image_names(&self) -> Vec<String> {
        self.images.names()
    }

    fn ignore_file(&self, dockerfile: &Path, context: &Path) -> Option<(PathBuf, String)> {
        let name = dockerfile.file_name()?.to_string_lossy();
        let own = dockerfile.with_file_name(format!("{name}.dockerignore"));
        let files = [own, context.join(".dockerignore")].into_iter();
        files
            .into_iter()
            .find_map(|path| Some((read(&path)?, path)))
            .map(|(text, path)| (path, text))
    }

    fn entries(&self, folder: &Path) -> Vec<Entry> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(MAX_ENTRIES);
        let mut entries: Vec<Entry> = entries
            .map(|entry| Entry {
                name: entry.file_name().to_string_lossy().into_owned(),
                is_folder: entry.file_type().is_ok_and(|it| it.is_dir()),
            })
            .collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        entries.truncate(MAX_TOLD);
        entries
    }

    fn files(&self, folder: &Path) -> Arc<Listing> {
        self.walks.files(folder)
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn project(&self, dockerfile: &Path) -> Rc<Project> {
        self.projects.find(dockerfile)
    }

    fn context(&self, file: &Dockerfile, dockerfile: &Path) -> Option<Context> {
        self.contexts.find(file, dockerfile)
    }

    fn rule_page(&self, rule: &str) -> Option<String> {
        pages::text(rule).map(str::to_owned)
    }

    fn steps(&self, dockerfile: &Path) -> Vec<StepFacts> {
        // What builds call the project.
        let path = dockerfile.canonicalize().unwrap_or_else(|_| dockerfile.to_owned());
        self.images.steps(&path.to_string_lossy())
    }

    fn news(&self) -> News {
        let (images, is_reading) = self.images.news();
        let (files, is_walking) = self.walks.news();
        News { images, files, is_busy: is_reading || is_walking }
    }

    fn forget(&self) {
        self.walks.forget();
        self.contexts.forget();
        self.projects.forget();
        self.images.refresh();
    }

    fn log(&self, line: &str) {
        let _ = writeln!(io::stderr().lock(), "dfc lsp: {line}");
    }
}

/// A config for an image that is not here: for the platform asked for, with a PATH.
fn unknown(platform: &Platform) -> ImageConfig {
    let Platform { os, architecture, variant, .. } = platform.clone();
    let config = ContainerConfig { env: vec![PATH.into()], ..ContainerConfig::default() };
    ImageConfig { os, architecture, variant, config, ..ImageConfig::default() }
}

/// A small text file; bytes that are no UTF-8 become U+FFFD.
fn read(path: &Path) -> Option<String> {
    let found = fs::metadata(path).ok()?;
    let bytes = (found.is_file() && found.len() <= MAX_TEXT).then(|| fs::read(path).ok())??;
    Some(
        String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    )
}
