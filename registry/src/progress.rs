//! [`Progress`]: who wants to know how a transfer goes.

use oci::Digest;

/// Told how transfers go; called from any thread, often.
pub trait Progress: Sync {
    /// A blob's transfer begins; its size in bytes.
    fn started(&self, _digest: &Digest, _size: u64) {}
    /// So many bytes of it have passed, all in all.
    fn advanced(&self, _digest: &Digest, _bytes: u64) {}
    /// It is done. `already_there`: nothing had to be moved.
    fn finished(&self, _digest: &Digest, _already_there: bool) {}
    /// Something failed and is tried again; for people.
    fn retrying(&self, _what: &str, _why: &str) {}
    /// Whether to stop: transfers then end with [`crate::RegistryError::Cancelled`].
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {}
