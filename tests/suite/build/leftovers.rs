//! Nothing of what a RUN is given for its time stays in a layer: neither where trees are laid over each other, nor where
//! they are copied because the disk of the store takes no overlays.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use libtest_mimic::{Completion, Failed, Trial};
use tempfile::TempDir;

use super::{NEEDS, same};
use crate::dfc::{Dfc, Done};
use crate::image::Layout;
use crate::need::{Need, busybox, trial};
use crate::project::Project;
use crate::{Outcome, scratch};

pub(super) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (name, body) in QUESTIONS {
        let body = *body;
        trials.push(trial(format!("build::leftovers::{name}"), NEEDS, move || body(None)));
        trials.push(Trial::ignorable_test(format!("build::leftovers::{name}_copied"), move || {
            let needs = [Need::Root, Need::StaticBusybox, Need::Program("mount")];
            if let Some(reason) = needs.iter().find_map(|need| need.missing()) {
                return Ok(Completion::ignored_with(reason));
            }
            match Disk::new()? {
                Some(disk) => body(Some(&disk)).map(|()| Completion::Completed),
                None => Ok(Completion::ignored_with("needs the right to mount overlays")),
            }
        }));
    }
    trials
}

type Body = fn(Option<&Disk>) -> Outcome;

const QUESTIONS: &[(&str, Body)] = &[
    ("of_all_mounts", of_all_mounts),
    ("in_an_empty_image", in_an_empty_image),
    ("behind_dangling_links", behind_dangling_links),
    ("beside_what_the_command_made", beside_what_the_command_made),
    ("names_of_one_file", names_of_one_file),
    ("new_folders_hide_nothing", new_folders_hide_nothing),
];

/// An overlay, on which no other overlay can be.
struct Disk {
    folder: TempDir,
}

impl Disk {
    fn new() -> Result<Option<Disk>, Failed> {
        let folder = scratch::fresh("overlay-")?;
        let at = |name: &str| folder.path().join(name);
        for name in ["lower", "upper", "work", "disk"] {
            fs::create_dir(at(name))?;
        }
        let folders =
            ["lower", "upper", "work"].map(|name| format!("{name}dir={}", at(name).display()));
        let mut mount = Command::new("mount");
        mount.args(["-t", "overlay", "overlay", "-o", &folders.join(",")]).arg(at("disk"));
        let mounted = mount.stderr(Stdio::null()).status()?.success();
        Ok(mounted.then_some(Disk { folder }))
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("disk")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

/// Builds, on a store on that disk if there is one.
fn build(project: &Project, disk: Option<&Disk>, flags: &[&str]) -> Result<Layout, Failed> {
    let archive = project.beside("image.tar");
    let output = format!("type=oci,dest={}", archive.display());
    let mut command = project.command(&[&["-o", &output][..], flags].concat())?;
    if let Some(disk) = disk {
        command.env("DFC_HOME", Dfc::at(&disk.path().join("store"))?.home());
    }
    let done = Done::from(command.output()?).expect(0)?;
    let copied = done.stderr.contains("every RUN works on a copy of its tree");
    same("copied", &copied, &disk.is_some())?;
    Layout::read(&archive)
}

fn of_all_mounts(disk: Option<&Disk>) -> Outcome {
    let project = Project::new(
        "FROM busybox\n\
         RUN --mount=type=cache,target=/made/for/cache --mount=type=tmpfs,target=/made/for/memory \
         --mount=type=secret,id=s,target=/made/for/secret --mount=target=/made/for/context,rw \
         --mount=from=busybox,target=/etc/of-busybox --mount=type=secret,id=s \
         [ -d /made/for/cache ] && [ -s /run/secrets/s ] && [ -s /etc/hosts ] && [ -s /etc/resolv.conf ] && \
         touch /dev/shm/x /made/for/memory/x /made/for/cache/x /made/for/context/x && [ -c /dev/null ]\n",
    )?;
    let secret = project.beside("secret");
    fs::write(&secret, "s")?;
    let flag = format!("id=s,src={}", secret.display());
    let image = build(&project, disk, &["--secret", &flag])?;
    same("layer", &image.top_layer()?, &Vec::new())
}

fn in_an_empty_image(disk: Option<&Disk>) -> Outcome {
    let project = Project::new("FROM scratch\nCOPY busybox /\nRUN [\"/busybox\", \"true\"]\n")?;
    fs::copy(busybox()?, project.context().join("busybox"))?;
    let image = build(&project, disk, &[])?;
    // As BuildKit leaves them: the folders that every image is to have, and nothing in them.
    same("layer", &image.top_layer()?, &["dev", "proc", "sys"].map(str::to_owned).to_vec())
}

fn behind_dangling_links(disk: Option<&Disk>) -> Outcome {
    let project = Project::new(
        "FROM busybox\nRUN ln -s ../run/resolver/resolv.conf /etc/resolv.conf.new && \
         rm -rf /sys /proc/* 2>/dev/null; true\n\
         FROM busybox AS links\nCOPY --link etc /etc\n\
         FROM links\nRUN [ -s /etc/resolv.conf ] && [ -s /etc/hosts ]\n",
    )?;
    fs::create_dir(project.context().join("etc"))?;
    let link = |to: &str, name: &str| {
        std::os::unix::fs::symlink(to, project.context().join("etc").join(name))
    };
    link("../run/resolver/resolv.conf", "resolv.conf")?;
    link("/made/hosts", "hosts")?;
    let image = build(&project, disk, &[])?;
    same("layer", &image.top_layer()?, &Vec::new())
}

fn beside_what_the_command_made(disk: Option<&Disk>) -> Outcome {
    let project = Project::new(
        "FROM busybox\nRUN --mount=type=tmpfs,target=/made/here touch /etc/own /made/own; rm -r /dev/shm 2>/dev/null; true\n",
    )?;
    let image = build(&project, disk, &[])?;
    let wanted = ["etc", "etc/own", "made", "made/own"];
    // The folder of a mount that the command put something beside has become the command's; the place itself has not.
    same("layer", &image.top_layer()?, &wanted.map(str::to_owned).to_vec())
}

/// Of several names of one file of a lower layer the one that is written changes, as with BuildKit.
fn names_of_one_file(disk: Option<&Disk>) -> Outcome {
    let project = Project::new("FROM busybox\nRUN echo x > /a && ln /a /b\nRUN echo y >> /b\n")?;
    let image = build(&project, disk, &[])?;
    same("layer", &image.top_layer()?, &vec!["b".to_owned()])?;
    let tree = image.tree()?;
    same("one", &tree.text("/a"), &Some("x\n"))?;
    same("other", &tree.text("/b"), &Some("x\ny\n"))
}

/// A folder whose time alone is another is not in the layer, and a new one is there without a marker.
fn new_folders_hide_nothing(disk: Option<&Disk>) -> Outcome {
    let project = Project::new(
        "FROM busybox\nRUN mkdir /d /e && touch /d/kept\nRUN touch /e/x && rm /e/x && mkdir /d/new && touch /d/new/file\n",
    )?;
    let image = build(&project, disk, &[])?;
    let wanted = ["d", "d/new", "d/new/file"].map(str::to_owned).to_vec();
    same("layer", &image.top_layer()?, &wanted)
}
