//! A bare repository with a branch, tags, and a submodule, to be served.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Failed;
use tempfile::TempDir;

use crate::dfc::Done;
use crate::scratch;

/// When all commits were made, seconds since 1970.
pub(super) const WHEN: &str = "1600000000";

/// The repositories `repo.git` and `sub.git` in a folder.
pub(super) struct Repositories {
    folder: TempDir,
    /// The commit of the branch `main`.
    pub(super) main: String,
    /// The commit of the tags `light` and `v1`, an annotated one.
    pub(super) first: String,
}

impl Repositories {
    pub(super) fn new() -> Result<Repositories, Failed> {
        let folder = scratch::fresh("repositories-")?;
        let (sub, work) = (folder.path().join("sub"), folder.path().join("work"));
        init(&sub, &[("inner", "inner\n")])?;
        init(
            &work,
            &[
                ("Dockerfile", "FROM scratch\nCOPY . /all/\n"),
                ("dir/Dockerfile", "FROM scratch\nCOPY . /dir/\n"),
                ("dir/a.txt", "a\n"),
                (".dockerignore", "dir/a.txt\n"),
            ],
        )?;
        std::os::unix::fs::symlink("dir", work.join("link"))?;
        git(&work, &["add", "."])?;
        git(&work, &["commit", "--quiet", "--amend", "--no-edit"])?;
        git(&work, &["tag", "light"])?;
        git(&work, &["tag", "-a", "v1", "-m", "v1"])?;
        let first = git(&work, &["rev-parse", "HEAD"])?;
        git(
            &work,
            &["-c", "protocol.file.allow=always", "submodule", "add", "-q", "../sub", "mod"],
        )?;
        submodule(&work, "../sub.git")?;
        let main = git(&work, &["rev-parse", "HEAD"])?;
        let all = Repositories { folder, main, first };
        all.publish("work", "repo.git")?;
        all.publish("sub", "sub.git")?;
        Ok(all)
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Commits one more file to `main`.
    pub(super) fn add(&mut self, name: &str, text: &str) -> Result<(), Failed> {
        let work = self.folder.path().join("work");
        fs::write(work.join(name), text)?;
        commit(&work)?;
        self.main = git(&work, &["rev-parse", "HEAD"])?;
        self.publish("work", "repo.git")
    }

    /// Says that the submodule is elsewhere.
    pub(super) fn move_submodule(&self, url: &str) -> Result<(), Failed> {
        submodule(&self.folder.path().join("work"), url)?;
        self.publish("work", "repo.git")
    }

    fn publish(&self, from: &str, name: &str) -> Result<(), Failed> {
        let bare = self.folder.path().join(name);
        let _ = fs::remove_dir_all(&bare);
        git(self.folder.path(), &["clone", "--quiet", "--bare", from, name])?;
        git(&bare, &["update-server-info"]).map(drop)
    }
}

fn init(folder: &Path, files: &[(&str, &str)]) -> Result<(), Failed> {
    fs::create_dir_all(folder)?;
    git(folder, &["init", "--quiet", "-b", "main"])?;
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, text)?;
    }
    commit(folder)
}

fn submodule(work: &Path, url: &str) -> Result<(), Failed> {
    git(work, &["config", "-f", ".gitmodules", "submodule.mod.url", url])?;
    commit(work)
}

fn commit(folder: &Path) -> Result<(), Failed> {
    git(folder, &["add", "."])?;
    git(folder, &["commit", "--quiet", "-m", "more"]).map(drop)
}

/// Runs git with nobody's settings; gives what it says.
fn git(at: &Path, args: &[&str]) -> Result<String, Failed> {
    let mut command = Command::new("git");
    command.args(args).current_dir(at);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "Somebody");
        command.env(format!("GIT_{role}_EMAIL"), "somebody@example.org");
        command.env(format!("GIT_{role}_DATE"), format!("{WHEN} +0000"));
    }
    Ok(Done::from(command.output()?).expect(0)?.stdout.trim().to_owned())
}
