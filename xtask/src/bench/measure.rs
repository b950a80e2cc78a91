//! Measuring one workload: a warm-up that is watched for memory, then all builders in turn, then the check.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime};

use super::archive::Archive;
use super::contestant::{Build, Builder, Call, Compression, Problem};
use super::watch::Watch;
use super::workloads::{CHANGING, Cache, Calls, Case, Expect, Kind, Setup, Task, Workload};
use crate::process;

/// What was measured of one builder.
#[derive(Debug)]
pub(super) struct Figures {
    /// Seconds, as they came.
    pub(super) times: Vec<f64>,
    /// Bytes.
    pub(super) peak: u64,
}

/// A workload's results, in the order of the builders.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) workload: &'static Workload,
    pub(super) results: Vec<(String, Result<Figures, Problem>)>,
}

/// Measures a workload with all builders.
pub(super) fn measure(
    workload: &'static Workload,
    setup: &Setup<'_>,
    builders: &mut [Box<dyn Builder>],
    runs: usize,
) -> Result<Row, String> {
    let task = (workload.make)(setup).map_err(|problem| format!("{}: {problem}", workload.name))?;
    let mut bench = Bench::new(workload.name, task, setup)?;
    let mut results = Vec::new();
    for builder in builders.iter_mut() {
        let first = if workload.alone && builder.name() != "dfc" {
            Err(Problem::Missing("only the growth of dfc is measured".to_owned()))
        } else {
            bench.warm_up(builder.as_mut())
        };
        results.push(first.map(|peak| Figures { times: Vec::new(), peak }));
    }
    for round in 1..=runs {
        for (builder, result) in builders.iter_mut().zip(&mut results) {
            let Ok(figures) = result else { continue };
            match bench.run(builder.as_mut(), round == runs) {
                Ok(time) => figures.times.push(time),
                Err(problem) => *result = Err(problem),
            }
        }
    }
    bench.clean();
    let names = builders.iter().map(|builder| builder.name().to_owned());
    Ok(Row { workload, results: names.zip(results).collect() })
}

/// A workload, ready to run.
struct Bench {
    task: Task,
    dockerfile: PathBuf,
    /// Where archives are written, and what builders say.
    folder: PathBuf,
    /// Whether to wait before each run until the disk has all that was written.
    settles: bool,
    /// Makes each change of a file another one.
    change: u64,
}

impl Bench {
    fn new(name: &'static str, task: Task, setup: &Setup<'_>) -> Result<Bench, String> {
        let home = setup.folder.join(name);
        let said = |problem| format!("{}: {problem}", home.display());
        fs::create_dir_all(&home).map_err(said)?;
        let dockerfile = home.join("Dockerfile");
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        if let Task::Build(case) = &task {
            fs::write(&dockerfile, &case.dockerfile).map_err(said)?;
            let _ = fs::remove_file(case.context.join(CHANGING));
        }
        let change = u64::try_from(now.as_micros()).unwrap_or_default();
        Ok(Bench { task, dockerfile, folder: home, settles: setup.inputs.is_full(), change })
    }

    /// Brings the builder into the state that the runs begin from, and runs once, watched; gives the peak.
    fn warm_up(&mut self, builder: &mut dyn Builder) -> Result<u64, Problem> {
        // Whether it can do this at all.
        self.command(builder, None)?;
        let prepared = match &self.task {
            Task::Build(case) if matches!(case.cache, Cache::Warm | Cache::Changed) => true,
            Task::Build(_) | Task::Calls(_) => false,
        };
        if prepared {
            self.before(builder)?;
            let command = self.command(builder, None)?;
            self.finish(builder, command, false)?;
        }
        builder.restart()?;
        self.before(builder)?;
        let command = self.command(builder, None)?;
        let (_, peak) = self.finish(builder, command, true)?;
        Ok(peak)
    }

    /// A measured run, in seconds.
    fn run(&mut self, builder: &mut dyn Builder, last: bool) -> Result<f64, Problem> {
        self.before(builder)?;
        // What an earlier run left to be written must not slow this one down.
        if self.settles {
            process::succeeds(&mut Command::new("sync"));
        }
        let log = self.log(builder);
        let times = if let Task::Calls(calls) = &self.task { calls.times } else { 1 };
        let mut commands = Vec::new();
        for _ in 0..times {
            commands.push(self.command(builder, Some(&log))?);
        }
        let started = Instant::now();
        for command in &mut commands {
            let status = command.status();
            self.judge(builder, status?.code())?;
        }
        let time = started.elapsed().as_secs_f64() / f64::from(times);
        self.check(builder, last).map_err(Problem::Failed)?;
        Ok(time)
    }

    /// What happens before each run and is not measured.
    fn before(&mut self, builder: &mut dyn Builder) -> Result<(), Problem> {
        let Task::Build(case) = &self.task else { return Ok(()) };
        match case.cache {
            Cache::Empty => builder.forget()?,
            Cache::Changed => {
                self.change += 1;
                fs::write(case.context.join(CHANGING), self.change.to_string())?;
            }
            Cache::Off | Cache::Warm => {}
        }
        let _ = fs::remove_file(self.archive(builder));
        Ok(())
    }

    fn archive(&self, builder: &dyn Builder) -> PathBuf {
        self.folder.join(format!("{}.tar", builder.name()))
    }

    fn log(&self, builder: &dyn Builder) -> PathBuf {
        self.folder.join(format!("{}.log", builder.name()))
    }

    /// The command of a run; what it prints goes to `log`.
    fn command(&self, builder: &dyn Builder, log: Option<&Path>) -> Result<Command, Problem> {
        let mut command = match &self.task {
            Task::Build(case) => {
                let archive = case.archive.map(|compression| (self.archive(builder), compression));
                self.build(builder, archive, case.cache != Cache::Off)?
            }
            Task::Calls(calls) => builder.call(match &calls.call {
                Kind::Version => Call::Version,
                Kind::Explain(path) => Call::Explain(path),
                Kind::Parse(files) => Call::Parse(files),
                Kind::Check(files) => Call::Check(files),
            })?,
        };
        command.stdin(Stdio::null());
        if let Some(log) = log {
            let file = File::create(log)?;
            command.stdout(file.try_clone()?).stderr(file);
        }
        Ok(command)
    }

    fn build(
        &self,
        builder: &dyn Builder,
        archive: Option<(PathBuf, Compression)>,
        cached: bool,
    ) -> Result<Command, Problem> {
        let Task::Build(case) = &self.task else {
            return Err(Problem::Missing("builds nothing".to_owned()));
        };
        builder.build(&Build {
            context: &case.context,
            dockerfile: &self.dockerfile,
            archive: archive.as_ref().map(|(path, _)| path.as_path()),
            compression: archive.as_ref().map_or(Compression::Gzip, |(_, packed)| *packed),
            cached,
        })
    }

    /// Runs a command that is not measured; gives its seconds, and its peak if it is watched.
    fn finish(
        &self,
        builder: &dyn Builder,
        mut command: Command,
        watched: bool,
    ) -> Result<(f64, u64), Problem> {
        let file = File::create(self.log(builder))?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let started = Instant::now();
        let mut child = command.spawn()?;
        let daemons = match &self.task {
            Task::Build(_) => builder.daemons(),
            Task::Calls(_) => Vec::new(),
        };
        let watch = watched.then(|| Watch::start(child.id(), daemons));
        let status = child.wait()?;
        let peak = watch.map(Watch::end).unwrap_or_default();
        self.judge(builder, status.code())?;
        Ok((started.elapsed().as_secs_f64(), peak))
    }

    /// Whether an exit status is a good one; files of a corpus may be refused.
    fn judge(&self, builder: &dyn Builder, status: Option<i32>) -> Result<(), Problem> {
        let refusing = matches!(&self.task, Task::Calls(Calls { call: Kind::Parse(_), .. }));
        match status {
            Some(0) => Ok(()),
            Some(1) if refusing => Ok(()),
            Some(status) => Err(self.failed(builder, &format!("exit status {status}"))),
            None => Err(self.failed(builder, "killed by a signal")),
        }
    }

    /// With what the builder said last; all of it is in its log.
    fn failed(&self, builder: &dyn Builder, how: &str) -> Problem {
        let log = fs::read(self.log(builder)).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let last = log.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
        let last: String = last.chars().take(200).collect();
        Problem::Failed(format!("{how}: {last} ({})", self.log(builder).display()))
    }

    /// Checks what a run made; `whole` looks at every file.
    fn check(&self, builder: &mut dyn Builder, whole: bool) -> Result<(), String> {
        let archive = self.archive(builder);
        match &self.task {
            Task::Calls(calls) => self.check_output(builder, calls),
            Task::Build(case) => {
                if case.archive.is_none() {
                    if !whole {
                        return Ok(());
                    }
                    // The result of the run that was measured last, out of the cache.
                    let build =
                        self.build(builder, Some((archive.clone(), Compression::Gzip)), true);
                    let done = build.and_then(|command| self.finish(builder, command, false));
                    done.map_err(|problem| match problem {
                        Problem::Missing(why) => format!("cannot be checked: {why}"),
                        Problem::Failed(why) => format!("writing the archive to check: {why}"),
                    })?;
                }
                let checked = self.check_archive(&archive, case, whole);
                let _ = fs::remove_file(&archive);
                checked.map_err(|problem| format!("the result is wrong: {problem}"))
            }
        }
    }

    fn check_archive(&self, path: &Path, case: &Case, whole: bool) -> Result<(), String> {
        let mut archive = Archive::open(path)?;
        let Expect { base, layers, runs, tree, texts, packed } = &case.expect;
        if !archive.diff_ids.starts_with(base) {
            return Err("its first layers are not those of the base".to_owned());
        }
        let above = archive.layers.len().saturating_sub(base.len());
        if above < *layers {
            return Err(format!("{above} layers above the base instead of {layers}"));
        }
        let history =
            archive.config.get("history").map(super::json::Json::list).unwrap_or_default();
        let is_run = |entry: &&super::json::Json| {
            let by = entry.get("created_by").and_then(super::json::Json::str);
            by.is_some_and(|by| by.contains("RUN") || by.contains("/bin/sh -c"))
        };
        let ran = history.iter().filter(is_run).count();
        if ran < *runs {
            return Err(format!("{ran} RUN steps in the history instead of {runs}"));
        }
        if let (true, Some(compression)) = (packed, case.archive) {
            let wanted = format!("+{compression}");
            if archive.layers[base.len()..].iter().any(|(kind, _)| !kind.ends_with(&wanted)) {
                return Err(format!("not packed with {compression}"));
            }
        }
        if !whole {
            return Ok(());
        }
        let mut found = archive.tree(base.len())?;
        let mut texts = texts.clone();
        if let (Cache::Changed, Some((prefix, _))) = (case.cache, tree) {
            texts.push((format!("{prefix}{CHANGING}"), self.change.to_string()));
        }
        for (path, text) in &texts {
            match found.texts.get(path) {
                Some(found) if found.trim_end() == text => {}
                Some(other) => return Err(format!("{path} holds {other:?} instead of {text:?}")),
                None => return Err(format!("{path} is not there")),
            }
            found.files.remove(path);
        }
        if let Some((prefix, tree)) = tree {
            found.files.retain(|path, _| path.starts_with(prefix));
            if let Some((path, _)) =
                tree.iter().find(|(path, facts)| found.files.get(*path) != Some(facts))
            {
                return Err(format!("{path} is missing, or other than it should be"));
            }
            if found.files.len() != tree.len() {
                return Err(format!("{} files instead of {}", found.files.len(), tree.len()));
            }
        }
        Ok(())
    }

    fn check_output(&self, builder: &dyn Builder, calls: &Calls) -> Result<(), String> {
        let log = fs::read(self.log(builder)).map_err(|problem| problem.to_string())?;
        let log = String::from_utf8_lossy(&log);
        let good = match &calls.call {
            Kind::Version => log.bytes().any(|byte| byte.is_ascii_digit()),
            Kind::Explain(_) => log.contains("RUN [\"make\"]") || log.contains("RUN make"),
            Kind::Parse(files) => {
                log.lines().filter(|line| line.starts_with('{')).count() == files.len()
            }
            Kind::Check(_) => !log.trim().is_empty(),
        };
        if good {
            Ok(())
        } else {
            Err(format!("unexpected output, in {}", self.log(builder).display()))
        }
    }

    /// Takes back what the workload did to its inputs.
    fn clean(&self) {
        if let Task::Build(case) = &self.task {
            let _ = fs::remove_file(case.context.join(CHANGING));
        }
    }
}
