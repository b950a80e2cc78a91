//! A build of `COPY . /` where nothing runs: looking at the context, its files' digests, keys, and the lookup.
//!
//! `cargo bench -p dfc-executor`; contexts and stores go to a folder of their own in the system's temporary folder.

#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use compiler::op::{CopyAction, FileAction, FileOp, ImageSource, SourceOp, Unpack};
use compiler::{BuildGraph, Input, Op, Role, Step, Target, Words};
use divan::Bencher;
use divan::counter::ItemsCount;
use executor::env::{
    Deliver, Download, DownloadSink, Downloaded, Downloads, Env, GitSettings, Images, LocalContext,
    OutsideError, Secrets, Settings,
};
use executor::{Cancel, Event, Status, build, explain};
use oci::manifest::{Compression, Descriptor};
use oci::{History, ImageConfig, Platform};
use store::Store;
use tempfile::TempDir;

fn main() {
    divan::main();
}

/// Files of the context, and bytes in each.
const FILES: usize = 5_000;
const SIZE: usize = 2_000;

/// A context, its graph, and a place for stores.
struct Project {
    folder: TempDir,
    graph: BuildGraph,
}

impl Project {
    fn new() -> Project {
        let folder = tempfile::tempdir().unwrap();
        let context = folder.path().join("context");
        for number in 0..FILES {
            let below = context.join((number / 100).to_string());
            if usize::is_multiple_of(number, 100) {
                fs::create_dir_all(&below).unwrap();
            }
            fs::write(below.join(number.to_string()), format!("{number:08}\n").repeat(SIZE / 9))
                .unwrap();
        }
        Project { folder, graph: graph() }
    }

    fn store(&self, name: &str) -> Store {
        Store::open(&self.folder.path().join(name)).unwrap()
    }

    fn env<'a>(&self, store: &'a Store) -> Env<'a> {
        let root = self.folder.path().join("context");
        Env {
            store,
            contexts: BTreeMap::from([(String::new(), LocalContext { root, ignore: None })]),
            fetched: BTreeMap::new(),
            imports: &[],
            images: &Nothing,
            downloads: &Nothing,
            secrets: &Nothing,
            settings: settings(self.folder.path()),
            status: &Nothing,
            cancel: Cancel::default(),
            now: || UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        }
    }
}

/// `FROM scratch`, `COPY . /app/`
fn graph() -> BuildGraph {
    let mut graph = BuildGraph::default();
    let step = |op, name: &str| Step {
        op,
        platform: Platform::linux("amd64"),
        span: None,
        stage: None,
        name: name.into(),
        ignore_cache: false,
        words: Words::default(),
        args: Vec::new(),
    };
    let local = Op::Source(SourceOp::Local { name: String::new() });
    let context = graph.add(step(local, "load build context"), &[]);
    let copy = FileAction::Copy(CopyAction {
        source: ".".into(),
        wildcard: true,
        dest: "/app/".into(),
        owner: None,
        chmod: None,
        unpack: Unpack::Never,
        exclude: Vec::new(),
        parents: None,
        keep_owner: false,
    });
    let copy = Op::File(FileOp { actions: vec![copy], on_scratch: true });
    let input = Input { step: context, role: Role::Source(0) };
    let copied = graph.add(step(copy, "COPY . /app/"), &[input]);
    let config = ImageConfig {
        architecture: "amd64".into(),
        os: "linux".into(),
        history: vec![History::default()],
        ..ImageConfig::default()
    };
    let platform = Platform::linux("amd64");
    graph.targets.push(Target { platform, step: Some(copied), config, layers: vec![copied] });
    graph
}

fn settings(folder: &Path) -> Settings {
    Settings {
        jobs: None,
        compression: Compression::Gzip,
        deliver: Deliver::Nothing,
        inline_cache: false,
        project: folder.join("Dockerfile").to_string_lossy().into_owned(),
        resolv_conf: None,
        limits: sandbox::Limits::default(),
        git: GitSettings::default(),
    }
}

/// The first build: every file is hashed, and a layer is made; nothing is packed.
#[divan::bench(sample_count = 20)]
fn first(bencher: Bencher<'_, '_>) {
    let project = Project::new();
    let mut number = 0;
    let fresh = || {
        number += 1;
        project.store(&format!("store-{number}"))
    };
    bencher
        .counter(ItemsCount::new(FILES))
        .with_inputs(fresh)
        .bench_local_values(|store| build(&project.graph, &project.env(&store)).unwrap());
}

/// The same once more: every file is looked at, none is read.
#[divan::bench(sample_count = 50)]
fn unchanged(bencher: Bencher<'_, '_>) {
    let project = Project::new();
    let store = project.store("store");
    build(&project.graph, &project.env(&store)).unwrap();
    bencher
        .counter(ItemsCount::new(FILES))
        .bench_local(|| build(&project.graph, &project.env(&store)).unwrap());
}

/// What `dfc explain` does: the keys alone.
#[divan::bench(sample_count = 50)]
fn keys(bencher: Bencher<'_, '_>) {
    let project = Project::new();
    let store = project.store("store");
    build(&project.graph, &project.env(&store)).unwrap();
    bencher
        .counter(ItemsCount::new(FILES))
        .bench_local(|| explain(&project.graph, &project.env(&store)).unwrap());
}

/// An outside with nothing in it.
struct Nothing;

fn nothing<T>() -> Result<T, OutsideError> {
    Err(OutsideError { message: "there is nothing".into(), help: None })
}

impl Images for Nothing {
    fn layers(&self, _: &ImageSource) -> Result<Vec<Descriptor>, OutsideError> {
        nothing()
    }

    fn fetch(
        &self,
        _: &ImageSource,
        _: &Descriptor,
        _: &(dyn Fn(u64) + Sync),
    ) -> Result<(), OutsideError> {
        nothing()
    }
}

impl Downloads for Nothing {
    fn get(&self, _: &Download<'_>, _: &mut dyn DownloadSink) -> Result<Downloaded, OutsideError> {
        nothing()
    }
}

impl Secrets for Nothing {
    fn secret(&self, _: &str) -> Result<Option<Vec<u8>>, OutsideError> {
        Ok(None)
    }

    fn ssh_socket(&self, _: &str) -> Option<PathBuf> {
        None
    }
}

impl Status for Nothing {
    fn event(&self, _: Event) {}
}
