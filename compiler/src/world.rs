//! All that the compiler may ask of the outside: [`World`].

use grammar::Spanned;
use oci::{Digest, ImageConfig, Platform, Reference};

use crate::op::{ImageOrigin, Names};
use crate::remote::RemoteContext;

/// The outside, as the compiler sees it. The command line implements it over the store and registries, the tests over
/// tables, the language server over what is at hand without the network. Who answers also caches.
pub trait World {
    /// Finds an image's manifest and config for a platform. Called once an image a build; may take long.
    ///
    /// # Errors
    /// Says why there is none, as people should read it.
    fn image(&self, query: &ImageQuery<'_>) -> Result<ResolvedImage, WorldError>;

    /// The text of the .dockerignore that applies to a local context (`""`: the main one), with its name; `None` if
    /// there is none.
    fn ignore_file(&self, context: &str) -> Option<(String, String)>;

    /// The time of a source, in seconds since 1970: of a repository that of its commit, of a download that of its
    /// content; `None` if it has none. Asked if SOURCE_DATE_EPOCH names the source; may take long.
    ///
    /// # Errors
    /// Says why the source cannot be had.
    fn time_of(&self, _source: &TimeOf) -> Result<Option<i64>, WorldError> {
        Ok(None)
    }
}

/// Whose time is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeOf {
    /// The main context.
    Context,
    /// A source that the Dockerfile or a named context names.
    Remote(RemoteContext),
}

/// Which image is wanted.
#[derive(Debug, Clone)]
pub struct ImageQuery<'a> {
    /// The reference, defaults filled in.
    pub reference: &'a Reference,
    /// The platform.
    pub platform: &'a Platform,
    /// Where to look.
    pub origin: &'a ImageOrigin,
}

/// What is known of an image once it is found.
#[derive(Debug, Clone)]
pub struct ResolvedImage {
    /// Digest of the manifest for the platform; `None` if nothing was asked.
    pub manifest: Option<Digest>,
    /// Its config.
    pub config: ImageConfig,
}

/// Why the world has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorldError {
    /// One line, lower case.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// What the user asked for: the flags of `dfc build` that change what is built.
#[derive(Debug, Clone, Default)]
pub struct BuildOptions {
    /// `--target`
    pub target: Option<String>,
    /// `--build-arg` (a value taken from the environment is already filled in)
    pub build_args: Names,
    /// `--label`
    pub labels: Names,
    /// `--platform`; empty for the platform of this machine
    pub platforms: Vec<Platform>,
    /// The platform of this machine.
    pub build_platform: Option<Platform>,
    /// Whether the main context was fetched, and has owners of its own; files of a folder are root's.
    pub fetched_context: bool,
    /// `--build-context NAME=VALUE`
    pub contexts: Vec<(String, NamedContext)>,
    /// `--network`
    pub network: Option<crate::op::Network>,
    /// `--add-host`
    pub extra_hosts: Vec<(String, String)>,
    /// `--no-cache`
    pub no_cache: bool,
    /// `--no-cache-filter`: stage names
    pub no_cache_filter: Vec<String>,
    /// `--shm-size`
    pub shm_size: Option<u64>,
    /// `--ulimit`
    pub ulimits: Vec<(String, i64, i64)>,
    /// `--allow security.insecure`
    pub allow_insecure: bool,
    /// `--allow network.host`
    pub allow_host_network: bool,
    /// Looks at every stage, not only at those that the target needs: what `dfc check` does without `--target`.
    pub all_stages: bool,
}

/// What `--build-context` gives a name to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedContext {
    /// A folder; the world knows where it is.
    Local,
    /// `docker-image://scratch`
    Scratch,
    /// `docker-image://REF`
    Image(Reference),
    /// `oci-layout://PATH[:TAG][@DIGEST]`
    Layout(String),
    /// A git URL.
    Git(String),
    /// An http(s) URL.
    Http(String),
}

/// Text with the place it was written at: what lowering hands about.
pub type Text = Spanned<String>;
