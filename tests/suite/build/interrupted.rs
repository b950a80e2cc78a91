//! Builds that are stopped or killed leave a store that the next build can use, and nothing else.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};

use super::{NEEDS, same};
use crate::Outcome;
use crate::need::trial;
use crate::project::Project;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("build::interrupted::killed", NEEDS, || interrupted("-KILL")),
        trial("build::interrupted::stopped", NEEDS, || interrupted("-INT")),
        trial("build::interrupted::terminated", NEEDS, || interrupted("-TERM")),
    ]
}

fn interrupted(signal: &str) -> Outcome {
    // A time that no other sleep on this machine has, to find it by.
    let seconds = format!("99{:05}", std::process::id() % 100_000);
    let unique = format!("{seconds}.{}", signal.len());
    let first = "FROM busybox\nRUN echo one > /one\n";
    let project = Project::new(&format!("{first}RUN echo begun; sleep {unique}\n"))?;
    let mut build = begin(&project)?;
    let status = {
        Command::new("kill").args([signal, &build.id().to_string()]).status()?;
        wait(&mut build, Duration::from_secs(20))?
    };
    same("ended well", &status, &false)?;
    gone(&unique)?;

    project.dockerfile(&format!("{first}RUN echo two > /two\n"))?;
    let built = project.build(&[])?;
    same("cached", &built.log.cached(), &vec!["RUN echo one > /one"])?;
    same("content", &built.image.tree()?.text("/two"), &Some("two\n"))?;
    nothing_half_made(project.dfc.home())
}

/// Starts the build, and gives it back when its last step has begun.
fn begin(project: &Project) -> Result<Child, Failed> {
    let mut command = project.command(&[])?;
    let mut build = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    let log = BufReader::new(build.stderr.take().ok_or("no log")?);
    let mut seen = String::new();
    let mut lines = log.lines();
    for line in lines.by_ref() {
        let line = line?;
        if line.starts_with('#') && line.ends_with(" begun") {
            // Somebody must go on reading, or the build waits for its reader.
            thread::spawn(move || lines.for_each(drop));
            return Ok(build);
        }
        seen.push_str(&line);
        seen.push('\n');
    }
    Err(format!("the step did not begin:\n{seen}").into())
}

/// Whether the build ended with status 0.
fn wait(build: &mut Child, limit: Duration) -> Result<bool, Failed> {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        if let Some(status) = build.try_wait()? {
            return Ok(status.success());
        }
        thread::sleep(Duration::from_millis(20));
    }
    build.kill()?;
    Err(format!("still there {} s after the signal", limit.as_secs()).into())
}

/// Fails if the command of the step is still there some seconds later.
fn gone(unique: &str) -> Outcome {
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        if !anybody_runs(unique)? {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(50));
    }
    Err(format!("`sleep {unique}` outlives its build").into())
}

fn anybody_runs(word: &str) -> Result<bool, Failed> {
    for process in fs::read_dir("/proc")?.flatten() {
        // A process may end while it is looked at.
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        if line.split(|byte| *byte == 0).any(|arg| arg == word.as_bytes()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The build after an interrupted one has swept what that one left, and nothing stays mounted.
fn nothing_half_made(home: &Path) -> Outcome {
    let left: Vec<_> = match fs::read_dir(home.join("tmp")) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(_) => Vec::new(),
    };
    same("left in tmp", &left, &Vec::new())?;
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let home = home.to_string_lossy().into_owned();
    let ours: Vec<_> = mounts.lines().filter(|line| line.contains(&home)).collect();
    same("left mounted", &ours, &Vec::new())
}
