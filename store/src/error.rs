//! [`StoreError`]: why the store could not do what it was asked.

use std::io;
use std::path::Path;

use oci::Digest;

use crate::layer::index::IndexError;
use crate::layer::unpack::TarError;
use crate::layer_record::LayerId;

/// Why the store could not do what it was asked. Each names the thing it is about.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused.
    #[error("cannot {doing}: {}", reason(source))]
    Io {
        /// What was being done to what, as in "write layer 12".
        doing: String,
        /// Why not.
        source: io::Error,
    },
    /// The database refused.
    #[error("cannot {doing} in the store's database: {source}")]
    Database {
        /// What was being done.
        doing: String,
        /// Why not.
        source: rusqlite::Error,
    },
    /// The database is no database any more.
    #[error("the store's database (store.db) is damaged: cannot {doing}")]
    DamagedDatabase {
        /// What was being done.
        doing: String,
    },
    /// The folder was written by a newer dfc.
    #[error(
        "the store is of version {found}, and this dfc knows versions up to {known}; use a newer dfc, or another folder"
    )]
    Newer {
        /// The folder's version.
        found: i64,
        /// The newest version that is known.
        known: i64,
    },
    /// A blob is not in the store.
    #[error("blob {0} is not in the store")]
    NoBlob(Digest),
    /// A layer is not in the store.
    #[error("layer {0} is not in the store")]
    NoLayer(LayerId),
    /// A layer is known by name only: its blob was never fetched.
    #[error("layer {0} was not fetched")]
    NotFetched(LayerId),
    /// Bytes are not what their name says.
    #[error("{what} has the digest {found}, and {expected} was expected; fetch it again")]
    Digest {
        /// Which bytes.
        what: String,
        /// What they should have.
        expected: Digest,
        /// What they have.
        found: Digest,
    },
    /// A layer's index cannot be read, or does not fit its content.
    #[error("layer {0} in the store is damaged; build or pull the image again")]
    Damaged(LayerId),
    /// A blob of the store has other bytes than its name says.
    #[error("blob {digest} in the store is damaged; build or pull the image again")]
    DamagedBlob {
        /// Which.
        digest: Digest,
    },
    /// A layer that is not the tree it was said to be.
    #[error("the tar {diff_id} holds another tree than was said")]
    OtherTree {
        /// The digest of its plain tar.
        diff_id: Digest,
    },
    /// A file changed while it was read.
    #[error("`{path}` changed while it was read{}", sizes(*expected, *found))]
    Changed {
        /// Its path in the layer.
        path: String,
        /// Its size when it was looked at.
        expected: u64,
        /// What could be read (one more than expected if there was more).
        found: u64,
    },
    /// Entries that make no layer.
    #[error("{0}")]
    Index(#[from] IndexError),
    /// A tar that cannot be unpacked.
    #[error("{what}: {source}")]
    Tar {
        /// Which tar.
        what: String,
        /// Why not.
        source: TarError,
    },
    /// Something in a step's folder that no layer can hold.
    #[error("`{path}` cannot be part of a layer: {why}")]
    Unsupported {
        /// Its path in the folder.
        path: String,
        /// Why not.
        why: &'static str,
    },
    /// A text of JSON in the store or an archive is broken.
    #[error("{what} is broken: {source}")]
    Json {
        /// What it should be.
        what: String,
        /// Why it is not.
        source: serde_json::Error,
    },
    /// An archive or layout folder that is none.
    #[error("{what}: {why}")]
    Archive {
        /// Which.
        what: String,
        /// What is wrong.
        why: String,
    },
    /// The beginning of an id that several images share.
    #[error("`{0}` is the beginning of more than one image id; give more digits")]
    Ambiguous(String),
    /// Other processes work with the store.
    #[error("another dfc is working with the store; try again when it is done")]
    InUse,
}

fn sizes(expected: u64, found: u64) -> String {
    match expected == found {
        true => String::new(),
        false => format!(": it had {expected} bytes, then {found}"),
    }
}

/// The system's words for an error without its number; the full disk first of all, because it is the common one.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(_) => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            let mut chars = text.chars();
            let first = chars.next().map(|c| c.to_ascii_lowercase());
            first.into_iter().chain(chars).collect()
        }
        None => error.to_string(),
    }
}

impl StoreError {
    /// The error of the store that an error of reading carries, else what was being done.
    pub(crate) fn from_io(error: io::Error, doing: impl FnOnce() -> String) -> StoreError {
        match error.downcast::<StoreError>() {
            Ok(error) => error,
            Err(source) => StoreError::Io { doing: doing(), source },
        }
    }
}

/// Turns errors of the system into [`StoreError`]s that say what was being done.
pub(crate) trait Doing<T> {
    /// Names what was being done: "write layer 12".
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, StoreError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Io { doing: what(), source })
    }
}

impl<T> Doing<T> for rustix::io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, StoreError> {
        self.map_err(|errno| StoreError::Io { doing: what(), source: errno.into() })
    }
}

impl<T> Doing<T> for rusqlite::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, StoreError> {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        self.map_err(|source| match source.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => StoreError::DamagedDatabase { doing: what() },
            _ => StoreError::Database { doing: what(), source },
        })
    }
}

/// "verb `path`".
pub(crate) fn on(verb: &str, path: &Path) -> String {
    format!("{verb} `{}`", path.display())
}
