//! `prune`, `image prune`, `du`, and a disk without any room.

use std::fs::{self, File};
use std::io::Write;
use std::process::Command;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use super::{BUILD, filled, lines, said};
use crate::Outcome;
use crate::build::same;
use crate::dfc::Dfc;
use crate::image::text;
use crate::need::{Need, trial};
use crate::project::Project;
use crate::{bases, scratch};

pub(super) fn trials() -> Vec<Trial> {
    let root = &[Need::Root, Need::StaticBusybox, Need::Program("mount")];
    vec![
        trial("images::room::prune_by_label", BUILD, prune_by_label),
        trial("images::room::dry_run", BUILD, dry_run),
        trial("images::room::images_alone", BUILD, images_alone),
        trial("images::room::usage", BUILD, usage),
        trial("images::room::full_disk", root, full_disk),
    ]
}

/// Two images without a name, with the labels `keep=yes` and `keep=no`.
fn nameless(project: &Project) -> Result<(), Failed> {
    for keep in ["yes", "no"] {
        project.dockerfile(&format!("FROM busybox\nRUN echo {keep} > /x\nLABEL keep={keep}\n"))?;
        project.try_build(&[])?.expect(0)?;
    }
    Ok(())
}

fn dangling(dfc: &Dfc) -> Result<usize, Failed> {
    Ok(lines(dfc, &["images", "-q", "-f", "dangling=true"])?.len())
}

fn prune_by_label() -> Outcome {
    let project = filled()?;
    let dfc = &project.dfc;
    nameless(&project)?;
    dfc.run(["prune"])?.expect(2)?;
    same("nobody was asked", &dangling(dfc)?, &2)?;
    dfc.run(["prune", "-f", "--filter", "until=1h"])?.expect(0)?;
    same("too young", &dangling(dfc)?, &2)?;
    dfc.run(["prune", "-f", "--filter", "label!=keep=yes"])?.expect(0)?;
    same("one label", &dangling(dfc)?, &1)?;
    dfc.run(["prune", "-f", "--filter", "label=keep"])?.expect(0)?;
    same("the other", &dangling(dfc)?, &0)?;
    dfc.run(["prune", "-f", "--filter", "shade=red"])?.expect(2)?;
    same("those with names stay", &lines(dfc, &["images", "-q"])?.len(), &3)
}

fn dry_run() -> Outcome {
    let project = filled()?;
    let dfc = &project.dfc;
    nameless(&project)?;
    let before = lines(dfc, &["images", "-q"])?;
    let would = lines(dfc, &["prune", "--dry-run", "--all"])?;
    same("nothing went", &lines(dfc, &["images", "-q"])?, &before)?;
    // The words of docker's builders.
    let words = ["--reserved-space=1GB", "--max-used-space=1GB"];
    for word in words {
        dfc.run(["builder", "prune", "--dry-run", "--verbose", "--filter=unused-for=1h", word])?
            .expect(0)?;
    }
    let did = lines(dfc, &["prune", "--force", "--all"])?;
    let deleted = |lines: &[String]| lines.iter().filter(|it| it.starts_with("Deleted")).count();
    same("two", &(deleted(&would), deleted(&did)), &(2, 2))?;
    let parts = |lines: &[String]| {
        lines
            .iter()
            .rev()
            .nth(1)
            .and_then(|it| it.split_once("emove"))
            .map(|it| it.1.replace("d ", " "))
    };
    same("the same parts", &parts(&would), &parts(&did))?;
    same("bytes", &did.last().is_some_and(|it| it.starts_with("Total reclaimed space: ")), &true)
}

fn images_alone() -> Outcome {
    let project = filled()?;
    let dfc = &project.dfc;
    nameless(&project)?;
    dfc.run(["image", "prune", "-f"])?.expect(0)?;
    same("without a name", &dangling(dfc)?, &0)?;
    // Their steps are still known.
    let built = project.build(&[])?;
    same(
        "cached",
        &built.log.executed(),
        &Vec::<String>::new().iter().map(String::as_str).collect(),
    )?;
    let gone = lines(dfc, &["image", "prune", "-af", "--filter", "label=number"])?;
    same("with names", &gone.contains(&"Untagged: team/app:2".to_owned()), &true)?;
    same("the others stay", &lines(dfc, &["images", "-q", "base"])?.len(), &1)
}

fn usage() -> Outcome {
    let project = filled()?;
    let dfc = &project.dfc;
    project.dockerfile(
        "FROM busybox\nRUN --mount=type=cache,target=/c head -c 99999 /dev/zero > /c/x\n",
    )?;
    project.try_build(&["-t", "cached:1"])?.expect(0)?;
    let kinds = lines(dfc, &["du", "--format", "{{.Type}}|{{.TotalCount}}|{{.Active}}"])?;
    same("images", &kinds[0].as_str(), &"Images|4|4")?;
    same("mounts", &kinds[2].as_str(), &"Cache Mounts|1|0")?;
    let whole: Value = serde_json::from_str(&said(dfc, &["du", "-v", "--format", "json"])?)?;
    let images = whole["Images"].as_array().cloned().unwrap_or_default();
    same("each name", &images.len(), &5)?;
    let shared = images.iter().all(|image| text(&image["SharedSize"]) != "0B");
    same("all share the base", &shared, &true)?;
    same("system df", &lines(dfc, &["system", "df"])?, &lines(dfc, &["du"])?)?;
    dfc.run(["image", "prune", "-af"])?.expect(0)?;
    let left = lines(dfc, &["du", "--format", "{{.Type}}|{{.TotalCount}}|{{.Size}}"])?;
    same("no images", &left[0].as_str(), &"Images|0|0B")
}

/// A file system in memory, which goes with this value.
struct Tiny(tempfile::TempDir);

impl Tiny {
    fn mount(size: &str) -> Result<Tiny, Failed> {
        let tiny = Tiny(scratch::fresh("tiny-")?);
        let options = format!("size={size}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(tiny.0.path())
            .status()?;
        if !mounted.success() {
            return Err("mount -t tmpfs failed".into());
        }
        Ok(tiny)
    }

    /// Takes all the room that is left, to the last byte.
    fn fill(&self, name: &str) -> Result<(), Failed> {
        let mut file = File::create(self.0.path().join(name))?;
        for piece in [1 << 20, 4096, 1] {
            while file.write_all(&vec![0; piece]).is_ok() {}
        }
        Ok(())
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

fn full_disk() -> Outcome {
    let tiny = Tiny::mount("24m")?;
    let dfc = Dfc::at(&tiny.0.path().join("store"))?;
    let layout = bases::folder()?.join("busybox").display().to_string();
    for (name, file) in [("one:1", "/a"), ("two:1", "/b")] {
        dfc.run(["load", "-q", "-i", &layout])?.expect(0)?;
        let base = said(&dfc, &["images", "-q", "-f", "dangling=true"])?;
        let write = format!("head -c 900000 /dev/urandom > {file}");
        dfc.run(["run", "--commit", name, &base, "sh", "-c", &write])?.expect(0)?;
        dfc.run(["rm", &base])?.expect(0)?;
    }
    tiny.fill("one")?;
    let refused = dfc.run(["run", "one:1", "true"])?;
    same("nothing else works", &(refused.status != Some(0)), &true)?;
    dfc.run(["rm", "two:1"])?.expect(0)?;
    tiny.fill("two")?;
    let pruned = dfc.run(["prune", "-f"])?.expect(0)?.stdout;
    same("room was made", &pruned.contains("Total reclaimed space: "), &true)?;
    let names = lines(&dfc, &["images", "--format", "{{.Name}}"])?;
    same("the other is whole", &names, &vec!["one:1".to_owned()])?;
    fs::remove_file(tiny.0.path().join("one"))?;
    dfc.run(["run", "one:1", "test", "-s", "/a"])?.expect(0)?;
    Ok(())
}
