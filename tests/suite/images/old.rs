//! Stores that an older dfc left: brought up to date when they are opened, and worked with as if they were our own.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;

use libtest_mimic::{Failed, Trial};

use super::{lines, said};
use crate::Outcome;
use crate::build::same;
use crate::cases::workspace;
use crate::dfc::Dfc;
use crate::hardship::{blobs_are_true, images_are_whole};
use crate::need::trial;
use crate::scratch;

/// Versions of the tables that there is a store of.
const VERSIONS: [u32; 2] = [1, 2];
const ID: &str = "735586621fb5";

pub(super) fn trials() -> Vec<Trial> {
    vec![trial("images::old::every_version", &[], every_version)]
}

fn every_version() -> Outcome {
    for version in VERSIONS {
        one(version)
            .map_err(|error| format!("{version}: {}", error.message().unwrap_or_default()))?;
    }
    Ok(())
}

fn one(version: u32) -> Outcome {
    let folder = scratch::fresh("old-store-")?;
    let fixture = workspace().join("fixtures/old-store");
    let archive = File::open(fixture.join(format!("version-{version}.tar.gz")))?;
    tar::Archive::new(flate2::read::GzDecoder::new(archive)).unpack(folder.path())?;
    let dfc = Dfc::at(folder.path())?;
    let mut names = lines(&dfc, &["images", "--format", "{{.Name}} {{.ID}}"])?;
    names.sort();
    let wanted = [
        "<none> 8e0b33be243b",
        "old:1 735586621fb5",
        "old:both 951041c4c883",
        "team/old:latest 735586621fb5",
    ];
    same("names", &names, &wanted.map(str::to_owned).to_vec())?;
    same("history", &lines(&dfc, &["history", "-q", "old:1"])?.len(), &6)?;
    same(
        "command",
        &said(&dfc, &["inspect", "-f", "{{json .Config.Cmd}}", ID])?.as_str(),
        &r#"["/two"]"#,
    )?;
    // The steps are cached, and make the same image.
    build(&dfc, "old:again", 5)?;
    same("again", &said(&dfc, &["images", "-q", "old:again"])?.as_str(), &ID)?;
    let beside = scratch::fresh("old-beside-")?;
    images_are_whole(&dfc, beside.path())?;
    // What was pruned is built again.
    dfc.run(["rm", "old:again", "old:1", "team/old", "old:both"])?.expect(0)?;
    let pruned = dfc.run(["prune", "--all", "--force"])?.expect(0)?.stdout;
    same("pruned", &pruned.contains("Removed 4 layers"), &true)?;
    same("left", &fs::read_dir(dfc.home().join("blobs/sha256"))?.count(), &0)?;
    build(&dfc, "old:1", 0)?;
    images_are_whole(&dfc, beside.path())?;
    blobs_are_true(dfc.home())
}

/// Builds what the stores were built of; so many steps at least must be cached.
fn build(dfc: &Dfc, name: &str, wanted: usize) -> Result<(), Failed> {
    // The modes of files are in the keys, and in a checkout they depend on who made it.
    let folder = scratch::fresh("old-context-")?;
    for file in fs::read_dir(workspace().join("fixtures/old-store/context"))? {
        let file = file?;
        let copy = folder.path().join(file.file_name());
        fs::copy(file.path(), &copy)?;
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o644))?;
    }
    let context = folder.path().display().to_string();
    let flags = ["build", "--progress=plain", "--platform=linux/amd64", "-t", name];
    let done = dfc.run(flags.into_iter().chain([context.as_str()]))?.expect(0)?;
    let cached = done.stderr.lines().filter(|line| line.ends_with("CACHED")).count();
    match cached >= wanted {
        true => Ok(()),
        false => Err(format!("{cached} cached:\n{}", done.stderr).into()),
    }
}
