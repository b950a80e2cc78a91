//! Bytes that changed by themselves: found, named, and fetched or made again; never handed out.

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};

use super::{NEEDS, blobs_are_true, chance, names};
use crate::Outcome;
use crate::need::trial;
use crate::project::Project;

const BEFORE: &str = "\
FROM busybox AS made
RUN head -c 100000 /dev/zero > /zero && echo made > /made
FROM busybox
COPY copied /copied
RUN echo run > /run
COPY --from=made /made /made
";
/// The same with more behind it, for which all that is below must be looked into.
const AFTER: &str = "\
FROM busybox AS made
RUN head -c 100000 /dev/zero > /zero && echo made > /made
FROM busybox
COPY copied /copied
RUN echo run > /run
COPY --from=made /made /made
COPY --from=made /zero /zero
RUN cat /copied /run /made > /all
CMD [\"cat\", \"/all\"]
";
const ALL: &str = "copied\nrun\nmade\n";

/// What happens to a file.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Flipped,
    Cut,
    Gone,
}

const HARMS: [Harm; 3] = [Harm::Flipped, Harm::Cut, Harm::Gone];

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("hardship::damaged_blobs", NEEDS, || damaged(blobs, &HARMS)),
        trial("hardship::damaged_indexes", NEEDS, || damaged(indexes, &HARMS)),
        // A change of the same length is not looked for where a command reads files through its overlay.
        trial("hardship::damaged_files", NEEDS, || damaged(files, &[Harm::Cut, Harm::Gone])),
        trial("hardship::damaged_blob_is_not_saved", NEEDS, not_saved),
        trial("hardship::damaged_files_of_a_run", NEEDS, run_of_an_image),
        trial("hardship::damaged_blob_of_a_loaded_image", NEEDS, run_of_a_loaded_image),
        trial("hardship::damaged_database", NEEDS, database),
    ]
}

/// For each kind of harm, done to each of some files in turn: the next build is right.
fn damaged(which: fn(&Path) -> Result<Vec<PathBuf>, Failed>, harms: &[Harm]) -> Outcome {
    for &harm in harms {
        for number in 0.. {
            let project = Project::new(BEFORE)?;
            project.file("copied", "copied\n")?;
            project.try_build(&["-t", "it"])?.expect(0)?;
            let files = which(project.dfc.home())?;
            let Some(file) = files.get(number) else { break };
            do_harm(file, harm)?;
            let case = format!("{harm:?} {}", file.display());
            let failed = |error: Failed| -> Failed {
                format!("{case}: {}", error.message().unwrap_or_default()).into()
            };
            project.dockerfile(AFTER)?;
            project.try_build(&["-t", "it"])?.expect(0).map_err(failed)?;
            let said = project.dfc.run(["run", "it"])?.expect(0).map_err(failed)?;
            if said.stdout != ALL {
                return Err(format!("{case}: it says {:?}", said.stdout).into());
            }
            // What the build did not have to look into is noticed here, and made or fetched by the next build.
            let archive = project.beside("it.tar").display().to_string();
            let done = project.dfc.run(["save", "-o", &archive, "it"])?;
            if done.status != Some(0) {
                if !done.stderr.contains("damaged") {
                    return Err(failed(done.stderr.into()));
                }
                project.try_build(&["-t", "it"])?.expect(0).map_err(failed)?;
                project.dfc.run(["save", "-o", &archive, "it"])?.expect(0).map_err(failed)?;
            }
            // The image before has lost its name, and nobody reads it any more.
            project.dfc.run(["prune", "--force"])?.expect(0).map_err(failed)?;
            blobs_are_true(project.dfc.home()).map_err(failed)?;
        }
    }
    Ok(())
}

/// A packed layer that is damaged goes into no archive, and is named; a build makes it again.
fn not_saved() -> Outcome {
    let project = Project::new(BEFORE)?;
    project.file("copied", "copied\n")?;
    project.try_build(&["-t", "it"])?.expect(0)?;
    let home = project.dfc.home();
    let mut layers = blobs(home)?.into_iter().rev().filter(|path| !is_json(path));
    let layer = layers.next().ok_or("no layer")?;
    do_harm(&layer, Harm::Flipped)?;
    let archive = project.beside("it.tar").display().to_string();
    let done = project.dfc.run(["save", "-o", &archive, "it"])?.expect(1)?;
    let name = layer.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !done.stderr.contains(&name) || !done.stderr.contains("damaged") {
        return Err(format!("it is not named:\n{}", done.stderr).into());
    }
    project.try_build(&["-t", "it"])?.expect(0)?;
    project.dfc.run(["save", "-o", &archive, "it"])?.expect(0)?;
    Ok(())
}

/// `dfc run` makes damaged files again from the blobs.
fn run_of_an_image() -> Outcome {
    let project = Project::new(AFTER)?;
    project.file("copied", "copied\n")?;
    project.try_build(&["-t", "it"])?.expect(0)?;
    project.dfc.run(["run", "it"])?.expect(0)?;
    for file in files(project.dfc.home())? {
        for harm in [Harm::Cut, Harm::Gone] {
            if !file.exists() {
                continue;
            }
            do_harm(&file, harm)?;
            let said = project.dfc.run(["run", "it"])?.expect(0)?;
            if said.stdout != ALL {
                let case = format!("{harm:?} {}", file.display());
                return Err(format!("{case}: it says {:?}", said.stdout).into());
            }
        }
    }
    Ok(())
}

/// Of a loaded image nothing can be made again: what is damaged is named, and loading the image once more mends it.
fn run_of_a_loaded_image() -> Outcome {
    let project = Project::new(BEFORE)?;
    project.file("copied", "copied\n")?;
    project.try_build(&["-t", "it"])?.expect(0)?;
    let archive = project.beside("it.tar").display().to_string();
    project.dfc.run(["save", "-o", &archive, "it"])?.expect(0)?;
    let other = crate::dfc::Dfc::new()?;
    for _ in 0..2 {
        other.run(["load", "-i", &archive])?.expect(0)?;
        let mut layers = blobs(other.home())?.into_iter().rev().filter(|path| !is_json(path));
        let layer = layers.next().ok_or("no layer")?;
        do_harm(&layer, Harm::Flipped)?;
        let done = other.run(["run", "it", "cat", "/copied"])?;
        let name = layer.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if done.status == Some(0)
            || !done.stderr.contains(&format!("{name} in the store is damaged"))
        {
            return Err(format!("it is not named:\n{}{}", done.stdout, done.stderr).into());
        }
    }
    other.run(["load", "-i", &archive])?.expect(0)?;
    let said = other.run(["run", "it", "cat", "/copied"])?.expect(0)?.stdout;
    if said == "copied\n" { Ok(()) } else { Err(said.into()) }
}

/// A database that cannot be read is named, and what to do is said.
fn database() -> Outcome {
    let project = Project::new(BEFORE)?;
    project.file("copied", "copied\n")?;
    project.try_build(&["-t", "it"])?.expect(0)?;
    let path = project.dfc.home().join("store.db");
    fs::write(&path, super::noise(100_000))?;
    let done = project.try_build(&["-t", "it"])?.expect(1)?;
    for wanted in ["store.db", "help: move it away"] {
        if !done.stderr.contains(wanted) {
            return Err(format!("`{wanted}` is not said:\n{}", done.stderr).into());
        }
    }
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(project.dfc.home().join(format!("store.db{end}")));
    }
    project.try_build(&["-t", "it"])?.expect(0)?;
    blobs_are_true(project.dfc.home())
}

fn do_harm(path: &Path, harm: Harm) -> Outcome {
    let mut bytes = fs::read(path)?;
    match harm {
        Harm::Flipped => {
            let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).max(1);
            let at = chance(length) as usize;
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 0x10;
            }
            fs::write(path, bytes)?;
        }
        Harm::Cut => fs::write(path, &bytes[..bytes.len() / 2])?,
        Harm::Gone => fs::remove_file(path)?,
    }
    Ok(())
}

fn is_json(path: &Path) -> bool {
    fs::read(path).is_ok_and(|bytes| bytes.first() == Some(&b'{'))
}

fn blobs(home: &Path) -> Result<Vec<PathBuf>, Failed> {
    names(&home.join("blobs/sha256"))
}

fn indexes(home: &Path) -> Result<Vec<PathBuf>, Failed> {
    let layers = names(&home.join("layers"))?;
    Ok(layers.into_iter().map(|layer| layer.join("index")).filter(|it| it.is_file()).collect())
}

/// The files of layers that have few.
fn files(home: &Path) -> Result<Vec<PathBuf>, Failed> {
    let mut files = Vec::new();
    for layer in names(&home.join("layers"))? {
        let fs = layer.join("fs");
        if fs.is_dir() && !fs.join("bin").exists() {
            files.extend(names(&fs)?.into_iter().filter(|path| path.is_file()));
        }
    }
    Ok(files)
}
