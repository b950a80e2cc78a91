//! Contexts from outside: git repositories and downloads, and the small graphs that bring them before the Dockerfile
//! that they hold can be read.

use oci::Platform;

use crate::git;
use crate::graph::{BuildGraph, Input, Role, Step, StepId, Target, Words};
use crate::image;
use crate::op::{CopyAction, FileAction, FileOp, GitSource, HttpSource, Op, SourceOp, Unpack};

/// The name of the file that a download for a context becomes.
pub const CONTEXT_FILE: &str = "context";

/// Where a context is, if it is not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteContext {
    /// In a repository.
    Git(GitSource),
    /// Behind a URL: a file [`CONTEXT_FILE`].
    Http(HttpSource),
}

impl RemoteContext {
    /// Reads what the user gave as a context; `None` if it is neither a git reference nor a URL.
    ///
    /// # Errors
    /// Says what is wrong with a git reference.
    pub fn parse(text: &str) -> Option<Result<RemoteContext, String>> {
        match git::parse_context(text) {
            git::Parsed::Git(reference) => {
                let checksum = Some(reference.checksum.clone()).filter(|text| !text.is_empty());
                let keep = reference.keep_git_dir.unwrap_or(false);
                Some(Ok(RemoteContext::Git(reference.source(checksum, keep))))
            }
            git::Parsed::Broken(reason) => Some(Err(reason)),
            git::Parsed::Other if git::is_http(text) => {
                let (url, file_name) = (text.into(), CONTEXT_FILE.into());
                Some(Ok(RemoteContext::Http(HttpSource { url, file_name, checksum: None })))
            }
            git::Parsed::Other => None,
        }
    }

    /// As the step that fetches it.
    pub fn op(self) -> SourceOp {
        match self {
            RemoteContext::Git(source) => SourceOp::Git(source),
            RemoteContext::Http(source) => SourceOp::Http(source),
        }
    }
}

/// A graph that fetches one tree.
pub fn fetching(source: SourceOp, name: &str) -> BuildGraph {
    let mut graph = BuildGraph::default();
    let step = graph.add(step(Op::Source(source), name), &[]);
    target(&mut graph, step);
    graph
}

/// A graph that unpacks the file [`CONTEXT_FILE`] of the local context `""`, which is an archive, as a build context.
pub fn unpacking(name: &str) -> BuildGraph {
    let mut graph = BuildGraph::default();
    let source = SourceOp::Local { name: String::new() };
    let from = graph.add(step(Op::Source(source), "[internal] read build context"), &[]);
    let copy = CopyAction {
        source: format!("/{CONTEXT_FILE}"),
        wildcard: false,
        dest: "/".into(),
        owner: None,
        chmod: None,
        unpack: Unpack::Context,
        exclude: Vec::new(),
        parents: None,
        keep_owner: true,
    };
    let op = FileOp { actions: vec![FileAction::Copy(copy)], on_scratch: true };
    let input = Input { step: from, role: Role::Source(0) };
    let step = graph.add(step(Op::File(op), name), &[input]);
    target(&mut graph, step);
    graph
}

fn step(op: Op, name: &str) -> Step {
    Step {
        op,
        platform: platform(),
        span: None,
        stage: None,
        name: name.to_owned(),
        ignore_cache: false,
        words: Words::default(),
        args: Vec::new(),
    }
}

/// Files are the same everywhere: any platform will do, as long as it is the same each time.
fn platform() -> Platform {
    Platform::linux("amd64")
}

fn target(graph: &mut BuildGraph, step: StepId) {
    let config = image::empty(&platform());
    graph.targets.push(Target {
        platform: platform(),
        step: Some(step),
        config,
        layers: vec![step],
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_are_told_apart() {
        for (text, want) in [
            ("https://h/x.git#main:sub", "git"),
            ("github.com/a/b", "git"),
            ("git@h:a/b", "git"),
            ("ssh://git@h/a", "git"),
            ("git://h/a", "git"),
            ("https://h/x.tar.gz", "http"),
            ("http://h/", "http"),
            ("https://h/x.git?what=1", "broken"),
            ("file:///x.git", "other"),
            ("ext::sh -c true", "other"),
            ("folder", "other"),
            ("./git@h:x", "other"),
        ] {
            let kind = match RemoteContext::parse(text) {
                Some(Ok(RemoteContext::Git(_))) => "git",
                Some(Ok(RemoteContext::Http(_))) => "http",
                Some(Err(_)) => "broken",
                None => "other",
            };
            assert_eq!(kind, want, "{text}");
        }
        let Some(Ok(RemoteContext::Git(source))) = RemoteContext::parse("github.com/a/b#v1:c")
        else {
            panic!("it is a repository");
        };
        assert_eq!(source.url.as_str(), "https://github.com/a/b");
        assert_eq!(
            (source.reference.as_deref(), source.subdir.as_deref()),
            (Some("v1"), Some("c"))
        );
    }
}
