//! Whom a command runs as, for whoever runs one in an image without a build (`dfc run`).

use store::{LayerId, Store};

use crate::draft::Base;
use crate::error::Cause;
use crate::op::file::{accounts, owner};

/// A user by numbers, with a home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
    /// What HOME is unless the environment says otherwise.
    pub home: String,
}

/// Whom `user` (as USER has it) means, by `/etc/passwd` and `/etc/group` of a chain of layers, bottom first.
///
/// # Errors
/// A name is not known, or the files cannot be read.
pub fn account(store: &Store, layers: &[LayerId], user: &str) -> Result<Account, Cause> {
    let base = Base::new(store.view(layers)?, layers.to_vec());
    let process = owner::for_process(user, &accounts::read(&base, store)?)?;
    let owner::Process { owner, groups, home } = process;
    Ok(Account { uid: owner.uid, gid: owner.gid, groups, home })
}
