//! Programs of specifications, on an imagined machine: no rights are needed.

use std::ffi::{CStr, OsString};
use std::path::PathBuf;

use crate::cgroup::Hierarchies;
use crate::spec::{Limits, Rlimit, Tree, Upper, User};

use super::*;

fn facts() -> Facts {
    Facts {
        user_namespace: false,
        layers_one_by_one: true,
        tty_group: true,
        masked: vec![("/proc/kcore", false), ("/proc/scsi", true)],
        read_only: vec!["/proc/sys"],
        hierarchies: Hierarchies::V2("/sys/fs/cgroup".into()),
    }
}

fn spec() -> Spec {
    let upper = Upper { folder: "/store/tmp/7/fs".into(), work: "/store/tmp/7/work".into() };
    let lowers = vec![PathBuf::from("/store/layers/1/fs"), PathBuf::from("/store/layers/2/fs")];
    Spec::new(Tree::Overlay { lowers, upper: Some(upper) }, vec![OsString::from("true")])
}

fn make(spec: &Spec, facts: &Facts) -> Plan {
    plan(spec, facts, Prepared::default()).unwrap()
}

fn position(plan: &Plan, doing: &str) -> usize {
    let found = plan.steps.iter().position(|step| step.doing == doing);
    found.unwrap_or_else(|| panic!("no step to {doing}"))
}

fn message(spec: &Spec) -> String {
    plan(spec, &facts(), Prepared::default()).unwrap_err().to_string()
}

#[test]
fn layers_go_top_first_and_relative() {
    let plan = make(&spec(), &facts());
    let SysOp::NewOverlay { overlay, attributes, .. } =
        &plan.steps[position(&plan, "mount the layers")].op
    else {
        panic!("an overlay")
    };
    assert_eq!(overlay.base.as_c_str(), c"/store");
    assert_eq!(overlay.lowers, [c"layers/2/fs", c"layers/1/fs"].map(CStr::to_owned));
    assert_eq!(overlay.upper, Some((c"tmp/7/fs".into(), c"tmp/7/work".into())));
    assert!(
        overlay.options.contains(&flag("volatile"))
            && !overlay.options.contains(&flag("userxattr"))
    );
    assert_eq!(*attributes, Attributes::NODEV);
}

#[test]
fn older_kernels_get_one_escaped_string() {
    let mut spec = spec();
    spec.root =
        Tree::Overlay { lowers: vec!["/store/a:b,c/fs".into(), "/store/d/fs".into()], upper: None };
    let older = Facts { layers_one_by_one: false, user_namespace: true, ..facts() };
    let plan = make(&spec, &older);
    let step = plan.steps.iter().find(|step| matches!(step.op, SysOp::OldOverlay { .. })).unwrap();
    let SysOp::OldOverlay { base, options, at, .. } = &step.op else { panic!("an overlay") };
    assert_eq!((base.as_c_str(), at.as_c_str()), (c"/store", c"/proc/layers"));
    let options = options.to_str().unwrap();
    assert!(options.starts_with(r"lowerdir=d/fs:a\:b\,c/fs,index=off"), "{options}");
    assert!(options.ends_with(",userxattr"), "{options}");
}

#[test]
fn rights_are_given_up_in_the_only_order_that_works() {
    let mut spec = spec();
    spec.user = User { uid: 1, gid: 2, groups: vec![3] };
    let plan = make(&spec, &facts());
    let order = [
        "separate the mounts from those of the machine",
        "change over to the new root",
        "make the working folder /",
        "mount something at /proc",
        "open /dev/null as input",
        "hide /proc/kcore",
        "make /proc/sys read-only",
        "change to the working folder /",
        "install the filter of system calls",
        "become the user 1:2",
        "tie the command to its parent",
        "reset signals",
        "execute the program",
    ];
    let positions = order.map(|doing| position(&plan, doing));
    assert!(positions.is_sorted(), "{positions:?}");
    assert_eq!(positions[order.len() - 1], plan.steps.len() - 1);
}

#[test]
fn every_slot_is_filled_before_it_is_used() {
    let mut spec = spec();
    spec.hosts = Some("x".into());
    let file = Source::File { content: b"x".to_vec(), uid: 0, gid: 0, mode: 0o400 };
    spec.mounts = vec![
        Mount { target: "/a".into(), readonly: true, source: file },
        Mount { target: "/b".into(), readonly: false, source: Source::Tmpfs { size: Some(1) } },
    ];
    for user_namespace in [false, true] {
        let plan = make(&spec, &Facts { user_namespace, ..facts() });
        let mut filled = vec![false; plan.slots];
        for step in &plan.steps {
            match &step.op {
                SysOp::NewFileSystem { into, .. }
                | SysOp::NewOverlay { into, .. }
                | SysOp::CopyMount { into, .. }
                | SysOp::OpenInput(_, into) => filled[into.0] = true,
                SysOp::Pivot(from, into) => {
                    assert!(filled[from.0]);
                    filled[into.0] = true;
                }
                SysOp::Place { mount, root, .. } => {
                    assert!(filled[mount.0] && filled[root.0], "{}", step.doing);
                }
                SysOp::Attach(slot, _) | SysOp::MakeFile { at: slot, .. } => {
                    assert!(filled[slot.0], "{}", step.doing);
                }
                _ => {}
            }
        }
        assert!(filled.iter().all(|it| *it));
    }
}

#[test]
fn in_a_user_namespace_the_machine_lends_devices_and_sys() {
    let plan = make(&spec(), &Facts { user_namespace: true, ..facts() });
    assert!(!plan.steps.iter().any(|step| matches!(step.op, SysOp::MakeDevice(..))));
    let sys = &plan.steps[position(&plan, "mount /sys")].op;
    assert!(matches!(sys, SysOp::CopyMount { recursive: true, .. }));
    let mut alone = spec();
    alone.network = Network::None;
    let plan = make(&alone, &Facts { user_namespace: true, ..facts() });
    assert!(matches!(plan.steps[position(&plan, "mount /sys")].op, SysOp::NewFileSystem { .. }));
    assert_ne!(plan.namespaces & libc::CLONE_NEWNET as u64, 0);
}

#[test]
fn insecure_leaves_filter_masks_and_capabilities_out() {
    let mut spec = spec();
    spec.security = Security::Insecure;
    let plan = make(&spec, &facts());
    let restricts = |op: &SysOp| {
        matches!(
            op,
            SysOp::Filter
                | SysOp::BoundCapabilities(_)
                | SysOp::KeepCapabilities(_)
                | SysOp::MakeReadOnly(_)
        )
    };
    assert!(!plan.steps.iter().any(|step| restricts(&step.op)));
}

#[test]
fn groups_are_joined_before_their_namespace_is_made() {
    let groups = vec![text("/sys/fs/cgroup/dfc/1/cgroup.procs".to_owned())];
    let plan = plan(&spec(), &facts(), Prepared { groups, terminal: None }).unwrap();
    assert!(matches!(plan.steps[0].op, SysOp::JoinGroup(_)));
    assert!(matches!(plan.steps[1].op, SysOp::Unshare(libc::CLONE_NEWCGROUP)));
    assert!(Limits::default().is_empty());
}

#[test]
fn what_cannot_be_meant_is_named() {
    let mut wrong = spec();
    wrong.args.clear();
    assert_eq!(message(&wrong), "the command `` is empty; it needs a program");
    let mut wrong = spec();
    wrong.cwd = "relative".into();
    assert_eq!(message(&wrong), "the path `relative` has to be absolute");
    let mut wrong = spec();
    wrong.env = vec!["TOKEN=secret\0x".into()];
    assert_eq!(message(&wrong), "the variable `TOKEN` has a zero byte in it");
    let mut wrong = spec();
    wrong.root = Tree::Overlay { lowers: vec!["/x".into(); 500], upper: None };
    assert!(message(&wrong).starts_with("the number of layers `500` is more than the kernel"));
    let mut wrong = spec();
    wrong.rlimits = vec![Rlimit { name: "x".into(), soft: 0, hard: 0 }];
    assert!(message(&wrong).starts_with("unknown limit `x`"));
}
