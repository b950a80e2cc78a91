//! [`Fetcher`]: contexts that are not folders of this machine, brought into the store before the Dockerfile that is in
//! them can be read.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::mpsc::SyncSender;
use std::time::SystemTime;

use compiler::op::{HttpSource, ImageSource, SourceOp};
use compiler::remote::{CONTEXT_FILE, RemoteContext, fetching, unpacking};
use compiler::{Address, BuildGraph};
use executor::{
    BuildError, Cancel, Cause, Deliver, Download, DownloadSink, Downloaded, Downloads, Event,
    OutsideError, Settings, Status,
};
use oci::manifest::{Compression, Descriptor};
use store::{Follow, Kind, LayerId, Store, TreeView};

use crate::env::Env;
use crate::images::remote::Remote;
use crate::images::remote::download::{Part, Parts, bring_to};
use crate::options::secret::Secrets;
use crate::progress::{Reporter, StepStatus};

/// So much of a download says whether it is an archive.
pub(crate) const HEAD: u64 = 1024;

/// Brings contexts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fetcher<'a> {
    /// Where they go.
    pub(crate) store: &'a Store,
    /// Where they come from.
    pub(crate) remote: &'a Remote,
    /// Who asks.
    pub(crate) secrets: &'a Secrets,
    /// What git gets of the environment.
    pub(crate) env: &'a Env,
    /// Is told how it goes.
    pub(crate) reporter: Option<&'a Reporter>,
}

/// A context that was fetched.
#[derive(Debug, Clone)]
pub(crate) struct Fetched {
    /// Its tree.
    pub(crate) layer: LayerId,
    /// Where it came from; `None` for standard input.
    pub(crate) from: Option<RemoteContext>,
    /// Whether it is one file, the Dockerfile [`CONTEXT_FILE`].
    pub(crate) is_file: bool,
    /// Its time in seconds since 1970, as SOURCE_DATE_EPOCH wants it.
    pub(crate) time: Option<i64>,
}

/// Why there is no context.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// It could not be fetched or unpacked.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

impl FetchError {
    /// What to do.
    pub(crate) fn help(&self) -> Option<String> {
        match self {
            FetchError::Build(error) => error.help(),
            FetchError::Store(_) => None,
        }
    }

    /// Whether the user stopped it.
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self, FetchError::Build(error) if matches!(*error.cause, Cause::Cancelled))
    }
}

impl Fetcher<'_> {
    /// Fetches a context. A download that is an archive is unpacked.
    ///
    /// # Errors
    /// It is not there, or is no context.
    pub(crate) fn context(&self, from: RemoteContext) -> Result<Fetched, FetchError> {
        match &from {
            RemoteContext::Git(source) => {
                let name = format!("[internal] load git source {}", source.url);
                let graph = fetching(SourceOp::Git(source.clone()), &name);
                let layer = self.tree(&graph, None, self.remote)?;
                let time = match source.commit_times {
                    true => newest(&self.store.view(&[layer])?),
                    false => None,
                };
                Ok(Fetched { layer, from: Some(from), is_file: false, time })
            }
            RemoteContext::Http(source) => {
                let graph = fetching(
                    SourceOp::Http(source.clone()),
                    "[internal] load remote build context",
                );
                let layer = self.tree(&graph, None, self.remote)?;
                self.unpacked(layer, Some(from.clone()))
            }
        }
    }

    /// Takes an archive from standard input, of which `head` was read before.
    ///
    /// # Errors
    /// It is no archive that may be a context.
    pub(crate) fn standard_input(&self, head: Vec<u8>) -> Result<Fetched, FetchError> {
        let source =
            HttpSource { url: Address::new("-"), file_name: CONTEXT_FILE.into(), checksum: None };
        let name = "[internal] load build context from standard input";
        let input = StandardInput { head, cancel: self.remote.cancel().clone() };
        let layer = self.tree(&fetching(SourceOp::Http(source), name), None, &input)?;
        self.unpacked(layer, None)
    }

    /// The time of a source.
    ///
    /// # Errors
    /// It cannot be fetched.
    pub(crate) fn time_of(&self, mut source: RemoteContext) -> Result<Option<i64>, FetchError> {
        match &mut source {
            RemoteContext::Git(git) => git.commit_times = true,
            RemoteContext::Http(http) => http.file_name = CONTEXT_FILE.into(),
        }
        Ok(self.context(source)?.time)
    }

    /// Looks at a download: an archive is unpacked, anything else is a Dockerfile.
    fn unpacked(&self, layer: LayerId, from: Option<RemoteContext>) -> Result<Fetched, FetchError> {
        let view = self.store.view(&[layer])?;
        let entry = view.get(CONTEXT_FILE.as_bytes()).map(|node| node.entry.mtime.secs);
        let told = entry.filter(|secs| *secs != 0);
        let file = self.file(layer, CONTEXT_FILE)?;
        let mut head = Vec::new();
        if let Some(file) = file {
            let read = file.take(HEAD).read_to_end(&mut head);
            read.map_err(|source| {
                let doing = "read what was downloaded".into();
                store::StoreError::Io { doing, source }
            })?;
        }
        if !is_archive(&head) {
            return Ok(Fetched { layer, from, is_file: true, time: told });
        }
        let graph = unpacking("[internal] unpack build context");
        let tree = self.tree(&graph, Some(layer), self.remote)?;
        let time = match told {
            Some(time) => Some(time),
            None => newest(&self.store.view(&[tree])?),
        };
        Ok(Fetched { layer: tree, from, is_file: false, time })
    }

    /// Opens a file of a tree; `None` if there is none.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn file(
        &self,
        layer: LayerId,
        path: &str,
    ) -> Result<Option<std::fs::File>, FetchError> {
        let view = self.store.view(&[layer])?;
        let found = view.resolve(path.as_bytes(), Follow::Last).ok().and_then(|found| found.node);
        match found.and_then(|node| view.content(node)) {
            Some(content) => Ok(Some(self.store.open_file(layer, content.at.position)?)),
            None => Ok(None),
        }
    }

    /// Runs a graph that makes one layer; `context` is its local context.
    fn tree(
        &self,
        graph: &BuildGraph,
        context: Option<LayerId>,
        downloads: &dyn Downloads,
    ) -> Result<LayerId, FetchError> {
        let shown = self.reporter.map(|reporter| StepStatus::new(graph, reporter.clone()));
        let status: &dyn Status = match &shown {
            Some(shown) => shown,
            None => &Silent,
        };
        let secrets = WithAgent { secrets: self.secrets, agent: self.env.var("SSH_AUTH_SOCK") };
        let env = executor::Env {
            store: self.store,
            contexts: BTreeMap::new(),
            fetched: context.map(|layer| (String::new(), layer)).into_iter().collect(),
            imports: &[],
            images: &NoImages,
            downloads,
            secrets: &secrets,
            settings: Settings {
                jobs: None,
                compression: Compression::None,
                deliver: Deliver::Trees,
                inline_cache: false,
                project: "context".into(),
                resolv_conf: None,
                limits: sandbox::Limits::default(),
                git: self.env.git_settings(),
            },
            status,
            cancel: self.remote.cancel().clone(),
            now: SystemTime::now,
        };
        let images = executor::build(graph, &env)?;
        if let Some(shown) = shown {
            shown.done();
        }
        let layer = images.first().and_then(|image| image.layers.first()?.id);
        Ok(layer.expect("the graph's target is one layer that was just made"))
    }
}

/// Whether bytes begin an archive: packed, or a tar.
pub(crate) fn is_archive(head: &[u8]) -> bool {
    let packed: [&[u8]; 4] =
        [b"BZh", &[0x1f, 0x8b, 8], &[0xfd, b'7', b'z', b'X', b'Z', 0], &[0x28, 0xb5, 0x2f, 0xfd]];
    packed.iter().any(|magic| head.starts_with(magic)) || head.get(..512).is_some_and(is_header)
}

/// Whether a block is the header of a tar: its checksum says so.
fn is_header(block: &[u8]) -> bool {
    let digits = std::str::from_utf8(&block[148..156]).unwrap_or_default();
    let digits = digits.trim_matches(|c: char| c == ' ' || c == '\0');
    let Ok(told) = u32::from_str_radix(digits, 8) else { return false };
    let outside = block[..148].iter().chain(&block[156..]);
    let sum = outside.map(|byte| u32::from(*byte)).sum::<u32>() + 8 * u32::from(b' ');
    told == sum && block[0] != 0
}

/// The time of the newest file; of a repository all have that of the commit.
fn newest(view: &TreeView) -> Option<i64> {
    let mut newest = None;
    view.walk(b"", &mut |_, node| match node.entry.kind {
        Kind::File { .. } | Kind::Hardlink { .. } => {
            newest = newest.max(Some(node.entry.mtime.secs));
        }
        Kind::Whiteout
        | Kind::Dir { .. }
        | Kind::Symlink { .. }
        | Kind::Char { .. }
        | Kind::Block { .. }
        | Kind::Fifo => {}
    });
    newest
}

/// The secrets of the build; the user's own agent is there for the context that the user names.
struct WithAgent<'a> {
    secrets: &'a Secrets,
    agent: Option<&'a str>,
}

impl executor::Secrets for WithAgent<'_> {
    fn secret(&self, id: &str) -> Result<Option<Vec<u8>>, OutsideError> {
        executor::Secrets::secret(self.secrets, id)
    }

    fn ssh_socket(&self, id: &str) -> Option<PathBuf> {
        let given = executor::Secrets::ssh_socket(self.secrets, id);
        given.or_else(|| self.agent.filter(|_| id == "default").map(PathBuf::from))
    }
}

/// Nobody is told.
struct Silent;

impl Status for Silent {
    fn event(&self, _: Event) {}
}

/// A context has no images.
struct NoImages;

impl executor::Images for NoImages {
    fn layers(&self, _: &ImageSource) -> Result<Vec<Descriptor>, OutsideError> {
        Ok(Vec::new())
    }

    fn fetch(
        &self,
        image: &ImageSource,
        _: &Descriptor,
        _: &(dyn Fn(u64) + Sync),
    ) -> Result<(), OutsideError> {
        Err(OutsideError { message: format!("{} is no context", image.reference), help: None })
    }
}

/// Standard input as a download.
struct StandardInput {
    head: Vec<u8>,
    cancel: Cancel,
}

impl Downloads for StandardInput {
    fn get(
        &self,
        ask: &Download<'_>,
        to: &mut dyn DownloadSink,
    ) -> Result<Downloaded, OutsideError> {
        let (head, limit) = (self.head.clone(), ask.limit);
        let bring = move |parts: &SyncSender<Part<std::io::Result<u64>>>| {
            let mut input = head.as_slice().chain(std::io::stdin()).take(limit + 1);
            std::io::copy(&mut input, &mut Parts(parts))
        };
        let failed = |message: String| OutsideError { message, help: None };
        match bring_to(&self.cancel, bring, to)? {
            Ok(size) if size > limit => {
                Err(failed(format!("standard input has more than {limit} bytes")))
            }
            Ok(_) => Ok(Downloaded::default()),
            Err(error) => {
                let why = crate::error::reason(&error);
                Err(failed(format!("cannot read standard input: {why}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_told_by_their_first_bytes() {
        let mut header = [0; 512];
        header[..4].copy_from_slice(b"file");
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        assert!(is_archive(&header));
        header[0] = b'g';
        assert!(!is_archive(&header));
        assert!(is_archive(b"\x1f\x8b\x08...") && is_archive(b"BZh9"));
        assert!(!is_archive(b"FROM scratch\n") && !is_archive(&[0; 1024]) && !is_archive(b""));
    }
}
