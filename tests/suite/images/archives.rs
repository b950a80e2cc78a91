//! `save` and `load` of dfc's own: forms, names, pipes, folders.

use std::fs;
use std::process::{Command, Stdio};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use super::{BUILD, bytes, fed, filled, lines, said};
use crate::Outcome;
use crate::build::same;
use crate::dfc::Dfc;
use crate::need::{Need, trial};

pub(super) fn trials() -> Vec<Trial> {
    let packers = &[
        Need::Sandbox,
        Need::StaticBusybox,
        Need::Program("xz"),
        Need::Program("bzip2"),
        Need::Program("zstd"),
        Need::Program("gzip"),
    ];
    vec![
        trial("images::archives::both_forms", BUILD, both_forms),
        trial("images::archives::pipe", BUILD, pipe),
        trial("images::archives::folder", BUILD, folder),
        trial("images::archives::compressed", packers, compressed),
        trial("images::archives::names", BUILD, names),
    ]
}

/// The images of a store with their ids, sorted.
fn listed(dfc: &Dfc) -> Result<Vec<String>, Failed> {
    let mut all =
        lines(dfc, &["images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}"])?;
    all.sort();
    Ok(all)
}

fn both_forms() -> Outcome {
    let project = filled()?;
    for form in ["docker", "oci", "docker-archive", "oci-archive"] {
        let file = project.beside("all.tar").display().to_string();
        let all = ["save", "--format", form, "-o", &file, "base", "app", "team/app"];
        project.dfc.run(all)?.expect(0)?;
        let other = Dfc::new()?;
        let told = lines(&other, &["load", "-i", &file])?;
        same(form, &told.len(), &4)?;
        same(form, &listed(&other)?, &listed(&project.dfc)?)?;
        same(form, &other.run(["run", "app:2"])?.expect(0)?.stdout.as_str(), &"two\n")?;
        let again = said(&other, &["load", "-q", "-i", &file])?;
        same("quiet", &again.lines().next(), &Some("base:1"))?;
    }
    Ok(())
}

fn pipe() -> Outcome {
    let project = filled()?;
    let other = Dfc::new()?;
    let mut save =
        project.dfc.command(["save", "app:1", "app:2"])?.stdout(Stdio::piped()).spawn()?;
    let mut load = other.command(["load"])?;
    load.stdin(save.stdout.take().ok_or("no pipe")?);
    same("loaded", &bytes(&mut load)?.split(|byte| *byte == b'\n').count(), &3)?;
    same("saved", &save.wait()?.success(), &true)?;
    // A reader that goes away early ends it, and is no failure of ours.
    let mut save = project.dfc.command(["save", "app:1"])?.stdout(Stdio::piped()).spawn()?;
    drop(save.stdout.take());
    same("nobody reads", &save.wait()?.code(), &Some(0))?;
    let cut = bytes(&mut project.dfc.command(["save", "app:1"])?)?;
    let refused = fed(Dfc::new()?.command(["load"])?, &cut[..cut.len() / 2])?.expect(1)?.stderr;
    same("cut off", &refused.contains("ends in the middle"), &true)
}

fn folder() -> Outcome {
    let project = filled()?;
    let folder = project.beside("layout");
    let path = folder.display().to_string();
    project.dfc.run(["save", "--format", "oci-dir", "-o", &path, "app:1"])?.expect(0)?;
    project.dfc.run(["save", "--format", "oci", "-o", &path, "app:2"])?.expect(0)?;
    project.dfc.run(["save", "-o", &path, "app:2"])?.expect(2)?;
    let index: Value = serde_json::from_slice(&fs::read(folder.join("index.json"))?)?;
    same("both", &index["manifests"].as_array().map_or(0, Vec::len), &2)?;
    let other = Dfc::new()?;
    same("loaded", &lines(&other, &["load", "-i", &path])?.len(), &2)?;
    let blobs = folder.join("blobs/sha256");
    let biggest =
        fs::read_dir(&blobs)?.flatten().max_by_key(|it| it.metadata().map_or(0, |it| it.len()));
    fs::write(biggest.ok_or("no blobs")?.path(), "evil")?;
    let refused = Dfc::new()?.run(["load", "-i", &path])?.expect(1)?.stderr;
    same("damaged", &refused.contains("was expected"), &true)?;
    fs::remove_file(folder.join("index.json"))?;
    let refused = Dfc::new()?.run(["load", "-i", &path])?.expect(1)?.stderr;
    same("no layout", &refused.contains("it is no OCI layout"), &true)
}

fn compressed() -> Outcome {
    let project = filled()?;
    let file = project.beside("image.tar");
    project.dfc.run(["save", "-o", &file.display().to_string(), "app:1"])?.expect(0)?;
    for program in ["gzip", "bzip2", "xz", "zstd"] {
        let packed = bytes(Command::new(program).arg("-c").arg(&file))?;
        let told = fed(Dfc::new()?.command(["load"])?, &packed)?.expect(0)?.stdout;
        same(program, &told.as_str(), &"Loaded image: app:1\n")?;
    }
    Ok(())
}

fn names() -> Outcome {
    let project = filled()?;
    let dfc = &project.dfc;
    let id = said(dfc, &["images", "-q", "--no-trunc", "app:1"])?;
    let by_id = bytes(&mut dfc.command(["save", &id])?)?;
    let other = Dfc::new()?;
    let told = fed(other.command(["load"])?, &by_id)?.expect(0)?.stdout;
    same("without a name", &told, &format!("Loaded image ID: {id}\n"))?;
    // A name that another image had.
    other.run(["tag", &id, "app:2"])?.expect(0)?;
    let second = bytes(&mut dfc.command(["save", "app:2"])?)?;
    let told = fed(other.command(["load"])?, &second)?.expect(0)?;
    same(
        "the former one is named",
        &told.stderr.contains(&format!("was the name of {id}")),
        &true,
    )?;
    dfc.run(["save", "nobody"])?.expect(1)?;
    dfc.run(["save", "--format", "oci-dir", "app:1"])?.expect(2)?;
    Ok(())
}
