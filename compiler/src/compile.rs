//! [`compile`]: a Dockerfile to a [`BuildGraph`], once for each platform, with all there is to say about the file.

mod builder;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use grammar::{Diagnostic, Dockerfile, Severity, SourceFile, SourceId, Span};
use oci::Platform;

pub(crate) use builder::Builder;

use crate::checks::CheckOptions;
use crate::facts::Fact;
use crate::graph::BuildGraph;
use crate::ignore::IgnoreFile;
use crate::stages::Conversion;
use crate::world::{BuildOptions, ResolvedImage, World, WorldError};

/// What compiling gives.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The steps; `None` if something is wrong.
    pub graph: Option<BuildGraph>,
    /// In the order they were found; parsing's own are not among them.
    pub diagnostics: Vec<Diagnostic>,
    /// All that spans may point into: the Dockerfile, then the ONBUILD triggers that were run.
    pub sources: Vec<SourceFile>,
    /// What lint rules want to know.
    pub facts: Vec<Fact>,
}

/// The platforms that one conversion is about.
#[derive(Debug, Clone)]
pub(crate) struct Platforms {
    /// What the image is for.
    pub target: Platform,
    /// The machine that builds.
    pub build: Platform,
    /// Whether nobody asked for a platform.
    pub implicit: bool,
    /// Whether there are several, so that names of steps tell them apart.
    pub several: bool,
}

/// What all conversions of a file share and add to.
#[derive(Debug)]
pub(crate) struct Output {
    pub builder: Builder,
    pub diagnostics: Vec<Diagnostic>,
    pub sources: Vec<SourceFile>,
    pub facts: Vec<Fact>,
    said: BTreeSet<(String, Option<Span>)>,
    noted: HashSet<Fact>,
    /// Answers of the world, by origin, reference and platform: each image is asked for once.
    pub images: BTreeMap<String, Result<ResolvedImage, WorldError>>,
}

impl Output {
    /// Takes in a further source, such as an ONBUILD trigger.
    pub(crate) fn add_source(&mut self, name: String, text: String) -> SourceFile {
        let id = SourceId(u32::try_from(self.sources.len()).expect("few sources"));
        let source = SourceFile::with_id(id, name, text);
        self.sources.push(source.clone());
        source
    }

    /// Says something about the file, once.
    pub(crate) fn say(&mut self, diagnostic: Diagnostic) {
        if self.said.insert((diagnostic.message.clone(), diagnostic.span())) {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Notes something for lint rules, once.
    pub(crate) fn note(&mut self, fact: Fact) {
        if self.noted.insert(fact.clone()) {
            self.facts.push(fact);
        }
    }
}

/// Compiles a parsed Dockerfile. Finds as many errors as it can; there is a graph only if there are none. What parsing
/// said is not repeated, but instructions that it gave up on count as errors.
pub fn compile(
    file: &Dockerfile,
    source: &SourceFile,
    options: &BuildOptions,
    world: &dyn World,
) -> Compiled {
    let mut out = Output {
        builder: Builder::default(),
        diagnostics: Vec::new(),
        sources: vec![source.clone()],
        facts: Vec::new(),
        said: BTreeSet::new(),
        noted: HashSet::new(),
        images: BTreeMap::new(),
    };
    let mut sound = !file
        .statements
        .iter()
        .any(|it| matches!(it.instruction, grammar::Instruction::Invalid(_)));
    if let Some(error) = bad_check_options(file, options) {
        out.say(error);
    }
    if let Some(error) = bad_ignore_file(world, &mut out) {
        out.say(error);
    }
    for platforms in platforms(options) {
        match Conversion::new(file, options, world, platforms, &mut out).run() {
            Some(target) => out.builder.graph.targets.push(target),
            None => sound = false,
        }
    }
    sound &= !out.diagnostics.iter().any(|it| it.severity == Severity::Error);
    let Output { builder, diagnostics, sources, facts, said: _, noted: _, images: _ } = out;
    Compiled { graph: sound.then(|| builder.graph.pruned()), diagnostics, sources, facts }
}

/// A check directive that cannot be read.
fn bad_check_options(file: &Dockerfile, options: &BuildOptions) -> Option<Diagnostic> {
    let given = options.build_args.get("BUILDKIT_DOCKERFILE_CHECK");
    let directive = file.directives.iter().find(|directive| directive.name == "check");
    let value = given.or(directive.map(|directive| &directive.value.value))?;
    let message = CheckOptions::parse(value).err()?.to_string();
    let code = "invalid-check-options";
    let diagnostic = match directive.filter(|_| given.is_none()) {
        Some(directive) => Diagnostic::error(code, message, directive.value.span),
        None => Diagnostic::without_place(code, message),
    };
    Some(diagnostic.help("the options are `skip=RULE,...`, `error=true` and `experimental=RULE,...`, with `;` between"))
}

/// A .dockerignore of the main context that cannot be read; it becomes a source, so that its line can be shown.
fn bad_ignore_file(world: &dyn World, out: &mut Output) -> Option<Diagnostic> {
    let (name, text) = world.ignore_file("")?;
    let error = IgnoreFile::parse(&name, &text).err()?;
    let source = out.add_source(name, text);
    let line = u32::try_from(error.line()).ok()?;
    let start = source.lines().start(line)? as usize;
    let length = source.text()[start..].lines().next().map_or(0, str::len);
    let span = Span::in_source(source.id(), start, start + length);
    Some(Diagnostic::error("invalid-ignore-file", error.to_string(), span))
}

fn platforms(options: &BuildOptions) -> Vec<Platforms> {
    let build = options.build_platform.clone().unwrap_or_else(Platform::host);
    let platforms = |target: &Platform, implicit| Platforms {
        target: target.clone(),
        build: build.clone(),
        implicit,
        several: options.platforms.len() > 1,
    };
    match options.platforms.is_empty() {
        true => vec![platforms(&build, true)],
        false => options.platforms.iter().map(|target| platforms(target, false)).collect(),
    }
}

#[cfg(test)]
mod tests;
