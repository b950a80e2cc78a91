//! [`Transfer`]: tells people how blobs come and go.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use executor::Cancel;
use oci::Digest;

use crate::progress::Task;

/// Passes on to a task how its blobs get on.
#[derive(Debug)]
pub(crate) struct Transfer<'a> {
    task: &'a Task,
    cancel: &'a Cancel,
    /// In bytes.
    sizes: Mutex<BTreeMap<Digest, u64>>,
}

impl<'a> Transfer<'a> {
    /// `cancel` stops it.
    pub(crate) fn new(task: &'a Task, cancel: &'a Cancel) -> Transfer<'a> {
        Transfer { task, cancel, sizes: Mutex::default() }
    }
}

impl registry::Progress for Transfer<'_> {
    fn started(&self, digest: &Digest, size: u64) {
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner).insert(*digest, size);
    }

    fn advanced(&self, digest: &Digest, bytes: u64) {
        let sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        let size = sizes.get(digest).copied();
        drop(sizes);
        self.task.part(&digest.short(), bytes, size);
    }

    fn finished(&self, digest: &Digest, already_there: bool) {
        if already_there {
            self.task.line(&format!("{} is there already", digest.short()));
        }
    }

    fn retrying(&self, what: &str, why: &str) {
        self.task.line(&format!("{what}: {why}; once more"));
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}
