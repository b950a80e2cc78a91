//! Runs of a static busybox in the sandbox. They need root (of the machine or of a user namespace) and busybox, and say
//! so where they skip.

use std::ffi::OsString;
use std::fs;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::facts::{Facts, facts};
use crate::spawn::spawn_on;
use crate::{
    ExitStatus, Limits, Mount, Network, Rlimit, Running, SandboxError, Security, Source, Spec,
    Stdio, Tree, Upper, User, spawn, userns,
};

/// A tree with busybox as its one lower layer.
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new() -> Option<Self> {
        let busybox =
            ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|path| Path::new(path).exists());
        let (Some(busybox), true) = (busybox, userns::identity() != userns::Identity::User) else {
            println!("skipped: it takes root and a static busybox");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let machine = Self { folder };
        for name in ["base/bin", "base/etc", "base/tmp", "upper", "work"] {
            fs::create_dir_all(machine.at(name)).unwrap();
        }
        fs::copy(busybox, machine.at("base/bin/busybox")).unwrap();
        for applet in [
            "sh", "cat", "ls", "id", "stat", "grep", "hostname", "sleep", "true", "touch", "mkdir",
            "mount", "ip", "env", "dd", "wc", "readlink", "mknod", "chmod", "ulimit", "head", "rm",
            "unshare", "kill",
        ] {
            symlink("busybox", machine.at("base/bin").join(applet)).unwrap();
        }
        Some(machine)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn upper(&self) -> Upper {
        Upper { folder: self.at("upper"), work: self.at("work") }
    }

    /// Runs a line of shell over the base.
    fn spec(&self, script: &str) -> Spec {
        let root = Tree::Overlay { lowers: vec![self.at("base")], upper: Some(self.upper()) };
        spec(root, script)
    }
}

fn spec(root: Tree, script: &str) -> Spec {
    let mut spec = Spec::new(root, ["sh", "-c", script].map(OsString::from).to_vec());
    spec.env = vec!["PATH=/bin".into()];
    spec
}

/// Runs it and returns the exit, what it wrote, and its errors.
fn run(spec: &Spec) -> (ExitStatus, String, String) {
    try_run(spec).unwrap()
}

fn try_run(spec: &Spec) -> Result<(ExitStatus, String, String), SandboxError> {
    let mut running = start(spec)?;
    let (mut out, mut err) = (String::new(), String::new());
    File::from(running.stdout.take().unwrap()).read_to_string(&mut out).unwrap();
    File::from(running.stderr.take().unwrap()).read_to_string(&mut err).unwrap();
    Ok((running.wait()?.status, out, err))
}

/// Starts it, with a work folder that is empty.
fn start(spec: &Spec) -> Result<Running, SandboxError> {
    if let Tree::Overlay { upper: Some(Upper { work, .. }), .. } = &spec.root {
        fs::remove_dir_all(work).unwrap();
        fs::create_dir(work).unwrap();
    }
    spawn(spec)
}

fn output(spec: &Spec) -> String {
    let (status, out, err) = run(spec);
    assert_eq!((status, err.as_str()), (ExitStatus::Code(0), ""), "{out}");
    out
}

fn mount(target: &str, readonly: bool, source: Source) -> Mount {
    Mount { target: target.into(), readonly, source }
}

#[test]
fn the_process_is_alone() {
    let Some(machine) = Machine::new() else { return };
    let script = "echo $$; hostname; set -- /proc/[0-9]*; echo $#; cat /proc/self/stat | { read a b c d pgrp sid tty rest; echo $sid $tty; }; umask; wc -c; pwd; ls /proc/self/fd | wc -l";
    let out = output(&machine.spec(script));
    // Of the open files the last is that of `ls` itself.
    assert_eq!(out, "1\nbuildkitsandbox\n1\n1 0\n0022\n0\n/\n4\n");
}

#[test]
fn rights_are_those_of_docker() {
    let Some(machine) = Machine::new() else { return };
    let script = "grep -E '^(Cap...|NoNewPrivs|Seccomp):' /proc/self/status; mount -t tmpfs x /tmp 2> /dev/null || echo no mount; unshare -r true 2> /dev/null || echo no namespace";
    let mut spec = machine.spec(script);
    let expected = "CapInh:\t0000000000000000\nCapPrm:\t00000000a80425fb\nCapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb\nCapAmb:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t2\nno mount\nno namespace\n";
    assert_eq!(output(&spec), expected);
    spec.user = User { uid: 1000, gid: 50, groups: vec![50, 7] };
    let expected = expected.replace("Prm:\t00000000a80425fb", "Prm:\t0000000000000000");
    assert_eq!(output(&spec), expected.replace("Eff:\t00000000a80425fb", "Eff:\t0000000000000000"));
    let mut spec =
        machine.spec("id -u; id -g; id -G; echo x > /dev/stdout; touch /tmp/mine || echo refused");
    fs::set_permissions(machine.at("base/tmp"), fs::Permissions::from_mode(0o1777)).unwrap();
    spec.user = User { uid: 1000, gid: 50, groups: vec![7] };
    assert_eq!(output(&spec), "1000\n50\n50 7\nx\n");
    assert_eq!(fs::metadata(machine.at("upper/tmp/mine")).unwrap().uid(), 1000);
}

#[test]
fn insecure_may_do_what_the_caller_may() {
    let Some(machine) = Machine::new() else { return };
    let mut spec = machine.spec("mount -t tmpfs x /tmp && grep Seccomp: /proc/self/status");
    spec.security = Security::Insecure;
    assert_eq!(output(&spec), "Seccomp:\t0\n");
}

#[test]
fn devices_are_there_and_no_others_open() {
    let Some(machine) = Machine::new() else { return };
    let script = "for n in null zero full random urandom tty ptmx fd stdin stdout stderr pts shm mqueue; do if [ -L /dev/$n ]; then echo \"$n -> $(readlink /dev/$n)\"; else stat -c '%n %a %t:%T %F' /dev/$n; fi; done; head -c 3 /dev/zero | wc -c; echo x > /dev/null; echo x > /dev/shm/file && mkdir /dev/dir; ls /dev/pts";
    let expected = "/dev/null 666 1:3 character special file\n/dev/zero 666 1:5 character special file\n/dev/full 666 1:7 character special file\n/dev/random 666 1:8 character special file\n/dev/urandom 666 1:9 character special file\n/dev/tty 666 5:0 character special file\nptmx -> pts/ptmx\nfd -> /proc/self/fd\nstdin -> /proc/self/fd/0\nstdout -> /proc/self/fd/1\nstderr -> /proc/self/fd/2\n/dev/pts 755 0:0 directory\n/dev/shm 1777 0:0 directory\n/dev/mqueue 1777 0:0 directory\n3\nptmx\n";
    assert_eq!(output(&machine.spec(script)), expected);
    let before = fs::metadata("/dev/null").unwrap().mode();
    let script =
        "chmod 600 /dev/null; mknod /made c 1 5 && { cat /made > /dev/shm/x 2>&1 || echo closed; }";
    let (_, out, _) = run(&machine.spec(script));
    if userns::identity() == userns::Identity::Root {
        assert_eq!(out, "closed\n");
    }
    assert_eq!(
        fs::metadata("/dev/null").unwrap().mode(),
        before,
        "the machine's own is out of reach"
    );
}

#[test]
fn parts_of_proc_and_sys_are_closed() {
    let Some(machine) = Machine::new() else { return };
    let script = "(echo 1 > /proc/sys/kernel/panic) 2> /dev/null || echo proc-sys; (echo h > /proc/sysrq-trigger) 2> /dev/null || echo sysrq; (mkdir /sys/x) 2> /dev/null || echo sys; cat /proc/keys /proc/timer_list; ls /proc/acpi /proc/scsi /sys/firmware 2> /dev/null | grep -v -e : -e '^$'; ls -d /sys/kernel; (mkdir /sys/fs/cgroup/x) 2> /dev/null || echo cgroup";
    let (_, out, _) = run(&machine.spec(script));
    assert_eq!(out, "proc-sys\nsysrq\nsys\n/sys/kernel\ncgroup\n");
}

#[test]
fn no_network_has_loopback_only() {
    let Some(machine) = Machine::new() else { return };
    let mut spec = machine.spec("ls /sys/class/net; ip route; ip addr show lo | grep -c UP");
    spec.network = Network::None;
    assert_eq!(output(&spec), "lo\n1\n");
}

#[test]
fn the_environment_is_exact_and_programs_are_found_in_it() {
    let Some(machine) = Machine::new() else { return };
    let mut spec = machine.spec("");
    spec.args = vec!["env".into()];
    spec.env = vec!["A=b c".into(), "PATH=/nowhere:/bin".into(), "EMPTY=".into()];
    assert_eq!(output(&spec), "A=b c\nPATH=/nowhere:/bin\nEMPTY=\n");
    spec.env = vec![];
    assert_eq!(output(&spec), "");
    spec.args = vec!["no-such-program".into()];
    assert_eq!(
        try_run(&spec).unwrap_err().to_string(),
        "there is no program `no-such-program` in the image"
    );
    fs::write(machine.at("base/bin/script"), "#!/bin/python\n").unwrap();
    fs::set_permissions(machine.at("base/bin/script"), fs::Permissions::from_mode(0o755)).unwrap();
    spec.args = vec!["script".into()];
    let message = try_run(&spec).unwrap_err().to_string();
    assert!(message.contains("interpreter"), "{message}");
    spec.args = vec!["/etc".into()];
    let message = try_run(&spec).unwrap_err().to_string();
    assert!(message.starts_with("cannot start the program `/etc`: permission denied"), "{message}");
}

#[test]
fn exit_codes_and_signals_come_back() {
    let Some(machine) = Machine::new() else { return };
    assert_eq!(run(&machine.spec("exit 42")).0, ExitStatus::Code(42));
    // The first process of a namespace is spared by its own signals, so a child of the shell shows it.
    assert_eq!(run(&machine.spec("sh -c 'kill -SEGV $$'; exit $?")).0, ExitStatus::Code(139));
    assert_eq!(ExitStatus::Signal(9).number(), 137);
}

#[test]
fn what_is_left_running_dies_with_the_command() {
    let Some(machine) = Machine::new() else { return };
    let start = Instant::now();
    output(&machine.spec("(sleep 1000; echo late > /late) > /dev/null 2>&1 & echo early > /early"));
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(machine.at("upper/early").exists() && !machine.at("upper/late").exists());
}

#[test]
fn a_killer_and_a_drop_end_it() {
    let Some(machine) = Machine::new() else { return };
    let mut running = start(&machine.spec("sleep 1000")).unwrap();
    let killer = running.killer();
    std::thread::spawn(move || killer.kill()).join().unwrap();
    assert_eq!(running.wait().unwrap().status, ExitStatus::Signal(9));
    running.killer().kill();
    drop(start(&machine.spec("sleep 1000; touch /late")).unwrap());
    assert!(!machine.at("upper/late").exists());
}

#[test]
fn etc_files_are_given_and_leave_nothing() {
    let Some(machine) = Machine::new() else { return };
    fs::remove_dir(machine.at("base/etc")).unwrap();
    let mut spec = machine.spec(
        "cat /etc/hosts /etc/resolv.conf; echo x >> /etc/hosts || rm /etc/hosts || echo refused",
    );
    spec.hosts = Some("127.0.0.1 me\n".into());
    spec.resolv_conf = Some("nameserver ::1\n".into());
    let (status, out, _) = run(&spec);
    assert_eq!(
        (status, out.as_str()),
        (ExitStatus::Code(0), "127.0.0.1 me\nnameserver ::1\nrefused\n")
    );
    let mut left: Vec<_> =
        fs::read_dir(machine.at("upper")).unwrap().map(|it| it.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["dev", "proc", "sys"]);
}

#[test]
fn dangling_and_hostile_links_stay_inside() {
    let Some(machine) = Machine::new() else { return };
    let outside = tempfile::tempdir().unwrap();
    symlink("../run/systemd/resolve/stub", machine.at("base/etc/resolv.conf")).unwrap();
    symlink(outside.path(), machine.at("base/abs")).unwrap();
    symlink("../../../../../../..", machine.at("base/up")).unwrap();
    let mut spec =
        machine.spec("cat /etc/resolv.conf; echo x > /abs/dir/file; echo y > /up/there/file");
    spec.resolv_conf = Some("text\n".into());
    let tmpfs = || Source::Tmpfs { size: None };
    spec.mounts = vec![mount("/abs/dir", false, tmpfs()), mount("/up/there", false, tmpfs())];
    assert_eq!(output(&spec), "text\n");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    assert!(!machine.at("upper/run").exists() && !machine.at("upper/there").exists());
}

#[test]
fn stubs_go_unless_the_command_put_something_there() {
    let Some(machine) = Machine::new() else { return };
    let mut spec = machine.spec("echo x > /one/two/three/x; touch /four/beside");
    let tmpfs = || Source::Tmpfs { size: None };
    let file = Source::File {
        content: b"#!/bin/sh\necho script $0\n".to_vec(),
        uid: 0,
        gid: 0,
        mode: 0o755,
    };
    spec.mounts = vec![
        mount("/one/two/three", false, tmpfs()),
        mount("/four/five/six", false, tmpfs()),
        mount("/etc/script", true, file),
    ];
    let before = fs::metadata(machine.at("base/etc")).unwrap();
    output(&spec);
    assert!(!machine.at("upper/one").exists());
    assert!(machine.at("upper/four/beside").exists() && !machine.at("upper/four/five").exists());
    let after = fs::metadata(machine.at("upper/etc")).unwrap();
    assert_eq!((before.mtime(), before.mtime_nsec()), (after.mtime(), after.mtime_nsec()));
}

#[test]
fn memory_takes_the_mode_of_what_it_covers() {
    let Some(machine) = Machine::new() else { return };
    fs::create_dir(machine.at("base/t")).unwrap();
    fs::set_permissions(machine.at("base/t"), fs::Permissions::from_mode(0o711)).unwrap();
    fs::write(machine.at("base/t/old"), "").unwrap();
    let script = "ls -A /t | wc -l; stat -c '%a %u:%g' /t /new; dd if=/dev/zero of=/t/big bs=1k count=2000 2> /dev/null || echo full";
    let mut spec = machine.spec(script);
    let sized = Source::Tmpfs { size: Some(1 << 20) };
    spec.mounts =
        vec![mount("/t", false, sized), mount("/new", false, Source::Tmpfs { size: None })];
    assert_eq!(output(&spec), "0\n711 0:0\n1777 0:0\nfull\n");
}

#[test]
fn files_from_memory_have_owner_and_mode() {
    let Some(machine) = Machine::new() else { return };
    let script = "cat /run/secrets/token; stat -c '%u:%g %a' /run/secrets/token /a/b/pass; /dev/pipes/EOF; (echo x > /a/b/pass) 2> /dev/null || echo refused";
    let mut spec = machine.spec(script);
    let file =
        |content: &str, uid, gid, mode| Source::File { content: content.into(), uid, gid, mode };
    spec.mounts = vec![
        mount("/run/secrets/token", true, file("sesame", 0, 0, 0o400)),
        mount("/a/b/pass", true, file("x", 1000, 50, 0o440)),
        mount("/dev/pipes/EOF", true, file("#!/bin/sh\necho $0\n", 0, 0, 0o755)),
    ];
    assert_eq!(output(&spec), "sesame0:0 400\n1000:50 440\n/dev/pipes/EOF\nrefused\n");
    assert!(!machine.at("upper/run").exists());
}

#[test]
fn other_trees_are_mounted_whole_or_in_part() {
    let Some(machine) = Machine::new() else { return };
    for name in ["other/dir", "top/dir", "upper2", "work2", "cache"] {
        fs::create_dir_all(machine.at(name)).unwrap();
    }
    fs::write(machine.at("other/dir/low"), "low\n").unwrap();
    fs::write(machine.at("top/dir/high"), "high\n").unwrap();
    symlink("/dir/low", machine.at("top/link")).unwrap();
    let chain = vec![machine.at("other"), machine.at("top")];
    let overlay = |upper| Tree::Overlay { lowers: chain.clone(), upper };
    let bind = |tree, path: &str| Source::Bind { tree, path: path.into() };
    let script = "ls /whole /part; cat /link; (echo x > /part/x) 2> /dev/null || echo refused; echo more >> /rw/dir/low; cat /rw/dir/low; echo c > /cache/c; cat /single/dir/low; ls /nothing";
    let mut spec = machine.spec(script);
    let throw_away = Upper { folder: machine.at("upper2"), work: machine.at("work2") };
    spec.mounts = vec![
        mount("/whole", true, bind(overlay(None), "/")),
        mount("/part", true, bind(overlay(None), "/dir")),
        mount("/link", true, bind(overlay(None), "/link")),
        mount("/rw", false, bind(overlay(Some(throw_away)), "/")),
        mount("/cache", false, bind(Tree::Folder(machine.at("cache")), "/")),
        mount(
            "/single",
            true,
            bind(Tree::Overlay { lowers: vec![machine.at("other")], upper: None }, "/"),
        ),
        mount("/nothing", true, bind(Tree::Overlay { lowers: vec![], upper: None }, "/")),
    ];
    assert_eq!(
        output(&spec),
        "/part:\nhigh\nlow\n\n/whole:\ndir\nlink\nlow\nrefused\nlow\nmore\nlow\n"
    );
    assert_eq!(fs::read_to_string(machine.at("other/dir/low")).unwrap(), "low\n");
    assert_eq!(fs::read_to_string(machine.at("cache/c")).unwrap(), "c\n");
}

#[test]
fn a_mount_source_that_is_missing_is_named() {
    let Some(machine) = Machine::new() else { return };
    let mut spec = machine.spec("true");
    let tree = Tree::Folder(machine.at("base"));
    spec.mounts = vec![mount("/m", true, Source::Bind { tree, path: "/no/such".into() })];
    let message = try_run(&spec).unwrap_err().to_string();
    assert_eq!(message, "cannot mount /no/such for /m: no such file or directory");
}

#[test]
fn layers_go_over_each_other_by_the_hundred() {
    let Some(machine) = Machine::new() else { return };
    let mut lowers = vec![machine.at("base")];
    for number in 0..250 {
        let layer = machine.at(&format!("layers/with/a/longer/path/{number:064}/fs"));
        fs::create_dir_all(&layer).unwrap();
        fs::write(layer.join(format!("file{number}")), "").unwrap();
        fs::write(layer.join("last"), number.to_string()).unwrap();
        lowers.push(layer);
    }
    let root = Tree::Overlay { lowers, upper: Some(machine.upper()) };
    assert_eq!(output(&spec(root, "ls / | grep -c file; cat /last")), "250\n249");
}

#[test]
fn older_kernels_take_all_options_in_one_string() {
    let Some(machine) = Machine::new() else { return };
    let mut lowers = vec![machine.at("base")];
    for number in 0..100 {
        let layer = machine.at(&format!("layers: with, odd \\names/{number}/fs"));
        fs::create_dir_all(layer.join("dir")).unwrap();
        fs::write(layer.join(format!("dir/file{number}")), "").unwrap();
        lowers.push(layer);
    }
    let older = Facts { layers_one_by_one: false, ..facts().clone() };
    let part = Source::Bind {
        tree: Tree::Overlay { lowers: lowers.clone(), upper: None },
        path: "/dir".into(),
    };
    let whole = Source::Bind {
        tree: Tree::Overlay { lowers: lowers.clone(), upper: None },
        path: "/".into(),
    };
    let root = Tree::Overlay { lowers, upper: Some(machine.upper()) };
    let mut spec = spec(
        root,
        "for at in '' /part /whole/dir; do ls ${at:-/dir} | grep -c file; done; echo x > /out; cat /out",
    );
    spec.mounts = vec![mount("/part", true, part), mount("/whole", true, whole)];
    let mut running = spawn_on(&spec, &older).unwrap();
    let mut out = String::new();
    File::from(running.stdout.take().unwrap()).read_to_string(&mut out).unwrap();
    assert_eq!(
        (running.wait().unwrap().status, out.as_str()),
        (ExitStatus::Code(0), "100\n100\n100\nx\n")
    );
}

#[test]
fn a_tree_may_start_empty_or_be_a_plain_folder() {
    let Some(machine) = Machine::new() else { return };
    let root = Tree::Overlay { lowers: vec![], upper: Some(machine.upper()) };
    let mut empty =
        spec(root, "[ -e /proc/self ] && [ -c /dev/null ] && [ ! -e /tmp ] && echo there > /out");
    let tools = Source::Bind { tree: Tree::Folder(machine.at("base/bin")), path: "/".into() };
    empty.mounts = vec![mount("/bin", true, tools)];
    output(&empty);
    assert_eq!(fs::read_to_string(machine.at("upper/out")).unwrap(), "there\n");
    assert!(!machine.at("upper/bin").exists());
    let plain = spec(Tree::Folder(machine.at("base")), "echo plain > /out; cat /out");
    assert_eq!(output(&plain), "plain\n");
    assert_eq!(fs::read_to_string(machine.at("base/out")).unwrap(), "plain\n");
}

#[test]
fn a_missing_working_folder_is_made_for_the_user() {
    let Some(machine) = Machine::new() else { return };
    let mut spec = machine.spec("pwd; echo x > here");
    spec.cwd = "/work/deep".into();
    spec.user = User { uid: 1000, gid: 1000, groups: vec![] };
    assert_eq!(output(&spec), "/work/deep\n");
    let made = fs::metadata(machine.at("upper/work")).unwrap();
    assert_eq!((made.uid(), made.gid(), made.mode() & 0o7777), (1000, 1000, 0o755));
    let mut spec = machine.spec("echo x > /file || echo refused");
    spec.readonly_root = true;
    assert_eq!(run(&spec).1, "refused\n");
}

#[test]
fn deletions_are_plain_whiteouts() {
    let Some(machine) = Machine::new() else { return };
    fs::write(machine.at("base/etc/gone"), "x").unwrap();
    output(&machine.spec("rm /etc/gone"));
    let whiteout = fs::symlink_metadata(machine.at("upper/etc/gone")).unwrap();
    assert_eq!((whiteout.mode() & 0o170_000, whiteout.rdev()), (0o020_000, 0));
}

#[test]
fn limits_of_the_process_hold() {
    let Some(machine) = Machine::new() else { return };
    let mut spec = machine.spec("ulimit -n; ulimit -Hn");
    spec.rlimits = vec![Rlimit { name: "nofile".into(), soft: 77, hard: 99 }];
    assert_eq!(output(&spec), "77\n99\n");
    spec.rlimits = vec![Rlimit { name: "files".into(), soft: 1, hard: 1 }];
    assert!(
        try_run(&spec)
            .unwrap_err()
            .to_string()
            .starts_with("unknown limit `files`; known are: as, core")
    );
}

#[test]
fn limits_of_the_group_hold() {
    let Some(machine) = Machine::new() else { return };
    let mut spec = machine.spec("x=$(head -c 100000000 /dev/zero | dd bs=100M iflag=fullblock 2> /dev/null | wc -c); exit 3");
    spec.limits = Limits {
        memory: Some(20 << 20),
        cpu_shares: Some(512),
        pids: Some(50),
        ..Limits::default()
    };
    let mut running = match start(&spec) {
        Ok(running) => running,
        Err(error @ SandboxError::Limit { .. }) => return println!("skipped: {error}"),
        Err(error) => panic!("{error}"),
    };
    let exit = running.wait().unwrap();
    assert!(exit.out_of_memory, "{exit:?}");
}

#[test]
fn this_machine_can_be_asked() {
    let Some(machine) = Machine::new() else { return };
    assert_eq!(crate::probe().isolation, None);
    crate::can_overlay(machine.folder.path()).unwrap();
    let message = crate::can_overlay(Path::new("/proc")).unwrap_err().to_string();
    assert!(message.starts_with("cannot make /proc/"), "{message}");
}

#[test]
fn many_start_at_once() {
    let Some(machine) = Machine::new() else { return };
    std::thread::scope(|scope| {
        for number in 0..8 {
            let machine = &machine;
            scope.spawn(move || {
                for round in 0..5 {
                    let name = format!("at-once/{number}-{round}");
                    let upper = Upper {
                        folder: machine.at(&name).join("fs"),
                        work: machine.at(&name).join("work"),
                    };
                    fs::create_dir_all(&upper.folder).unwrap();
                    fs::create_dir_all(&upper.work).unwrap();
                    let root =
                        Tree::Overlay { lowers: vec![machine.at("base")], upper: Some(upper) };
                    assert_eq!(output(&spec(root, "echo $$; ls /proc/self/fd | wc -l")), "1\n4\n");
                }
            });
        }
    });
}

#[test]
fn a_terminal_becomes_the_controlling_one() {
    let Some(machine) = Machine::new() else { return };
    use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = openpt(flags).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let script = "for n in 0 1 2; do [ -t $n ] || echo no terminal; done; echo controlled > /dev/tty; ls /dev/console";
    let mut spec = machine.spec(script);
    spec.user = User { uid: 1000, gid: 1000, groups: vec![] };
    spec.stdio = Stdio::Terminal(ioctl_tiocgptpeer(&ours, flags).unwrap());
    let mut running = start(&spec).unwrap();
    assert!(running.stdout.is_none());
    assert_eq!(running.wait().unwrap().status, ExitStatus::Code(0));
    drop(spec);
    let mut out = Vec::new();
    // The other side is closed: reading ends with an error.
    let _ = File::from(ours).read_to_end(&mut out);
    assert_eq!(String::from_utf8(out).unwrap(), "controlled\r\n/dev/console\r\n");
}

#[test]
fn the_own_program_is_out_of_reach() {
    let Some(machine) = Machine::new() else { return };
    symlink("/proc/self/exe", machine.at("base/bin/self")).unwrap();
    let mut spec = machine.spec("");
    spec.args = vec!["self".into()];
    let message = try_run(&spec).unwrap_err().to_string();
    assert!(
        message.starts_with("cannot start the program `self`: too many levels of symbolic links"),
        "{message}"
    );
}

#[test]
fn it_dies_with_the_thread_that_started_it() {
    let Some(machine) = Machine::new() else { return };
    let spec = machine.spec("sleep 1000");
    let started = std::thread::spawn(move || {
        let mut running = start(&spec).unwrap();
        let out = running.stdout.take().unwrap();
        std::mem::forget(running);
        out
    });
    let mut out = String::new();
    File::from(started.join().unwrap()).read_to_string(&mut out).unwrap();
    assert_eq!(out, "");
}
