//! Build contexts that are no folders: repositories, downloads, archives on standard input; and what ADD fetches the
//! same way. All servers are on this machine and of these tests' own.

mod git;
mod http;
mod repository;
mod server;
mod stdin;

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use libtest_mimic::{Failed, Trial};
use tempfile::TempDir;

use crate::dfc::{Dfc, Done};
use crate::image::Layout;
use crate::scratch;

/// All trials on contexts.
pub(crate) fn trials() -> Vec<Trial> {
    [git::trials(), http::trials(), stdin::trials()].into_iter().flatten().collect()
}

/// A store of its own, and a folder for what is built.
struct Here {
    dfc: Dfc,
    folder: TempDir,
}

impl Here {
    fn new() -> Result<Here, Failed> {
        Ok(Here { dfc: Dfc::new()?, folder: scratch::fresh("contexts-")? })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A call of `dfc build` that writes an archive.
    fn command(&self, args: &[&str]) -> Result<Command, Failed> {
        let output = format!("type=oci,dest={}", self.path("image.tar").display());
        self.dfc.command([&["build", "--progress=plain", "--output", &output], args].concat())
    }

    fn build(&self, args: &[&str]) -> Result<Done, Failed> {
        Ok(Done::from(self.command(args)?.output()?))
    }

    /// Builds with bytes on standard input.
    fn build_from(&self, input: &[u8], args: &[&str]) -> Result<Done, Failed> {
        let mut command = self.command(args)?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let mut stdin = child.stdin.take().ok_or("no standard input")?;
        // A build that refuses what comes does not read all of it.
        let _ = stdin.write_all(input);
        drop(stdin);
        Ok(Done::from(child.wait_with_output()?))
    }

    /// The image that was built last.
    fn image(&self) -> Result<Layout, Failed> {
        Layout::read(&self.path("image.tar"))
    }

    /// Fails if the image that was built last does not hold these files.
    fn holds(&self, files: &[(&str, &str)]) -> crate::Outcome {
        let tree = self.image()?.tree()?;
        for (path, want) in files {
            let text = tree.text(path);
            if text != Some(want) {
                return Err(format!("`{path}` is {text:?}, not {want:?}").into());
            }
        }
        Ok(())
    }

    /// Fails if anything half made is left in the store.
    fn nothing_left(&self) -> crate::Outcome {
        let left: Vec<_> = fs::read_dir(self.dfc.home().join("tmp"))?.flatten().collect();
        if left.is_empty() { Ok(()) } else { Err(format!("left in tmp: {left:?}").into()) }
    }

    /// Fails if a text is anywhere in the store.
    fn has_not(&self, text: &str) -> crate::Outcome {
        let mut open = vec![self.dfc.home().to_owned()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder)?.flatten() {
                let kind = entry.file_type()?;
                if kind.is_dir() {
                    open.push(entry.path());
                } else if kind.is_file() {
                    let bytes = fs::read(entry.path())?;
                    if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                        return Err(format!("`{text}` is in {}", entry.path().display()).into());
                    }
                }
            }
        }
        Ok(())
    }
}

/// Fails where something is not among what was said.
fn says(done: &Done, words: &[&str]) -> crate::Outcome {
    match words.iter().find(|words| !done.stderr.contains(**words)) {
        None => Ok(()),
        Some(missing) => Err(format!("it does not say `{missing}`:\n{}", done.stderr).into()),
    }
}
