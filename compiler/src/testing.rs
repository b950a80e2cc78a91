//! What the unit tests of this crate share: a [`TestWorld`] of made-up images, and a way to compile a text.

use std::collections::BTreeMap;

use oci::{ContainerConfig, Digest, History, ImageConfig, Platform, RootFs};

use crate::compile::{Compiled, compile};
use crate::graph::{BuildGraph, Target};
use crate::world::{BuildOptions, ImageQuery, ResolvedImage, World, WorldError};

/// Images by full name. `busybox` is always there; others are not found.
#[derive(Debug)]
pub(crate) struct TestWorld {
    /// By full name.
    pub images: BTreeMap<String, ImageConfig>,
    /// The .dockerignore of the main context.
    pub ignore_file: Option<String>,
}

impl Default for TestWorld {
    fn default() -> TestWorld {
        TestWorld { images: BTreeMap::new(), ignore_file: None }
            .with("busybox", ContainerConfig::default())
    }
}

impl TestWorld {
    /// Adds an image for linux/amd64 with one layer.
    pub(crate) fn with(mut self, name: &str, config: ContainerConfig) -> TestWorld {
        let history = History { created_by: "base".into(), ..History::default() };
        let image = ImageConfig {
            architecture: "amd64".into(),
            os: "linux".into(),
            config,
            rootfs: RootFs { diff_ids: vec![Digest::of(name.as_bytes())], ..RootFs::default() },
            history: vec![history],
            ..ImageConfig::default()
        };
        let name = oci::Reference::parse(name).unwrap().to_string();
        self.images.insert(name, image);
        self
    }

    /// Compiles a text in this world.
    pub(crate) fn compile(&self, text: &str, options: &BuildOptions) -> Compiled {
        let source = grammar::SourceFile::new("Dockerfile", text);
        let parsed = grammar::parse(&source);
        compile(&parsed.tree, &source, options, self)
    }
}

impl World for TestWorld {
    fn image(&self, query: &ImageQuery<'_>) -> Result<ResolvedImage, WorldError> {
        match self.images.get(&query.reference.to_string()) {
            Some(config) => Ok(ResolvedImage { manifest: None, config: config.clone() }),
            None => Err(WorldError { message: "not found".into(), help: None }),
        }
    }

    fn ignore_file(&self, _context: &str) -> Option<(String, String)> {
        Some((".dockerignore".into(), self.ignore_file.clone()?))
    }
}

/// Options for linux/amd64.
pub(crate) fn options() -> BuildOptions {
    BuildOptions { build_platform: Some(Platform::linux("amd64")), ..BuildOptions::default() }
}

/// The graph and the one target of a text that compiles.
pub(crate) fn built(text: &str, options: &BuildOptions) -> (BuildGraph, Target) {
    let compiled = TestWorld::default().compile(text, options);
    assert_eq!(compiled.diagnostics, [], "{text}");
    let graph = compiled.graph.expect("there are no errors");
    let target = graph.targets[0].clone();
    (graph, target)
}

/// The names of all steps, in order.
pub(crate) fn step_names(graph: &BuildGraph) -> Vec<&str> {
    graph.steps().map(|(_, step)| step.name.as_str()).collect()
}

/// The errors of a text: the words they stand at, and what they say.
pub(crate) fn errors(text: &str, options: &BuildOptions) -> Vec<(String, String)> {
    let compiled = TestWorld::default().compile(text, options);
    assert!(compiled.graph.is_none(), "{text}");
    let word = |it: &grammar::Diagnostic| {
        let Some(span) = it.span() else { return String::new() };
        let source = compiled.sources.iter().find(|source| source.id() == span.source).unwrap();
        source.slice(span).to_owned()
    };
    compiled.diagnostics.iter().map(|it| (word(it), it.message.clone())).collect()
}
