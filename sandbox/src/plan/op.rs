//! The words of the program that the child executes: each is one operation, with everything it needs made beforehand.

use std::ffi::CString;

use rustix::fs::Dev;
use rustix::process::{Resource, Rlimit};
use rustix::thread::Gid;

use crate::sys::StringList;

/// One operation and what it is for.
#[derive(Debug)]
pub(crate) struct Step {
    /// What the child does.
    pub(crate) op: SysOp,
    /// In words, to go after "cannot".
    pub(crate) doing: String,
    /// Whether the run goes on if it fails.
    pub(crate) optional: bool,
}

/// Where the child keeps a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot(pub(crate) usize);

/// Attributes of a mount: `MOUNT_ATTR_…` of the kernel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Attributes(pub(crate) u64);

impl Attributes {
    /// Set-user-id programs run as who starts them.
    pub(crate) const NOSUID: Self = Self(libc::MOUNT_ATTR_NOSUID);
    /// Devices cannot be opened.
    pub(crate) const NODEV: Self = Self(libc::MOUNT_ATTR_NODEV);
    /// Nothing can be executed.
    pub(crate) const NOEXEC: Self = Self(libc::MOUNT_ATTR_NOEXEC);
    /// Nothing can be written.
    pub(crate) const RDONLY: Self = Self(libc::MOUNT_ATTR_RDONLY);

    /// Both.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// With `other` if `condition`.
    pub(crate) const fn and_if(self, condition: bool, other: Self) -> Self {
        if condition { self.and(other) } else { self }
    }
}

/// What is mounted: the layers of an overlay, or what is below a path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Overlay {
    /// The folder that the other paths are relative to: `lowerdir+` takes 255 bytes, the old options 4095 for all.
    pub(crate) base: CString,
    /// Top first, as the kernel wants them.
    pub(crate) lowers: Vec<CString>,
    /// Upper and work folder.
    pub(crate) upper: Option<(CString, CString)>,
    /// Other options.
    pub(crate) options: Vec<(CString, Option<CString>)>,
}

/// Where a copied mount comes from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// A path of the machine.
    Path(CString),
    /// A path inside a folder of the machine, links resolved inside.
    Inside {
        /// The folder.
        folder: CString,
        /// Relative.
        path: CString,
    },
    /// A path inside a mount that has its place, links resolved inside.
    Slot(Slot, CString),
}

/// What to do if the target of a mount is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Make it, and leave it.
    Keep,
    /// Make it, and tell the parent, who removes it after the run.
    Stub,
}

/// One operation.
#[derive(Debug)]
pub(crate) enum SysOp {
    /// Puts the process into a control group, by its `cgroup.procs`.
    JoinGroup(CString),
    /// `unshare`.
    Unshare(i32),
    /// `setsid`.
    NewSession,
    /// Leaves the keys of the caller behind.
    NewKeyring,
    /// No mount goes to or comes from the machine any more.
    PrivateMounts,
    /// `sethostname`.
    HostName(Vec<u8>),
    /// Switches loopback on.
    LoopbackUp,
    /// Mounts a new file system, without a place yet.
    NewFileSystem {
        /// Its type.
        kind: CString,
        /// Its options.
        options: Vec<(CString, Option<CString>)>,
        /// Attributes of the mount.
        attributes: Attributes,
        /// Where the mount goes.
        into: Slot,
    },
    /// Mounts an overlay, without a place yet, layer by layer.
    NewOverlay {
        /// What.
        overlay: Overlay,
        /// Attributes of the mount.
        attributes: Attributes,
        /// Where the mount goes.
        into: Slot,
    },
    /// Mounts an overlay at a place, all options in one string: for kernels that know nothing else.
    OldOverlay {
        /// The folder that the paths of the options are relative to.
        base: CString,
        /// All options.
        options: CString,
        /// An absolute path.
        at: CString,
        /// Attributes of the mount.
        attributes: Attributes,
        /// Where the mount goes.
        into: Slot,
    },
    /// Gives a mount its place at a path of the machine.
    Attach(Slot, CString),
    /// Makes a folder in a mount.
    MakeFolder(Slot, CString, u32),
    /// Makes a file in a mount.
    MakeFile {
        /// The mount.
        at: Slot,
        /// Name in it.
        name: CString,
        /// What is in it.
        content: Vec<u8>,
        /// Owner and group.
        owner: (u32, u32),
        /// Permission bits.
        mode: u32,
    },
    /// Makes a character device in a mount.
    MakeDevice(Slot, CString, Dev),
    /// Makes a symbolic link in a mount: name, target.
    MakeLink(Slot, CString, CString),
    /// Copies a mount (a bind mount), without a place yet.
    CopyMount {
        /// Of what.
        from: From,
        /// With the mounts below.
        recursive: bool,
        /// Attributes that are added.
        attributes: Attributes,
        /// Where the mount goes.
        into: Slot,
    },
    /// Makes a mount the root and lets go of the old one; the new one is then open in the second slot.
    Pivot(Slot, Slot),
    /// Gives a mount its place inside the root.
    Place {
        /// The mount.
        mount: Slot,
        /// The root.
        root: Slot,
        /// Path inside it.
        target: CString,
        /// What to do if it is not there.
        missing: Missing,
        /// Whether the mount takes over the mode of what it covers.
        takes_mode: bool,
    },
    /// Mounts a path of the root over itself, read-only.
    MakeReadOnly(CString),
    /// Adds attributes to a mount.
    SetAttributes(Slot, Attributes),
    /// Makes a folder inside the root, with its parents, if it is missing.
    MakeCwd {
        /// The root.
        root: Slot,
        /// Path inside it.
        path: CString,
        /// Of what is made.
        owner: (u32, u32),
    },
    /// Opens a file of the root for reading.
    OpenInput(CString, Slot),
    /// Connects standard input, output and errors.
    ConnectStdio {
        /// What is standard input; `None` leaves it, and a terminal is taken for all three.
        input: Option<Slot>,
        /// Who is to be able to open them again.
        owner: (u32, u32),
    },
    /// `setrlimit`.
    Limit(Resource, Rlimit),
    /// `umask`.
    Umask(u32),
    /// `chdir`.
    ChangeFolder(CString),
    /// Takes capabilities out of the bounding set: a set bit stays.
    BoundCapabilities(u64),
    /// Installs the filter of system calls.
    Filter,
    /// Groups, group, user.
    BecomeUser {
        /// Supplementary groups.
        groups: Vec<Gid>,
        /// Group.
        gid: u32,
        /// User.
        uid: u32,
    },
    /// Reduces the permitted and effective capabilities, and empties the inheritable ones: a set bit stays.
    KeepCapabilities(u64),
    /// Dies with the thread that started it.
    DieWithParent,
    /// Signals as a new program has them.
    DefaultSignals,
    /// Executes the first of the candidates that is there.
    Execute {
        /// Paths of the program.
        candidates: Vec<CString>,
        /// Arguments, with the name of the program.
        arguments: StringList,
        /// Environment.
        environment: StringList,
    },
}
