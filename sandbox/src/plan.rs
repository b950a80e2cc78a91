//! From a [`Spec`] to the program that the child executes: pure, and so testable without rights.
//!
//! ```text
//! join group, new session, private mounts          still in the machine's tree
//! scratch (memory) over /proc: files, device nodes, empty folder
//! mounts without a place: trees, proc, sys, dev, …
//! root ── pivot ──                                 from here on the machine's tree is gone
//! working folder, system mounts, user mounts, masks
//! limits, capabilities, filter, user, exec
//! ```

mod op;
mod process;
mod system;
mod trees;

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

pub(crate) use op::{Attributes, From, Missing, Overlay, Slot, Step, SysOp};

use crate::error::SandboxError;
use crate::facts::Facts;
use crate::spec::{Mount, Network, Security, Source, Spec, Stdio};

/// The program, and what the parent has to know to start it.
#[derive(Debug)]
pub(crate) struct Plan {
    /// In order.
    pub(crate) steps: Vec<Step>,
    /// How many descriptors the child keeps.
    pub(crate) slots: usize,
    /// The namespaces that are made while cloning.
    pub(crate) namespaces: u64,
}

/// What was prepared for this very run.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    /// The `cgroup.procs` files of the groups to join.
    pub(crate) groups: Vec<CString>,
    /// The path of the terminal, for `/dev/console`.
    pub(crate) terminal: Option<CString>,
}

/// Where the scratch file system is until the root is there. Every machine has the folder, and nothing is read from it.
const SCRATCH: &str = "/proc";

/// Computes the program of `spec`.
pub(crate) fn plan(spec: &Spec, facts: &Facts, prepared: Prepared) -> Result<Plan, SandboxError> {
    let mut program = Builder { steps: Vec::new(), slots: 0 };
    let namespaces = program.separate(spec, prepared.groups);
    let scratch = program.scratch();
    let root = program.root(spec, facts, scratch)?;
    let system = system::make(&mut program, spec, facts, scratch, prepared.terminal);
    let mut mounts = Vec::new();
    for (number, mount) in spec.mounts.iter().enumerate() {
        mounts.push(program.user_mount(mount, number, spec.security, facts, scratch)?);
    }

    let inside = program.slot();
    let root_folder = text(SCRATCH.to_owned() + "/root");
    program.add(SysOp::MakeFolder(scratch, c"root".into(), 0o700), "make a place for the root");
    program.add(SysOp::Attach(root, root_folder), "give the root its place");
    program.add(SysOp::Pivot(root, inside), "change over to the new root");
    let cwd = c_path(&spec.cwd)?;
    let owner = (spec.user.uid, spec.user.gid);
    let doing = format!("make the working folder {}", spec.cwd.display());
    program.add(SysOp::MakeCwd { root: inside, path: cwd.clone(), owner }, doing);
    system::place(&mut program, inside, &system);
    let input = program.open_input(&spec.stdio);
    for (mount, slot) in spec.mounts.iter().zip(mounts) {
        let takes_mode = matches!(mount.source, Source::Tmpfs { .. });
        let doing = format!("mount something at {}", mount.target.display());
        let target = c_path(&mount.target)?;
        program.add(
            SysOp::Place { mount: slot, root: inside, target, missing: Missing::Stub, takes_mode },
            doing,
        );
    }
    system::mask(&mut program, inside, &system, facts);
    if spec.readonly_root {
        program.add(SysOp::SetAttributes(root, Attributes::RDONLY), "make the root read-only");
    }
    program.add(SysOp::ConnectStdio { input, owner }, "connect input and output");
    process::steps(&mut program, spec, cwd)?;
    Ok(Plan { steps: program.steps, slots: program.slots, namespaces })
}

/// A program in the making.
#[derive(Debug)]
struct Builder {
    steps: Vec<Step>,
    slots: usize,
}

impl Builder {
    fn add(&mut self, op: SysOp, doing: impl Into<String>) {
        self.steps.push(Step { op, doing: doing.into(), optional: false });
    }

    /// Adds a step that may fail: older kernels, and containers, lack this or that.
    fn attempt(&mut self, op: SysOp, doing: impl Into<String>) {
        self.steps.push(Step { op, doing: doing.into(), optional: true });
    }

    fn slot(&mut self) -> Slot {
        self.slots += 1;
        Slot(self.slots - 1)
    }

    /// Leaves the machine's session, groups and namespaces; returns the namespaces that cloning makes.
    fn separate(&mut self, spec: &Spec, groups: Vec<CString>) -> u64 {
        for group in groups {
            let doing = format!("join the control group {}", group.to_string_lossy());
            self.add(SysOp::JoinGroup(group), doing);
        }
        // After joining, so that the group is the root of what the command sees of control groups.
        self.attempt(SysOp::Unshare(libc::CLONE_NEWCGROUP), "make a namespace of control groups");
        self.add(SysOp::NewSession, "start a session");
        self.attempt(SysOp::NewKeyring, "leave the caller's keys");
        self.add(SysOp::PrivateMounts, "separate the mounts from those of the machine");
        let hostname = spec.hostname.clone().into_bytes();
        self.add(SysOp::HostName(hostname), format!("set the host name `{}`", spec.hostname));
        let mut namespaces =
            libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
        if spec.network == Network::None {
            namespaces |= libc::CLONE_NEWNET;
            self.add(SysOp::LoopbackUp, "switch the loopback interface on");
        }
        namespaces as u64
    }

    /// Memory for what exists only for this run, with an empty folder in it.
    fn scratch(&mut self) -> Slot {
        let scratch = self.slot();
        let options = vec![option("mode", "700")];
        let op = SysOp::NewFileSystem {
            kind: c"tmpfs".into(),
            options,
            attributes: Attributes::NOSUID,
            into: scratch,
        };
        self.add(op, "mount memory for the files of the run");
        self.add(
            SysOp::Attach(scratch, text(SCRATCH.to_owned())),
            format!("mount memory over {SCRATCH}"),
        );
        self.add(SysOp::MakeFolder(scratch, c"empty".into(), 0o755), "make an empty folder");
        scratch
    }

    fn root(&mut self, spec: &Spec, facts: &Facts, scratch: Slot) -> Result<Slot, SandboxError> {
        let attributes =
            Attributes::default().and_if(spec.security == Security::Sandbox, Attributes::NODEV);
        let what = trees::What {
            name: "the layers".to_owned(),
            scratch_name: "layers".to_owned(),
            attributes,
        };
        trees::mount(self, &spec.root, Path::new("/"), what, facts, scratch)
    }

    /// Mounts what `mount` shows, without a place yet.
    fn user_mount(
        &mut self,
        mount: &Mount,
        number: usize,
        security: Security,
        facts: &Facts,
        scratch: Slot,
    ) -> Result<Slot, SandboxError> {
        let attributes = Attributes::default()
            .and_if(security == Security::Sandbox, Attributes::NODEV)
            .and_if(mount.readonly, Attributes::RDONLY);
        let target = mount.target.display();
        match &mount.source {
            Source::Bind { tree, path } => {
                let name = format!("{} for {target}", path.display());
                let what = trees::What { name, scratch_name: format!("mount{number}"), attributes };
                trees::mount(self, tree, path, what, facts, scratch)
            }
            Source::Tmpfs { size } => {
                let slot = self.slot();
                let options = size.iter().map(|size| option("size", &size.to_string())).collect();
                let attributes = attributes.and(Attributes::NOSUID);
                let op =
                    SysOp::NewFileSystem { kind: c"tmpfs".into(), options, attributes, into: slot };
                self.add(op, format!("mount memory for {target}"));
                Ok(slot)
            }
            Source::File { content, uid, gid, mode } => {
                let (name, owner) = (format!("file{number}"), (*uid, *gid));
                let file = SysOp::MakeFile {
                    at: scratch,
                    name: text(name.clone()),
                    content: content.clone(),
                    owner,
                    mode: *mode,
                };
                self.add(file, format!("make the file for {target}"));
                Ok(self.copy_of_scratch(
                    scratch,
                    &name,
                    attributes.and(Attributes::NOSUID),
                    &format!("for {target}"),
                ))
            }
        }
    }

    /// A mount of one file or folder of the scratch file system.
    fn copy_of_scratch(
        &mut self,
        scratch: Slot,
        name: &str,
        attributes: Attributes,
        what: &str,
    ) -> Slot {
        let into = self.slot();
        let from = From::Slot(scratch, text(name.to_owned()));
        self.add(
            SysOp::CopyMount { from, recursive: false, attributes, into },
            format!("mount the file {what}"),
        );
        into
    }

    /// Opens the empty input before a mount of the user can hide it.
    fn open_input(&mut self, stdio: &Stdio) -> Option<Slot> {
        match stdio {
            Stdio::Pipes => {
                let slot = self.slot();
                self.add(SysOp::OpenInput(c"/dev/null".into(), slot), "open /dev/null as input");
                Some(slot)
            }
            Stdio::Inherit | Stdio::Terminal(_) => None,
        }
    }
}

/// One option of a file system with a value.
fn option(key: &str, value: &str) -> (CString, Option<CString>) {
    (text(key.to_owned()), Some(text(value.to_owned())))
}

/// One option of a file system that is a word.
fn flag(key: &str) -> (CString, Option<CString>) {
    (text(key.to_owned()), None)
}

/// Text of our own.
fn text(text: String) -> CString {
    CString::new(text).expect("our own names have no zero byte")
}

/// A path of the caller: absolute, without a zero byte.
fn c_path(path: &Path) -> Result<CString, SandboxError> {
    let invalid = |problem| SandboxError::Invalid {
        what: "the path",
        value: path.display().to_string(),
        problem,
    };
    if !path.is_absolute() {
        return Err(invalid("has to be absolute"));
    }
    CString::new(path.as_os_str().as_bytes()).map_err(|_| invalid("has a zero byte in it"))
}

#[cfg(test)]
mod tests;
