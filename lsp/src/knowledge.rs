//! What the server may ask of the outside: [`Knowledge`].

use std::path::{Path, PathBuf};

use compiler::settings::Settings;
use compiler::{ImageQuery, ResolvedImage, WorldError};

/// The outside, as the server sees it. An answer comes at once, from what is at hand: no network, no daemon, no long walk.
pub trait Knowledge {
    /// An image's config, as compiling needs it. Of an image that is not here something harmless is said.
    ///
    /// # Errors
    /// If the image cannot be used at all.
    fn image(&self, query: &ImageQuery<'_>) -> Result<ResolvedImage, WorldError>;

    /// What is known of an image by the name that a FROM gives it; `None` if it is not here.
    fn describe_image(&self, name: &str) -> Option<ImageFacts>;

    /// The names of the images that are here, sorted.
    fn image_names(&self) -> Vec<String>;

    /// The .dockerignore that applies to a Dockerfile whose context is `context`: its path and text.
    fn ignore_file(&self, dockerfile: &Path, context: &Path) -> Option<(PathBuf, String)>;

    /// What is directly in a folder, sorted by name; cut off after some thousands.
    fn entries(&self, folder: &Path) -> Vec<Entry>;

    /// All files below a folder, as far as they are found within a bounded time.
    fn files(&self, folder: &Path) -> Listing;

    /// Whether there is a file or folder.
    fn exists(&self, path: &Path) -> bool;

    /// What the `dfc.toml` says that holds for a Dockerfile. Mistakes in it are left out.
    fn settings(&self, dockerfile: &Path) -> Settings;

    /// Forgets what was kept in memory: files have changed.
    fn forget(&self);

    /// Writes a line for whoever looks for the reason of a failure.
    fn log(&self, line: &str);
}

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Whether it is a folder.
    pub is_folder: bool,
}

/// The files below a folder.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Paths relative to the folder, with `/`, and sizes in bytes; sorted.
    pub files: Vec<(String, u64)>,
    /// Whether these are all.
    pub is_complete: bool,
}

/// What hovering over an image tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageFacts {
    /// `linux/amd64`
    pub platform: String,
    /// RFC 3339
    pub created: Option<String>,
    /// Sum of the packed layers, in bytes.
    pub size: u64,
    /// How many layers there are.
    pub layers: usize,
    /// `NAME=VALUE`
    pub env: Vec<String>,
    /// USER
    pub user: String,
    /// WORKDIR
    pub workdir: String,
    /// ENTRYPOINT
    pub entrypoint: Vec<String>,
    /// CMD
    pub cmd: Vec<String>,
    /// EXPOSE
    pub ports: Vec<String>,
    /// ONBUILD
    pub triggers: Vec<String>,
}
