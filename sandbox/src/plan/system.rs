//! What every command finds beside its own files: /proc, /sys, /dev, /etc/hosts and /etc/resolv.conf.

use std::ffi::CString;

use rustix::fs::makedev;

use super::op::{Attributes, From, Missing, Slot, SysOp};
use super::{Builder, flag, option, text};
use crate::cgroup::Hierarchies;
use crate::facts::Facts;
use crate::spec::{Network, Security, Spec};

/// Device nodes: name, major, minor.
const DEVICES: [(&str, u32, u32); 6] = [
    ("null", 1, 3),
    ("zero", 1, 5),
    ("full", 1, 7),
    ("random", 1, 8),
    ("urandom", 1, 9),
    ("tty", 5, 0),
];

/// Links in /dev: name, target.
const LINKS: [(&str, &str); 6] = [
    ("core", "/proc/kcore"),
    ("fd", "/proc/self/fd"),
    ("ptmx", "pts/ptmx"),
    ("stderr", "/proc/self/fd/2"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
];

const NO_PROGRAMS: Attributes = Attributes::NOSUID.and(Attributes::NODEV).and(Attributes::NOEXEC);

/// Mounts without a place.
#[derive(Debug)]
pub(super) struct System {
    mounts: Vec<Placed>,
    masks: Vec<(Slot, &'static str)>,
    secured: bool,
    control_groups: Option<Slot>,
}

#[derive(Debug)]
struct Placed {
    slot: Slot,
    target: CString,
    missing: Missing,
    optional: bool,
}

impl System {
    fn push(&mut self, slot: Slot, target: &str, missing: Missing, optional: bool) {
        self.mounts.push(Placed { slot, target: text(target.to_owned()), missing, optional });
    }
}

/// Mounts everything, without a place yet.
pub(super) fn make(
    program: &mut Builder,
    spec: &Spec,
    facts: &Facts,
    scratch: Slot,
    terminal: Option<CString>,
) -> System {
    let secured = spec.security == Security::Sandbox;
    let mut system =
        System { mounts: Vec::new(), masks: Vec::new(), secured, control_groups: None };
    let proc = new(program, "proc", Vec::new(), NO_PROGRAMS, "mount /proc");
    system.push(proc, "/proc", Missing::Keep, false);
    dev(program, &mut system, spec, facts, scratch);
    if let Some(terminal) = terminal {
        let into = program.slot();
        let from = From::Path(terminal);
        let attributes = Attributes::default();
        program.add(
            SysOp::CopyMount { from, recursive: false, attributes, into },
            "mount the terminal as /dev/console",
        );
        system.push(into, "/dev/console", Missing::Keep, false);
    }
    let sys = sysfs(program, spec, facts);
    system.push(sys, "/sys", Missing::Keep, false);
    control_groups(program, &mut system, spec, facts);
    for (text, target) in [(&spec.resolv_conf, "/etc/resolv.conf"), (&spec.hosts, "/etc/hosts")] {
        if let Some(content) = text {
            let slot = etc_file(program, scratch, target, content);
            system.push(slot, target, Missing::Stub, false);
        }
    }
    if secured {
        for (path, is_folder) in &facts.masked {
            let name = if *is_folder { "empty" } else { "null" };
            let slot = mask_source(program, name, facts, scratch, path);
            system.masks.push((slot, path));
        }
    }
    system
}

fn new(
    program: &mut Builder,
    kind: &str,
    options: Vec<(CString, Option<CString>)>,
    attributes: Attributes,
    doing: &str,
) -> Slot {
    let into = program.slot();
    program.add(
        SysOp::NewFileSystem { kind: text(kind.to_owned()), options, attributes, into },
        doing,
    );
    into
}

/// /dev and what is mounted in it. The nodes are mounts of their own, so that /dev itself needs no devices: a command may
/// make nodes (as in Docker), and open none of them. Where it may not make them, the machine's are taken.
fn dev(program: &mut Builder, system: &mut System, spec: &Spec, facts: &Facts, scratch: Slot) {
    let attributes = Attributes::NOSUID.and_if(system.secured, Attributes::NODEV);
    let options = vec![option("mode", "755"), option("size", "65536k")];
    let dev = new(program, "tmpfs", options, attributes, "mount /dev");
    system.push(dev, "/dev", Missing::Keep, false);
    for (name, target) in LINKS {
        let op = SysOp::MakeLink(dev, text(name.to_owned()), text(target.to_owned()));
        program.add(op, format!("make the link /dev/{name}"));
    }
    for (name, major, minor) in DEVICES {
        if !facts.user_namespace {
            let op = SysOp::MakeDevice(scratch, text(name.to_owned()), makedev(major, minor));
            program.add(op, format!("make the device /dev/{name}"));
        }
        let slot = device(program, name, facts, scratch);
        system.push(slot, &format!("/dev/{name}"), Missing::Keep, false);
    }
    let mut options = vec![flag("newinstance"), option("ptmxmode", "0666"), option("mode", "0620")];
    if facts.tty_group {
        options.push(option("gid", "5"));
    }
    let pts = new(
        program,
        "devpts",
        options,
        Attributes::NOSUID.and(Attributes::NOEXEC),
        "mount /dev/pts",
    );
    system.push(pts, "/dev/pts", Missing::Keep, false);
    let options = vec![option("mode", "1777"), option("size", &spec.shm_size.to_string())];
    let shm = new(program, "tmpfs", options, NO_PROGRAMS, "mount /dev/shm");
    system.push(shm, "/dev/shm", Missing::Keep, false);
    let queues = program.slot();
    let op = SysOp::NewFileSystem {
        kind: c"mqueue".into(),
        options: Vec::new(),
        attributes: NO_PROGRAMS,
        into: queues,
    };
    program.attempt(op, "mount /dev/mqueue");
    system.push(queues, "/dev/mqueue", Missing::Keep, true);
}

fn device(program: &mut Builder, name: &str, facts: &Facts, scratch: Slot) -> Slot {
    let into = program.slot();
    let from = if facts.user_namespace {
        From::Path(text(format!("/dev/{name}")))
    } else {
        From::Slot(scratch, text(name.to_owned()))
    };
    let attributes = Attributes::NOSUID.and(Attributes::NOEXEC);
    program.add(
        SysOp::CopyMount { from, recursive: false, attributes, into },
        format!("mount /dev/{name}"),
    );
    into
}

fn sysfs(program: &mut Builder, spec: &Spec, facts: &Facts) -> Slot {
    let attributes = NO_PROGRAMS.and_if(spec.security == Security::Sandbox, Attributes::RDONLY);
    // It shows the network's devices, and so only the owner of the network namespace may mount it.
    if facts.user_namespace && spec.network == Network::Host {
        let into = program.slot();
        let from = From::Path(c"/sys".into());
        program.add(SysOp::CopyMount { from, recursive: true, attributes, into }, "mount /sys");
        return into;
    }
    new(program, "sysfs", Vec::new(), attributes, "mount /sys")
}

/// What the command sees of control groups; nothing depends on it. A dozen hierarchies of the first version take as long
/// to mount as all else together, and say something only where there are limits.
fn control_groups(program: &mut Builder, system: &mut System, spec: &Spec, facts: &Facts) {
    let attributes = NO_PROGRAMS.and_if(system.secured, Attributes::RDONLY);
    let doing = "mount /sys/fs/cgroup";
    let slot = program.slot();
    match &facts.hierarchies {
        Hierarchies::V1(_) if spec.limits.is_empty() => {}
        Hierarchies::None => {}
        Hierarchies::V2(_) => {
            let op = SysOp::NewFileSystem {
                kind: c"cgroup2".into(),
                options: Vec::new(),
                attributes,
                into: slot,
            };
            program.attempt(op, doing);
            system.push(slot, "/sys/fs/cgroup", Missing::Keep, true);
        }
        Hierarchies::V1(controllers) => {
            let options = vec![option("mode", "755")];
            let op = SysOp::NewFileSystem {
                kind: c"tmpfs".into(),
                options,
                attributes: NO_PROGRAMS,
                into: slot,
            };
            program.attempt(op, doing);
            system.push(slot, "/sys/fs/cgroup", Missing::Keep, true);
            for controller in controllers {
                let into = program.slot();
                let options =
                    controller.options.iter().map(|option| match option.split_once('=') {
                        Some((key, value)) => super::option(key, value),
                        None => flag(option),
                    });
                let options = options.collect();
                let op = SysOp::NewFileSystem { kind: c"cgroup".into(), options, attributes, into };
                program.attempt(op, format!("mount the control groups {}", controller.name));
                system.push(
                    into,
                    &format!("/sys/fs/cgroup/{}", controller.name),
                    Missing::Keep,
                    true,
                );
            }
            system.control_groups = Some(slot);
        }
    }
}

fn etc_file(program: &mut Builder, scratch: Slot, target: &str, content: &str) -> Slot {
    let name = target.rsplit('/').next().unwrap_or(target);
    let op = SysOp::MakeFile {
        at: scratch,
        name: text(name.to_owned()),
        content: content.as_bytes().to_vec(),
        owner: (0, 0),
        mode: 0o644,
    };
    program.add(op, format!("make {target}"));
    program.copy_of_scratch(scratch, name, NO_PROGRAMS.and(Attributes::RDONLY), target)
}

fn mask_source(
    program: &mut Builder,
    name: &str,
    facts: &Facts,
    scratch: Slot,
    path: &str,
) -> Slot {
    if name == "null" {
        return device(program, name, facts, scratch);
    }
    program.copy_of_scratch(scratch, name, NO_PROGRAMS.and(Attributes::RDONLY), path)
}

/// Gives everything its place inside the root.
pub(super) fn place(program: &mut Builder, root: Slot, system: &System) {
    for mount in &system.mounts {
        let target = mount.target.clone();
        let doing = format!("mount something at {}", target.to_string_lossy());
        let op = SysOp::Place {
            mount: mount.slot,
            root,
            target,
            missing: mount.missing,
            takes_mode: false,
        };
        if mount.optional {
            program.attempt(op, doing);
        } else {
            program.add(op, doing);
        }
    }
    if let Some(slot) = system.control_groups
        && system.secured
    {
        program.attempt(
            SysOp::SetAttributes(slot, Attributes::RDONLY),
            "make /sys/fs/cgroup read-only",
        );
    }
}

/// Hides, or makes read-only, what Docker does.
pub(super) fn mask(program: &mut Builder, root: Slot, system: &System, facts: &Facts) {
    if !system.secured {
        return;
    }
    for (slot, path) in &system.masks {
        let (target, missing) = (text((*path).to_owned()), Missing::Keep);
        let op = SysOp::Place { mount: *slot, root, target, missing, takes_mode: false };
        program.attempt(op, format!("hide {path}"));
    }
    for path in &facts.read_only {
        program
            .add(SysOp::MakeReadOnly(text((*path).to_owned())), format!("make {path} read-only"));
    }
}
