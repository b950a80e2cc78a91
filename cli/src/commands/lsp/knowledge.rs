//! [`Local`]: what the language server may know, from the file system and the local store. Reads only, never the network.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use compiler::settings::{FILE, Settings};
use compiler::{ImageQuery, ResolvedImage, WorldError};
use grammar::SourceFile;
use lsp::Knowledge;
use lsp::knowledge::{Entry, ImageFacts, Listing};
use oci::{ContainerConfig, ImageConfig, Manifest, Platform, Reference};
use store::Store;

use crate::commands::explain_no_resolve::PATH;

/// How many files of a folder are looked at.
const MAX_FILES: usize = 20_000;
/// How many folders up a dfc.toml is looked for.
const MAX_DEPTH: usize = 40;
/// How long walking a folder may take.
const MAX_WALK: Duration = Duration::from_millis(60);
/// How long a walk is good for.
const FRESH: Duration = Duration::from_secs(3);
/// The largest .dockerignore or dfc.toml that is read, in bytes.
const MAX_TEXT: u64 = 1 << 20;

/// An image of the store.
type Image = (ImageFacts, ImageConfig);

/// The file system and the store of this machine.
#[derive(Debug)]
pub(super) struct Local {
    store: Option<PathBuf>,
    /// Above it no dfc.toml counts.
    home: Option<PathBuf>,
    /// By name; filled by a thread, so that nobody waits for the store.
    images: Arc<Mutex<BTreeMap<String, Image>>>,
    walks: RefCell<BTreeMap<PathBuf, (Instant, Listing)>>,
}

impl Local {
    /// Begins to read the store, if there is one.
    pub(super) fn new(store: Option<PathBuf>, home: Option<PathBuf>) -> Local {
        let local = Local { store, home, images: Arc::default(), walks: RefCell::default() };
        local.read_store();
        local
    }

    fn read_store(&self) {
        let Some(root) = self.store.clone().filter(|root| root.join("store.db").is_file()) else {
            return;
        };
        let images = Arc::clone(&self.images);
        thread::spawn(move || {
            // Opened for a moment: what an open store has found is kept from being pruned.
            let found = read_images(&root);
            *images.lock().unwrap_or_else(PoisonError::into_inner) = found;
        });
    }

    fn find(&self, name: &str) -> Option<Image> {
        let name = Reference::parse(name).ok()?.familiar();
        let images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        images.get(&name).cloned()
    }
}

fn read_images(root: &Path) -> BTreeMap<String, Image> {
    let mut found = BTreeMap::new();
    let Ok(store) = Store::open(root) else { return found };
    for image in store.images().unwrap_or_default().into_iter().take(1000) {
        let (Some(config), false) = (image.config, image.names.is_empty()) else { continue };
        let config = store.read_blob(&config).ok();
        let Some(config) = config.and_then(|bytes| ImageConfig::parse(&bytes).ok()) else {
            continue;
        };
        let manifest = store.read_blob(&image.manifest).ok();
        let manifest = manifest.and_then(|bytes| serde_json::from_slice::<Manifest>(&bytes).ok());
        let facts = facts(&config, image.size, manifest.map_or(0, |it| it.layers.len()));
        for name in &image.names {
            found.insert(name.familiar(), (facts.clone(), config.clone()));
        }
    }
    found
}

fn facts(image: &ImageConfig, size: u64, layers: usize) -> ImageFacts {
    let config = &image.config;
    ImageFacts {
        platform: image.platform().to_string(),
        created: image.created.clone(),
        size,
        layers,
        env: config.env.clone(),
        user: config.user.clone(),
        workdir: config.working_dir.clone(),
        entrypoint: config.entrypoint.clone().unwrap_or_default(),
        cmd: config.cmd.clone().unwrap_or_default(),
        ports: config.exposed_ports.keys().cloned().collect(),
        triggers: config.on_build.clone(),
    }
}

impl Knowledge for Local {
    fn image(&self, query: &ImageQuery<'_>) -> Result<ResolvedImage, WorldError> {
        let known = self.find(&query.reference.familiar());
        let known = known.filter(|(_, config)| query.platform.matches(&config.platform()));
        let config = known.map_or_else(|| unknown(query.platform), |(_, config)| config);
        Ok(ResolvedImage { manifest: None, config })
    }

    fn describe_image(&self, name: &str) -> Option<ImageFacts> {
        self.find(name).map(|(facts, _)| facts)
    }

    fn image_names(&self) -> Vec<String> {
        self.images.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    fn ignore_file(&self, dockerfile: &Path, context: &Path) -> Option<(PathBuf, String)> {
        let name = dockerfile.file_name()?.to_string_lossy();
        let own = dockerfile.with_file_name(format!("{name}.dockerignore"));
        [own, context.join(".dockerignore"), context.join(".containerignore")]
            .into_iter()
            .find_map(|path| Some((read(&path)?, path)))
            .map(|(text, path)| (path, text))
    }

    fn entries(&self, folder: &Path) -> Vec<Entry> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(MAX_FILES);
        let mut entries: Vec<Entry> = entries
            .map(|entry| Entry {
                name: entry.file_name().to_string_lossy().into_owned(),
                is_folder: entry.file_type().is_ok_and(|it| it.is_dir()),
            })
            .collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        entries.truncate(2000);
        entries
    }

    fn files(&self, folder: &Path) -> Listing {
        let mut walks = self.walks.borrow_mut();
        if let Some((_, listing)) = walks.get(folder).filter(|(at, _)| at.elapsed() < FRESH) {
            return listing.clone();
        }
        let listing = walk(folder);
        walks.clear();
        walks.insert(folder.to_owned(), (Instant::now(), listing.clone()));
        listing
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn settings(&self, dockerfile: &Path) -> Settings {
        // As for `dfc check`: the nearest upward, but none above the repository or the user's home.
        let is_top =
            |folder: &Path| self.home.as_deref() == Some(folder) || folder.join(".git").exists();
        for folder in dockerfile.ancestors().skip(1).take(MAX_DEPTH) {
            if let Some(text) = read(&folder.join(FILE)) {
                // A mistake in dfc.toml is for `dfc check` to tell.
                return Settings::parse(&SourceFile::new(FILE, text)).0;
            }
            if is_top(folder) {
                break;
            }
        }
        Settings::default()
    }

    fn forget(&self) {
        self.walks.borrow_mut().clear();
        self.read_store();
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

/// A small text file.
fn read(path: &Path) -> Option<String> {
    let found = fs::metadata(path).ok()?;
    (found.is_file() && found.len() <= MAX_TEXT).then(|| fs::read_to_string(path).ok())?
}

fn walk(root: &Path) -> Listing {
    let began = Instant::now();
    let mut listing = Listing { files: Vec::new(), is_complete: true };
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if listing.files.len() >= MAX_FILES || began.elapsed() > MAX_WALK {
                listing.is_complete = false;
                break;
            }
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type().is_ok_and(|it| it.is_dir()) {
                folders.push((entry.path(), format!("{path}/")));
            } else {
                let size = entry.metadata().map_or(0, |it| it.len());
                listing.files.push((path, size));
            }
        }
        if !listing.is_complete {
            break;
        }
    }
    listing.files.sort();
    listing
}
