//! `tag`, `rm`, `run --commit`, `import` and `export`.

use std::collections::BTreeMap;
use std::process::Command;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use super::{BUILD, bytes, fed, filled, lines, said};
use crate::Outcome;
use crate::build::same;
use crate::dfc::{Dfc, Done};
use crate::need::{Need, trial};
use crate::project::Project;

pub(super) fn trials() -> Vec<Trial> {
    let packers =
        &[Need::Sandbox, Need::StaticBusybox, Need::Program("xz"), Need::Program("bzip2")];
    vec![
        trial("images::change::names", BUILD, names),
        trial("images::change::several_platforms", BUILD, several_platforms),
        trial("images::change::at_a_fixed_time", BUILD, at_a_fixed_time),
        trial("images::change::commit", BUILD, commit),
        trial("images::change::commit_of_nothing", BUILD, commit_of_nothing),
        trial("images::change::export_and_import", BUILD, export_and_import),
        trial("images::change::import_compressed", packers, import_compressed),
    ]
}

fn names() -> Outcome {
    let project = filled()?;
    let dfc = &project.dfc;
    let id = said(dfc, &["images", "-q", "--no-trunc", "app:2"])?;
    let several = dfc.run(["rm", &id])?.expect(1)?.stderr;
    same("several names", &several.contains("app:2, team/app:2"), &true)?;
    same("a name goes", &said(dfc, &["rm", "team/app:2"])?.as_str(), &"Untagged: team/app:2")?;
    let gone = lines(dfc, &["rm", &id[7..15]])?;
    same("the last one", &gone, &vec!["Untagged: app:2".to_owned(), format!("Deleted: {id}")])?;
    dfc.run(["tag", "app:1", "again"])?.expect(0)?;
    dfc.run(["tag", "app:1", "app@sha256:0"])?.expect(2)?;
    dfc.run(["tag", "app:1", "UPPER"])?.expect(2)?;
    dfc.run(["tag", "nobody", "x"])?.expect(1)?;
    let digest = said(dfc, &["inspect", "-f", "{{index .RepoDigests 0}}", "again"])?;
    dfc.run(["inspect", &digest])?.expect(0)?;
    let forced = lines(dfc, &["rm", "-f", &digest])?;
    same("by digest", &forced.len(), &3)?;
    dfc.run(["rm", "nobody", "base:1"])?.expect(1)?;
    same("what can go goes", &lines(dfc, &["images", "-q"])?.len(), &0)?;
    dfc.run(["rm", "-f", "nobody"])?.expect(0)?;
    // Of seventeen ids two begin with the same digit.
    for number in 0..17 {
        project.dockerfile(&format!("FROM busybox\nLABEL n={number}\n"))?;
        project.try_build(&["-t", &format!("many:{number}")])?.expect(0)?;
    }
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    for id in lines(dfc, &["images", "-q"])? {
        *first.entry(id[..1].to_owned()).or_default() += 1;
    }
    let shared = first.into_iter().find(|(_, count)| *count > 1).ok_or("no digit twice")?.0;
    let error = dfc.run(["rm", &shared])?.expect(1)?.stderr;
    same("candidates", &(error.contains("several images begin") && error.contains("(many:")), &true)
}

/// An image of two platforms is one image, until somebody looks into it.
fn several_platforms() -> Outcome {
    let project = Project::new("FROM scratch\nARG TARGETARCH\nLABEL arch=$TARGETARCH\n")?;
    let dfc = &project.dfc;
    project.try_build(&["--platform=linux/amd64,linux/arm64", "-t", "both:1"])?.expect(0)?;
    let whole = said(dfc, &["images", "-q", "--no-trunc"])?;
    same("one", &whole.lines().count(), &1)?;
    let all = lines(dfc, &["images", "-a", "--format", "{{.Name}} {{.Platform}}"])?;
    same("three", &all.len(), &3)?;
    same("a part", &all.contains(&"<none> linux/arm64".to_owned()), &true)?;
    let arch = |platform| {
        let label = "{{.Architecture}} {{.Config.Labels.arch}}";
        said(dfc, &["inspect", "--platform", platform, "-f", label, "both:1"])
    };
    same("amd64", &arch("linux/amd64")?.as_str(), &"amd64 amd64")?;
    same("arm64", &arch("linux/arm64")?.as_str(), &"arm64 arm64")?;
    dfc.run(["inspect", "--platform", "linux/s390x", "both:1"])?.expect(1)?;
    let other = Dfc::new()?;
    let save = ["save", "--platform", "linux/arm64", "--format", "oci", "both:1"];
    let one = bytes(&mut dfc.command(save)?)?;
    fed(other.command(["load"])?, &one)?.expect(0)?;
    let found = said(&other, &["images", "-a", "--format", "{{.Name}} {{.Platform}}"])?;
    same("one was saved", &found.as_str(), &"both:1 linux/arm64")?;
    let save = ["save", "--format", "oci", "both:1"];
    let both = bytes(&mut dfc.command(save)?)?;
    let third = Dfc::new()?;
    fed(third.command(["load", "--platform", "linux/arm64"])?, &both)?.expect(0)?;
    let found = said(&third, &["images", "-a", "--format", "{{.Name}} {{.Platform}}"])?;
    same("one was loaded", &found.as_str(), &"both:1 linux/arm64")?;
    let refused = fed(third.command(["load", "--platform", "linux/s390x"])?, &both)?.expect(1)?;
    same(
        "platform",
        &refused.stderr.contains("`both:1` of the archive is not for linux/s390x"),
        &true,
    )?;
    fed(other.command(["load"])?, &both)?.expect(0)?;
    same("both were", &said(&other, &["images", "-q", "--no-trunc", "both"])?, &whole)?;
    let part = lines(dfc, &["images", "-a", "-q", "--no-trunc"])?;
    let part = part.iter().find(|id| **id != whole).ok_or("no part")?;
    let refused = dfc.run(["rm", part])?.expect(1)?.stderr;
    same("a part stays", &refused.contains("is a part of `both:1`"), &true)?;
    let gone = lines(dfc, &["rm", "both:1"])?;
    same("all went", &gone.len(), &4)?;
    same("nothing is left", &said(dfc, &["images", "-aq"])?.as_str(), &"")
}

/// With a fixed time the same command makes the same image, and so does the same tree.
fn at_a_fixed_time() -> Outcome {
    let dfc = &filled()?.dfc;
    let twice = |call: &dyn Fn() -> Result<String, Failed>| -> Outcome {
        let first = call()?;
        std::thread::sleep(std::time::Duration::from_millis(1100));
        same("again", &call()?, &first)
    };
    let tar = bytes(&mut dfc.command(["export", "app:1"])?)?;
    twice(&|| {
        let mut import = dfc.command(["import", "-"])?;
        import.env("SOURCE_DATE_EPOCH", "1700000000");
        Ok(fed(import, &tar)?.expect(0)?.stdout)
    })?;
    twice(&|| {
        let command = ["run", "--commit", "fixed:1", "app:1", "sh", "-c", "echo made > /made"];
        let mut commit = dfc.command(command)?;
        Done::from(commit.env("SOURCE_DATE_EPOCH", "1700000000").output()?).expect(0)?;
        said(dfc, &["images", "-q", "--no-trunc", "fixed:1"])
    })?;
    same(
        "time",
        &said(dfc, &["inspect", "-f", "{{.Created}}", "fixed:1"])?.as_str(),
        &"2023-11-14T22:13:20Z",
    )?;
    let mut import = dfc.command(["import", "-"])?;
    fed(
        {
            import.env("SOURCE_DATE_EPOCH", "soon");
            import
        },
        &tar,
    )?
    .expect(2)
    .map(drop)
}

fn commit() -> Outcome {
    let dfc = &filled()?.dfc;
    let made = "echo made > /made; rm /one; chmod 700 /two";
    dfc.run([
        "run",
        "--commit",
        "made:1",
        "-c",
        "CMD [\"cat\", \"/made\"]",
        "--change",
        "LABEL by=hand",
        "-m",
        "by hand",
        "-a",
        "somebody",
        "-e",
        "B=2",
        "-w",
        "/tmp",
        "app:2",
        "sh",
        "-c",
        made,
    ])?
    .expect(0)?;
    same("run", &dfc.run(["run", "made:1"])?.expect(0)?.stdout.as_str(), &"made\n")?;
    let tree = dfc.run(["run", "made:1", "sh", "-c", "ls /one; stat -c %a /two; pwd; echo $B"])?;
    same("tree", &tree.stdout.as_str(), &"700\n/tmp\n2\n")?;
    let newest = "{{.CreatedBy}}|{{.Comment}}";
    let history = lines(dfc, &["history", "--no-trunc", "--format", newest, "made:1"])?;
    same("history", &history[0], &format!("sh -c {made}|by hand"))?;
    let before = lines(dfc, &["history", "-q", "app:2"])?.len();
    same("one entry more", &history.len(), &(before + 1))?;
    let config = said(dfc, &["inspect", "-f", "{{.Author}} {{json .Config.Labels}}", "made:1"])?;
    same("config", &config.as_str(), &r#"somebody {"by":"hand","made":"yes","number":"2"}"#)?;
    dfc.run(["run", "--commit", "kept:1", "app:1", "sh", "-c", "exit 4"])?.expect(4)?;
    dfc.run(["inspect", "kept:1"])?.expect(1)?;
    let refused = dfc.run(["run", "--commit", "x:1", "-c", "RUN x", "app:1", "true"])?.expect(2)?;
    same("what changes may be", &refused.stderr.contains("ENTRYPOINT"), &true)
}

fn commit_of_nothing() -> Outcome {
    let dfc = &filled()?.dfc;
    dfc.run(["run", "--commit", "same:1", "app:1", "true"])?.expect(0)?;
    let layers = |name| said(dfc, &["inspect", "-f", "{{json .RootFS.Layers}}", name]);
    same("layers", &layers("same:1")?, &layers("app:1")?)?;
    same(
        "command",
        &said(dfc, &["inspect", "-f", "{{.Config.Cmd}}", "same:1"])?.as_str(),
        &"[true]",
    )
}

/// The flattened tree of `app:2` as a tar.
fn exported(dfc: &Dfc) -> Result<Vec<u8>, Failed> {
    bytes(&mut dfc.command(["export", "app:2"])?)
}

fn export_and_import() -> Outcome {
    let project = filled()?;
    let dfc = &project.dfc;
    let tar = exported(dfc)?;
    let mut names = Vec::new();
    for member in tar::Archive::new(tar.as_slice()).entries()? {
        names.push(member?.path()?.display().to_string());
    }
    same(
        "both layers",
        &(names.contains(&"one".to_owned()) && names.contains(&"two".to_owned())),
        &true,
    )?;
    let file = project.beside("tree.tar");
    let path = file.display().to_string();
    dfc.run(["export", "-o", &path, "app:2"])?.expect(0)?;
    same("to a file", &(std::fs::read(&file)? == tar), &true)?;
    let id = said(
        dfc,
        &[
            "import",
            "-c",
            "CMD [\"cat\", \"/two\"]",
            "-c",
            "ENV X=y",
            "-m",
            "a tree",
            &path,
            "tree:1",
        ],
    )?;
    same("id", &said(dfc, &["images", "-q", "--no-trunc", "tree"])?, &id)?;
    same("run", &dfc.run(["run", "tree:1"])?.expect(0)?.stdout.as_str(), &"two\n")?;
    let told = said(dfc, &["history", "--format", "{{.Comment}}|{{.CreatedBy}}", "tree:1"])?;
    same("history", &told.as_str(), &"a tree|")?;
    let again = fed(dfc.command(["import", "-"])?, &tar)?.expect(0)?.stdout;
    let layers = |name: &str| said(dfc, &["inspect", "-f", "{{json .RootFS.Layers}}", name]);
    same("the tar is kept", &layers(again.trim())?, &layers("tree:1")?)?;
    let comment = said(dfc, &["history", "--format", "{{.Comment}}", again.trim()])?;
    same("from", &comment.as_str(), &"Imported from -")?;
    fed(dfc.command(["import", "-"])?, b"no tar at all")?.expect(1)?;
    fed(dfc.command(["import", "-"])?, b"")?.expect(1)?;
    dfc.run(["import", "-c", "COPY a b", &path])?.expect(2)?;
    dfc.run(["import", "nowhere.tar"])?.expect(1)?;
    Ok(())
}

fn import_compressed() -> Outcome {
    let dfc = &filled()?.dfc;
    let tar = exported(dfc)?;
    let mut layers: Vec<Value> = Vec::new();
    for program in ["cat", "gzip", "bzip2", "xz"] {
        let mut pack = Command::new(program);
        let packed = dfc.home().join(program);
        std::fs::write(&packed, &tar)?;
        let packed =
            bytes(pack.args(if program == "cat" { &[][..] } else { &["-c"] }).arg(&packed))?;
        let id = fed(dfc.command(["import", "-"])?, &packed)?.expect(0)?.stdout;
        let found = said(dfc, &["inspect", "-f", "{{json .RootFS.Layers}}", id.trim()])?;
        layers.push(serde_json::from_str(&found)?);
    }
    same("the same layer", &layers.iter().all(|layer| *layer == layers[0]), &true)?;
    let refused: Done = dfc.run(["import", "/"])?.expect(1)?;
    same("a folder", &refused.stderr.contains("tar -C / -c ."), &true)
}
