//! [`compile`]: a Dockerfile to a [`BuildGraph`], once for each platform, with all there is to say about the file.

mod builder;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use grammar::limits::MAX_ERRORS;
use grammar::{Diagnostic, Dockerfile, Severity, SourceFile, SourceId, Span};
use oci::Platform;

pub(crate) use builder::Builder;

use crate::checks::CheckOptions;
use crate::facts::{Fact, LoweredStage};
use crate::graph::BuildGraph;
use crate::ignore::IgnoreFile;
use crate::lint;
use crate::stages::Conversion;
use crate::suggest::nearest;
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
    /// The stages that were lowered, in that order; the same one again for a further platform.
    pub stages: Vec<LoweredStage>,
    /// The .dockerignore of the main context.
    pub ignore_file: Option<IgnoreFile>,
    /// Which of the sources that is.
    pub ignore_source: Option<SourceId>,
    /// The steps of all stages, if all were asked for; those of a file with errors, too.
    pub all_stages: Option<BuildGraph>,
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
    pub stages: Vec<LoweredStage>,
    /// How many errors there were.
    errors: usize,
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

    /// Says something about the file, once. So many errors are enough.
    pub(crate) fn say(&mut self, diagnostic: Diagnostic) {
        let is_error = diagnostic.severity == Severity::Error;
        if is_error && self.errors > MAX_ERRORS {
            return;
        }
        if self.said.insert((diagnostic.message.clone(), diagnostic.span())) {
            self.errors += usize::from(is_error);
            self.diagnostics.push(diagnostic);
        }
    }

    /// The name nearest to one that has no value. After so many remarks nobody looks for it.
    pub(crate) fn suggestion<'n>(
        &self,
        name: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) -> Option<String> {
        if self.facts.len() > MAX_ERRORS { None } else { nearest(name, known) }
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
        stages: Vec::new(),
        errors: 0,
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
    let (ignore_file, ignore_source) = match ignore_file(world, &mut out) {
        Ok(found) => found.unzip(),
        Err(error) => {
            out.say(error);
            (None, None)
        }
    };
    for platforms in platforms(options) {
        match Conversion::new(file, options, world, platforms, &mut out).run() {
            Some(target) => out.builder.graph.targets.push(target),
            None => sound = false,
        }
    }
    sound &= !out.diagnostics.iter().any(|it| it.severity == Severity::Error);
    let Output {
        builder,
        diagnostics,
        sources,
        facts,
        stages,
        errors: _,
        said: _,
        noted: _,
        images: _,
    } = out;
    let all_stages = options.all_stages.then(|| builder.graph.clone());
    let graph = sound.then(|| builder.graph.pruned());
    let mut compiled = Compiled {
        graph,
        diagnostics,
        sources,
        facts,
        stages,
        ignore_file,
        ignore_source,
        all_stages,
    };
    if let Some(error) = lint_violation(file, options, &compiled) {
        compiled.graph = None;
        compiled.diagnostics.push(error);
    }
    compiled
}

/// The refusal of a sound file whose check directive says that findings are errors.
fn lint_violation(
    file: &Dockerfile,
    options: &BuildOptions,
    compiled: &Compiled,
) -> Option<Diagnostic> {
    compiled.graph.as_ref()?;
    let check = CheckOptions::of(file, options).ok().filter(|check| check.error)?;
    lint::violation(&lint::findings(file, compiled, &check))
}

/// A check directive that cannot be read.
fn bad_check_options(file: &Dockerfile, options: &BuildOptions) -> Option<Diagnostic> {
    let message = CheckOptions::of(file, options).err()?.to_string();
    let code = "invalid-check-options";
    let directive = CheckOptions::directive(file)
        .filter(|_| !options.build_args.contains_key(CheckOptions::BUILD_ARG));
    let diagnostic = match directive {
        Some(directive) => Diagnostic::error(code, message, directive.value.span),
        None => Diagnostic::without_place(code, message),
    };
    Some(diagnostic.help("the options are `skip=RULE,...`, `error=true` and `experimental=RULE,...`, with `;` between"))
}

/// The .dockerignore of the main context. It becomes a source, so that its lines can be shown.
fn ignore_file(
    world: &dyn World,
    out: &mut Output,
) -> Result<Option<(IgnoreFile, SourceId)>, Diagnostic> {
    let Some((name, text)) = world.ignore_file("") else { return Ok(None) };
    let parsed = IgnoreFile::parse(&name, &text);
    let source = out.add_source(name, text);
    let error = match parsed {
        Ok(file) => return Ok(Some((file, source.id()))),
        Err(error) => error,
    };
    let line = u32::try_from(error.line()).expect("a file has less than 2^32 lines");
    let start = source.lines().start(line).unwrap_or_default() as usize;
    let length = source.text()[start..].lines().next().map_or(0, str::len);
    let span = Span::in_source(source.id(), start, start + length);
    Err(Diagnostic::error("invalid-ignore-file", error.to_string(), span))
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
