//! What a build gives: archives, folders, names in the store, and files about it.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use super::{NEEDS, same};
use crate::Outcome;
use crate::dfc::{Dfc, Done};
use crate::image::{Layout, text};
use crate::need::{Need, trial};
use crate::project::Project;

const DOCKERFILE: &str = "FROM busybox\nRUN echo made > /made\nENV A=1\nCMD [\"cat\", \"/made\"]\n";

pub(super) fn trials() -> Vec<Trial> {
    let skopeo: &[Need] = &[Need::Sandbox, Need::StaticBusybox, Need::Program("skopeo")];
    vec![
        trial("build::result::save_and_load", NEEDS, save_and_load),
        trial("build::result::folder", NEEDS, folder),
        trial("build::result::tar", NEEDS, tar),
        trial("build::result::id_and_metadata", NEEDS, id_and_metadata),
        trial("build::result::only_the_target_is_built", NEEDS, only_the_target),
        trial("build::result::run_the_image", NEEDS, run_the_image),
        trial("build::result::names_in_the_store", NEEDS, names_in_the_store),
        trial("build::result::skopeo_reads_layouts", skopeo, skopeo_reads_layouts),
        trial("build::result::skopeo_reads_docker_archive", skopeo, skopeo_reads_docker_archive),
        trial("build::result::epoch_makes_the_same_image", NEEDS, epoch),
    ]
}

fn save_and_load() -> Outcome {
    let project = Project::new(DOCKERFILE)?;
    project.build(&["--tag", "round:1"])?;
    project.try_build(&["--tag", "round:1"])?.expect(0)?;
    let id = |dfc: &Dfc| -> Result<String, Failed> {
        let done = dfc.run(["inspect", "round:1"])?.expect(0)?;
        let value: Value = serde_json::from_str(&done.stdout)?;
        Ok(text(&value[0]["Id"]))
    };
    for format in ["docker", "oci"] {
        let archive = project.beside(&format!("saved.{format}"));
        let path = archive.to_string_lossy().into_owned();
        let save = ["save", "--format", format, "-o", &path, "round:1"];
        project.dfc.run(save)?.expect(0)?;
        let other = Dfc::new()?;
        other.run(["load", "-i", &path])?.expect(0)?;
        same(format, &id(&other)?, &id(&project.dfc)?)?;
        let done = Done::from(other.command(["run", "--rm", "round:1"])?.output()?).expect(0)?;
        same("the loaded image says", &done.stdout.as_str(), &"made\n")?;
    }
    Ok(())
}

fn folder() -> Outcome {
    let project = Project::new(
        "FROM busybox AS made\nRUN echo made > /made\nFROM scratch\nCOPY --from=made /made /a/b\n",
    )?;
    let out = project.beside("out");
    let flag = format!("type=local,dest={}", out.display());
    project.try_build(&["--output", &flag])?.expect(0)?;
    same("content", &fs::read_to_string(out.join("a/b"))?.as_str(), &"made\n")
}

fn tar() -> Outcome {
    let project = Project::new("FROM scratch\nCOPY one.txt /a/\n")?;
    project.file("one.txt", "1\n")?;
    let out = project.beside("out.tar");
    let flag = format!("type=tar,dest={}", out.display());
    project.try_build(&["--output", &flag])?.expect(0)?;
    let mut names = BTreeSet::new();
    for member in tar::Archive::new(fs::File::open(&out)?).entries()? {
        let name = member?.path()?.to_string_lossy().trim_matches('/').to_owned();
        names.insert(name.trim_start_matches("./").to_owned());
    }
    same("holds the file", &names.contains("a/one.txt"), &true)
}

fn id_and_metadata() -> Outcome {
    let project = Project::new(DOCKERFILE)?;
    let (id, metadata) = (project.beside("id"), project.beside("metadata.json"));
    let (id_flag, metadata_flag) = (id.to_string_lossy(), metadata.to_string_lossy());
    let flags = ["--iidfile", &id_flag, "--metadata-file", &metadata_flag, "-t", "named:1"];
    project.try_build(&flags)?.expect(0)?;
    let id = fs::read_to_string(id)?;
    same("id", &(id.starts_with("sha256:") && id.trim().len() == 71), &true)?;
    let metadata: Value = serde_json::from_str(&fs::read_to_string(metadata)?)?;
    let digest = text(&metadata["containerimage.config.digest"]);
    same("config digest", &digest.as_str(), &id.trim())?;
    let quiet = project.try_build(&["-q"])?.expect(0)?;
    same("quiet", &quiet.stdout.trim(), &id.trim())
}

fn only_the_target() -> Outcome {
    let project = Project::new(
        "FROM busybox AS wanted\nRUN echo yes > /yes\nFROM busybox AS broken\nRUN exit 1\n",
    )?;
    let built = project.build(&["--target", "wanted"])?;
    same("run", &built.log.executed(), &vec!["RUN echo yes > /yes"])?;
    same("broken", &built.log.text().contains("exit 1"), &false)
}

fn run_the_image() -> Outcome {
    let project = Project::new(
        "FROM busybox\nENV WHO=nobody\nWORKDIR /w\nENTRYPOINT [\"sh\", \"-c\"]\n\
         CMD [\"echo $WHO in $PWD; exit 7\"]\n",
    )?;
    project.try_build(&["-t", "says"])?.expect(0)?;
    let done = project.dfc.run(["run", "--rm", "-e", "WHO=me", "says"])?.expect(7)?;
    same("said", &done.stdout.as_str(), &"me in /w\n")
}

fn names_in_the_store() -> Outcome {
    let project = Project::new(DOCKERFILE)?;
    let dfc = &project.dfc;
    project.try_build(&["-t", "one:1", "-t", "two"])?.expect(0)?;
    let names = |dfc: &Dfc| -> Result<Vec<String>, Failed> {
        let listed = dfc.run(["images"])?.expect(0)?.stdout;
        let words = |line: &str| line.split_whitespace().take(2).collect::<Vec<_>>().join(":");
        let mut names: Vec<_> = listed.lines().skip(1).map(words).collect();
        names.sort();
        Ok(names)
    };
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    same("built", &names(dfc)?, &list(&["one:1", "two:latest"]))?;
    dfc.run(["tag", "two", "three:3"])?.expect(0)?;
    dfc.run(["rm", "one:1"])?.expect(0)?;
    same("renamed", &names(dfc)?, &list(&["three:3", "two:latest"]))?;
    dfc.run(["rm", "nobody"])?.expect(1)?;
    let history = dfc.run(["history", "two"])?.expect(0)?.stdout;
    same("history", &history.contains("RUN /bin/sh -c echo made > /made"), &true)
}

fn skopeo(args: &[&str]) -> Result<Value, Failed> {
    let done = Done::from(Command::new("skopeo").args(args).output()?).expect(0)?;
    Ok(serde_json::from_str(&done.stdout)?)
}

fn skopeo_reads_layouts() -> Outcome {
    let project = Project::new(DOCKERFILE)?;
    let built = project.build(&[])?;
    let archive = format!("oci-archive:{}", project.beside("image.tar").display());
    let found = skopeo(&["inspect", &archive])?;
    same("digest", &text(&found["Digest"]), &built.image.digest()?)?;
    let folder = project.beside("layout");
    let flag = format!("type=oci,tar=false,dest={}", folder.display());
    project.try_build(&["--output", &flag])?.expect(0)?;
    let found = skopeo(&["inspect", &format!("oci:{}", folder.display())])?;
    same("digest", &text(&found["Digest"]), &Layout::read(&folder)?.digest()?)?;
    let layers = found["Layers"].as_array().map_or(0, Vec::len);
    same("layers", &layers, &2)
}

fn skopeo_reads_docker_archive() -> Outcome {
    let project = Project::new(DOCKERFILE)?;
    let archive = project.beside("docker.tar");
    let flag = format!("type=docker,dest={}", archive.display());
    project.try_build(&["-t", "named:1", "--output", &flag])?.expect(0)?;
    let found = skopeo(&["inspect", &format!("docker-archive:{}", archive.display())])?;
    same("environment", &found["Env"].to_string().contains("A=1"), &true)
}

/// With SOURCE_DATE_EPOCH two stores make the same bytes.
fn epoch() -> Outcome {
    let mut digests = Vec::new();
    for _ in 0..2 {
        let project = Project::new(DOCKERFILE)?;
        let archive = project.beside("image.tar");
        let flag = format!("type=oci,dest={}", archive.display());
        let mut command = project.command(&["--output", &flag])?;
        command.env("SOURCE_DATE_EPOCH", "1600000000");
        Done::from(command.output()?).expect(0)?;
        let image = Layout::read(&archive)?;
        same("created", &text(&image.config()?["created"]).as_str(), &"2020-09-13T12:26:40Z")?;
        digests.push(image.digest()?);
    }
    same("image", &digests[1], &digests[0])
}
