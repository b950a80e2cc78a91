//! How long Dockerfiles take, by phase: parsing, expanding their words, lowering them to a graph, keys.
//!
//! `fixtures/corpus` has small files for the corners of the language; `$DFC_CORPUS` may name a folder of real ones. One
//! sample is all files of a corpus, in one thread. `cargo bench -p dfc-probes`

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use compiler::expand::{self, Env, Unset};
use compiler::{BuildGraph, BuildOptions, ImageQuery, ResolvedImage, World, WorldError, key};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use grammar::tree::Dockerfile;
use grammar::word::Part;
use grammar::{Instruction, Parse, SourceFile, Word};
use oci::{Digest, ImageConfig, Platform, RootFs};

fn main() {
    divan::main();
}

/// A folder of Dockerfiles.
#[derive(Clone)]
struct Corpus(PathBuf);

impl fmt::Display for Corpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.ends_with("fixtures/corpus") { "fixtures" } else { "DFC_CORPUS" })
    }
}

/// Both of them, or the one that is there.
fn corpora() -> Vec<Corpus> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/corpus");
    let given = std::env::var_os("DFC_CORPUS").map(PathBuf::from);
    [Some(fixtures), given].into_iter().flatten().map(Corpus).collect()
}

impl Corpus {
    fn files(&self) -> Vec<SourceFile> {
        let entries = fs::read_dir(&self.0).expect("the corpus is a folder");
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|it| it == "Dockerfile"));
        paths.sort();
        let read = |path: &PathBuf| {
            let bytes = fs::read(path).expect("it was listed");
            SourceFile::from_bytes(path.to_string_lossy().into_owned(), &bytes)
        };
        paths.iter().map(read).collect()
    }

    fn trees(&self) -> Vec<(SourceFile, Dockerfile)> {
        self.files().into_iter().map(|file| (file.clone(), grammar::parse(&file).tree)).collect()
    }
}

fn bytes(files: &[SourceFile]) -> BytesCount {
    BytesCount::new(files.iter().map(|file| file.text().len()).sum::<usize>())
}

#[divan::bench(args = corpora())]
fn parse(bencher: Bencher<'_, '_>, corpus: &Corpus) {
    let files = corpus.files();
    let bencher = bencher.counter(bytes(&files)).counter(ItemsCount::new(files.len()));
    bencher.bench_local(|| files.iter().map(grammar::parse).collect::<Vec<Parse<Dockerfile>>>());
}

/// Words to parts, and parts to text: every word that the language expands.
#[divan::bench(args = corpora())]
fn expand(bencher: Bencher<'_, '_>, corpus: &Corpus) {
    let env: Env = (0..20).map(|i| (format!("NAME_{i}"), format!("/value/of/{i}"))).collect();
    let words: Vec<(Word, char)> =
        corpus.trees().iter().flat_map(|(_, tree)| expanded(tree)).collect();
    let total: usize = words.iter().map(|(word, _)| word.text.len()).sum();
    let bencher = bencher.counter(BytesCount::new(total)).counter(ItemsCount::new(words.len()));
    bencher.bench_local(|| {
        let texts = words.iter().filter_map(|(word, escape)| {
            let parts: Vec<Part> = expand::parts(word, *escape).ok()?;
            Some(expand::expand(&parts, &env, Unset::Empty).ok()?.text.len())
        });
        texts.sum::<usize>()
    });
}

fn expanded(tree: &Dockerfile) -> Vec<(Word, char)> {
    let is_expanded = |instruction: &Instruction| match instruction {
        Instruction::Add(_)
        | Instruction::Copy(_)
        | Instruction::Env(_)
        | Instruction::Expose(_)
        | Instruction::From(_)
        | Instruction::Label(_)
        | Instruction::Stopsignal(_)
        | Instruction::User(_)
        | Instruction::Volume(_)
        | Instruction::Workdir(_) => true,
        Instruction::Arg(_)
        | Instruction::Cmd(_)
        | Instruction::Entrypoint(_)
        | Instruction::Healthcheck(_)
        | Instruction::Maintainer(_)
        | Instruction::Onbuild(_)
        | Instruction::Run(_)
        | Instruction::Shell(_)
        | Instruction::Invalid(_) => false,
    };
    let statements = tree.statements.iter().filter(|it| is_expanded(&it.instruction));
    let words = statements.flat_map(|statement| statement.args.clone());
    words.map(|word| (word, tree.dialect.escape)).collect()
}

/// Tree to graph, for the last stage.
#[divan::bench(args = corpora())]
fn lower(bencher: Bencher<'_, '_>, corpus: &Corpus) {
    let trees = corpus.trees();
    let files: Vec<SourceFile> = trees.iter().map(|(file, _)| file.clone()).collect();
    let bencher = bencher.counter(bytes(&files)).counter(ItemsCount::new(files.len()));
    bencher.bench_local(|| trees.iter().filter_map(graph).count());
}

fn graph((file, tree): &(SourceFile, Dockerfile)) -> Option<BuildGraph> {
    let options = BuildOptions {
        build_platform: Some(Platform::linux("amd64")),
        allow_insecure: true,
        allow_host_network: true,
        ..BuildOptions::default()
    };
    compiler::compile(tree, file, &options, &Empty).graph
}

/// The definition keys of all steps.
#[divan::bench(args = corpora())]
fn keys(bencher: Bencher<'_, '_>, corpus: &Corpus) {
    let graphs: Vec<BuildGraph> = corpus.trees().iter().filter_map(graph).collect();
    let steps: usize = graphs.iter().map(BuildGraph::len).sum();
    bencher.counter(ItemsCount::new(steps)).bench_local(|| {
        let steps = graphs.iter().flat_map(BuildGraph::steps);
        let keys = steps.map(|(_, step)| key::definition(&step.op, &step.platform).key());
        keys.collect::<Vec<_>>()
    });
}

/// A world in which every image is there and has one layer.
struct Empty;

impl World for Empty {
    fn image(&self, _query: &ImageQuery<'_>) -> Result<ResolvedImage, WorldError> {
        let rootfs = RootFs { diff_ids: vec![Digest::of(b"")], ..RootFs::default() };
        let config = ImageConfig {
            architecture: "amd64".into(),
            os: "linux".into(),
            rootfs,
            ..ImageConfig::default()
        };
        Ok(ResolvedImage { manifest: None, config })
    }

    fn ignore_file(&self, _context: &str) -> Option<(String, String)> {
        None
    }
}
