//! What a store goes through on a real machine: a disk that is full, and builds that are killed at any moment. The
//! next build works without repair, and nothing half-made is left.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use libtest_mimic::{Completion, Failed, Trial};

use crate::dfc::Dfc;
use crate::need::{Need, trial};
use crate::project::Project;
use crate::{Outcome, scratch};

const NEEDS: &[Need] = &[Need::Sandbox, Need::StaticBusybox];

/// How often a build is killed.
const KILLS: u32 = 20;
/// A killed build lives at most this long; a whole one takes about as much.
const LONGEST_LIFE: u32 = 600;

/// The size of a disk, and of a file that does not fit on it, in MiB.
const DISK: usize = 24;
const TOO_MUCH: usize = 40;

const SMALL: &str = "FROM busybox\nRUN echo small > /small\nCMD [\"cat\", \"/small\"]\n";
const COPIED: &str = "FROM busybox\nCOPY big /big\n";
const WRITTEN: &str = "FROM busybox\nRUN head -c 40000000 /dev/urandom > /big\n";
const STAGES: &str = "\
FROM busybox AS one
RUN for i in 1 2 3; do head -c 300000 /dev/urandom > /one$i; sleep 0.05; done
RUN rm /one1 && echo one > /one
FROM busybox AS two
RUN --mount=type=cache,target=/kept for i in 1 2 3; do echo $i >> /kept/count; sleep 0.05; done
COPY copied /two
FROM busybox
COPY --from=one /one /
COPY --from=two /two /
RUN cat /one /two > /both
CMD [\"cat\", \"/both\"]
";

/// A trial for each hardship.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::ignorable_test("hardship::full_disk", || {
            let needs = [Need::Root, Need::StaticBusybox, Need::Program("mount")];
            if let Some(reason) = needs.iter().find_map(|need| need.missing()) {
                return Ok(Completion::ignored_with(reason));
            }
            match Disk::new()? {
                Some(disk) => full_disk(&disk).map(|()| Completion::Completed),
                None => Ok(Completion::ignored_with("needs the right to mount")),
            }
        }),
        trial("hardship::killed_again_and_again", NEEDS, killed),
    ]
}

/// A small disk, gone when the value is dropped.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    /// A disk, or nothing where none can be mounted.
    fn new() -> Result<Option<Disk>, Failed> {
        let folder = scratch::fresh("disk-")?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={DISK}m"), "tmpfs"]).arg(folder.path());
        let mounted = mount.stderr(Stdio::null()).status()?.success();
        Ok(mounted.then_some(Disk { folder }))
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
    for wanted in ["`big`", "no space left on device", "help: make room"] {
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

fn killed() -> Outcome {
    let project = Project::new(STAGES)?;
    project.file("copied", "two\n")?;
    for _ in 0..KILLS {
        let mut command = project.command(&["--no-cache", "-t", "built"])?;
        let mut build = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let moment = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.subsec_micros();
        thread::sleep(Duration::from_millis(u64::from(moment % LONGEST_LIFE)));
        build.kill()?;
        build.wait()?;
    }
    project.try_build(&["-t", "built"])?.expect(0)?;
    says(&project.dfc, "built", "one\ntwo\n")?;
    project.dfc.run(["prune", "--force"])?.expect(0)?;
    nothing_half_made(project.dfc.home())?;
    let listed = project.dfc.run(["images", "--quiet"])?.expect(0)?;
    for id in listed.stdout.lines() {
        let archive = project.beside(id);
        project
            .dfc
            .run(["save".as_ref(), "-o".as_ref(), archive.as_os_str(), id.as_ref()])?
            .expect(0)?;
    }
    says(&project.dfc, "built", "one\ntwo\n")
}

/// The image's command prints `wanted`.
fn says(dfc: &Dfc, image: &str, wanted: &str) -> Outcome {
    let done = dfc.run(["run", image])?.expect(0)?;
    if done.stdout == wanted { Ok(()) } else { Err(format!("it says {:?}", done.stdout).into()) }
}

/// The store's folder for half-made things is empty.
fn nothing_half_made(store: &Path) -> Outcome {
    let left: Vec<PathBuf> = fs::read_dir(store.join("tmp"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_, Failed>>()?;
    if left.is_empty() { Ok(()) } else { Err(format!("left behind: {left:?}").into()) }
}

/// Bytes that no compression makes shorter.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = (0..length / 8).flat_map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.collect()
}
