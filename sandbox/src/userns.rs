//! An ordinary user's way to be root over their own files: a user namespace with subordinate ids.
//!
//! The process separates itself (`unshare`), a forked helper that stayed outside runs `newuidmap` and `newgidmap` on it,
//! and then it executes itself anew with the same arguments and environment. So it keeps its process id, its terminal
//! and its parent, and signals and the exit status need no forwarding.

use std::env;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::process::{WaitOptions, getegid, geteuid, waitpid};

use crate::error::SandboxError;
use crate::sys;

/// Who this process is on the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// The machine's root.
    Root,
    /// An ordinary user, outside of any user namespace of ours.
    User,
    /// Root of a user namespace: an ordinary user on the machine, whatever `uid` says.
    InUserNamespace,
}

/// Tells who this process is. Where files are kept, and the like, goes by this and not by the uid.
pub fn identity() -> Identity {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let whole = map.split_whitespace().eq(["0", "0", "4294967295"]);
    match (geteuid().is_root(), whole) {
        (false, _) => Identity::User,
        (true, true) => Identity::Root,
        (true, false) => Identity::InUserNamespace,
    }
}

/// Makes an ordinary user's process root of a user namespace of its own, by starting the program anew inside.
///
/// Returns at once for root and inside. Otherwise it does not return unless it fails: process id, terminal, arguments
/// and environment stay as they are. To be called before any thread is started.
pub fn enter_if_needed() -> Result<(), SandboxError> {
    if identity() != Identity::User {
        return Ok(());
    }
    let user = user_name();
    let maps = [
        Map::find("/etc/subuid", &user, Kind::User)?,
        Map::find("/etc/subgid", &user, Kind::Group)?,
    ];
    one_thread()?;
    let (mut go_read, go_write) = io::pipe().map_err(io_error("make", "a pipe"))?;
    let (mut said_read, said_write) = io::pipe().map_err(io_error("make", "a pipe"))?;
    let process = std::process::id().to_string();
    // Both ends of both pipes are needed on either side of the fork, and each side lets go of its own half.
    let mut ends = Some((go_write, said_read.try_clone().map_err(io_error("copy", "a pipe"))?));
    let mut helper = || {
        drop(ends.take());
        if go_read.read_exact(&mut [0]).is_err() {
            return 1; // The other side has failed, and says so itself.
        }
        let result = maps.iter().try_for_each(|map| map.write(&process));
        result.map_or_else(
            |message| (&said_write).write_all(message.as_bytes()).map_or(1, |()| 1),
            |()| 0,
        )
    };
    let helper_pid =
        sys::fork_helper(&mut helper).map_err(io_error("start", "a helper process"))?;
    drop(said_write);
    if let Err(errno) = sys::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS) {
        return Err(not_separated(errno.into()));
    }
    if let Some((mut go, _)) = ends.take() {
        go.write_all(b"g").map_err(io_error("write to", "a pipe"))?;
    }
    let mut said = String::new();
    said_read.read_to_string(&mut said).map_err(io_error("read", "a pipe"))?;
    let _ = waitpid(Some(helper_pid), WaitOptions::empty());
    if !said.is_empty() {
        let fix =
            "see `man 5 subuid`; the ranges of a user may not overlap those of others".to_owned();
        return Err(SandboxError::NotPermitted { why: said.trim().to_owned(), fix });
    }
    become_root()?;
    let error = Command::new("/proc/self/exe")
        .arg0(env::args_os().next().unwrap_or_default())
        .args(env::args_os().skip(1))
        .exec();
    Err(SandboxError::Io { doing: "execute anew", path: "/proc/self/exe".into(), source: error })
}

/// Whether `id` exists in the user namespace with this `uid_map` or `gid_map`.
pub(crate) fn is_mapped(map: &str, id: u64) -> bool {
    let map = fs::read_to_string(map).unwrap_or_default();
    map.lines().any(|line| {
        let mut numbers = line.split_whitespace().filter_map(|it| it.parse::<u64>().ok());
        let (Some(inside), Some(_), Some(count)) = (numbers.next(), numbers.next(), numbers.next())
        else {
            return false;
        };
        (inside..inside.saturating_add(count)).contains(&id)
    })
}

fn become_root() -> Result<(), SandboxError> {
    let (uid, gid) = (rustix::fs::Uid::ROOT, rustix::fs::Gid::ROOT);
    let changed = rustix::thread::set_thread_res_gid(gid, gid, gid)
        .and_then(|()| rustix::thread::set_thread_groups(&[]))
        .and_then(|()| rustix::thread::set_thread_res_uid(uid, uid, uid));
    changed.map_err(|errno| io_error("become root of", "the user namespace")(errno.into()))?;
    let flags = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    mount_change("/", flags).map_err(|errno| io_error("separate the mounts of", "/")(errno.into()))
}

fn one_thread() -> Result<(), SandboxError> {
    let count = fs::read_dir("/proc/self/task").map(Iterator::count).unwrap_or(1);
    if count == 1 {
        return Ok(());
    }
    let problem = "is not one: the user namespace is to be entered before threads are started";
    Err(SandboxError::Invalid { what: "the number of threads", value: count.to_string(), problem })
}

fn not_separated(error: io::Error) -> SandboxError {
    let why = format!("it refuses user namespaces to ordinary users ({error})");
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let fix = if read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").trim() == "1" {
        "allow them with: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    } else if read("/proc/sys/kernel/unprivileged_userns_clone").trim() == "0" {
        "allow them with: sudo sysctl -w kernel.unprivileged_userns_clone=1"
    } else if read("/proc/sys/user/max_user_namespaces").trim() == "0" {
        "allow them with: sudo sysctl -w user.max_user_namespaces=15000"
    } else {
        "run dfc as root"
    };
    SandboxError::NotPermitted { why, fix: fix.to_owned() }
}

fn io_error(doing: &'static str, path: &'static str) -> impl Fn(io::Error) -> SandboxError {
    move |source| SandboxError::Io { doing, path: path.into(), source }
}

/// The login name; the number if there is none.
fn user_name() -> String {
    let uid = geteuid().as_raw().to_string();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    name.unwrap_or(uid)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    User,
    Group,
}

/// The ids of a namespace: the own one is 0, the subordinate ones follow.
#[derive(Debug, PartialEq, Eq)]
struct Map {
    kind: Kind,
    own: u32,
    /// First and count.
    ranges: Vec<(u32, u32)>,
}

impl Map {
    fn find(path: &str, user: &str, kind: Kind) -> Result<Self, SandboxError> {
        let text = fs::read_to_string(path).unwrap_or_default();
        let uid = geteuid().as_raw();
        let ranges = parse_ranges(&text, user, uid);
        let own = match kind {
            Kind::User => uid,
            Kind::Group => getegid().as_raw(),
        };
        if ranges.is_empty() {
            let (kind, option) = match kind {
                Kind::User => ("user", "--add-subuids"),
                Kind::Group => ("group", "--add-subgids"),
            };
            let fix = format!("sudo usermod {option} 100000-165535 {user}");
            return Err(SandboxError::NoSubordinateIds { user: user.to_owned(), kind, fix });
        }
        let program = Self::program(kind);
        if !is_program(program) {
            let debian = Path::new("/etc/debian_version").exists();
            let fix =
                if debian { "sudo apt install uidmap" } else { "sudo dnf install shadow-utils" };
            return Err(SandboxError::MissingProgram { program, fix });
        }
        Ok(Self { kind, own, ranges })
    }

    fn program(kind: Kind) -> &'static str {
        match kind {
            Kind::User => "newuidmap",
            Kind::Group => "newgidmap",
        }
    }

    /// Arguments of the program: inside, outside, count; again and again.
    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["0".to_owned(), self.own.to_string(), "1".to_owned()];
        let mut inside = 1_u32;
        for (first, count) in &self.ranges {
            arguments.extend([inside, *first, *count].map(|number| number.to_string()));
            inside = inside.saturating_add(*count);
        }
        arguments
    }

    fn write(&self, process: &str) -> Result<(), String> {
        let program = Self::program(self.kind);
        let output =
            Command::new(program).arg(process).args(self.arguments()).stdin(Stdio::null()).output();
        match output {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => {
                Err(format!("{program} failed: {}", String::from_utf8_lossy(&output.stderr).trim()))
            }
            Err(error) => Err(format!("{program} could not be started: {error}")),
        }
    }
}

fn is_program(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// The lines `user:first:count` of a user, by name or number.
fn parse_ranges(text: &str, user: &str, uid: u32) -> Vec<(u32, u32)> {
    let number = uid.to_string();
    let lines = text.lines().filter_map(|line| {
        let mut fields = line.trim().split(':');
        let owner = fields.next().filter(|owner| *owner == user || *owner == number)?;
        debug_assert!(!owner.is_empty());
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    });
    lines.filter(|(_, count)| 0 < *count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_found_by_name_and_number() {
        let text =
            "ann:100000:65536\nbob:165536:65536\n# x\n1001:300000:10\nbob:nonsense:1\nbob:5:0\n";
        assert_eq!(parse_ranges(text, "bob", 1001), [(165_536, 65_536), (300_000, 10)]);
        assert_eq!(parse_ranges(text, "eve", 1002), []);
    }

    #[test]
    fn maps_put_the_own_id_first() {
        let map =
            Map { kind: Kind::User, own: 1001, ranges: vec![(100_000, 65_536), (300_000, 10)] };
        assert_eq!(map.arguments().join(" "), "0 1001 1 1 100000 65536 65537 300000 10");
    }

    #[test]
    fn root_is_there_already() {
        if geteuid().is_root() {
            enter_if_needed().unwrap();
            assert!(is_mapped("/proc/self/uid_map", 0));
        }
    }
}
