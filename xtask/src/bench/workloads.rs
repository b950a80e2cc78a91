//! The workloads: what is built or called, from what state on, and what must come out.

mod builds;
mod calls;

use std::io;
use std::path::{Path, PathBuf};

use super::contestant::Compression;
use super::inputs::{Base, Context, Files, Inputs};
use super::registry::Registry;

/// A line of the table of workloads.
#[derive(Debug)]
pub(super) struct Workload {
    /// The number that the documents give it, or "growth".
    pub(super) group: &'static str,
    pub(super) name: &'static str,
    /// What is done; sizes are those of an unscaled run.
    pub(super) title: &'static str,
    /// Measured with dfc alone, since only its growth is of interest.
    pub(super) alone: bool,
    /// Makes its inputs.
    pub(super) make: fn(&Setup<'_>) -> io::Result<Task>,
}

/// What workloads are made from.
#[derive(Debug)]
pub(super) struct Setup<'a> {
    pub(super) inputs: &'a Inputs,
    pub(super) registry: &'a Registry,
    /// For Dockerfiles.
    pub(super) folder: &'a Path,
}

impl Setup<'_> {
    /// A base image, and its name for FROM.
    fn base(&self, name: &str) -> io::Result<(Base, String)> {
        Ok((self.inputs.base(name)?, self.registry.reference(name)))
    }

    fn context(&self, files: usize) -> io::Result<Context> {
        self.inputs.context(self.inputs.count(files))
    }
}

/// What is measured.
#[derive(Debug)]
pub(super) enum Task {
    Build(Case),
    Calls(Calls),
}

/// A build, again and again from the same state.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) context: PathBuf,
    /// The text of the Dockerfile.
    pub(super) dockerfile: String,
    pub(super) cache: Cache,
    /// Whether the image is written as an archive in the measured time, and how it is packed.
    pub(super) archive: Option<Compression>,
    pub(super) expect: Expect,
}

/// What a builder remembers when a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cache {
    /// Nothing: no base image, no context.
    Empty,
    /// Whatever it likes, but every step is to run.
    Off,
    /// The same build.
    Warm,
    /// The same build, with one file of another content ([`CHANGING`]).
    Changed,
}

/// The file of the context that [`Cache::Changed`] changes.
pub(super) const CHANGING: &str = "changing";

/// What the archive must hold.
#[derive(Debug, Default)]
pub(super) struct Expect {
    /// The first layers' digests.
    pub(super) base: Vec<String>,
    /// Layers above the base, at least.
    pub(super) layers: usize,
    /// RUN steps in the history.
    pub(super) runs: usize,
    /// Files above the base: with this prefix there are these and no others.
    pub(super) tree: Option<(String, Files)>,
    /// Texts of small files, without the line's end.
    pub(super) texts: Vec<(String, String)>,
    /// Whether the layers above the base must be packed as asked.
    pub(super) packed: bool,
}

/// A call, several times in one run.
#[derive(Debug)]
pub(super) struct Calls {
    pub(super) call: Kind,
    /// The time of a run is divided by this.
    pub(super) times: u32,
}

/// Which call, with its files.
#[derive(Debug)]
pub(super) enum Kind {
    Version,
    Explain(PathBuf),
    Parse(Vec<PathBuf>),
    Check(Vec<PathBuf>),
}

/// All workloads, in the order in which they are measured.
pub(super) const ALL: &[Workload] = &[
    each("1", "runs", "50 RUN steps that do nothing, no cache", builds::runs_50),
    each("2", "cold", "20,000 files (208 MB), empty store, archive", builds::cold_20),
    each("2", "rebuild", "the same, base there, no cache, archive", builds::rebuild),
    each("3", "same", "nothing changed, 20,000 files", builds::same_20),
    each("3", "same-archive", "nothing changed, 20,000 files, archive", builds::same_20_archive),
    each("3", "same-100k", "nothing changed, 100,000 files", builds::same_100),
    each(
        "3",
        "same-100k-archive",
        "nothing changed, 100,000 files, archive",
        builds::same_100_archive,
    ),
    each("4", "changed", "one of 20,000 files changed", builds::changed),
    each("4", "changed-archive", "one of 20,000 files changed, archive", builds::changed_archive),
    each("5", "write-gzip", "a RUN writes 8,000 files (173 MB), gzip archive", builds::write_gzip),
    each("5", "write-zstd", "a RUN writes 8,000 files (173 MB), zstd archive", builds::write_zstd),
    each("6", "sleep", "12 stages, each sleeps 1 s, no cache", builds::sleep),
    each("6", "work", "12 stages, each computes for about 1 s, no cache", builds::work),
    each("7", "fan", "COPY --from into 40 stages and out of them, no cache", builds::fan),
    each("8", "pull", "pull, unpack, re-export of an image of 500 MB", builds::pull),
    each("9", "parse", "parse 1,500 Dockerfiles", calls::parse),
    each("9", "check", "check 1,500 Dockerfiles", calls::check),
    each("10", "version", "start: --version", calls::version),
    each("10", "explain", "start: explain a small Dockerfile", calls::explain),
    alone("growth", "runs-400", "400 RUN steps that do nothing, no cache", builds::runs_400),
    alone("growth", "cold-100k", "100,000 files (1 GB), empty store, archive", builds::cold_100),
    alone("growth", "chain-200", "200 RUN steps that write a file, archive", builds::chain),
];

/// Pairs that show how the time grows: what, the smaller, the larger, and at most how many times as long.
pub(super) const GROWTH: [(&str, &str, &str, f64); 4] = [
    ("5 times the files, empty store", "cold", "cold-100k", 5.5),
    ("5 times the files, nothing changed", "same", "same-100k", 5.5),
    ("5 times the files, nothing changed, archive", "same-archive", "same-100k-archive", 5.5),
    ("8 times the RUN steps", "runs", "runs-400", 8.5),
];

/// How a workload makes its inputs.
type Make = fn(&Setup<'_>) -> io::Result<Task>;

const fn each(
    group: &'static str,
    name: &'static str,
    title: &'static str,
    make: Make,
) -> Workload {
    Workload { group, name, title, alone: false, make }
}

const fn alone(
    group: &'static str,
    name: &'static str,
    title: &'static str,
    make: Make,
) -> Workload {
    Workload { group, name, title, alone: true, make }
}

/// The workloads that `--only` names, or all.
///
/// # Errors
/// Says which name there is not.
pub(super) fn chosen(only: &[String]) -> Result<Vec<&'static Workload>, String> {
    let named = |workload: &Workload, name: &str| workload.name == name || workload.group == name;
    if let Some(name) = only.iter().find(|name| !ALL.iter().any(|it| named(it, name))) {
        return Err(format!("no workload {name}; --list shows them"));
    }
    let wanted =
        |workload: &&Workload| only.is_empty() || only.iter().any(|name| named(workload, name));
    Ok(ALL.iter().filter(wanted).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_growth_names_workloads() {
        let names: Vec<&str> = ALL.iter().map(|workload| workload.name).collect();
        for (at, name) in names.iter().enumerate() {
            assert!(!names[..at].contains(name), "{name}");
        }
        for (_, small, large, _) in GROWTH {
            assert!(names.contains(&small) && names.contains(&large));
        }
    }

    #[test]
    fn workloads_go_by_name_and_by_group() {
        let count = |only: &[&str]| {
            let only: Vec<String> = only.iter().map(|name| (*name).to_owned()).collect();
            chosen(&only).map(|found| found.len())
        };
        assert_eq!(count(&[]), Ok(ALL.len()));
        assert_eq!(count(&["same"]), Ok(1));
        assert_eq!(count(&["3", "runs"]), Ok(5));
        assert!(count(&["nothing"]).is_err());
    }
}
