//! [`Env`]: all that a build has of the outside.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::SystemTime;

use compiler::Address;
use compiler::op::ImageSource;
use oci::manifest::{Compression, Descriptor};
use store::{LayerId, Store};

use crate::cancel::Cancel;
use crate::import::Import;
use crate::status::Status;

/// What a build works with.
pub struct Env<'a> {
    /// Where layers, blobs and records live.
    pub store: &'a Store,
    /// The folders that the user gave, by name; `""` is the main build context.
    pub contexts: BTreeMap<String, LocalContext>,
    /// Contexts that were fetched before, by name; they come before the folders.
    pub fetched: BTreeMap<String, LayerId>,
    /// Caches of other machines, in the order they are asked.
    pub imports: &'a [Import<'a>],
    /// Brings layers of images into the store.
    pub images: &'a dyn Images,
    /// Fetches URLs.
    pub downloads: &'a dyn Downloads,
    /// Knows secrets and agent sockets.
    pub secrets: &'a dyn Secrets,
    /// What the user chose.
    pub settings: Settings,
    /// Is told what happens.
    pub status: &'a dyn Status,
    /// Stops the build.
    pub cancel: Cancel,
    /// The clock.
    pub now: fn() -> SystemTime,
}

impl fmt::Debug for Env<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env")
            .field("contexts", &self.contexts)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// A folder that the user gave as a context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalContext {
    /// The folder, absolute.
    pub root: PathBuf,
    /// The .dockerignore that applies: its name for messages, and its text.
    pub ignore: Option<(String, String)>,
}

/// What the user chose, beyond what the graph says.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many steps may run at the same time; `None` for a generous number.
    pub jobs: Option<usize>,
    /// How new layers are packed.
    pub compression: Compression,
    /// What must be in the store when the build is done.
    pub deliver: Deliver,
    /// Whether the image's config tells which steps made its layers, for a build on another machine.
    pub inline_cache: bool,
    /// Names the Dockerfile that is built (its path), so that a step finds the record of its earlier self.
    pub project: String,
    /// What `/etc/resolv.conf` is for RUN; `None` for the host's.
    pub resolv_conf: Option<String>,
    /// Limits for RUN.
    pub limits: sandbox::Limits,
    /// How `git` is run.
    pub git: GitSettings,
}

/// What the program `git` gets of the user's surroundings; nothing else of them reaches it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitSettings {
    /// Variables: the search path, proxies, where certificates are.
    pub env: Vec<(String, String)>,
    /// The keys of hosts that the user knows, for ssh.
    pub known_hosts: Option<PathBuf>,
}

/// What must be in the store when the build is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deliver {
    /// Config, manifest and the blobs of all layers.
    Blobs,
    /// Config, manifest and the blobs of new layers; layers of base images and of other machines' caches that nothing
    /// else needs stay away (a push, for which the registry may take them from where they are).
    NewBlobs,
    /// All layers as trees (`type=local`, `type=tar`); nothing is packed.
    Trees,
    /// Nothing: steps run for their verdict, or to fill the cache.
    Nothing,
}

/// Brings layers of images into the store.
pub trait Images: Sync {
    /// The layers of a resolved image as its manifest lists them, bottom first.
    ///
    /// # Errors
    /// Says why they cannot be known.
    fn layers(&self, image: &ImageSource) -> Result<Vec<Descriptor>, OutsideError>;

    /// Brings the blob of one of its layers into the store (`Store::blob_writer`, digest checked). It may be there
    /// already. `progress` is told how many bytes have come.
    ///
    /// # Errors
    /// Says why it could not be fetched.
    fn fetch(
        &self,
        image: &ImageSource,
        layer: &Descriptor,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), OutsideError>;
}

/// Fetches URLs for ADD.
pub trait Downloads: Sync {
    /// Whether nobody may be asked: of a URL or a repository counts what it was last, and what was never had is an error.
    fn is_offline(&self) -> bool {
        false
    }

    /// Gets a URL into `to`.
    ///
    /// # Errors
    /// Says why there is no content.
    fn get(
        &self,
        ask: &Download<'_>,
        to: &mut dyn DownloadSink,
    ) -> Result<Downloaded, OutsideError>;
}

/// What is to be downloaded.
#[derive(Clone, Copy)]
pub struct Download<'a> {
    /// Where it is; the name and password in it are not to be used.
    pub url: &'a Address,
    /// Of an earlier download (see [`Downloaded::validator`]): the server may say that nothing changed, and then
    /// nothing is written.
    pub validator: Option<&'a str>,
    /// The value of the `Authorization` header, for this host alone.
    pub authorization: Option<&'a str>,
    /// More bytes than this are an error.
    pub limit: u64,
}

impl fmt::Debug for Download<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("url", &self.url)
            .field("validator", &self.validator)
            .field("is_authorized", &self.authorization.is_some())
            .field("limit", &self.limit)
            .finish()
    }
}

/// Takes the bytes of a download.
pub trait DownloadSink: Write {
    /// Bytes are about to come, so many if it is known.
    ///
    /// # Errors
    /// They are not wanted.
    fn begin(&mut self, size: Option<u64>) -> io::Result<()>;
}

impl DownloadSink for std::fs::File {
    fn begin(&mut self, _size: Option<u64>) -> io::Result<()> {
        Ok(())
    }
}

/// How a download went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Downloaded {
    /// Whether the server said that the content is still what the validator stands for.
    pub not_modified: bool,
    /// The `Last-Modified` header, seconds since 1970.
    pub last_modified: Option<i64>,
    /// What to ask with next time; its form is the implementation's own.
    pub validator: Option<String>,
}

/// Knows secrets and agent sockets. Values go nowhere but into the running command.
pub trait Secrets: Sync {
    /// The value of a secret; `None` if there is no such secret.
    ///
    /// # Errors
    /// Says why it cannot be read.
    fn secret(&self, id: &str) -> Result<Option<Vec<u8>>, OutsideError>;

    /// The agent socket forwarded under this id; `None` if there is none.
    fn ssh_socket(&self, id: &str) -> Option<PathBuf>;
}

/// Why something outside did not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct OutsideError {
    /// One line, lower case, names the thing.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}
