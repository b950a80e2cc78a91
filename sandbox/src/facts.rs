//! What the plan has to know of the machine; asked once in a process.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use rustix::mount::{FsOpenFlags, fsconfig_set_string, fsopen};

use crate::cgroup::{self, Hierarchies};
use crate::userns;

/// What the plan has to know of the machine.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// Whether this process is root of a user namespace rather than of the machine.
    pub(crate) user_namespace: bool,
    /// Whether the kernel takes the layers of an overlay one by one (6.7 and newer do).
    pub(crate) layers_one_by_one: bool,
    /// Whether the group `tty`, 5, exists in the user namespace.
    pub(crate) tty_group: bool,
    /// What is hidden in `/proc` and `/sys`, and whether it is a folder.
    pub(crate) masked: Vec<(&'static str, bool)>,
    /// What is read-only in `/proc`.
    pub(crate) read_only: Vec<&'static str>,
    /// Where control groups are.
    pub(crate) hierarchies: Hierarchies,
}

/// What Docker hides; not every kernel has all of it.
const MASKED: [&str; 11] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
];

/// What Docker makes read-only.
const READ_ONLY: [&str; 5] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// The facts of this machine.
pub(crate) fn facts() -> &'static Facts {
    static FACTS: OnceLock<Facts> = OnceLock::new();
    FACTS.get_or_init(|| Facts {
        user_namespace: userns::identity() == userns::Identity::InUserNamespace,
        layers_one_by_one: takes_layers_one_by_one(),
        tty_group: userns::is_mapped("/proc/self/gid_map", 5),
        masked: MASKED
            .into_iter()
            .filter_map(|path| Some((path, fs::symlink_metadata(path).ok()?.is_dir())))
            .collect(),
        read_only: READ_ONLY.into_iter().filter(|path| PathBuf::from(path).exists()).collect(),
        hierarchies: cgroup::hierarchies(),
    })
}

/// Whether overlays are told their layers one by one (Linux 6.7), rather than all in one string.
fn takes_layers_one_by_one() -> bool {
    let Ok(context) = fsopen(c"overlay", FsOpenFlags::FSOPEN_CLOEXEC) else {
        return true; // No overlay at all: the mount itself will say so in better words.
    };
    // Before Linux 6.5 the kernel notes whatever it is told, and looks at it only when it mounts: one that
    // takes what no kernel knows has not looked.
    fsconfig_set_string(&context, c"no such option", c"/").is_err()
        && fsconfig_set_string(&context, c"lowerdir+", c"/").is_ok()
}
