//! What to run, in what tree, seeing what: plain data that the plan is computed from.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// One command in isolation.
///
/// [`Spec::new`] fills in what a `RUN` of a Dockerfile has by default; change the fields that differ.
#[derive(Debug)]
pub struct Spec {
    /// What the command sees as `/`.
    pub root: Tree,
    /// Whether writing to the root is refused (mounts keep their own answer).
    pub readonly_root: bool,
    /// Program and arguments. A program without a slash is searched for in the `PATH` of `env`.
    pub args: Vec<OsString>,
    /// `NAME=VALUE`: the whole environment, nothing is added.
    pub env: Vec<OsString>,
    /// Absolute folder to start in. Made if missing, owned by `user`, and it stays.
    pub cwd: PathBuf,
    /// Who runs it.
    pub user: User,
    /// The host name it sees.
    pub hostname: String,
    /// The network it sees.
    pub network: Network,
    /// How much it may do.
    pub security: Security,
    /// Text of `/etc/hosts`, mounted read-only; `None` leaves the file of the root alone.
    pub hosts: Option<String>,
    /// Text of `/etc/resolv.conf`, mounted read-only; `None` leaves the file of the root alone.
    pub resolv_conf: Option<String>,
    /// Placed in this order, after the system's own mounts.
    pub mounts: Vec<Mount>,
    /// Size of `/dev/shm` in bytes.
    pub shm_size: u64,
    /// Limits of the process, as `ulimit` has them.
    pub rlimits: Vec<Rlimit>,
    /// Limits of the control group; one is made only if something here is set.
    pub limits: Limits,
    /// Where input comes from and output goes to.
    pub stdio: Stdio,
}

impl Spec {
    /// What a `RUN` has: root user, `/`, host network, Docker's default rights, pipes.
    pub fn new(root: Tree, args: Vec<OsString>) -> Self {
        Self {
            root,
            readonly_root: false,
            args,
            env: Vec::new(),
            cwd: PathBuf::from("/"),
            user: User::default(),
            hostname: "buildkitsandbox".to_owned(),
            network: Network::Host,
            security: Security::Sandbox,
            hosts: None,
            resolv_conf: None,
            mounts: Vec::new(),
            shm_size: DEFAULT_SHM_SIZE,
            rlimits: Vec::new(),
            limits: Limits::default(),
            stdio: Stdio::Pipes,
        }
    }
}

/// Bytes of `/dev/shm` if nobody says otherwise.
pub const DEFAULT_SHM_SIZE: u64 = 64 << 20;

/// A tree of files. All paths are absolute paths of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// A plain folder (or, for a mount, a file or a socket).
    Folder(PathBuf),
    /// Layers over each other.
    Overlay {
        /// Bottom first; may be empty, and then the tree starts empty.
        lowers: Vec<PathBuf>,
        /// Where changes go; `None` is read-only (only for mounts).
        upper: Option<Upper>,
    },
}

/// The writable part of an overlay.
///
/// Both folders exist, are on one file system, and `work` is empty. After the run the upper folder holds plain overlay
/// conventions (whiteouts are character devices 0:0; a folder that hides what is below has the `overlay.opaque` attribute
/// in `trusted.`, or in `user.` inside a user namespace). `work` is to be deleted: it is marked as not to be used again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upper {
    /// Takes the changes.
    pub folder: PathBuf,
    /// For the kernel's own use.
    pub work: PathBuf,
}

/// A user by numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Supplementary groups, in the order in which the process gets them.
    pub groups: Vec<u32>,
}

/// What network a command sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// The host's.
    Host,
    /// An own one with nothing but loopback.
    None,
}

/// How much a command may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Docker's default capabilities, seccomp filter, masked and read-only paths.
    Sandbox,
    /// Everything that the caller may do; /sys and control groups are writable, nothing is masked.
    Insecure,
}

/// Something placed in the tree for the time of the run.
///
/// The target is an absolute path, resolved inside the root; what is missing of it is made, and removed again after
/// the run if it is still empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where.
    pub target: PathBuf,
    /// Whether writing is refused.
    pub readonly: bool,
    /// What.
    pub source: Source,
}

/// What a mount shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A folder or file of another tree. For a stage's tree: an overlay without an upper if read-only, with a
    /// throw-away one if writable. For a cache folder or an agent's socket: `Tree::Folder` of it, and `/`.
    Bind {
        /// The tree.
        tree: Tree,
        /// Absolute path in it; links are resolved inside the tree.
        path: PathBuf,
    },
    /// Empty memory. It takes over the mode of the folder that it covers.
    Tmpfs {
        /// Bytes; `None` for the kernel's default.
        size: Option<u64>,
    },
    /// A file that never is on a disk: a secret, a script.
    File {
        /// What is in it.
        content: Vec<u8>,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
        /// Permission bits.
        mode: u32,
    },
}

/// One limit of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rlimit {
    /// As `--ulimit` names it: `nofile`, `nproc`, `core`, ...
    pub name: String,
    /// Soft limit; -1 for none.
    pub soft: i64,
    /// Hard limit; -1 for none.
    pub hard: i64,
}

/// Limits of the control group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Bytes of memory and swap together; -1 for no limit of swap.
    pub memory_swap: Option<i64>,
    /// Weight against others; 1024 is the usual one.
    pub cpu_shares: Option<u64>,
    /// Microseconds of processor time per period; -1 for no limit.
    pub cpu_quota: Option<i64>,
    /// The period in microseconds.
    pub cpu_period: Option<u64>,
    /// Processors, as `0-3,7`.
    pub cpuset_cpus: Option<String>,
    /// Memory nodes, as `0,1`.
    pub cpuset_mems: Option<String>,
    /// Number of processes.
    pub pids: Option<u64>,
    /// The group to make it in, from the root of the hierarchy; `None` for `/dfc`.
    pub parent: Option<String>,
}

impl Limits {
    /// Whether nothing is limited, so that no group is needed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Where input comes from and output goes to.
#[derive(Debug)]
pub enum Stdio {
    /// Input is empty; output and errors are pipes of [`crate::Running`].
    Pipes,
    /// The caller's own.
    Inherit,
    /// A terminal (the slave side of a pair): it becomes the controlling one.
    Terminal(OwnedFd),
}
