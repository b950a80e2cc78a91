//! The commands on images of the store: listing, showing, naming, removing, saving and loading, importing and exporting,
//! committing, making room. With other programs where they are there: Docker, podman, skopeo, umoci.

mod archives;
mod change;
pub(crate) mod engines;
mod hostile;
mod list;
mod manual;
mod old;
mod room;

use std::io::Write;
use std::process::{Command, Stdio};

use libtest_mimic::{Failed, Trial};

use crate::dfc::{Dfc, Done};
use crate::need::Need;
use crate::project::Project;

/// What building with RUN needs.
pub(crate) const BUILD: &[Need] = &[Need::Sandbox, Need::StaticBusybox];

/// All trials.
pub(crate) fn trials() -> Vec<Trial> {
    let all = [
        list::trials(),
        change::trials(),
        archives::trials(),
        engines::trials(),
        hostile::trials(),
        room::trials(),
        manual::trials(),
        old::trials(),
    ];
    all.into_iter().flatten().collect()
}

/// A store with `base:1` (one layer), `app:1` and `app:2` (each a further layer), `team/app:2` (the same as `app:2`).
fn filled() -> Result<Project, Failed> {
    let project = Project::new("FROM busybox\nLABEL made=yes\n")?;
    project.try_build(&["-t", "base:1"])?.expect(0)?;
    project.dockerfile("FROM busybox\nRUN echo one > /one\nLABEL made=yes number=1\nENV A=1\n")?;
    project.try_build(&["-t", "app:1"])?.expect(0)?;
    project.dockerfile(
        "FROM busybox\nRUN echo one > /one\nRUN echo two > /two\nLABEL made=yes number=2\n\
         CMD [\"cat\", \"/two\"]\n",
    )?;
    project.try_build(&["-t", "app:2", "-t", "team/app:2"])?.expect(0)?;
    Ok(project)
}

/// The lines that a command prints; it must succeed.
fn lines(dfc: &Dfc, args: &[&str]) -> Result<Vec<String>, Failed> {
    Ok(dfc.run(args)?.expect(0)?.stdout.lines().map(str::to_owned).collect())
}

/// What a command prints without blanks around it; it must succeed.
fn said(dfc: &Dfc, args: &[&str]) -> Result<String, Failed> {
    Ok(dfc.run(args)?.expect(0)?.stdout.trim().to_owned())
}

/// Runs a program with bytes on standard input.
fn fed(mut command: Command, input: &[u8]) -> Result<Done, Failed> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().ok_or("no pipe")?;
    let output = std::thread::scope(|scope| {
        // A program that stops reading has said why.
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output()
    })?;
    Ok(Done::from(output))
}

/// What a program prints, as bytes; it must succeed.
fn bytes(command: &mut Command) -> Result<Vec<u8>, Failed> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(output.stdout)
}
