//! A disk without room.

use std::fs;
use std::process::{Command, Stdio};

use libtest_mimic::{Completion, Failed, Trial};

use super::{blobs_are_true, noise, nothing_half_made, says};
use crate::dfc::Dfc;
use crate::need::Need;
use crate::project::Project;
use crate::{Outcome, scratch};

/// The size of a disk, and of a file that does not fit on it, in MiB.
const DISK: usize = 24;
const TOO_MUCH: usize = 40;
/// Sizes of disks in KiB that are full at different moments of one build, which takes about 12 MiB.
const SIZES: [usize; 10] = [64, 300, 700, 1100, 1900, 2900, 4100, 6100, 8300, 10700];

const SMALL: &str = "FROM busybox\nRUN echo small > /small\nCMD [\"cat\", \"/small\"]\n";
const COPIED: &str = "FROM busybox\nCOPY big /big\n";
const WRITTEN: &str = "FROM busybox\nRUN head -c 40000000 /dev/urandom > /big\n";
const SEVERAL: &str = "\
FROM busybox AS one
RUN head -c 1500000 /dev/urandom > /one
COPY some /some
FROM busybox
RUN head -c 1500000 /dev/urandom > /two
COPY --from=one /some /one /
RUN echo done > /small
CMD [\"cat\", \"/small\"]
";

pub(super) fn trials() -> Vec<Trial> {
    vec![
        on_disk("hardship::full_disk", DISK * 1024, full_disk),
        on_disk("hardship::full_at_any_moment", 1024, full_at_any_moment),
    ]
}

/// A trial with a disk of so many KiB.
fn on_disk(name: &str, size: usize, body: fn(&Disk) -> Outcome) -> Trial {
    Trial::ignorable_test(name, move || {
        let needs = [Need::Root, Need::StaticBusybox, Need::Program("mount")];
        if let Some(reason) = needs.iter().find_map(|need| need.missing()) {
            return Ok(Completion::ignored_with(reason));
        }
        match Disk::new(size)? {
            Some(disk) => body(&disk).map(|()| Completion::Completed),
            None => Ok(Completion::ignored_with("needs the right to mount")),
        }
    })
}

/// A small disk, gone when the value is dropped.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    /// A disk, or nothing where none can be mounted.
    fn new(size: usize) -> Result<Option<Disk>, Failed> {
        let folder = scratch::fresh("disk-")?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}k"), "tmpfs"]).arg(folder.path());
        let mounted = mount.stderr(Stdio::null()).status()?.success();
        Ok(mounted.then_some(Disk { folder }))
    }

    /// Gives the disk another size, in KiB.
    fn resize(&self, size: usize) -> Outcome {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,size={size}k")]).arg(self.folder.path());
        if mount.status()?.success() { Ok(()) } else { Err("no remount".into()) }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.folder.path()).status();
    }
}

fn full_disk(disk: &Disk) -> Outcome {
    let store = disk.folder.path().join("store");
    let mut project = Project::new(SMALL)?;
    project.dfc = Dfc::at(&store)?;
    fs::write(project.context().join("big"), noise(TOO_MUCH << 20))?;
    project.try_build(&["-t", "before"])?.expect(0)?;

    project.dockerfile(COPIED)?;
    let done = project.try_build(&[])?.expect(1)?;
    for wanted in ["COPY big", "cannot write a compressed layer: no space left", "help: make room"]
    {
        if !done.stderr.contains(wanted) {
            return Err(format!("`{wanted}` is not said:\n{}", done.stderr).into());
        }
    }
    nothing_half_made(&store)?;
    project.dockerfile(WRITTEN)?;
    project.try_build(&[])?.expect(1)?;
    nothing_half_made(&store)?;

    // Not one byte is left.
    let filler = disk.folder.path().join("filler");
    if fs::write(&filler, noise(TOO_MUCH << 20)).is_ok() {
        return Err("the disk has more room than it should".into());
    }
    project.dockerfile(SMALL)?;
    let done = project.try_build(&["--no-cache"])?.expect(1)?;
    if !done.stderr.contains("make room") {
        return Err(format!("no advice:\n{}", done.stderr).into());
    }
    fs::remove_file(&filler)?;
    project.try_build(&["--no-cache", "-t", "after"])?.expect(0)?;
    for image in ["before", "after"] {
        says(&project.dfc, image, "small\n")?;
    }
    project.dfc.run(["prune", "--force"])?.expect(0)?;
    nothing_half_made(&store)
}

/// The disk is full at another moment each time: the build fails and says why, what is there is whole, and with room
/// for it the next build goes on from there.
fn full_at_any_moment(disk: &Disk) -> Outcome {
    let mut project = Project::new(SEVERAL)?;
    fs::write(project.context().join("some"), noise(1_000_000))?;
    let mut failed = 0;
    for (number, size) in SIZES.into_iter().enumerate() {
        let store = disk.folder.path().join(format!("store{number}"));
        disk.resize(size)?;
        project.dfc = Dfc::at(&store)?;
        let done = project.try_build(&["-t", "it"])?;
        if done.status != Some(0) {
            failed += 1;
            // A command that cannot write says so itself.
            if !["make room", "exit code"].iter().any(|told| done.stderr.contains(told)) {
                return Err(format!("no advice with {size} KiB:\n{}", done.stderr).into());
            }
        }
        disk.resize(64 << 10)?;
        if store.join("tmp").is_dir() {
            nothing_half_made(&store)?;
            blobs_are_true(&store)?;
        }
        project.try_build(&["-t", "it"])?.expect(0)?;
        says(&project.dfc, "it", "done\n")?;
        blobs_are_true(&store)?;
        fs::remove_dir_all(&store)?;
    }
    if failed > SIZES.len() / 2 { Ok(()) } else { Err(format!("{failed} failed").into()) }
}
