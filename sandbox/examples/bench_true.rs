//! Measures what a step that does nothing costs: `cargo run --release -p dfc-sandbox --example bench_true [COUNT]`, as root.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, fs};

use sandbox::{ExitStatus, Network, Spec, Tree, Upper, spawn};

fn main() -> Result<(), Box<dyn Error>> {
    let count = env::args().nth(1).map_or(Ok(200), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let base = folder.path().join("base");
    for name in ["bin", "dev", "etc", "proc", "sys"] {
        fs::create_dir_all(base.join(name))?;
    }
    fs::copy("/bin/busybox", base.join("bin/busybox"))?;
    std::os::unix::fs::symlink("busybox", base.join("bin/true"))?;
    for (name, network) in [("host network", Network::Host), ("no network", Network::None)] {
        let mut times = (0..count)
            .map(|_| one(folder.path(), &base, network))
            .collect::<Result<Vec<_>, _>>()?;
        times.sort_unstable();
        let started =
            |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
        let (median, late) = (started(50), started(95));
        println!(
            "{name}: started {:?}, done {:?} (median); {:?} (95 %)",
            median.1, median.0, late.0
        );
    }
    Ok(())
}

/// One run; how long until it was done, and until it was started.
fn one(
    folder: &Path,
    base: &Path,
    network: Network,
) -> Result<(Duration, Duration), Box<dyn Error>> {
    let upper = Upper { folder: folder.join("upper"), work: folder.join("work") };
    for path in [&upper.folder, &upper.work] {
        let _ = fs::remove_dir_all(path);
        fs::create_dir(path)?;
    }
    let root = Tree::Overlay { lowers: vec![base.to_owned()], upper: Some(upper) };
    let mut spec = Spec::new(root, vec![OsString::from("/bin/true")]);
    spec.hosts = Some("127.0.0.1 localhost\n".into());
    spec.resolv_conf = Some("nameserver 127.0.0.1\n".into());
    spec.network = network;
    let start = Instant::now();
    let mut running = spawn(&spec)?;
    let started = start.elapsed();
    let exit = running.wait()?;
    let done = start.elapsed();
    if exit.status == ExitStatus::Code(0) {
        Ok((done, started))
    } else {
        Err(format!("{exit:?}").into())
    }
}
