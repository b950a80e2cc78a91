//! The workloads that build nothing.

use std::fs;
use std::io;

use super::{Calls, Kind, Setup, Task};

/// Dockerfiles to parse and to check.
const FILES: usize = 1_500;
/// Calls in one run where one takes some milliseconds.
const TIMES: u32 = 20;

pub(super) fn parse(setup: &Setup<'_>) -> io::Result<Task> {
    let files = setup.inputs.dockerfiles(setup.inputs.count(FILES))?;
    Ok(Task::Calls(Calls { call: Kind::Parse(files), times: 1 }))
}

pub(super) fn check(setup: &Setup<'_>) -> io::Result<Task> {
    let files = setup.inputs.dockerfiles(setup.inputs.count(FILES))?;
    Ok(Task::Calls(Calls { call: Kind::Check(files), times: 1 }))
}

pub(super) fn version(_: &Setup<'_>) -> io::Result<Task> {
    Ok(Task::Calls(Calls { call: Kind::Version, times: TIMES }))
}

pub(super) fn explain(setup: &Setup<'_>) -> io::Result<Task> {
    let folder = setup.folder.join("small");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("main.c"), "int main() { return 0; }\n")?;
    let text = "FROM scratch AS build\nWORKDIR /src\nCOPY . .\nRUN [\"make\"]\n\
                FROM scratch\nCOPY --from=build /src/out /usr/bin/\nCMD [\"out\"]\n";
    fs::write(folder.join("Dockerfile"), text)?;
    Ok(Task::Calls(Calls { call: Kind::Explain(folder), times: TIMES }))
}
