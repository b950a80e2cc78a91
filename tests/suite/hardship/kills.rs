//! Processes that are killed at any moment.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use libtest_mimic::{Failed, Trial};

use super::{NEEDS, STAGES, blobs_are_true, chance, images_are_whole, nothing_half_made, says};
use crate::Outcome;
use crate::need::trial;
use crate::project::Project;

/// How often something is killed.
const KILLS: u32 = 50;
/// A killed build lives at most so many milliseconds; a whole one takes about as much.
const LONGEST_LIFE: u32 = 600;
/// All others take less.
const LONGEST_OTHER: u32 = 40;

pub(super) fn trials() -> Vec<Trial> {
    vec![trial("hardship::killed_again_and_again", NEEDS, killed)]
}

fn killed() -> Outcome {
    let project = Project::new(STAGES)?;
    project.file("copied", "two\n")?;
    let archive = archive(&project)?;
    let cache = format!("type=local,dest={},mode=max", project.beside("cache").display());
    for kill in 0..KILLS {
        let (command, life) = match kill % 5 {
            0 => (project.command(&["--no-cache", "-t", "built"])?, LONGEST_LIFE),
            1 => (project.dfc.command(["load", "-i", &archive])?, LONGEST_OTHER),
            2 => (project.dfc.command(["prune", "--all", "--force"])?, LONGEST_OTHER),
            3 => (project.command(&["-t", "built", "--cache-to", &cache])?, LONGEST_LIFE),
            _ => (project.dfc.command(["pull", "localhost:1/nothing"])?, LONGEST_OTHER),
        };
        kill_within(command, life)?;
        if kill % 10 == 9 {
            all_is_well(&project)?;
        }
    }
    all_is_well(&project)?;
    project.dfc.run(["load", "-i", &archive])?.expect(0)?;
    says(&project.dfc, "other", "other\n")?;
    project.dfc.run(["prune", "--force"])?.expect(0)?;
    nothing_half_made(project.dfc.home())?;
    says(&project.dfc, "built", "one\ntwo\n")
}

/// An archive of another image.
fn archive(project: &Project) -> Result<String, Failed> {
    let other = Project::new("FROM busybox\nRUN echo other > /said\nCMD [\"cat\", \"/said\"]\n")?;
    other.try_build(&["-t", "other"])?.expect(0)?;
    let archive = project.beside("other.tar").display().to_string();
    other.dfc.run(["save", "-o", &archive, "other"])?.expect(0)?;
    Ok(archive)
}

fn kill_within(mut command: Command, life: u32) -> Outcome {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    thread::sleep(Duration::from_millis(u64::from(chance(life))));
    child.kill()?;
    child.wait()?;
    Ok(())
}

/// The next build works, every image is whole, and every blob is what its name says.
fn all_is_well(project: &Project) -> Outcome {
    let home: &Path = project.dfc.home();
    blobs_are_true(home)?;
    project.try_build(&["-t", "built"])?.expect(0)?;
    says(&project.dfc, "built", "one\ntwo\n")?;
    images_are_whole(&project.dfc, &project.beside(""))?;
    nothing_half_made(home)
}
