//! Starts a command: makes the plan and the pipes, clones, and listens to what the child tells.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use rustix::pipe::{PipeFlags, pipe_with};

use crate::cgroup::Groups;
use crate::child::Child;
use crate::error::SandboxError;
use crate::facts::{Facts, facts};
use crate::plan::{self, Prepared, Step, SysOp};
use crate::report::{self, Failure};
use crate::running::{Leftovers, Running};
use crate::spec::{Security, Spec, Stdio, Tree};
use crate::{seccomp, sys};

/// Starts the command of `spec` and returns once it executes.
///
/// The command dies with the calling thread, so [`Running`] stays on it.
pub fn spawn(spec: &Spec) -> Result<Running, SandboxError> {
    spawn_on(spec, facts())
}

/// Starts the command on a machine with these facts.
pub(crate) fn spawn_on(spec: &Spec, facts: &Facts) -> Result<Running, SandboxError> {
    let leftovers = Leftovers::new(groups(spec, facts)?, changes_of(&spec.root));
    let prepared =
        Prepared { groups: entrances(leftovers.groups()), terminal: terminal_path(&spec.stdio)? };
    let plan = plan::plan(spec, facts, prepared)?;
    if spec.security == Security::Sandbox {
        // Made here, since the child may not allocate.
        seccomp::filter();
    }
    let (report_read, report_write) = pipe()?;
    let pipes = match spec.stdio {
        Stdio::Pipes => Some((pipe()?, pipe()?)),
        Stdio::Inherit | Stdio::Terminal(_) => None,
    };
    let mut slots: Vec<Option<OwnedFd>> = (0..plan.slots).map(|_| None).collect();
    let outputs = pipes.as_ref().map(|(out, err)| (out.1.as_fd(), err.1.as_fd()));
    let terminal = match &spec.stdio {
        Stdio::Terminal(terminal) => Some(terminal.as_fd()),
        Stdio::Pipes | Stdio::Inherit => None,
    };
    let mut keep: Vec<_> =
        [Some(report_write.as_fd()), outputs.map(|it| it.0), outputs.map(|it| it.1), terminal]
            .iter()
            .flatten()
            .map(AsRawFd::as_raw_fd)
            .collect();
    keep.sort_unstable();
    let pidfd = sys::clone_into_namespaces(plan.namespaces, &mut || {
        // What other threads are about to give to other children is not for this one.
        let _ = sys::close_all_but(&keep);
        let mut child = Child::new(&mut slots, report_write.as_fd());
        child.outputs = outputs;
        child.terminal = terminal;
        child.run(&plan.steps);
    });
    let pidfd = pidfd.map_err(not_cloned)?;
    drop(report_write);
    let (stdout, stderr) = pipes.map(|(out, err)| (out.0, err.0)).unzip();
    let mut running = Running::new(pidfd, stdout, stderr, leftovers);
    let mut told = Vec::new();
    let read = File::from(report_read).read_to_end(&mut told);
    read.map_err(|source| setup("hear from the command", source))?;
    let report = report::parse(&told);
    running.set_stubs(report.stubs);
    match report.failure {
        None => Ok(running),
        // Dropped, it is reaped, and its stubs are removed.
        Some(failure) => Err(explain(&failure, &plan.steps, spec, facts)),
    }
}

fn groups(spec: &Spec, facts: &Facts) -> Result<Option<Groups>, SandboxError> {
    if spec.limits.is_empty() {
        return Ok(None);
    }
    Groups::new(&spec.limits, &facts.hierarchies, facts.user_namespace).map(Some)
}

fn entrances(groups: Option<&Groups>) -> Vec<CString> {
    let paths = groups.map(Groups::entrances).unwrap_or_default();
    let strings = paths.iter().map(|path| CString::new(path.as_os_str().as_bytes()));
    strings.map(|it| it.expect("paths of mounts have no zero byte")).collect()
}

/// The folder where the changes of the command go.
fn changes_of(root: &Tree) -> Option<PathBuf> {
    match root {
        Tree::Folder(folder) => Some(folder.clone()),
        Tree::Overlay { upper, .. } => upper.as_ref().map(|upper| upper.folder.clone()),
    }
}

/// The path of the terminal; by it the child finds the mount that its descriptor is not good for.
fn terminal_path(stdio: &Stdio) -> Result<Option<CString>, SandboxError> {
    let Stdio::Terminal(terminal) = stdio else { return Ok(None) };
    let link = format!("/proc/self/fd/{}", terminal.as_raw_fd());
    let path = fs::read_link(&link);
    let path =
        path.map_err(|source| SandboxError::Io { doing: "read", path: link.into(), source })?;
    Ok(CString::new(path.into_os_string().into_vec()).ok())
}

fn pipe() -> Result<(OwnedFd, OwnedFd), SandboxError> {
    pipe_with(PipeFlags::CLOEXEC).map_err(|errno| setup("make a pipe", errno.into()))
}

fn setup(doing: &str, source: io::Error) -> SandboxError {
    SandboxError::Setup { doing: doing.to_owned(), source, detail: String::new(), hint: "" }
}

/// Words for namespaces that could not be made.
fn not_cloned(error: io::Error) -> SandboxError {
    let (why, fix) = match error.raw_os_error() {
        Some(libc::EPERM) => (
            "it refuses new namespaces",
            "run dfc as root or as a user with subordinate ids, or, inside of a container, with --privileged",
        ),
        Some(libc::ENOSYS) => (
            "it refuses the call clone3",
            "take Linux 5.12 or newer, or, inside of a container, run it with --privileged",
        ),
        Some(libc::ENOSPC | libc::EUSERS) => (
            "it has no more namespaces to give",
            "raise the numbers in /proc/sys/user, or run fewer steps at once",
        ),
        _ => return setup("start a process in new namespaces", error),
    };
    SandboxError::NotPermitted { why: why.to_owned(), fix: fix.to_owned() }
}

/// Words for the step that failed.
fn explain(failure: &Failure, steps: &[Step], spec: &Spec, facts: &Facts) -> SandboxError {
    let source = io::Error::from_raw_os_error(failure.errno);
    let Some(step) = steps.get(failure.position) else {
        return setup("prepare the command", source);
    };
    if let SysOp::Execute { .. } = step.op {
        return not_executed(failure, source, spec);
    }
    let detail = match failure.words.trim_start_matches(['e', 'w', 'i']).trim() {
        "" => String::new(),
        words => format!(" ({words})"),
    };
    SandboxError::Setup {
        doing: step.doing.clone(),
        source,
        detail,
        hint: hint(&step.op, failure.errno, facts),
    }
}

fn not_executed(failure: &Failure, source: io::Error, spec: &Spec) -> SandboxError {
    let program = spec.args.first().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    match (failure.errno, failure.words.is_empty()) {
        (libc::ENOENT | libc::ENOTDIR, true) => SandboxError::ProgramNotFound { program },
        (libc::ENOENT, false) => {
            let hint = "; the interpreter or loader that it names is not in the image";
            SandboxError::ProgramNotStarted { program, source, hint }
        }
        (libc::ENOEXEC, _) => {
            let hint = "; it may be for another platform, or a script without `#!`";
            SandboxError::ProgramNotStarted { program, source, hint }
        }
        _ => SandboxError::ProgramNotStarted { program, source, hint: "" },
    }
}

/// What to change, where that is known.
fn hint(op: &SysOp, errno: i32, facts: &Facts) -> &'static str {
    match (op, errno) {
        (SysOp::BecomeUser { .. } | SysOp::MakeCwd { .. }, libc::EINVAL)
            if facts.user_namespace =>
        {
            "; the id is beyond the ranges of /etc/subuid and /etc/subgid"
        }
        (SysOp::NewFileSystem { .. } | SysOp::PrivateMounts, libc::EPERM) => {
            "; inside of a container, run it with --privileged or with --security-opt systempaths=unconfined"
        }
        (SysOp::NewOverlay { .. } | SysOp::OldOverlay { .. }, libc::ENODEV) => {
            "; the kernel has no overlay file system"
        }
        (
            SysOp::NewFileSystem { .. } | SysOp::NewOverlay { .. } | SysOp::CopyMount { .. },
            libc::ENOSYS,
        ) => "; it takes Linux 5.12 or newer",
        (SysOp::NewOverlay { .. } | SysOp::OldOverlay { .. }, libc::EINVAL) => {
            "; the log of the kernel, dmesg, says more"
        }
        (SysOp::Place { .. }, libc::EROFS) => {
            "; the folder is missing in a read-only mount: make it there"
        }
        (SysOp::Place { .. }, libc::ENOTDIR) => {
            "; a file is mounted on a folder, or a folder on a file"
        }
        (SysOp::Limit(..), libc::EPERM) => "; the hard limit of the caller is lower",
        _ => "",
    }
}
