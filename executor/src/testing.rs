//! What the unit tests of this crate share: small graphs, and an outside that is made up.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use compiler::op::{
    CopyAction, ExecOp, FileAction, FileOp, ImageSource, MkdirAction, Network, Security, SourceOp,
    Unpack,
};
use compiler::{BuildGraph, Input, Op, Role, Step, StepId, Target, Words};
use oci::manifest::{Compression, Descriptor};
use oci::{History, ImageConfig, Platform};
use sandbox::{Exit, ExitStatus, SandboxError, Spec, Tree};
use store::Store;

use crate::cancel::Cancel;
use crate::env::{
    Deliver, Download, DownloadSink, Downloaded, Downloads, Env, GitSettings, Images, LocalContext,
    OutsideError, Secrets, Settings,
};
use crate::op::exec::runner::{Log, Runner};
use crate::status::{Event, Status, Stream};
use crate::verdict::Verdict;

/// The platform that tests build for.
pub(crate) fn platform() -> Platform {
    Platform {
        os: "linux".into(),
        architecture: "amd64".into(),
        variant: None,
        os_version: None,
        os_features: Vec::new(),
    }
}

/// A step with an op and a name.
pub(crate) fn step(op: Op, name: &str) -> Step {
    Step {
        op,
        platform: platform(),
        span: None,
        stage: None,
        name: name.into(),
        ignore_cache: false,
        words: Words::default(),
        args: Vec::new(),
    }
}

/// A step that makes one folder.
pub(crate) fn mkdir_step(path: &str) -> Step {
    let action = MkdirAction { path: path.into(), owner: None, time: None };
    let op = FileOp { actions: vec![FileAction::Mkdir(action)], on_scratch: false };
    step(Op::File(op), &format!("WORKDIR {path}"))
}

/// The main context.
pub(crate) fn context_step() -> Step {
    step(Op::Source(SourceOp::Local { name: String::new() }), "load build context")
}

/// `COPY SOURCE DEST`
pub(crate) fn copy_action(source: &str, dest: &str) -> CopyAction {
    CopyAction {
        source: source.into(),
        wildcard: true,
        dest: dest.into(),
        owner: None,
        chmod: None,
        unpack: Unpack::Never,
        exclude: Vec::new(),
        parents: None,
        keep_owner: false,
    }
}

/// A step of one COPY.
pub(crate) fn copy_step(source: &str, dest: &str) -> Step {
    let actions = vec![FileAction::Copy(copy_action(source, dest))];
    step(Op::File(FileOp { actions, on_scratch: false }), &format!("COPY {source} {dest}"))
}

/// `RUN COMMAND`, which a [`FakeRunner`] understands.
pub(crate) fn run_step(command: &str) -> Step {
    let op = ExecOp {
        args: vec![command.into()],
        env: Vec::new(),
        proxy_env: Vec::new(),
        cwd: "/".into(),
        user: String::new(),
        network: Network::Default,
        security: Security::Sandbox,
        mounts: Vec::new(),
        secret_env: Vec::new(),
        extra_hosts: Vec::new(),
        hostname: "host".into(),
        devices: Vec::new(),
        ulimits: Vec::new(),
        shm_size: None,
    };
    step(Op::Exec(op), &format!("RUN {command}"))
}

/// Adds a step on a base.
pub(crate) fn add(graph: &mut BuildGraph, step: Step, base: Option<StepId>) -> StepId {
    let inputs: Vec<Input> =
        base.map(|step| Input { step, role: Role::Base }).into_iter().collect();
    graph.add(step, &inputs)
}

/// Adds a COPY from a tree.
pub(crate) fn add_copy(
    graph: &mut BuildGraph,
    step: Step,
    base: Option<StepId>,
    from: StepId,
) -> StepId {
    let mut inputs = vec![Input { step: from, role: Role::Source(0) }];
    inputs.extend(base.map(|step| Input { step, role: Role::Base }));
    graph.add(step, &inputs)
}

/// Makes the layers of some steps the image; the last is its tree.
pub(crate) fn target(graph: &mut BuildGraph, layers: &[StepId]) {
    let entry =
        |id: &StepId| History { created_by: graph.step(*id).name.clone(), ..History::default() };
    let config = ImageConfig {
        architecture: "amd64".into(),
        os: "linux".into(),
        history: layers.iter().map(entry).collect(),
        ..ImageConfig::default()
    };
    let step = layers.last().copied();
    graph.targets.push(Target { platform: platform(), step, config, layers: layers.to_vec() });
}

/// A graph of folders; each is given by the positions of its inputs, the first of which is its base.
pub(crate) fn graph_of(inputs: &[&[usize]]) -> (BuildGraph, Vec<StepId>) {
    let mut graph = BuildGraph::default();
    let mut ids: Vec<StepId> = Vec::new();
    for (number, of_step) in inputs.iter().enumerate() {
        let edges: Vec<Input> = of_step
            .iter()
            .enumerate()
            .map(|(position, input)| Input {
                step: ids[*input],
                role: match position.checked_sub(1) {
                    None => Role::Base,
                    Some(upper) => Role::Upper(u32::try_from(upper).expect("few inputs")),
                },
            })
            .collect();
        ids.push(graph.add(mkdir_step(&format!("/{number}")), &edges));
    }
    (graph, ids)
}

/// A store and a context in a folder that goes when this does.
pub(crate) struct World {
    folder: tempfile::TempDir,
    /// The store.
    pub(crate) store: Store,
    events: Events,
}

#[derive(Default)]
struct Events {
    seen: Mutex<Vec<Event>>,
}

impl Status for Events {
    fn event(&self, event: Event) {
        self.seen.lock().unwrap().push(event);
    }
}

struct Nothing;

impl Images for Nothing {
    fn layers(&self, _: &ImageSource) -> Result<Vec<Descriptor>, OutsideError> {
        Ok(Vec::new())
    }

    fn fetch(
        &self,
        _: &ImageSource,
        _: &Descriptor,
        _: &(dyn Fn(u64) + Sync),
    ) -> Result<(), OutsideError> {
        Err(OutsideError { message: "no network".into(), help: None })
    }
}

impl Downloads for Nothing {
    fn get(
        &self,
        ask: &Download<'_>,
        to: &mut dyn DownloadSink,
    ) -> Result<Downloaded, OutsideError> {
        if ask.validator == Some("same") {
            return Ok(Downloaded { not_modified: true, ..Downloaded::default() });
        }
        to.write_all(ask.url.as_str().as_bytes()).unwrap();
        let (last_modified, validator) = (Some(1_000_000_000), Some("same".to_owned()));
        Ok(Downloaded { not_modified: false, last_modified, validator })
    }
}

impl Secrets for Nothing {
    fn secret(&self, id: &str) -> Result<Option<Vec<u8>>, OutsideError> {
        Ok((id == "token").then(|| b"sesame".to_vec()))
    }

    fn ssh_socket(&self, _: &str) -> Option<PathBuf> {
        None
    }
}

fn noon() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(2_000_000_000)
}

impl World {
    /// An empty store and an empty context.
    pub(crate) fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("context")).unwrap();
        let store = Store::open(&folder.path().join("store")).unwrap();
        World { folder, store, events: Events::default() }
    }

    /// The folder of the context.
    pub(crate) fn context(&self) -> PathBuf {
        self.folder.path().join("context")
    }

    /// Writes a file of the context, with its folders.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.context().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The outside of a build.
    pub(crate) fn env(&self) -> Env<'_> {
        let context = LocalContext { root: self.context(), ignore: None };
        Env {
            store: &self.store,
            contexts: BTreeMap::from([(String::new(), context)]),
            fetched: BTreeMap::new(),
            imports: &[],
            images: &Nothing,
            downloads: &Nothing,
            secrets: &Nothing,
            settings: Settings {
                jobs: None,
                compression: Compression::Gzip,
                deliver: Deliver::Blobs,
                inline_cache: false,
                project: "/src/Dockerfile".into(),
                resolv_conf: Some(String::new()),
                limits: sandbox::Limits::default(),
                git: GitSettings::default(),
            },
            status: &self.events,
            cancel: Cancel::default(),
            now: noon,
        }
    }

    /// The verdicts told since the last time, by step.
    pub(crate) fn verdicts(&self) -> BTreeMap<StepId, Verdict> {
        let events = std::mem::take(&mut *self.events.seen.lock().unwrap());
        events
            .into_iter()
            .filter_map(|event| {
                let Event::Finished { step, verdict, .. } = event else { return None };
                Some((step, verdict))
            })
            .collect()
    }
}

/// Runs commands of its own: `write PATH TEXT` into the upper folder, `fail CODE`, `wait` until it is killed.
#[derive(Default)]
pub(crate) struct FakeRunner {
    /// The commands that ran.
    pub(crate) ran: Mutex<Vec<String>>,
    /// Whether there are no overlays.
    pub(crate) copies: bool,
}

impl Runner for FakeRunner {
    fn run(&self, spec: &Spec, stop: &Cancel, log: Log<'_>) -> Result<Exit, SandboxError> {
        let command = spec.args[0].to_string_lossy().into_owned();
        self.ran.lock().unwrap().push(command.clone());
        let folder = match &spec.root {
            Tree::Overlay { upper: Some(upper), .. } => &upper.folder,
            Tree::Overlay { upper: None, .. } => panic!("no upper"),
            Tree::Folder(folder) => folder,
        };
        let words: Vec<&str> = command.split(' ').collect();
        let code = match words.as_slice() {
            ["write", path, text] => {
                write_below(folder, path, text);
                0
            }
            ["fail", code] => {
                log(Stream::Stderr, b"about to fail\n");
                code.parse().unwrap()
            }
            ["wait"] => {
                while !stop.is_cancelled() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                137
            }
            _ => 0,
        };
        Ok(Exit { status: ExitStatus::Code(code), out_of_memory: false })
    }

    fn can_overlay(&self, _: &Path) -> Result<(), SandboxError> {
        match self.copies {
            false => Ok(()),
            true => Err(SandboxError::NotPermitted { why: "a test".into(), fix: "none".into() }),
        }
    }
}

fn write_below(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}
