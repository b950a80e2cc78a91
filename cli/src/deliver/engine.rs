//! `--load`: the image goes to a running docker or podman, through its `load` command.

use std::io::{self, BufWriter, Write};
use std::process::{Command, Stdio};

use oci::Platform;
use oci::manifest::Descriptor;
use store::archive::Archived;

use super::Delivery;
use crate::error::CliError;

/// The programs that are tried, in order.
const ENGINES: [&str; 2] = ["docker", "podman"];

/// Pipes a docker archive into the first engine that answers.
pub(super) fn load(image: &Descriptor, delivery: &Delivery<'_>) -> Result<(), CliError> {
    let engine = ENGINES.into_iter().find(|engine| answers(engine)).ok_or_else(|| {
        CliError::failed("neither docker nor podman answers, so the image cannot be loaded")
            .help("start docker, install podman, or write a file: --output type=docker,dest=FILE")
    })?;
    let task = delivery.reporter.task(format!("loading into {engine}"));
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        CliError::failed(format!("`{engine} load` {what}: {error}"))
    };
    let mut child = Command::new(engine)
        .arg("load")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed("does not start", &error))?;
    let stdin = child.stdin.take().expect("asked for as a pipe");
    // Both write little, so the pipes do not fill up while we write.
    let written = {
        let mut out = BufWriter::with_capacity(1 << 16, stdin);
        let images = [Archived { manifest: image.digest, names: delivery.names.to_vec() }];
        store::archive::docker::write(delivery.store, &images, &Platform::host(), &mut out)
            .map_err(CliError::from)
            .and_then(|()| out.flush().map_err(|error| failed("does not read", &error)))
    };
    let output = child.wait_with_output().map_err(|error| failed("does not end", &error))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(failed("failed", &said.trim()));
    }
    written?;
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        task.line(line);
    }
    task.done();
    Ok(())
}

/// Whether an engine is there and works.
fn answers(engine: &str) -> bool {
    let status: io::Result<_> = Command::new(engine)
        .arg("info")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}
