//! [`Walks`]: what is below a folder, found by threads. Who asks waits for a moment at most, and gets what is known then.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use lsp::knowledge::Listing;

/// How many files of a folder are looked at.
const MAX_FILES: usize = 50_000;
/// How long looking may take.
const MAX_TIME: Duration = Duration::from_secs(5);
/// How long who asks waits.
const MAX_WAIT: Duration = Duration::from_millis(40);
/// How long it is believed.
const FRESH: Duration = Duration::from_secs(3);
/// How many folders are kept in mind.
const MAX_WALKS: usize = 4;

/// What was found below some folders.
#[derive(Debug, Default, Clone)]
pub(super) struct Walks(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    has_ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    by_folder: BTreeMap<PathBuf, Walk>,
    /// How many have come to an end.
    ended: u64,
}

#[derive(Debug)]
struct Walk {
    began: Instant,
    is_running: bool,
    /// What the walk before found, until this one has ended.
    found: Arc<Listing>,
}

impl Walks {
    /// The files below a folder, as far as they are known within a moment.
    pub(super) fn files(&self, folder: &Path) -> Arc<Listing> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let known = state.by_folder.get(folder);
        let is_fresh = known.is_some_and(|it| it.is_running || it.began.elapsed() < FRESH);
        if !is_fresh {
            let found = known.map(|it| Arc::clone(&it.found)).unwrap_or_default();
            if state.by_folder.values().filter(|it| it.is_running).count() >= MAX_WALKS {
                return found;
            }
            while state.by_folder.len() >= MAX_WALKS && !state.by_folder.contains_key(folder) {
                let ended = state.by_folder.iter().filter(|(_, it)| !it.is_running);
                let oldest = ended.min_by_key(|(_, it)| it.began).map(|(folder, _)| folder.clone());
                let Some(oldest) = oldest else { break };
                state.by_folder.remove(&oldest);
            }
            let walk = Walk { began: Instant::now(), is_running: true, found };
            state.by_folder.insert(folder.to_owned(), walk);
            self.begin(folder.to_owned());
        }
        let is_running =
            |state: &mut State| state.by_folder.get(folder).is_some_and(|walk| walk.is_running);
        let waited = self.0.has_ended.wait_timeout_while(state, MAX_WAIT, is_running);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.by_folder.get(folder).map(|walk| Arc::clone(&walk.found)).unwrap_or_default()
    }

    fn begin(&self, folder: PathBuf) {
        let shared = Arc::clone(&self.0);
        thread::spawn(move || {
            let found = Arc::new(walk(&folder));
            let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(walk) = state.by_folder.get_mut(&folder) {
                walk.is_running = false;
                walk.found = found;
            }
            state.ended += 1;
            shared.has_ended.notify_all();
        });
    }

    /// How many walks have come to an end, and whether one is under way.
    pub(super) fn news(&self) -> (u64, bool) {
        let state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.ended, state.by_folder.values().any(|walk| walk.is_running))
    }

    /// Believes nothing any more.
    pub(super) fn forget(&self) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.by_folder.retain(|_, walk| walk.is_running);
    }
}

/// Nearer files first, so that a walk that is broken off has seen what people know.
fn walk(root: &Path) -> Listing {
    let began = Instant::now();
    let mut listing = Listing { files: Vec::new(), is_complete: true };
    let mut folders = std::collections::VecDeque::from([(root.to_owned(), String::new())]);
    while let Some((folder, prefix)) = folders.pop_front() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if listing.files.len() >= MAX_FILES || began.elapsed() > MAX_TIME {
                listing.is_complete = false;
                break;
            }
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type().is_ok_and(|it| it.is_dir()) {
                folders.push_back((entry.path(), format!("{path}/")));
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
    listing.files.shrink_to_fit();
    listing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_and_kept_for_a_while() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("src")).unwrap();
        fs::write(folder.path().join("src/main.rs"), "fn").unwrap();
        fs::write(folder.path().join("a"), "").unwrap();
        let walks = Walks::default();
        let found = loop {
            let found = walks.files(folder.path());
            if found.is_complete {
                break found;
            }
        };
        assert_eq!(found.files, [("a".to_owned(), 0), ("src/main.rs".to_owned(), 2)]);
        assert_eq!(walks.news(), (1, false));
        for name in ["b", "c", "d", "e", "f"] {
            walks.files(&folder.path().join(name));
        }
        walks.forget();
    }
}
