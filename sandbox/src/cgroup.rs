//! Control groups: which there are, and one per run that asks for limits.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::error::{SandboxError, reason};
use crate::spec::Limits;

/// Where control groups are mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hierarchies {
    /// Nowhere.
    None,
    /// One hierarchy per controller, or a few.
    V1(Vec<Controller>),
    /// One for all.
    V2(PathBuf),
}

/// One hierarchy of the first version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Controller {
    /// The name of the folder that it is mounted at.
    pub(crate) name: String,
    /// What says which hierarchy it is when it is mounted.
    pub(crate) options: Vec<String>,
    /// Where it is mounted.
    pub(crate) mount: PathBuf,
}

/// Asks the machine.
pub(crate) fn hierarchies() -> Hierarchies {
    parse_mounts(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
}

fn parse_mounts(mountinfo: &str) -> Hierarchies {
    let mut controllers = Vec::new();
    let mut unified = None;
    for line in mountinfo.lines() {
        let Some((before, after)) = line.split_once(" - ") else { continue };
        let Some(mount) = before.split(' ').nth(4).map(PathBuf::from) else { continue };
        let mut after = after.split(' ');
        match after.next() {
            Some("cgroup2") => unified = unified.or(Some(mount)),
            Some("cgroup") => {
                let options = hierarchy_options(after.nth(1).unwrap_or_default());
                let name = mount
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default();
                controllers.push(Controller { name, options, mount });
            }
            _ => {}
        }
    }
    match unified {
        _ if !controllers.is_empty() => Hierarchies::V1(controllers),
        Some(mount) => Hierarchies::V2(mount),
        None => Hierarchies::None,
    }
}

/// Those of the mount options that name the hierarchy.
fn hierarchy_options(options: &str) -> Vec<String> {
    let other = ["rw", "ro", "xattr", "clone_children", "noprefix", "cpuset_v2_mode"];
    let named =
        options.split(',').filter(|it| !other.contains(it) && !it.starts_with("release_agent="));
    let mut options: Vec<String> = named.map(str::to_owned).collect();
    if options.iter().all(|option| option.starts_with("name=")) {
        options.insert(0, "none".to_owned());
    }
    options
}

/// The groups of one run, removed when dropped. The processes in them have ended by then.
#[derive(Debug)]
pub(crate) struct Groups {
    folders: Vec<PathBuf>,
}

impl Groups {
    /// Makes the groups with their limits.
    pub(crate) fn new(
        limits: &Limits,
        hierarchies: &Hierarchies,
        user: bool,
    ) -> Result<Self, SandboxError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut groups = Self { folders: Vec::new() };
        let parent = limits.parent.as_deref().unwrap_or("dfc").trim_matches('/');
        if parent.split('/').any(|part| part == "..") {
            let value = parent.to_owned();
            return Err(SandboxError::Invalid {
                what: "the parent of the control group",
                value,
                problem: "has .. in it",
            });
        }
        let settings = |v2| settings(limits, v2);
        match hierarchies {
            Hierarchies::None => {
                let why = "no control groups are mounted; mount them at /sys/fs/cgroup, or leave the limit out".to_owned();
                let what = settings(true).first().map_or("the step", |setting| setting.controller);
                return Err(SandboxError::Limit { what, why });
            }
            Hierarchies::V2(mount) => {
                groups.add_unified(mount, parent, &name, &settings(true), user)?;
            }
            Hierarchies::V1(controllers) => {
                for setting in settings(false) {
                    let Some(controller) = controllers
                        .iter()
                        .find(|it| it.options.iter().any(|o| o == setting.controller))
                    else {
                        let why = format!(
                            "no control groups of `{}` are mounted; leave the limit out",
                            setting.controller
                        );
                        return Err(SandboxError::Limit { what: setting.controller, why });
                    };
                    groups.add_separate(controller, parent, &name, &setting)?;
                }
            }
        }
        Ok(groups)
    }

    /// The files by which a process joins.
    pub(crate) fn entrances(&self) -> Vec<PathBuf> {
        self.folders.iter().map(|folder| folder.join("cgroup.procs")).collect()
    }

    /// Whether the kernel killed something in here for want of memory.
    pub(crate) fn was_out_of_memory(&self) -> bool {
        let files = self
            .folders
            .iter()
            .flat_map(|it| [it.join("memory.events"), it.join("memory.oom_control")]);
        let texts = files.filter_map(|file| fs::read_to_string(file).ok());
        texts.into_iter().any(|text| {
            let mut lines = text.lines().filter_map(|line| line.strip_prefix("oom_kill "));
            lines.any(|count| count.trim() != "0")
        })
    }

    fn add_unified(
        &mut self,
        mount: &Path,
        parent: &str,
        name: &str,
        settings: &[Setting],
        user: bool,
    ) -> Result<(), SandboxError> {
        let what = settings.first().map_or("the step", |setting| setting.controller);
        let base = if user { own_group(mount) } else { mount.to_owned() };
        let fail = |path: &Path, error: &io::Error| {
            let path = path.display();
            let why = if user {
                format!(
                    "cannot write {path}: {}; start dfc with: systemd-run --user --scope -p Delegate=yes dfc …",
                    reason(error)
                )
            } else {
                format!(
                    "cannot write {path}: {}; make /sys/fs/cgroup writable, or leave the limit out",
                    reason(error)
                )
            };
            SandboxError::Limit { what, why }
        };
        if user {
            // A group with processes in it cannot hand its controllers on.
            let own = base.join("dfc-main");
            make_folder(&own).map_err(|error| fail(&own, &error))?;
            let file = own.join("cgroup.procs");
            fs::write(&file, std::process::id().to_string())
                .map_err(|error| fail(&file, &error))?;
        }
        let mut folder = base;
        for part in parent.split('/').filter(|part| !part.is_empty()).chain([name]) {
            for controller in settings.iter().map(|setting| setting.controller) {
                let missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
                hand_down(&folder, controller).map_err(|error| match missing(&error) {
                    true => not_there(&folder, controller),
                    false => fail(&folder.join("cgroup.subtree_control"), &error),
                })?;
            }
            folder.push(part);
            make_folder(&folder).map_err(|error| fail(&folder, &error))?;
        }
        self.folders.push(folder.clone());
        settings.iter().try_for_each(|setting| setting.write(&folder))
    }

    fn add_separate(
        &mut self,
        controller: &Controller,
        parent: &str,
        name: &str,
        setting: &Setting,
    ) -> Result<(), SandboxError> {
        let mut folder = controller.mount.clone();
        for part in parent.split('/').filter(|part| !part.is_empty()).chain([name]) {
            let above = folder.clone();
            folder.push(part);
            make_folder(&folder).map_err(|error| SandboxError::Limit {
                what: setting.controller,
                why: format!(
                    "cannot make {}: {}; leave the limit out, or run dfc as root",
                    folder.display(),
                    reason(&error)
                ),
            })?;
            if setting.controller == "cpuset" {
                inherit_cpuset(&above, &folder);
            }
        }
        if !self.folders.contains(&folder) {
            self.folders.push(folder.clone());
        }
        setting.write(&folder)
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for folder in &self.folders {
            // The last process has ended, but the kernel may still be about to take it out.
            for _ in 0..50 {
                match fs::remove_dir(folder) {
                    Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    _ => break,
                }
            }
        }
    }
}

/// Lets the groups inside of a group use a controller. A group with processes in it may not do so (the kernel's root
/// group may): inside of a container that group has all the container's processes, so they are put aside.
fn hand_down(folder: &Path, controller: &str) -> io::Result<()> {
    let write = || fs::write(folder.join("cgroup.subtree_control"), format!("+{controller}"));
    match write() {
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {}
        other => return other,
    }
    let aside = folder.join("dfc-main");
    make_folder(&aside)?;
    for pid in fs::read_to_string(folder.join("cgroup.procs"))?.lines() {
        // One that has ended meanwhile is not in the way.
        let _ = fs::write(aside.join("cgroup.procs"), pid);
    }
    write()
}

/// The kernel does not have a controller where it is asked for.
fn not_there(folder: &Path, controller: &'static str) -> SandboxError {
    let there = fs::read_to_string(folder.join("cgroup.controllers")).unwrap_or_default();
    let there = if there.trim().is_empty() { "none" } else { there.trim() };
    SandboxError::Limit {
        what: controller,
        why: format!(
            "{} has no controller `{controller}` (it has: {there}); leave the limit out",
            folder.display()
        ),
    }
}

/// A new group of the first version has no processors and no memory of its own.
fn inherit_cpuset(above: &Path, folder: &Path) {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let has_none =
            fs::read_to_string(folder.join(file)).is_ok_and(|text| text.trim().is_empty());
        if has_none && let Ok(text) = fs::read_to_string(above.join(file)) {
            // Joining the group will fail if this does.
            let _ = fs::write(folder.join(file), text.trim());
        }
    }
}

fn make_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// The group that this process is in.
fn own_group(mount: &Path) -> PathBuf {
    let text = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = text.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
    mount.join(own.trim_start_matches('/').trim_end_matches("/dfc-main"))
}

/// One value of one file.
#[derive(Debug, PartialEq, Eq)]
struct Setting {
    controller: &'static str,
    file: &'static str,
    value: String,
    /// Whether it follows from another: a kernel that does not count swap has no such file.
    optional: bool,
}

impl Setting {
    fn write(&self, folder: &Path) -> Result<(), SandboxError> {
        let file = folder.join(self.file);
        match fs::write(&file, &self.value) {
            Ok(()) => Ok(()),
            Err(_) if self.optional => Ok(()),
            Err(error) => Err(SandboxError::Limit {
                what: self.controller,
                why: format!(
                    "cannot write `{}` to {}: {}",
                    self.value,
                    file.display(),
                    reason(&error)
                ),
            }),
        }
    }
}

fn settings(limits: &Limits, v2: bool) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut add = |controller, file, value| {
        settings.push(Setting { controller, file, value, optional: false });
    };
    if let Some(memory) = limits.memory {
        add("memory", if v2 { "memory.max" } else { "memory.limit_in_bytes" }, memory.to_string());
    }
    if let Some(both) = limits.memory_swap {
        let swap_only = both.saturating_sub_unsigned(limits.memory.unwrap_or(0)).max(0);
        match (v2, both < 0) {
            (true, true) => add("memory", "memory.swap.max", "max".to_owned()),
            (true, false) => add("memory", "memory.swap.max", swap_only.to_string()),
            (false, _) => add("memory", "memory.memsw.limit_in_bytes", both.to_string()),
        }
    }
    if let Some(shares) = limits.cpu_shares {
        let shares = shares.clamp(2, 262_144);
        // The same proportion on another scale: 2..262144 becomes 1..10000.
        let weight = 1 + (shares - 2) * 9_999 / 262_142;
        if v2 {
            add("cpu", "cpu.weight", weight.to_string());
        } else {
            add("cpu", "cpu.shares", shares.to_string());
        }
    }
    if limits.cpu_quota.is_some() || limits.cpu_period.is_some() {
        let period = limits.cpu_period.unwrap_or(100_000);
        let quota = limits.cpu_quota.unwrap_or(-1);
        if v2 {
            let quota = if quota < 0 { "max".to_owned() } else { quota.to_string() };
            add("cpu", "cpu.max", format!("{quota} {period}"));
        } else {
            add("cpu", "cpu.cfs_period_us", period.to_string());
            add("cpu", "cpu.cfs_quota_us", quota.to_string());
        }
    }
    if let Some(cpus) = &limits.cpuset_cpus {
        add("cpuset", "cpuset.cpus", cpus.clone());
    }
    if let Some(nodes) = &limits.cpuset_mems {
        add("cpuset", "cpuset.mems", nodes.clone());
    }
    if let Some(pids) = limits.pids {
        add("pids", "pids.max", pids.to_string());
    }
    if let (Some(memory), None) = (limits.memory, limits.memory_swap) {
        // As Docker does: as much swap again. Without it, what is above the limit would go to the disk.
        let (file, value) = match v2 {
            true => ("memory.swap.max", memory),
            false => ("memory.memsw.limit_in_bytes", memory.saturating_mul(2)),
        };
        let value = value.to_string();
        settings.push(Setting { controller: "memory", file, value, optional: true });
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies_are_found_among_the_mounts() {
        let v2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
        assert_eq!(parse_mounts(v2), Hierarchies::V2("/sys/fs/cgroup".into()));
        let v1 = "31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
                  32 30 0:28 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/x,name=systemd\n\
                  33 30 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let Hierarchies::V1(controllers) = parse_mounts(v1) else { panic!("the first version") };
        assert_eq!(controllers[0].name, "cpu,cpuacct");
        assert_eq!(controllers[0].options, ["cpu", "cpuacct"]);
        assert_eq!(controllers[1].options, ["none", "name=systemd"]);
        assert_eq!(parse_mounts(""), Hierarchies::None);
    }

    #[test]
    fn limits_become_values_of_either_version() {
        let limits = Limits {
            memory: Some(1000),
            memory_swap: Some(3000),
            cpu_shares: Some(1024),
            cpu_quota: Some(50_000),
            pids: Some(7),
            ..Limits::default()
        };
        let list = |v2| {
            settings(&limits, v2)
                .into_iter()
                .map(|it| format!("{}={}", it.file, it.value))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            list(true),
            [
                "memory.max=1000",
                "memory.swap.max=2000",
                "cpu.weight=39",
                "cpu.max=50000 100000",
                "pids.max=7"
            ]
        );
        assert_eq!(
            list(false),
            [
                "memory.limit_in_bytes=1000",
                "memory.memsw.limit_in_bytes=3000",
                "cpu.shares=1024",
                "cpu.cfs_period_us=100000",
                "cpu.cfs_quota_us=50000",
                "pids.max=7"
            ]
        );
    }

    #[test]
    fn one_hierarchy_hands_controllers_down_to_the_run() {
        let mount = tempfile::tempdir().unwrap();
        let limits = Limits {
            memory: Some(1 << 20),
            pids: Some(9),
            parent: Some("/a/b/".into()),
            ..Limits::default()
        };
        let groups = Groups::new(&limits, &Hierarchies::V2(mount.path().into()), false).unwrap();
        let [entrance] = groups.entrances().try_into().unwrap();
        let folder = entrance.parent().unwrap();
        assert_eq!(folder.parent(), Some(mount.path().join("a/b").as_path()));
        let read = |path: PathBuf| fs::read_to_string(path).unwrap();
        assert_eq!(read(folder.join("memory.max")), "1048576");
        assert_eq!(read(folder.join("pids.max")), "9");
        for above in ["", "a", "a/b"] {
            let file = mount.path().join(above).join("cgroup.subtree_control");
            assert!(read(file).starts_with('+'), "{above}");
        }
        assert!(!groups.was_out_of_memory());
        fs::write(folder.join("memory.events"), "oom 1\noom_kill 1\n").unwrap();
        assert!(groups.was_out_of_memory());
    }

    /// The kernel's own second version, beside whatever else the machine has mounted: it need not have a controller.
    #[test]
    fn the_kernel_takes_the_groups() {
        let mount = tempfile::tempdir().unwrap();
        let at = mount.path();
        let mounted = rustix::mount::mount(
            "none",
            at,
            "cgroup2",
            rustix::mount::MountFlags::empty(),
            None::<&std::ffi::CStr>,
        );
        if let Err(why) = mounted {
            println!("skipped: cgroup2 cannot be mounted: {why}");
            return;
        }
        let parent = format!("dfc-test-{}", std::process::id());
        let result = std::panic::catch_unwind(|| {
            let limits = Limits { parent: Some(parent.clone()), ..Limits::default() };
            let groups = Groups::new(&limits, &Hierarchies::V2(at.into()), false).unwrap();
            let [entrance] = groups.entrances().try_into().unwrap();
            let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
            fs::write(&entrance, child.id().to_string()).unwrap();
            let own = fs::read_to_string(format!("/proc/{}/cgroup", child.id())).unwrap();
            assert!(own.contains(&format!("0::/{parent}/")), "{own}");
            assert!(!groups.was_out_of_memory());
            // Its parent, with a process in it, hands a controller on all the same.
            let folder = entrance.parent().unwrap().to_owned();
            let there = fs::read_to_string(folder.join("cgroup.controllers")).unwrap();
            for controller in there.split_whitespace() {
                hand_down(&folder, controller).unwrap();
                let handed = fs::read_to_string(folder.join("cgroup.subtree_control")).unwrap();
                assert!(handed.contains(controller), "{handed}");
            }
            child.kill().unwrap();
            child.wait().unwrap();
            for controller in there.split_whitespace() {
                fs::write(folder.join("cgroup.subtree_control"), format!("-{controller}")).unwrap();
            }
            let _ = fs::remove_dir(folder.join("dfc-main"));
            drop(groups);
            assert!(!folder.exists());
            let limits = Limits { memory: Some(1 << 20), ..limits };
            if !fs::read_to_string(at.join("cgroup.controllers")).unwrap().contains("memory") {
                let why = Groups::new(&limits, &Hierarchies::V2(at.into()), false).unwrap_err();
                assert!(why.to_string().contains("has no controller `memory`"), "{why}");
            }
        });
        let _ = fs::remove_dir(at.join(&parent));
        rustix::mount::unmount(at, rustix::mount::UnmountFlags::DETACH).unwrap();
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
    }

    #[test]
    fn swap_is_limited_with_memory() {
        let limits = Limits { memory: Some(1000), ..Limits::default() };
        let of = |v2| settings(&limits, v2).pop().map(|it| (it.file, it.value, it.optional));
        assert_eq!(of(true), Some(("memory.swap.max", "1000".to_owned(), true)));
        assert_eq!(of(false), Some(("memory.memsw.limit_in_bytes", "2000".to_owned(), true)));
    }

    #[test]
    fn without_groups_the_limit_is_named() {
        let limits = Limits { cpu_shares: Some(5), ..Limits::default() };
        let message = Groups::new(&limits, &Hierarchies::None, false).unwrap_err().to_string();
        assert!(
            message.starts_with("cannot limit cpu: no control groups are mounted"),
            "{message}"
        );
        let limits = Limits { parent: Some("../x".into()), ..limits };
        assert!(Groups::new(&limits, &Hierarchies::None, false).is_err());
    }
}
