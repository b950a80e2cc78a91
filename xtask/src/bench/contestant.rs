//! The builders that are measured: dfc, and those that the machine has or the command line names.

mod buildkit;
mod dfc;
mod docker;
mod podman;
mod template;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::options::{Options, Peer};
use super::removed::Removed;

/// How layers are to be packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        })
    }
}

/// One build, as every builder is asked for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Build<'a> {
    pub(super) context: &'a Path,
    pub(super) dockerfile: &'a Path,
    /// Where the image goes as an OCI archive; without, it stays in the builder's store or cache.
    pub(super) archive: Option<&'a Path>,
    pub(super) compression: Compression,
    /// Whether results of earlier builds may be taken.
    pub(super) cached: bool,
}

/// What is no build.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call<'a> {
    Version,
    /// What a build of this folder would do.
    Explain(&'a Path),
    /// The syntax of many files.
    Parse(&'a [PathBuf]),
    /// Mistakes in many files.
    Check(&'a [PathBuf]),
}

/// Why there is no figure.
#[derive(Debug)]
pub(super) enum Problem {
    /// The builder has no such thing, or it may not be done here.
    Missing(String),
    /// It was tried, and did not do what was asked.
    Failed(String),
}

impl From<std::io::Error> for Problem {
    fn from(problem: std::io::Error) -> Problem {
        Problem::Failed(problem.to_string())
    }
}

/// Something that builds images.
pub(super) trait Builder {
    fn name(&self) -> &str;

    /// What it says of itself, for the report.
    fn version(&self) -> String;

    /// Whose memory is measured, for the report.
    fn memory(&self) -> &'static str;

    /// The command that builds.
    fn build(&self, build: &Build<'_>) -> Result<Command, Problem>;

    /// The command of another call.
    fn call(&self, call: Call<'_>) -> Result<Command, Problem>;

    /// Forgets images, layers and cache: the next build begins as on a new machine.
    fn forget(&mut self) -> Result<(), Problem>;

    /// Begins anew with the memory that is to be measured; what is stored stays.
    fn restart(&mut self) -> Result<(), Problem> {
        Ok(())
    }

    /// Processes that work for the command without being its children.
    fn daemons(&self) -> Vec<u32> {
        Vec::new()
    }
}

/// The builders of this machine, dfc first, and what is known of those that cannot take part.
pub(super) struct Field {
    pub(super) builders: Vec<Box<dyn Builder>>,
    /// Name and reason.
    pub(super) absent: Vec<(String, String)>,
}

/// Looks for a builder that stores what it needs in a folder; else gives the reason why it cannot take part.
type Find<'a> = &'a dyn Fn(&Path) -> Result<Box<dyn Builder>, String>;

/// Finds them; what they store goes below `folder`.
pub(super) fn find(
    options: &Options,
    dfc: PathBuf,
    folder: &Path,
    removed: &Removed,
) -> Result<Field, String> {
    let mut field = Field {
        builders: vec![Box::new(dfc::Dfc::new(dfc, folder.join("dfc"), removed.clone()))],
        absent: Vec::new(),
    };
    let selected: Vec<&str> = options
        .peers
        .iter()
        .filter_map(|it| if let Peer::Found(name) = it { Some(name.as_str()) } else { None })
        .collect();
    let prune = options.prune_peers;
    let mut enter = |name: &str, find: Find<'_>| {
        let wanted =
            if options.peers.is_empty() { !options.no_peers } else { selected.contains(&name) };
        if wanted {
            match find(&folder.join(name)) {
                Ok(builder) => field.builders.push(builder),
                Err(reason) => field.absent.push((name.to_owned(), reason)),
            }
        }
    };
    enter("buildctl", &|folder| {
        Ok(Box::new(buildkit::BuildKit::find(folder, removed.clone(), prune)?))
    });
    enter("docker", &|_| Ok(Box::new(docker::Docker::find(prune)?)));
    enter("buildah", &|folder| Ok(Box::new(podman::Podman::find("buildah", folder)?)));
    enter("podman", &|folder| Ok(Box::new(podman::Podman::find("podman", folder)?)));
    for peer in &options.peers {
        match peer {
            Peer::Given { name, build, forget } => {
                let peer = template::Template::new(name, build, forget.as_deref())?;
                field.builders.push(Box::new(peer));
            }
            Peer::Found(name) if !KNOWN.contains(&name.as_str()) => {
                return Err(format!(
                    "no builder {name} is known: one of {}, or NAME=COMMAND",
                    KNOWN.join(", ")
                ));
            }
            Peer::Found(_) => {}
        }
    }
    Ok(field)
}

/// The builders that are looked for.
const KNOWN: [&str; 4] = ["buildctl", "docker", "buildah", "podman"];

fn missing<T>(reason: impl Into<String>) -> Result<T, Problem> {
    Err(Problem::Missing(reason.into()))
}

/// The reason for calls that only dfc has.
fn builds_only<T>() -> Result<T, Problem> {
    missing("has no such command")
}
