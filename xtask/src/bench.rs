//! `cargo xtask bench`: the figures that the documents quote, measured on this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::process::{cargo, run, said};
use crate::{Outcome, target, workspace};

/// Runs of each measurement; the median is given.
const RUNS: usize = 5;
/// Files of the large context.
const FILES: usize = 20_000;

/// Builds `dfc` in release and measures it.
pub(crate) fn bench() -> Outcome {
    run(&mut cargo(&["build", "--release", "--package", "dfc"]))?;
    let folder = target().join("bench");
    let _ = fs::remove_dir_all(&folder);
    let store = folder.join("store");
    make_context(&folder.join("context")).map_err(|problem| format!("context: {problem}"))?;

    let dfc = || {
        let mut command = Command::new(target().join("release/dfc"));
        command.env("DFC_HOME", &store).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let forget = || {
        let _ = fs::remove_dir_all(&store);
    };

    let version = || command(dfc(), &["--version"], &[]);
    measure("start: dfc --version", &|| {}, &version)?;
    let corpus = dockerfiles(&workspace().join("fixtures/corpus"))?;
    let name = format!("dfc parse, {} files", corpus.len());
    measure(&name, &|| {}, &|| any_status(command(dfc(), &["parse"], &corpus)))?;
    let name = format!("dfc explain --no-resolve, {} files", corpus.len());
    let view = ["explain", "--no-resolve", "--format", "json"];
    measure(&name, &|| {}, &|| any_status(command(dfc(), &view, &corpus)))?;

    let large = [folder.join("context")];
    let build = || command(dfc(), &["build", "-t", "large"], &large);
    measure(&format!("build: COPY of {FILES} files, empty store"), &forget, &build)?;
    measure(&format!("build: COPY of {FILES} files, cached"), &|| {}, &build)?;

    let site = [workspace().join("examples/site")];
    let build = || command(dfc(), &["build", "--build-context", "host=/bin", "-t", "site"], &site);
    measure("build: examples/site, empty store", &forget, &build)?;
    measure("build: examples/site, cached", &|| {}, &build)
}

fn command(mut dfc: Command, args: &[&str], paths: &[PathBuf]) -> Command {
    dfc.args(args).args(paths);
    dfc
}

/// A corpus holds files that are refused; that is no failure of the measurement.
fn any_status(dfc: Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", r#""$@" || true"#, "sh"]).arg(dfc.get_program()).args(dfc.get_args());
    shell.envs(dfc.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    shell
}

/// Runs `prepare` and the command some times, and prints the median time of the command.
fn measure(name: &str, prepare: &dyn Fn(), make: &dyn Fn() -> Command) -> Outcome {
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..RUNS {
        prepare();
        let mut command = make();
        let started = Instant::now();
        let status = command.status().map_err(|problem| format!("{name}: {problem}"))?;
        times.push(started.elapsed());
        if !status.success() {
            return Err(format!("{name}: {status}: {}", said(&command)));
        }
    }
    times.sort();
    println!("{name:<48}{:>10.1} ms", times[RUNS / 2].as_secs_f64() * 1000.0);
    Ok(())
}

fn dockerfiles(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|problem| format!("{folder:?}: {problem}"))?;
    let paths = entries.flatten().map(|entry| entry.path());
    Ok(paths.filter(|path| path.extension().is_some_and(|ending| ending == "Dockerfile")).collect())
}

fn make_context(folder: &Path) -> std::io::Result<()> {
    for number in 0..FILES {
        let below = folder.join(format!("{}", number % 200));
        if number < 200 {
            fs::create_dir_all(&below)?;
        }
        fs::write(below.join(format!("{number}")), format!("file {number}\n").repeat(20))?;
    }
    fs::write(folder.join("Dockerfile"), "FROM scratch\nCOPY . /\n")
}
