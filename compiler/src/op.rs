//! What steps do, as data: expanded strings only, no behavior. The executor has one file an op.

use std::collections::BTreeMap;

use oci::{Digest, Platform, Reference};

use crate::address::Address;

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Brings a tree from outside: an image, a build context, a download.
    Source(SourceOp),
    /// Runs a command over the base.
    Exec(ExecOp),
    /// Copies, makes files and folders over the base; one layer for all its actions.
    File(FileOp),
    /// Lays trees over each other (`COPY --link`).
    Merge,
}

/// A tree from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceOp {
    /// The layers of an image.
    Image(ImageSource),
    /// A folder that the user gave: the main build context (`name` empty) or a named one.
    Local {
        /// `""` for the main context.
        name: String,
    },
    /// One file from an http or https URL.
    Http(HttpSource),
    /// A git repository's tree.
    Git(GitSource),
}

/// An image, resolved when the graph was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSource {
    /// As the Dockerfile means it, default registry and tag filled in.
    pub reference: Reference,
    /// The platform its manifest is for.
    pub platform: Platform,
    /// The digest of that manifest; `None` if nothing was asked (`--no-resolve`).
    pub manifest: Option<Digest>,
    /// Where it comes from.
    pub origin: ImageOrigin,
    /// The diff ids of its layers, bottom first (from its config). What a key says of it.
    pub diff_ids: Vec<Digest>,
}

/// Where an image comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageOrigin {
    /// The local store or a registry, whichever the [`World`](crate::World) resolved it from.
    Registry,
    /// An OCI layout folder (`oci-layout://PATH[:TAG][@DIGEST]`).
    Layout(String),
}

/// A download for ADD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSource {
    /// The URL.
    pub url: Address,
    /// The name the file gets: the last part of the URL's path, or `__unnamed__`.
    pub file_name: String,
    /// What its content must hash to.
    pub checksum: Option<Digest>,
}

/// A git tree for ADD or as a context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitSource {
    /// The remote.
    pub url: Address,
    /// Branch, tag, full `refs/...` name or commit; `None` for the remote's HEAD.
    pub reference: Option<String>,
    /// A folder in it.
    pub subdir: Option<String>,
    /// The commit it must be (a prefix will do).
    pub checksum: Option<String>,
    /// Whether `.git` stays.
    pub keep_git_dir: bool,
    /// Whether submodules are fetched, too.
    pub submodules: bool,
    /// Whether all files get the time of the commit, and not the present one.
    pub commit_times: bool,
    /// Whether the commit of `checksum` is fetched as it is, without asking what the reference means.
    pub fetch_by_commit: bool,
}

/// Runs a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOp {
    /// Program and arguments.
    pub args: Vec<String>,
    /// `NAME=VALUE`, in order: the ENV of the image, then the ARGs in scope, names unique.
    pub env: Vec<String>,
    /// Proxy variables: in the environment, never in a key.
    pub proxy_env: Vec<String>,
    /// Absolute folder to start in.
    pub cwd: String,
    /// As written in USER, expanded; empty for root.
    pub user: String,
    /// The network it sees.
    pub network: Network,
    /// How much it may do.
    pub security: Security,
    /// In the order they are mounted, parents before what lies in them; the root is not among them. A later one
    /// covers an earlier one.
    pub mounts: Vec<Mount>,
    /// Secrets given as environment variables.
    pub secret_env: Vec<SecretEnv>,
    /// `name:ip` lines for `/etc/hosts`.
    pub extra_hosts: Vec<(String, String)>,
    /// The host name it sees.
    pub hostname: String,
    /// Device names asked for with `--device`.
    pub devices: Vec<String>,
    /// `--ulimit`: name, soft, hard.
    pub ulimits: Vec<(String, i64, i64)>,
    /// Size of `/dev/shm` in bytes; `None` for 64 MiB.
    pub shm_size: Option<u64>,
}

/// What network a command sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Network {
    /// As `Host`, until there is a private one.
    Default,
    /// Loopback only.
    None,
    /// The host's.
    Host,
}

/// How much a command may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Security {
    /// Docker's default capabilities and seccomp filter.
    Sandbox,
    /// Everything.
    Insecure,
}

/// One `RUN --mount`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Absolute path.
    pub target: String,
    /// Whether writing is refused.
    pub readonly: bool,
    /// What is there.
    pub kind: MountKind,
}

/// What a mount shows. `Bind` and `Cache` with an input find it by `Role::Mount(index of the mount)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountKind {
    /// A path of another tree. Writes are thrown away.
    Bind {
        /// Absolute path in the input's tree.
        source: String,
    },
    /// A folder kept between builds.
    Cache {
        /// Its name, namespace included.
        id: String,
        /// Who else may have it at the same time.
        sharing: Sharing,
        /// Absolute path in the input's tree that a new cache starts from; only with an input.
        source: String,
        /// Owner and mode of a new cache that starts empty; `None` if none of them was given: root's, mode 0755.
        owner: Option<MountOwner>,
    },
    /// Memory.
    Tmpfs {
        /// Bytes; `None` for no limit.
        size: Option<u64>,
    },
    /// A file with a secret.
    Secret {
        /// Its id.
        id: String,
        /// Whether the build fails without it.
        required: bool,
        /// Owner and mode of the file.
        owner: MountOwner,
    },
    /// A forwarded agent socket.
    Ssh {
        /// Its id; empty means `default`.
        id: String,
        /// Whether the build fails without it.
        required: bool,
        /// Owner and mode of the socket.
        owner: MountOwner,
    },
    /// A script from a heredoc with a `#!` line, mode 0755, read only.
    Script {
        /// Its text.
        content: String,
    },
}

/// Owner and mode of something made for a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MountOwner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
}

/// Who else may have a cache mount at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sharing {
    /// Everybody.
    Shared,
    /// Nobody: a second user gets a new one.
    Private,
    /// Nobody: a second user waits.
    Locked,
}

/// A secret as an environment variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretEnv {
    /// The secret's id.
    pub id: String,
    /// The variable's name.
    pub name: String,
    /// Whether the build fails without it.
    pub required: bool,
}

/// Copies and makes files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOp {
    /// Done in order, each over the result of the one before.
    pub actions: Vec<FileAction>,
    /// For `COPY --link`: the actions start from an empty tree and are laid over the base by a `Merge`.
    pub on_scratch: bool,
}

/// One change to a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileAction {
    /// COPY and ADD. The tree it copies from is the input `Role::Source(index of the action)`.
    Copy(CopyAction),
    /// WORKDIR.
    Mkdir(MkdirAction),
    /// A heredoc of COPY or ADD.
    Mkfile(MkfileAction),
}

/// Copies what one source word names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyAction {
    /// Absolute path or wildcard in the source tree (cleaned, so that it cannot climb out). With `parents`, the
    /// folder that the pattern counts from.
    pub source: String,
    /// Whether `source` may hold wildcards; what is downloaded is named literally.
    pub wildcard: bool,
    /// Absolute path; a trailing slash says that it is a folder.
    pub dest: String,
    /// `--chown`, expanded.
    pub owner: Option<String>,
    /// `--chmod`, expanded and checked.
    pub chmod: Option<String>,
    /// Whether archives are unpacked.
    pub unpack: Unpack,
    /// `--exclude` patterns (moby/patternmatcher).
    pub exclude: Vec<String>,
    /// `--parents`: what below `source` is copied, with the folders above it.
    pub parents: Option<Parents>,
    /// Whether the source is the user's files or a download, whose owner is dropped, or a stage or image, whose owner
    /// stays.
    pub keep_owner: bool,
}

/// What `COPY --parents` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parents {
    /// Pattern relative to [`CopyAction::source`] (moby/patternmatcher; what is matched comes with all that is in it).
    pub pattern: String,
    /// Whether it is an error if nothing matches: there is no wildcard in the word.
    pub required: bool,
}

/// Whether a copied file that is an archive is unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unpack {
    /// Copied as it is.
    Never,
    /// Unpacked if it is an archive by its content, copied otherwise.
    Auto,
    /// Unpacked as a build context: it must be an archive, of bounded size, in which nothing leads outside.
    Context,
}

/// Makes a folder and its parents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MkdirAction {
    /// Absolute path.
    pub path: String,
    /// Owner as USER names it; `None` for root.
    pub owner: Option<String>,
    /// Modification time of the folders made, in seconds since 1970 (SOURCE_DATE_EPOCH); `None` for now.
    pub time: Option<i64>,
}

/// Makes a file (parents included).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MkfileAction {
    /// Absolute path; a trailing slash says that it is a folder that gets the file `name`.
    pub dest: String,
    /// The name inside a folder.
    pub name: String,
    /// The content.
    pub data: String,
    /// `--chown`, expanded.
    pub owner: Option<String>,
    /// `--chmod`, expanded and checked.
    pub chmod: Option<String>,
}

/// Build arguments and other names and values, sorted.
pub type Names = BTreeMap<String, String>;
