//! `--memory` and its like, held by control groups; ulimits and what else a RUN is given by flags.

use std::fs;

use libtest_mimic::{Completion, Trial};

use super::{NEEDS, same};
use crate::Outcome;
use crate::need::{Need, trial};
use crate::project::Project;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        limited("build::limits::out_of_memory_is_said", out_of_memory),
        limited("build::limits::groups_hold_them", groups),
        trial("build::limits::wrong_values", NEEDS, wrong_values),
        trial("build::limits::given_to_run", NEEDS, given_to_run),
        trial("build::limits::proxies_leave_no_trace", NEEDS, proxies),
        trial("build::limits::rights_are_asked_for", NEEDS, rights),
    ]
}

/// A trial where the machine lets its root make control groups.
fn limited(name: &str, body: fn() -> Outcome) -> Trial {
    Trial::ignorable_test(name, move || {
        let needs = [Need::Root, Need::StaticBusybox];
        if let Some(reason) = needs.iter().find_map(|need| need.missing()) {
            return Ok(Completion::ignored_with(reason));
        }
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let v1 = mounts.contains("- cgroup ") && mounts.contains("/memory ");
        let all = fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap_or_default();
        let v2 = ["memory", "cpu", "cpuset"].iter().all(|name| all.contains(name));
        if !v1 && !v2 {
            return Ok(Completion::ignored_with("needs control groups for memory, cpu and cpuset"));
        }
        body().map(|()| Completion::Completed)
    })
}

fn out_of_memory() -> Outcome {
    let project = Project::new("FROM busybox\nRUN tail /dev/zero\n")?;
    let done = project.try_build(&["--memory", "24m"])?.expect(1)?;
    for word in ["exit code: 137", "out of memory", "give it more with --memory"] {
        same(word, &done.stderr.contains(word), &true)?;
    }
    // What is killed inside of a command that goes on is no failure, and the limit is in no key.
    project.dockerfile("FROM busybox\nRUN tail /dev/zero || echo survived > /said\n")?;
    let tree = project.build(&["--memory", "24m"])?.image.tree()?;
    same("said", &tree.text("/said"), &Some("survived\n"))?;
    same("run again", &project.build(&[])?.log.executed(), &Vec::<&str>::new())
}

/// What the kernel says of the limits, in whichever version of control groups.
const ASK: &str = "\
FROM busybox
RUN for file in memory/memory.limit_in_bytes memory.max memory/memory.memsw.limit_in_bytes memory.swap.max \
    cpu/cpu.shares cpu.weight cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us cpu.max; do \
    [ ! -e /sys/fs/cgroup/$file ] || echo $file $(cat /sys/fs/cgroup/$file) >> /limits; done; \
    grep -E 'Cpus_allowed_list|Mems_allowed_list' /proc/self/status >> /limits
";

fn groups() -> Outcome {
    let project = Project::new(ASK)?;
    let tree = project
        .build(&[
            "-m",
            "64m",
            "--memory-swap",
            "128m",
            "-c",
            "512",
            "--cpu-quota",
            "50000",
            "--cpu-period",
            "200000",
            "--cpuset-cpus",
            "0",
            "--cpuset-mems",
            "0",
        ])?
        .image
        .tree()?;
    let text = tree.text("/limits").unwrap_or_default();
    let either = |v1: &str, v2: &str| text.contains(v1) || text.contains(v2);
    for (v1, v2) in [
        ("memory.limit_in_bytes 67108864", "memory.max 67108864"),
        ("cpu.shares 512", "cpu.weight 20"),
        ("cpu.cfs_quota_us 50000", "cpu.max 50000 200000"),
        ("Cpus_allowed_list:\t0\n", "Cpus_allowed_list:\t0\n"),
        ("Mems_allowed_list:\t0\n", "Mems_allowed_list:\t0\n"),
    ] {
        if !either(v1, v2) {
            return Err(format!("neither `{v1}` nor `{v2}` in:\n{text}").into());
        }
    }
    let left = ["memory/dfc", "dfc"].map(|name| {
        let found = fs::read_dir(format!("/sys/fs/cgroup/{name}")).into_iter().flatten().flatten();
        let own = found.filter(|it| it.file_type().is_ok_and(|kind| kind.is_dir()));
        // Other builds may run on the machine; a group of one that ended is empty.
        own.filter(|it| {
            fs::read_to_string(it.path().join("cgroup.procs")).is_ok_and(|text| text.is_empty())
        })
        .count()
    });
    same("empty groups that are left", &left, &[0, 0])
}

fn wrong_values() -> Outcome {
    let project = Project::new("FROM busybox\nRUN true\n")?;
    for (flags, word) in [
        (&["--memory", "much"][..], "--memory"),
        (&["--memory-swap", "64m"], "--memory-swap needs --memory"),
        (&["--memory", "64m", "--memory-swap", "32m"], "--memory-swap is less than --memory"),
        (&["--ulimit", "nothing=1"], "nothing"),
        (&["--shm-size", "x"], "--shm-size"),
        (&["--jobs", "0"], "0 is not in 1.."),
        (&["--add-host", "nowhere"], "--add-host"),
        (&["--allow", "everything"], "security.insecure"),
    ] {
        let done = project.try_build(flags)?.expect(2)?;
        same(word, &done.stderr.contains(word), &true)?;
    }
    let done = project.try_build(&["--cgroup-parent", "../up", "-m", "64m"])?.expect(1)?;
    same("parent", &done.stderr.contains("has .. in it"), &true)
}

fn given_to_run() -> Outcome {
    let project = Project::new(
        "FROM busybox\nRUN ulimit -n > /files && ulimit -Hn >> /files && \
         df -k /dev/shm | tail -1 | awk '{print $2}' > /shm && cp /etc/hosts /seen\n\
         RUN --network=none ip link | grep -c mtu > /links\n",
    )?;
    let flags = ["--ulimit", "nofile=100:200", "--shm-size", "5m", "--add-host", "a.b=1.2.3.4"];
    let tree = project.build(&flags)?.image.tree()?;
    same("files", &tree.text("/files"), &Some("100\n200\n"))?;
    same("shm", &tree.text("/shm"), &Some("5120\n"))?;
    same("links", &tree.text("/links"), &Some("1\n"))?;
    let hosts = tree.text("/seen").unwrap_or_default().to_owned();
    same("hosts", &hosts.contains("1.2.3.4\ta.b"), &true)
}

/// Proxies are for commands alone: neither the image nor a key has them.
fn proxies() -> Outcome {
    let project = Project::new("FROM busybox\nRUN [ -n \"$HTTP_PROXY$no_proxy\" ]\n")?;
    let proxies = ["--build-arg", "HTTP_PROXY=http://name:word@proxy.example:1"];
    let built = project.build(&proxies)?;
    let config = built.image.config()?.to_string();
    same("config", &config.contains("proxy.example"), &false)?;
    let other = project.build(&["--build-arg", "no_proxy=localhost"])?;
    same("run again", &other.log.executed(), &Vec::<&str>::new())
}

fn rights() -> Outcome {
    let insecure = "FROM busybox\nRUN --security=insecure grep CapEff /proc/self/status > /rights && \
                    mkdir /m && mount -t tmpfs none /m\n";
    let project = Project::new(insecure)?;
    let done = project.try_build(&[])?.expect(1)?;
    same("hint", &done.stderr.contains("--allow security.insecure"), &true)?;
    let tree = project.build(&["--allow", "security.insecure"])?.image.tree()?;
    let rights = tree.text("/rights").unwrap_or_default().to_owned();
    // CAP_SYS_ADMIN is bit 21.
    let word = rights.split_whitespace().last().unwrap_or_default();
    same("rights", &(u64::from_str_radix(word, 16)? >> 21 & 1), &1)?;
    project.dockerfile("FROM busybox\nRUN --network=host true\n")?;
    let done = project.try_build(&[])?.expect(1)?;
    same("hint", &done.stderr.contains("--allow network.host"), &true)?;
    project.build(&["--allow", "network.host"])?;
    project.dockerfile("FROM busybox\nRUN --device=vendor.example/device=all true\n")?;
    let done = project.try_build(&[])?.expect(1)?;
    same("device", &done.stderr.contains("unsupported-device"), &true)
}
