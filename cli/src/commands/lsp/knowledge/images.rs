//! [`Images`]: what the local store holds, images and the steps of the past, read by a thread, so that nobody waits for the store.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use lsp::knowledge::{ImageFacts, StepFacts};
use oci::{ImageConfig, Manifest, Reference};
use store::Store;

use super::steps::{self, Steps};

/// How many images are known.
const MAX_IMAGES: usize = 1000;
/// How long after a look for steps nobody looks again: while a build runs, the store is never the same.
const PAUSE: Duration = Duration::from_secs(2);

/// An image of the store.
pub(super) type Image = (ImageFacts, ImageConfig);

/// When the store's database was written, and how large it is; of its log, too.
type Stamp = [Option<(SystemTime, u64)>; 2];

/// The images of a store, as it was when it was last looked at.
#[derive(Debug, Default)]
pub(super) struct Images {
    store: Option<PathBuf>,
    known: Arc<Mutex<Known>>,
    is_reading: Arc<AtomicBool>,
    /// How often something new was read.
    count: Arc<AtomicU64>,
    /// When somebody last asked for steps.
    looked: Cell<Option<Instant>>,
}

#[derive(Debug, Default)]
struct Known {
    /// Of the store that they are from.
    stamp: Option<Stamp>,
    by_name: BTreeMap<String, Image>,
    steps: Steps,
}

impl Images {
    /// Begins to read a store, if there is one.
    pub(super) fn of(store: Option<PathBuf>) -> Images {
        let images = Images { store, ..Images::default() };
        images.refresh();
        images
    }

    /// Reads the store again, if it has changed.
    pub(super) fn refresh(&self) {
        let Some(root) = self.store.clone() else { return };
        let stamp = stamp(&root);
        let is_known = stamp[0].is_none() || self.known().stamp == Some(stamp);
        if is_known || self.is_reading.swap(true, Ordering::SeqCst) {
            return;
        }
        let (known, count) = (Arc::clone(&self.known), Arc::clone(&self.count));
        let is_reading = Arc::clone(&self.is_reading);
        thread::spawn(move || {
            // Opened for a moment: what an open store has found is kept from being pruned.
            let (by_name, steps) = match Store::open(&root) {
                Ok(store) => (read(&store), steps::read(&store)),
                Err(_) => Default::default(),
            };
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            *known = Known { stamp: Some(stamp), by_name, steps };
            count.fetch_add(1, Ordering::SeqCst);
            is_reading.store(false, Ordering::SeqCst);
        });
    }

    /// How often something new was read, and whether something is being read.
    pub(super) fn news(&self) -> (u64, bool) {
        let is_reading = self.is_reading.load(Ordering::SeqCst);
        (self.count.load(Ordering::SeqCst), is_reading)
    }

    /// An image by a name of it.
    pub(super) fn find(&self, name: &str) -> Option<Image> {
        let name = Reference::parse(name).ok()?.familiar();
        self.known().by_name.get(&name).cloned()
    }

    /// All names, sorted.
    pub(super) fn names(&self) -> Vec<String> {
        self.known().by_name.keys().cloned().collect()
    }

    /// The steps of a project. Looks from time to time whether a build has gone on.
    pub(super) fn steps(&self, project: &str) -> Vec<StepFacts> {
        let now = Instant::now();
        if self.looked.get().is_none_or(|at| now.duration_since(at) > PAUSE) {
            self.looked.set(Some(now));
            self.refresh();
        }
        self.known().steps.get(project).cloned().unwrap_or_default()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stamp(root: &Path) -> Stamp {
    ["store.db", "store.db-wal"].map(|name| {
        let data = root.join(name).metadata().ok()?;
        Some((data.modified().ok()?, data.len()))
    })
}

fn read(store: &Store) -> BTreeMap<String, Image> {
    let mut found = BTreeMap::new();
    for image in store.images().unwrap_or_default().into_iter().take(MAX_IMAGES) {
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
