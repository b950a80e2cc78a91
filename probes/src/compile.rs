//! Compiling: any Dockerfile gives a graph or errors, in bounded time, and inputs come before what takes them.

use compiler::checks::RuleSet;
use compiler::{BuildOptions, CheckOptions, ImageQuery, ResolvedImage, World, WorldError, key};
use grammar::{Diagnostic, Parse, Severity, SourceFile};
use oci::{ContainerConfig, Digest, ImageConfig, Platform, RootFs};

/// Compiles bytes as a Dockerfile, for the last stage and for all of them.
pub fn bytes(bytes: &[u8]) {
    let file = SourceFile::from_bytes("Dockerfile", bytes);
    let Parse { tree, diagnostics } = grammar::parse(&file);
    let parses = diagnostics.iter().all(|found| found.severity != Severity::Error);
    for all_stages in [false, true] {
        let options = BuildOptions {
            build_platform: Some(Platform::linux("amd64")),
            all_stages,
            ..BuildOptions::default()
        };
        let compiled = compiler::compile(&tree, &file, &options, &Images);
        compiled.diagnostics.iter().for_each(|found| placed(found, &compiled.sources));
        let check = CheckOptions { experimental: RuleSet::All, ..CheckOptions::default() };
        let lints = compiler::lint::lint(&tree, &compiled, &check);
        lints.iter().for_each(|found| placed(found, &compiled.sources));
        let errors = compiled.diagnostics.iter().any(|found| found.severity == Severity::Error);
        let Some(graph) = compiled.graph else {
            assert!(errors || !parses, "no graph, and nobody says why: {:?}", file.text());
            continue;
        };
        assert!(!errors, "a graph in spite of errors: {:?}", file.text());
        for (id, step) in graph.steps() {
            let inputs = graph.inputs(id);
            assert!(inputs.iter().all(|input| input.step.index() < id.index()));
            let (one, other) = (
                key::definition(&step.op, &step.platform),
                key::definition(&step.op, &step.platform),
            );
            assert_eq!(one.key(), other.key());
        }
    }
}

/// Each place is one of a source that is known.
fn placed(found: &Diagnostic, sources: &[SourceFile]) {
    for label in &found.labels {
        let source = sources.iter().find(|it| it.id() == label.span.source);
        let text = source.expect("a place is in a source that is known").text();
        assert!(text.get(label.span.range()).is_some(), "{:?} in {text:?}", label.span);
    }
}

/// A world in which every image is there; those whose names begin with `on` have triggers.
pub(crate) struct Images;

impl World for Images {
    fn image(&self, query: &ImageQuery<'_>) -> Result<ResolvedImage, WorldError> {
        let name = query.reference.to_string();
        let triggers = ["RUN echo $A", "COPY --from=b . ${A:-/x}/"];
        let has_triggers = name.rsplit('/').next().is_some_and(|name| name.starts_with("on"));
        let on_build = triggers.iter().filter(|_| has_triggers).map(|it| (*it).to_owned());
        let config = ImageConfig {
            architecture: "amd64".into(),
            os: "linux".into(),
            config: ContainerConfig { on_build: on_build.collect(), ..ContainerConfig::default() },
            rootfs: RootFs { diff_ids: vec![Digest::of(b"")], ..RootFs::default() },
            ..ImageConfig::default()
        };
        Ok(ResolvedImage { manifest: None, config })
    }

    fn ignore_file(&self, _context: &str) -> Option<(String, String)> {
        None
    }
}
