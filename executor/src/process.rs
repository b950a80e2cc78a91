//! [`process_of`]: whom a command in an image runs as, for `dfc run`.

use store::{LayerId, Store};

use crate::draft::Base;
use crate::error::Cause;
use crate::op::file::{accounts, owner};

/// Whom a command runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessUser {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// All groups, the one above among them.
    pub groups: Vec<u32>,
    /// What HOME is unless the image says otherwise.
    pub home: String,
}

/// Understands a `USER` by `/etc/passwd` and `/etc/group` of a tree (layers bottom first); empty is root.
///
/// # Errors
/// A name is not known there, or the tree cannot be read.
pub fn process_of(store: &Store, layers: &[LayerId], user: &str) -> Result<ProcessUser, Cause> {
    let base = Base { view: store.view(layers)?, layers: layers.to_vec() };
    let process = owner::for_process(user, &accounts::read(&base, store)?)?;
    Ok(ProcessUser {
        uid: process.owner.uid,
        gid: process.owner.gid,
        groups: process.groups,
        home: process.home,
    })
}
