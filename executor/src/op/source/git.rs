//! A git repository's tree, fetched with the `git` program.
//!
//! The name of branch or tag is turned into a commit first, and the commit is what the tree is cached by.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use compiler::op::GitSource;
use compiler::reason::MissReason;
use compiler::{Role, StepId};
use store::TreeDigest;

use crate::cache::preimage::Preimage;
use crate::cache::{InputKey, Ran};
use crate::context::Disk;
use crate::env::LocalContext;
use crate::error::Cause;
use crate::op::source::at_hand;
use crate::op::source::local::{context_draft, context_selection};
use crate::run::{Cx, Made, NewLayer, Outcome};
use crate::snapshot::Snapshot;
use crate::status::{Event, Stream};
use crate::verdict::Verdict;

/// Fetches the tree, unless it is there.
///
/// # Errors
/// `git` says no.
pub(super) fn run(cx: &Cx<'_>, id: StepId, source: &GitSource) -> Result<Outcome, Cause> {
    let clock = Instant::now();
    let git = Git { cx, step: id, url: &source.url };
    git.check_url()?;
    let commit = git.commit(source)?;
    let lookup = cx.lookup(id);
    let store = cx.env.store;
    let content = {
        let digest = *blake3::hash(commit.as_bytes()).as_bytes();
        lookup.definition.over(&[InputKey::whole(Role::Base, id, &digest)])
    };
    let key = content.key();
    let ignore = cx.graph.step(id).ignore_cache;
    if !ignore && let Some(hit) = lookup.find(store, &key)? {
        let made = Made::Layers(Snapshot { layers: hit.layers.clone() });
        return Ok(at_hand(made, hit.layers));
    }
    let verdict = Verdict::Miss(vec![match ignore {
        true => MissReason::CacheIgnored,
        false => MissReason::NeverBuilt,
    }]);
    cx.tell(Event::Running { step: id, verdict: verdict.clone() });
    let folder = store.new_folder()?;
    let work = folder.path().join("git");
    let root = git.check_out(source, &commit, &work)?;
    let disk = Arc::new(Disk::open_context(&LocalContext { root, ignore: None })?);
    let part = context_selection(cx, &disk, b"")?;
    let (index, contents) = context_draft(cx, &disk, &part)?.finish()?;
    let created = cx.now().secs;
    let layer = cx.keep(id, &lookup, NewLayer::Sourced(index, contents), created)?;
    let ran = Ran {
        result: TreeDigest(layer.digest),
        layer: layer.id,
        duration: clock.elapsed(),
        started: layer.created,
    };
    let preimage = Preimage::new(&lookup.definition, &content);
    lookup.record(store, &[key], &preimage, &ran)?;
    Ok(Outcome {
        made: Made::Layers(Snapshot { layers: vec![layer] }),
        layers: vec![layer],
        verdict,
        fresh: None,
    })
}

struct Git<'a, 'b> {
    cx: &'a Cx<'b>,
    step: StepId,
    url: &'a str,
}

impl Git<'_, '_> {
    /// A URL that `git` would take for an option, or that runs a program, is refused.
    fn check_url(&self) -> Result<(), Cause> {
        if self.url.starts_with('-') || self.url.contains("::") {
            return Err(Cause::file(format!("`{}` is no address of a git repository", self.url)));
        }
        Ok(())
    }

    /// The commit that branch, tag or nothing means.
    fn commit(&self, source: &GitSource) -> Result<String, Cause> {
        let reference = source.reference.as_deref().unwrap_or("HEAD");
        let commit = if is_commit(reference) {
            reference.to_owned()
        } else {
            if reference.starts_with('-') {
                return Err(Cause::file(format!("`{reference}` is no name of a branch or tag")));
            }
            let peeled = format!("{reference}^{{}}");
            let listed = self.run(None, &["ls-remote", "--", self.url, reference, &peeled])?;
            pick(&listed, reference).ok_or_else(|| {
                Cause::file(format!("`{}` has no branch, tag or commit `{reference}`", self.url))
            })?
        };
        match source.checksum.as_deref() {
            Some(checksum) if !commit.starts_with(checksum) => {
                Err(Cause::file(format!("expected checksum to match {checksum}, got {commit}")))
            }
            Some(_) | None => Ok(commit),
        }
    }

    /// Fetches one commit; returns the folder that counts.
    fn check_out(
        &self,
        source: &GitSource,
        commit: &str,
        work: &Path,
    ) -> Result<std::path::PathBuf, Cause> {
        std::fs::create_dir(work)
            .map_err(|error| Cause::Io { path: work.to_owned(), source: error })?;
        let at = Some(work);
        let format = if commit.len() == 64 { "sha256" } else { "sha1" };
        self.run(at, &["init", "--quiet", &format!("--object-format={format}")])?;
        self.run(at, &["remote", "add", "origin", "--", self.url])?;
        let shallow = ["fetch", "--quiet", "--depth=1", "--no-tags", "origin", commit];
        if self.run(at, &shallow).is_err() {
            // Not every server gives out single commits.
            self.cx.check()?;
            self.run(
                at,
                &["fetch", "--quiet", "--tags", "origin", "+refs/*:refs/remotes/origin/*"],
            )?;
        }
        self.run(at, &["-c", "advice.detachedHead=false", "checkout", "--quiet", commit])?;
        if source.submodules {
            self.run(
                at,
                &["submodule", "update", "--quiet", "--init", "--recursive", "--depth=1"],
            )?;
        }
        let root = match &source.subdir {
            None => work.to_owned(),
            Some(subdir) => self.subdir(work, subdir)?,
        };
        let own = root.join(".git");
        if !source.keep_git_dir && own.exists() {
            let removed = match own.is_dir() {
                true => std::fs::remove_dir_all(&own),
                false => std::fs::remove_file(&own),
            };
            removed.map_err(|error| Cause::Io { path: own.clone(), source: error })?;
        }
        Ok(root)
    }

    /// A folder of the repository; a link in it that leads out is not followed.
    fn subdir(&self, work: &Path, subdir: &str) -> Result<std::path::PathBuf, Cause> {
        let clean = crate::tree::clean(subdir);
        let path = work.join(<OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(&clean));
        let real = path.canonicalize().ok().filter(|real| real.starts_with(work) && real.is_dir());
        real.ok_or_else(|| Cause::file(format!("`{}` has no folder `{subdir}`", self.url)))
    }

    /// Runs `git` and returns what it wrote. It asks nobody anything, and takes no configuration of the machine that
    /// could run programs; a token from the secret `GIT_AUTH_TOKEN` is handed over in the environment.
    fn run(&self, at: Option<&Path>, args: &[&str]) -> Result<String, Cause> {
        self.cx.check()?;
        let mut command = Command::new("git");
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("GIT_PROTOCOL_FROM_USER", "1").env("GIT_LFS_SKIP_SMUDGE", "0");
        if let Some(at) = at {
            command.current_dir(at);
        }
        if let Some(token) = self.cx.env.secrets.secret("GIT_AUTH_TOKEN")? {
            let token = String::from_utf8_lossy(&token).trim().to_owned();
            let header = format!("Authorization: Bearer {token}");
            command.env("GIT_CONFIG_COUNT", "1");
            command.env("GIT_CONFIG_KEY_0", format!("http.{}.extraHeader", self.url));
            command.env("GIT_CONFIG_VALUE_0", header);
        }
        let output = command.output().map_err(|error| Cause::File {
            message: format!("cannot run `git`: {error}"),
            help: Some("install git; it fetches the repositories of ADD and contexts".into()),
            span: None,
        })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let (step, stream) = (self.step, Stream::Stderr);
        self.cx.tell(Event::Log { step, stream, bytes: output.stderr });
        let last = said.trim().lines().last().unwrap_or("it said nothing").to_owned();
        Err(Cause::file(format!("git cannot fetch `{}`: {last}", self.url)))
    }
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// From what `ls-remote` lists: a tag counts as the commit it is of; branches come before tags of the same name.
fn pick(listed: &str, reference: &str) -> Option<String> {
    let find = |name: &str| {
        listed.lines().find_map(|line| {
            let (commit, known) = line.split_once('\t')?;
            (known == name).then(|| commit.to_owned())
        })
    };
    let names = [
        reference.to_owned(),
        format!("refs/heads/{reference}"),
        format!("refs/tags/{reference}^{{}}"),
        format!("refs/tags/{reference}"),
        format!("refs/{reference}"),
    ];
    let peeled = find(&format!("{reference}^{{}}"));
    peeled.or_else(|| names.iter().find_map(|name| find(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_commits() {
        let (a, b, c) = ("a".repeat(40), "b".repeat(40), "c".repeat(40));
        let listed =
            format!("{a}\tHEAD\n{b}\trefs/tags/v1\n{c}\trefs/tags/v1^{{}}\n{a}\trefs/heads/main\n");
        assert_eq!(pick(&listed, "HEAD"), Some(a.clone()));
        assert_eq!(pick(&listed, "main"), Some(a));
        assert_eq!(pick(&listed, "v1"), Some(c.clone()));
        assert_eq!(pick(&listed, "refs/tags/v1"), Some(c));
        assert_eq!(pick(&listed, "nope"), None);
    }
}
