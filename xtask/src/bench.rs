//! `cargo xtask bench`: dfc beside the other builders of this machine, workload by workload.
//!
//! All builders do the same work in turn (A B A B …), after a warm-up; a figure counts only if the result is right.
//! docs/benchmarks.md tells what is measured and how.

mod archive;
mod contestant;
mod inputs;
mod json;
mod layout;
mod measure;
mod options;
mod random;
mod registry;
mod removed;
mod report;
mod tar;
mod watch;
mod workloads;

use std::env;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use crate::process::cargo;
use crate::{Outcome, target, tools, workspace};
use inputs::Inputs;
use options::{HELP, Options};
use registry::Registry;
use removed::Removed;
use report::Report;
use workloads::Setup;

/// Builds `dfc` in release and measures it.
pub(crate) fn bench(args: impl Iterator<Item = String>) -> Outcome {
    let mut options = Options::parse(args)?;
    if options.help {
        print!("{HELP}");
        return Ok(());
    }
    let chosen = workloads::chosen(&options.only)?;
    if options.list {
        for workload in chosen {
            println!("{:<7} {:<18} {}", workload.group, workload.name, workload.title);
        }
        return Ok(());
    }
    fs::create_dir_all(&options.folder)
        .and_then(|()| options.folder.canonicalize())
        .map(|folder| options.folder = folder)
        .map_err(|problem| format!("{}: {problem}", options.folder.display()))?;
    let dfc = binary(&options)?;
    if !tools::install(tools::FOR_BENCHMARKS) {
        return Err("the base images need a static busybox".to_owned());
    }

    let said = |problem| format!("{}: {problem}", options.folder.display());
    let inputs = Inputs::new(&options.folder, options.scale);
    let registry = Registry::start(inputs.images()).map_err(said)?;
    let work = options.folder.join("work");
    let setup = Setup { inputs: &inputs, registry: &registry, folder: &work };
    fs::create_dir_all(&work).map_err(said)?;
    let removed = Removed::new(options.folder.join("removed"));
    let mut field = contestant::find(&options, dfc, &options.folder.join("stores"), &removed)?;
    for (name, reason) in &field.absent {
        eprintln!("{name} is not measured: {reason}");
    }

    let started = Instant::now();
    let mut rows = Vec::new();
    for (number, workload) in chosen.iter().enumerate() {
        let place = format!("{}/{}", number + 1, chosen.len());
        eprintln!("{place:>6}  {}: {}", workload.name, workload.title);
        let row = measure::measure(workload, &setup, &mut field.builders, options.runs)?;
        eprintln!("{:>4} s  {}", started.elapsed().as_secs(), report::medians(&row));
        rows.push(row);
    }
    let report = Report::new(&options, field, rows);
    let text = if options.json { format!("{}\n", report.json()) } else { report.human() };
    print!("{text}");
    if let Some(output) = &options.output {
        fs::write(output, text).map_err(|problem| format!("{}: {problem}", output.display()))?;
    }
    if options.record {
        record(&report.human())?;
    }
    // The files of an ordinary user's store may belong to subordinate ids.
    if let Err(problem) = removed.empty() {
        eprintln!("left behind in {}: {problem}", options.folder.display());
    }
    let failures = report.failures();
    if failures.is_empty() { Ok(()) } else { Err(format!("dfc failed: {}", failures.join(", "))) }
}

/// Where the table stands in the document, in a block of its own.
const FIGURES: &str = "\n## Figures\n\n";

/// Puts a table into the document, in place of the one before; what stands behind it goes, too.
fn record(table: &str) -> Outcome {
    let path = workspace().join("docs/benchmarks.md");
    let said = |problem| format!("{}: {problem}", path.display());
    let text = fs::read_to_string(&path).map_err(said)?;
    let above = text.split(FIGURES).next().unwrap_or_default();
    fs::write(&path, format!("{above}{FIGURES}```text\n{table}```\n")).map_err(said)
}

/// The dfc to measure, built if that was not forbidden.
fn binary(options: &Options) -> Result<PathBuf, String> {
    let built = target().join("release/dfc");
    if !options.no_build {
        // What cargo says goes to standard error, so that standard output is the report alone.
        let status = cargo(&["build", "--release", "--package", "dfc"]).status();
        let status = status.map_err(|problem| format!("cargo: {problem}"))?;
        return if status.success() { Ok(built) } else { Err("dfc does not build".to_owned()) };
    }
    let given = env::var_os("DFC_BIN").map_or(built, PathBuf::from);
    given.canonicalize().map_err(|problem| format!("{}: {problem}", given.display()))
}
