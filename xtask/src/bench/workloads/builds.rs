//! The workloads that build.

use std::fmt::Write as _;
use std::io;

use super::{Cache, Case, Expect, Setup, Task};
use crate::bench::contestant::Compression::{self, Gzip, Zstd};
use crate::bench::inputs::Files;

/// Stages of the workloads that sleep and compute.
const STAGES: usize = 12;
/// Rounds of a shell's loop that take about a second.
const ROUNDS: f64 = 900_000.0;
/// Stages that copy.
const FAN: usize = 40;

pub(super) fn runs_50(setup: &Setup<'_>) -> io::Result<Task> {
    runs(setup, 50)
}

pub(super) fn runs_400(setup: &Setup<'_>) -> io::Result<Task> {
    runs(setup, 400)
}

fn runs(setup: &Setup<'_>, steps: usize) -> io::Result<Task> {
    let (base, name) = setup.base("tiny")?;
    let steps = setup.inputs.count(steps);
    Ok(Task::Build(Case {
        context: setup.inputs.empty()?,
        dockerfile: format!("FROM {name}\n{}", "RUN true\n".repeat(steps)),
        cache: Cache::Off,
        archive: None,
        expect: Expect { base: base.diff_ids, runs: steps, ..Expect::default() },
    }))
}

pub(super) fn chain(setup: &Setup<'_>) -> io::Result<Task> {
    let (base, name) = setup.base("tiny")?;
    let steps = setup.inputs.count(200);
    let mut dockerfile = format!("FROM {name}\n");
    for number in 0..steps {
        let _ = writeln!(dockerfile, "RUN echo {number} > /made-{number}");
    }
    let texts = (0..steps).map(|number| (format!("made-{number}"), number.to_string()));
    Ok(Task::Build(Case {
        context: setup.inputs.empty()?,
        dockerfile,
        cache: Cache::Off,
        archive: Some(Gzip),
        expect: Expect {
            base: base.diff_ids,
            layers: steps,
            runs: steps,
            texts: texts.collect(),
            ..Expect::default()
        },
    }))
}

/// A COPY of many files, and a RUN that lists them.
fn files(
    setup: &Setup<'_>,
    count: usize,
    cache: Cache,
    archive: Option<Compression>,
) -> io::Result<Task> {
    let (base, name) = setup.base("system")?;
    let context = setup.context(count)?;
    let list = "ls -lR /app | grep -c '^-' > /count";
    let changing = usize::from(cache == Cache::Changed);
    let texts = vec![("count".to_owned(), (context.files.len() + changing).to_string())];
    let tree = below("app/", &context.files, |path| Some(path));
    Ok(Task::Build(Case {
        context: context.folder,
        dockerfile: format!("FROM {name}\nCOPY . /app\nRUN {list}\n"),
        cache,
        archive,
        expect: Expect {
            base: base.diff_ids,
            layers: 2,
            runs: 1,
            tree: Some(("app/".to_owned(), tree)),
            texts,
            packed: false,
        },
    }))
}

/// The files whose paths `rest` gives, below `prefix`.
fn below(prefix: &str, files: &Files, rest: impl Fn(&str) -> Option<&str>) -> Files {
    let moved = |(path, facts): (&String, &_)| Some((format!("{prefix}{}", rest(path)?), *facts));
    files.iter().filter_map(moved).collect()
}

pub(super) fn cold_20(setup: &Setup<'_>) -> io::Result<Task> {
    files(setup, 20_000, Cache::Empty, Some(Gzip))
}

pub(super) fn cold_100(setup: &Setup<'_>) -> io::Result<Task> {
    files(setup, 100_000, Cache::Empty, Some(Gzip))
}

pub(super) fn rebuild(setup: &Setup<'_>) -> io::Result<Task> {
    files(setup, 20_000, Cache::Off, Some(Gzip))
}

pub(super) fn same_20(setup: &Setup<'_>) -> io::Result<Task> {
    files(setup, 20_000, Cache::Warm, None)
}

pub(super) fn same_20_archive(setup: &Setup<'_>) -> io::Result<Task> {
    files(setup, 20_000, Cache::Warm, Some(Gzip))
}

pub(super) fn same_100(setup: &Setup<'_>) -> io::Result<Task> {
    files(setup, 100_000, Cache::Warm, None)
}

pub(super) fn same_100_archive(setup: &Setup<'_>) -> io::Result<Task> {
    files(setup, 100_000, Cache::Warm, Some(Gzip))
}

pub(super) fn changed(setup: &Setup<'_>) -> io::Result<Task> {
    files(setup, 20_000, Cache::Changed, None)
}

pub(super) fn changed_archive(setup: &Setup<'_>) -> io::Result<Task> {
    files(setup, 20_000, Cache::Changed, Some(Gzip))
}

pub(super) fn write_gzip(setup: &Setup<'_>) -> io::Result<Task> {
    write(setup, Gzip)
}

pub(super) fn write_zstd(setup: &Setup<'_>) -> io::Result<Task> {
    write(setup, Zstd)
}

fn write(setup: &Setup<'_>, compression: Compression) -> io::Result<Task> {
    let (base, name) = setup.base("system")?;
    let tree = below("usr2/", &base.files, |path| path.strip_prefix("usr/"));
    Ok(Task::Build(Case {
        context: setup.inputs.empty()?,
        dockerfile: format!("FROM {name}\nRUN cp -a /usr /usr2\n"),
        cache: Cache::Off,
        archive: Some(compression),
        expect: Expect {
            base: base.diff_ids,
            layers: 1,
            runs: 1,
            tree: Some(("usr2/".to_owned(), tree)),
            texts: Vec::new(),
            packed: true,
        },
    }))
}

pub(super) fn sleep(setup: &Setup<'_>) -> io::Result<Task> {
    let seconds = setup.inputs.portion(1.0);
    stages(setup, &format!("sleep {seconds}"))
}

pub(super) fn work(setup: &Setup<'_>) -> io::Result<Task> {
    let rounds = setup.inputs.portion(ROUNDS);
    stages(setup, &format!("i=0; while [ $i -lt {rounds} ]; do i=$((i+1)); done"))
}

/// Stages that wait for nobody, and one that gathers what they made.
fn stages(setup: &Setup<'_>, command: &str) -> io::Result<Task> {
    let (_, name) = setup.base("tiny")?;
    let (mut dockerfile, mut last) = (String::new(), "FROM scratch\n".to_owned());
    for number in 0..STAGES {
        let made = format!("{command}; echo {number} > /made");
        let _ = writeln!(dockerfile, "FROM {name} AS s{number}\nRUN {made}");
        let _ = writeln!(last, "COPY --from=s{number} /made /made-{number}");
    }
    let texts = (0..STAGES).map(|number| (format!("made-{number}"), number.to_string()));
    Ok(Task::Build(Case {
        context: setup.inputs.empty()?,
        dockerfile: dockerfile + &last,
        cache: Cache::Off,
        archive: None,
        expect: Expect { layers: STAGES, texts: texts.collect(), ..Expect::default() },
    }))
}

pub(super) fn fan(setup: &Setup<'_>) -> io::Result<Task> {
    // A folder of the context, with its 100 files, for each stage.
    let folders = setup.inputs.count(FAN);
    let context = setup.inputs.context(folders * 100)?;
    let mut dockerfile = "FROM scratch AS source\nCOPY . /source/\n".to_owned();
    let mut last = "FROM scratch\n".to_owned();
    for number in 0..folders {
        let folder = format!("{number:04}");
        let _ = writeln!(
            dockerfile,
            "FROM scratch AS s{number}\nCOPY --from=source /source/{folder} /{folder}/"
        );
        let _ = writeln!(last, "COPY --from=s{number} /{folder} /gathered/{folder}/");
    }
    let tree = below("gathered/", &context.files, |path| Some(path));
    Ok(Task::Build(Case {
        context: context.folder,
        dockerfile: dockerfile + &last,
        cache: Cache::Off,
        archive: None,
        expect: Expect {
            layers: folders,
            tree: Some(("gathered/".to_owned(), tree)),
            ..Expect::default()
        },
    }))
}

pub(super) fn pull(setup: &Setup<'_>) -> io::Result<Task> {
    let (base, name) = setup.base("large")?;
    Ok(Task::Build(Case {
        context: setup.inputs.empty()?,
        // The command counts what was unpacked.
        dockerfile: format!("FROM {name}\nRUN find /opt -type f | wc -l > /count\n"),
        cache: Cache::Empty,
        archive: Some(Gzip),
        expect: Expect {
            base: base.diff_ids,
            layers: 1,
            runs: 1,
            texts: vec![("count".to_owned(), base.files.len().to_string())],
            ..Expect::default()
        },
    }))
}
