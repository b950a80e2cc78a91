//! The examples build as their own first comments say; the project's own Dockerfile is free of findings.

use std::ffi::OsStr;
use std::path::PathBuf;

use libtest_mimic::Trial;

use crate::Outcome;
use crate::cases::workspace;
use crate::dfc::Dfc;
use crate::need::{Need, busybox, trial};

/// A trial for each example that needs no registry.
pub(crate) fn trials() -> Vec<Trial> {
    let busybox: &[Need] = &[Need::Sandbox, Need::StaticBusybox];
    vec![
        Trial::test("examples::scratch", || build("scratch", "note", &[])),
        trial("examples::parallel", busybox, || with_busybox("parallel", "gathered")),
        trial("examples::site", busybox, || with_busybox("site", "site")),
        Trial::test("examples::own_dockerfile_has_no_findings", own_dockerfile),
    ]
}

/// The Dockerfile that makes dfc's own image; building it would compile everything once more.
fn own_dockerfile() -> Outcome {
    let dfc = Dfc::new()?;
    let file = workspace().join("Dockerfile");
    dfc.run([OsStr::new("check"), OsStr::new("--all-targets"), file.as_os_str()])?.expect(0)?;
    let flags = ["explain", "--no-resolve", "--format", "json"];
    let mut command = dfc.command(flags)?;
    let explained = crate::dfc::Done::from(command.arg(&file).output()?);
    explained.expect(0).map(|_| ())
}

fn with_busybox(example: &str, name: &str) -> Outcome {
    let busybox = busybox()?;
    let folder = busybox.parent().map(PathBuf::from).unwrap_or_default();
    build(example, name, &["--build-context", &format!("host={}", folder.display())])
}

fn build(example: &str, name: &str, flags: &[&str]) -> Outcome {
    let dfc = Dfc::new()?;
    let folder = workspace().join("examples").join(example);
    let mut command = dfc.command(["build", "-t", name])?;
    crate::dfc::Done::from(command.args(flags).arg(folder).output()?).expect(0)?;
    dfc.run(["inspect", name])?.expect(0).map(|_| ())
}
