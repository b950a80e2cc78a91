//! Archives that are not what they say: refused with what is wrong, and nothing of them stays.

use std::fs;
use std::io::Write;
use std::path::Path;

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{BUILD, fed, filled, said};
use crate::Outcome;
use crate::build::same;
use crate::dfc::Dfc;
use crate::need::trial;
use crate::project::Project;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("images::hostile::nothing_stays", BUILD, nothing_stays),
        trial("images::hostile::what_is_used_stays", BUILD, what_is_used_stays),
        trial("images::hostile::bombs", &[], bombs),
        trial("images::hostile::base_bombs", BUILD, base_bombs),
        trial("images::hostile::tags_alone", BUILD, tags_alone),
    ]
}

/// Blobs, layers and half-made things in a store.
fn left(home: &Path) -> Result<usize, Failed> {
    let mut count = 0;
    for folder in ["blobs/sha256", "layers", "tmp"] {
        count += fs::read_dir(home.join(folder))?.count();
    }
    Ok(count)
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>, Failed> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

/// A tar of some files.
fn tar(files: &[(&str, &[u8])]) -> Result<Vec<u8>, Failed> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, *content)?;
    }
    Ok(tar.into_inner()?)
}

/// A tar with a file that is said to have so many bytes.
fn long_file(size: u64) -> Result<Vec<u8>, Failed> {
    let mut header = tar::Header::new_gnu();
    header.set_path("bomb")?;
    header.set_size(size);
    header.set_cksum();
    Ok([header.as_bytes().as_slice(), &[0; 1 << 16]].concat())
}

/// A docker archive of an image with one layer, and the tar that its config says it is.
fn docker_archive(layer: &[u8], said: &[u8], tags: &Value) -> Result<Vec<u8>, Failed> {
    let config = json!({
        "os": "linux", "architecture": "amd64", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", hex(said))]},
    });
    let items = json!([{"Config": "config.json", "RepoTags": tags, "Layers": ["layer.tar"]}]);
    tar(&[
        ("layer.tar", layer),
        ("config.json", config.to_string().as_bytes()),
        ("manifest.json", items.to_string().as_bytes()),
    ])
}

fn refused(dfc: &Dfc, archive: &[u8], wanted: &str) -> Outcome {
    let done = fed(dfc.command(["load"])?, archive)?.expect(1)?;
    match done.stderr.contains(wanted) {
        true => Ok(()),
        false => Err(format!("`{wanted}` is not said:\n{}", done.stderr).into()),
    }
}

fn nothing_stays() -> Outcome {
    let dfc = Dfc::new()?;
    let (good, other) = (tar(&[("file", b"good")])?, tar(&[("file", b"evil")])?);
    let named = json!(["it:1"]);
    for layer in [other.clone(), gzip(&other)?] {
        refused(&dfc, &docker_archive(&layer, &good, &named)?, "was expected")?;
        same("left", &left(dfc.home())?, &0)?;
    }
    refused(
        &dfc,
        &docker_archive(b"no tar", b"no tar", &named)?,
        "the archive ends in the middle",
    )?;
    refused(
        &dfc,
        &docker_archive(&good, &good, &json!(["It:1"]))?,
        "`It:1` is no name of an image",
    )?;
    same("left", &left(dfc.home())?, &0)?;
    let archive = docker_archive(&gzip(&good)?, &good, &named)?;
    refused(&dfc, &archive[..600], "ends in the middle")?;
    // A tree that is none.
    for tree in [&good[..514], b"nothing like a tar, but of some length"] {
        fed(dfc.command(["import", "-", "it:1"])?, tree)?.expect(1)?;
    }
    same("left", &left(dfc.home())?, &0)?;
    same("images", &said(&dfc, &["images", "-aq"])?.as_str(), &"")?;
    fed(dfc.command(["load"])?, &archive)?.expect(0)?;
    same("exported", &said(&dfc, &["export", "it:1"])?.contains("good"), &true)
}

/// What an image of before, or a running build, has in common with the refused archive stays.
fn what_is_used_stays() -> Outcome {
    let project = filled()?;
    let file = project.beside("image.tar");
    project.dfc.run(["save", "-o", &file.display().to_string(), "app:2"])?.expect(0)?;
    let archive = fs::read(&file)?;
    let before = left(project.dfc.home())?;
    refused(&project.dfc, &archive[..archive.len() / 2], "ends in the middle")?;
    same("left", &left(project.dfc.home())?, &before)?;
    project.dfc.run(["save", "-o", &file.display().to_string(), "app:2"])?.expect(0)?;
    same("it runs", &said(&project.dfc, &["run", "app:2"])?.as_str(), &"two")
}

fn bombs() -> Outcome {
    let dfc = Dfc::new()?;
    let named = json!(["it:1"]);
    let wanted = "unpacks to more than 17179869184 bytes";
    // In a layer, in the archive around it, and in a tree to be imported.
    let bomb = long_file(20 << 30)?;
    refused(&dfc, &docker_archive(&gzip(&bomb)?, &bomb, &named)?, wanted)?;
    refused(&dfc, &long_file(2 << 40)?, "unpacks to more than")?;
    let long = fed(dfc.command(["load"])?, &gzip(&long_file(900 << 30)?)?)?.expect(1)?.stderr;
    // Unless the disk is that big.
    let is_said = long.contains("and the disk has room for") || long.contains("ends in the middle");
    same("room", &is_said, &true)?;
    fed(dfc.command(["import", "-"])?, &gzip(&bomb)?)?.expect(1)?;
    same("left", &left(dfc.home())?, &0)
}

/// A base image whose layer unpacks to too much: found when it is unpacked.
fn base_bombs() -> Outcome {
    let bomb = long_file(20 << 30)?;
    let layer = gzip(&bomb)?;
    let config = json!({
        "os": "linux", "architecture": std::env::consts::ARCH.replace("x86_64", "amd64").replace("aarch64", "arm64"),
        "config": {}, "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", hex(&bomb))]},
    })
    .to_string();
    let described = |kind: &str, bytes: &[u8]| {
        json!({"mediaType": format!("application/vnd.oci.image.{kind}"), "size": bytes.len(),
               "digest": format!("sha256:{}", hex(bytes))})
    };
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": described("config.v1+json", config.as_bytes()),
        "layers": [described("layer.v1.tar+gzip", &layer)],
    })
    .to_string();
    let index = json!({"schemaVersion": 2, "manifests": [described("manifest.v1+json", manifest.as_bytes())]});
    let project = Project::new("FROM bomb\nRUN echo never\n")?;
    let layout = project.beside("layout");
    fs::create_dir_all(layout.join("blobs/sha256"))?;
    fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    fs::write(layout.join("index.json"), index.to_string())?;
    for blob in [layer.as_slice(), config.as_bytes(), manifest.as_bytes()] {
        fs::write(layout.join("blobs/sha256").join(hex(blob)), blob)?;
    }
    let base = format!("bomb=oci-layout://{}", layout.display());
    let done = project.try_build(&["--build-context", &base])?.expect(1)?;
    same("said", &done.stderr.contains("unpacks to more than 17179869184 bytes"), &true)?;
    project.dfc.run(["prune", "--all", "--force"])?.expect(0)?;
    same("left", &left(project.dfc.home())?, &0)
}

/// A tag without a repository names nothing, and that is said.
fn tags_alone() -> Outcome {
    let dfc = Dfc::new()?;
    let good = tar(&[("file", b"good")])?;
    let archive = docker_archive(&good, &good, &json!(["latest"]))?;
    let done = fed(dfc.command(["load"])?, &archive)?.expect(0)?;
    same("loaded", &done.stdout.starts_with("Loaded image ID: sha256:"), &true)?;
    same("said", &done.stderr.contains("NAME:latest"), &true)?;
    let listed = said(&dfc, &["images", "--format", "{{.Repository}}:{{.Tag}}"])?;
    same("listed", &listed.as_str(), &"<none>:<none>")
}
