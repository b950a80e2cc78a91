//! What the builders are given: contexts and base images, generated once, the same on every machine.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::layout;
use super::random::{Contents, Random, digest};
use super::tar::{self, Kind};
use crate::{process, workspace};

/// Raised when other bytes are generated, so that old ones are not taken for new ones.
const EDITION: &str = "1";
/// Files of a folder.
const FOLDER: usize = 100;

/// What a file holds: size and digest.
pub(super) type Facts = (u64, u64);
/// Files by their paths.
pub(super) type Files = BTreeMap<String, Facts>;

/// A generated context.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) folder: PathBuf,
    pub(super) files: Files,
}

/// A generated base image.
#[derive(Debug)]
pub(super) struct Base {
    /// The digests of its layers, unpacked, bottom first.
    pub(super) diff_ids: Vec<String>,
    /// Its generated files; busybox is not among them.
    pub(super) files: Files,
}

/// A tree to generate.
#[derive(Clone, Copy)]
struct Recipe {
    seed: u64,
    files: usize,
    bytes: u64,
}

/// The base images by name: the generated layers above busybox, and where their files are.
const BASES: [(&str, &[Recipe], &str); 3] = [
    ("tiny", &[], ""),
    ("system", &[Recipe { seed: 10, files: 8_000, bytes: 173_000_000 }], "usr/share"),
    (
        "large",
        &[
            Recipe { seed: 20, files: 2_000, bytes: 50_000_000 },
            Recipe { seed: 21, files: 4_000, bytes: 100_000_000 },
            Recipe { seed: 22, files: 6_000, bytes: 150_000_000 },
            Recipe { seed: 23, files: 8_000, bytes: 200_000_000 },
        ],
        "opt",
    ),
];

/// Where inputs are, and how large they are to be.
#[derive(Debug)]
pub(super) struct Inputs {
    folder: PathBuf,
    scale: f64,
    contents: OnceCell<Contents>,
}

impl Inputs {
    /// Inputs below `folder`, their sizes multiplied by `scale`.
    pub(super) fn new(folder: &Path, scale: f64) -> Inputs {
        let folder = folder.join(format!("inputs-{EDITION}-{scale}"));
        Inputs { folder, scale, contents: OnceCell::new() }
    }

    /// A number of things, scaled; at least two.
    pub(super) fn count(&self, full: usize) -> usize {
        ((full as f64 * self.scale).round() as usize).clamp(2, full)
    }

    /// Seconds or rounds of a loop, scaled; at least a tenth.
    pub(super) fn portion(&self, full: f64) -> f64 {
        full * self.scale.clamp(0.1, 1.0)
    }

    /// Whether sizes are those that figures are compared at.
    pub(super) fn is_full(&self) -> bool {
        self.scale >= 1.0
    }

    /// Where the registry finds the base images.
    pub(super) fn images(&self) -> PathBuf {
        self.folder.join("images")
    }

    /// A context of `files` files, 10.4 kB each on average (208 MB in 20,000), made if it is not there.
    pub(super) fn context(&self, files: usize) -> io::Result<Context> {
        let recipe = Recipe { seed: 1, files, bytes: files as u64 * 10_400 };
        let home = self.folder.join(format!("context-{files}"));
        let folder = home.join("files");
        let list = home.join("list");
        if !list.exists() {
            eprintln!("generating {files} files for {}", folder.display());
            let _ = fs::remove_dir_all(&home);
            let mut files = Files::new();
            self.generate(recipe, "", &mut |path, bytes| {
                let place = folder.join(path);
                if files.len().is_multiple_of(FOLDER) {
                    fs::create_dir_all(place.parent().expect("a folder and a name"))?;
                }
                files.insert(path.to_owned(), (bytes.len() as u64, digest(bytes)));
                fs::write(place, bytes)
            })?;
            write_list(&list, &files)?;
        }
        Ok(Context { folder, files: read_list(&list)? })
    }

    /// A folder with no file in it.
    pub(super) fn empty(&self) -> io::Result<PathBuf> {
        let folder = self.folder.join("context-empty");
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// The base image of this name, made if it is not there.
    pub(super) fn base(&self, name: &str) -> io::Result<Base> {
        let home = self.images().join(name);
        let (list, ids) = (home.join("list"), home.join("diff-ids"));
        if !list.exists() {
            eprintln!("making the base image {name}");
            let _ = fs::remove_dir_all(&home);
            let (_, recipes, place) =
                BASES.iter().find(|base| base.0 == name).expect("a base of the table");
            let mut files = Files::new();
            let mut layout = layout::Writer::new(&home)?;
            layout.layer(&mut busybox)?;
            for (number, recipe) in recipes.iter().enumerate() {
                let place = if recipes.len() == 1 {
                    (*place).to_owned()
                } else {
                    format!("{place}/{number}")
                };
                layout.layer(&mut |out| self.pack(*recipe, &place, &mut files, out))?;
            }
            let diff_ids = layout.finish()?;
            fs::write(&ids, diff_ids.join("\n"))?;
            write_list(&list, &files)?;
        }
        let diff_ids = fs::read_to_string(&ids)?.lines().map(str::to_owned).collect();
        Ok(Base { diff_ids, files: read_list(&list)? })
    }

    /// `count` Dockerfiles: those of `DFC_CORPUS` or of the fixtures, again and again under other names.
    pub(super) fn dockerfiles(&self, count: usize) -> io::Result<Vec<PathBuf>> {
        let given = std::env::var_os("DFC_CORPUS").map(PathBuf::from);
        let corpus = given.unwrap_or_else(|| workspace().join("fixtures/corpus"));
        let entries = fs::read_dir(&corpus)?;
        let mut sources: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        sources.retain(|path| path.extension().is_some_and(|ending| ending == "Dockerfile"));
        sources.sort();
        if sources.is_empty() {
            return Err(io::Error::other(format!("no *.Dockerfile in {}", corpus.display())));
        }
        let folder = self.folder.join("dockerfiles");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        let copy = |number: usize| {
            let path = folder.join(format!("{number:04}.Dockerfile"));
            fs::copy(&sources[number % sources.len()], &path)?;
            Ok(path)
        };
        (0..count).map(copy).collect()
    }

    /// Writes the files of a recipe as members of a tar, and notes them.
    fn pack(
        &self,
        recipe: Recipe,
        place: &str,
        files: &mut Files,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut folders = String::new();
        for part in place.split('/') {
            folders =
                if folders.is_empty() { part.to_owned() } else { format!("{folders}/{part}") };
            tar::write(out, &folders, Kind::Folder, 0o755, b"")?;
        }
        let mut made = 0;
        let recipe = Recipe {
            files: self.count(recipe.files),
            bytes: (recipe.bytes as f64 * self.scale) as u64,
            ..recipe
        };
        self.generate(recipe, &format!("{place}/"), &mut |path, bytes| {
            if usize::is_multiple_of(made, FOLDER) {
                let (folder, _) = path.rsplit_once('/').expect("a folder and a name");
                tar::write(out, folder, Kind::Folder, 0o755, b"")?;
            }
            made += 1;
            files.insert(path.to_owned(), (bytes.len() as u64, digest(bytes)));
            tar::write(out, path, Kind::File, 0o644, bytes)
        })
    }

    /// Gives all files of a recipe, folder by folder.
    fn generate(
        &self,
        recipe: Recipe,
        prefix: &str,
        each: &mut dyn FnMut(&str, &[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let contents = self.contents.get_or_init(Contents::new);
        for (number, size) in sizes(recipe).into_iter().enumerate() {
            let path = format!("{prefix}{:04}/{number:06}.txt", number / FOLDER);
            each(&path, &contents.of((recipe.seed << 32) + number as u64, size))?;
        }
        Ok(())
    }
}

/// Many small files and a few large ones, `bytes` together.
fn sizes(recipe: Recipe) -> Vec<u64> {
    let mut random = Random::new(recipe.seed);
    let mut draw = || match random.below(20) {
        0..10 => 200 + random.below(1_800),
        10..16 => 2_000 + random.below(10_000),
        16..19 => 12_000 + random.below(28_000),
        _ => 40_000 + random.below(110_000),
    };
    let drawn: Vec<u64> = (0..recipe.files).map(|_| draw()).collect();
    let factor = recipe.bytes as f64 / drawn.iter().sum::<u64>().max(1) as f64;
    drawn.into_iter().map(|size| (size as f64 * factor) as u64).collect()
}

/// The layer of the machine's static busybox, under the name of each of its programs.
fn busybox(out: &mut dyn Write) -> io::Result<()> {
    let program = process::find("busybox")
        .ok_or_else(|| io::Error::other("needs a static busybox (Debian: busybox-static)"))?;
    let listed = process::output(std::process::Command::new(&program).arg("--list"))?;
    for folder in ["bin", "dev", "etc", "proc", "root", "sys", "tmp", "usr", "var"] {
        let mode = if folder == "tmp" { 0o1777 } else { 0o755 };
        tar::write(out, folder, Kind::Folder, mode, b"")?;
    }
    tar::write(out, "bin/busybox", Kind::File, 0o755, &fs::read(program)?)?;
    for name in listed.split_whitespace().filter(|name| *name != "busybox") {
        tar::write(out, &format!("bin/{name}"), Kind::Link, 0o777, b"busybox")?;
    }
    tar::write(out, "etc/passwd", Kind::File, 0o644, b"root:x:0:0:root:/root:/bin/sh\n")?;
    tar::write(out, "etc/group", Kind::File, 0o644, b"root:x:0:\n")
}

fn write_list(path: &Path, files: &Files) -> io::Result<()> {
    let mut text = String::new();
    for (path, (size, digest)) in files {
        text.push_str(&format!("{size} {digest:x} {path}\n"));
    }
    let part = path.with_extension("part");
    fs::write(&part, text)?;
    fs::rename(part, path)
}

fn read_list(path: &Path) -> io::Result<Files> {
    let read = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let size = words.next()?.parse().ok()?;
        let digest = u64::from_str_radix(words.next()?, 16).ok()?;
        Some((words.next()?.to_owned(), (size, digest)))
    };
    let text = fs::read_to_string(path)?;
    let files: Option<Files> = text.lines().map(read).collect();
    files.ok_or_else(|| io::Error::other(format!("{}: damaged; remove it", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_as_asked_and_the_same_again() {
        let recipe = Recipe { seed: 1, files: 20_000, bytes: 208_000_000 };
        let sizes = super::sizes(recipe);
        let total: u64 = sizes.iter().sum();
        assert!((207_900_000..=208_000_000).contains(&total), "{total}");
        assert_eq!(sizes, super::sizes(recipe));
    }
}
