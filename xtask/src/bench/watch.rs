//! The memory of a tree of processes, sampled while it lives.
//!
//! A sample adds up the proportional set sizes of all processes of the tree: pages that several of them share, as after
//! a fork, count once. The high-water marks that the kernel keeps for the roots see what falls between two samples.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Between two samples.
const PAUSE: Duration = Duration::from_millis(4);

/// A thread that samples.
#[derive(Debug)]
pub(super) struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Watch {
    /// Watches the trees below the process `own`, whose high-water mark counts, and below `daemons`.
    pub(super) fn start(own: u32, daemons: Vec<u32>) -> Watch {
        let stop = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&stop);
        let roots: Vec<u32> = daemons.into_iter().chain([own]).collect();
        let thread = thread::spawn(move || {
            let mut peak = 0;
            while !ended.load(Ordering::Relaxed) {
                let tree = tree(&roots);
                let sum = tree.iter().map(|pid| size(*pid)).sum::<u64>();
                peak = peak.max(sum).max(high_water(own));
                thread::sleep(PAUSE);
            }
            peak
        });
        Watch { stop, thread }
    }

    /// The largest sum that was seen, in bytes.
    pub(super) fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

/// The processes called `name`, for daemons that somebody else started.
pub(super) fn processes(name: &str) -> Vec<u32> {
    let called = |pid: &u32| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|it| it.trim_end() == name)
    };
    all().into_iter().filter(called).collect()
}

fn all() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn tree(roots: &[u32]) -> Vec<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for pid in all() {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // Behind the name, which may hold anything: state, parent.
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split(' ').nth(2));
        if let Some(parent) = parent.and_then(|parent| parent.parse().ok()) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut open = roots.to_vec();
    while let Some(pid) = open.pop() {
        if !found.contains(&pid) {
            found.push(pid);
            open.extend(children.get(&pid).into_iter().flatten());
        }
    }
    found
}

fn size(pid: u32) -> u64 {
    let shared = field(&format!("/proc/{pid}/smaps_rollup"), "Pss:");
    shared.or_else(|| field(&format!("/proc/{pid}/status"), "VmRSS:")).unwrap_or(0)
}

fn high_water(pid: u32) -> u64 {
    field(&format!("/proc/{pid}/status"), "VmHWM:").unwrap_or(0)
}

/// A field of kilobytes, as bytes.
fn field(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}
