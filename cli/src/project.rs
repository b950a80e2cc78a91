//! [`Project`]: a Dockerfile with all that the flags say about its build; what `build` and `explain` start from.

pub(crate) mod checked;
pub(crate) mod dockerfile;
mod world;

use std::collections::BTreeMap;
use std::path::Path;

use compiler::lint::{self, Finding};
use compiler::{BuildGraph, BuildOptions, CheckOptions, Compiled};
use executor::LocalContext;
use grammar::{Diagnostic, Dockerfile, Parse, Severity, SourceFile};

use crate::args::build::GraphArgs;
use crate::error::CliError;
use crate::images::ImageSources;
use crate::options::context::Contexts;
use crate::options::graph::build_options;
use crate::options::secret::Secrets;
use crate::render::human;
use crate::ui::Ui;
use checked::Checked;
use dockerfile::Input;
use world::CliWorld;

/// A Dockerfile that parsed, with its options and contexts.
#[derive(Debug)]
pub(crate) struct Project {
    /// The local contexts, `""` is the main one.
    pub(crate) contexts: BTreeMap<String, LocalContext>,
    /// Secrets and agent sockets.
    pub(crate) secrets: Secrets,
    /// Names the project from one build to the next.
    pub(crate) name: String,
    options: BuildOptions,
    tree: Dockerfile,
    warnings: Vec<Diagnostic>,
    input: Input,
}

/// A project as a graph.
#[derive(Debug)]
pub(crate) struct CompiledProject {
    /// The steps.
    pub(crate) graph: BuildGraph,
    /// What spans are in.
    pub(crate) sources: Vec<SourceFile>,
    /// What is probably not as meant.
    pub(crate) warnings: Vec<Diagnostic>,
    /// What lint rules found.
    pub(crate) findings: Vec<Finding>,
}

impl Project {
    /// Reads and parses. What is wrong with the file is printed.
    ///
    /// # Errors
    /// Wrong flags, missing files, a Dockerfile that does not parse.
    pub(crate) fn read(args: &GraphArgs, path: &Path, ui: &mut Ui) -> Result<Project, CliError> {
        let named = Contexts::parse(&args.build_contexts, &ui.env)?;
        let options = build_options(args, &named, &ui.env)?;
        let secrets = Secrets::parse(&args.secrets, &args.ssh, &ui.env)?;
        let input = Input::read(args.file.as_deref(), path, &ui.env)?;
        let mut contexts = BTreeMap::from([(String::new(), input.context.clone())]);
        for (name, folder) in named.folders {
            contexts.insert(name, dockerfile::named_context(folder)?);
        }
        let Parse { tree, mut diagnostics } = grammar::parse(&input.source);
        if input.source.text().is_empty() {
            // The compiler has BuildKit's word for this case, which BuildKit's parser never sees.
            diagnostics.clear();
        }
        if diagnostics.iter().any(|found| found.severity == Severity::Error) {
            report(&diagnostics, std::slice::from_ref(&input.source), ui);
            return Err(CliError::Reported);
        }
        let name = input.project.clone();
        Ok(Project { contexts, secrets, name, options, tree, warnings: diagnostics, input })
    }

    /// Compiles, looking up images in `images`. What is wrong with the file comes back as diagnostics.
    ///
    /// # Errors
    /// Everything there is to say, with its sources.
    pub(crate) fn compile(
        &self,
        images: &ImageSources<'_>,
    ) -> Result<CompiledProject, (Vec<Diagnostic>, Vec<SourceFile>)> {
        let world = CliWorld { images, contexts: &self.contexts };
        let compiled = compiler::compile(&self.tree, &self.input.source, &self.options, &world);
        let findings = self.findings(&compiled);
        let mut warnings = self.warnings.clone();
        warnings.extend(compiled.diagnostics);
        match compiled.graph {
            Some(graph) => {
                Ok(CompiledProject { graph, sources: compiled.sources, warnings, findings })
            }
            None => Err((warnings, compiled.sources)),
        }
    }

    /// All there is to say about the target, or about all stages if there is none.
    pub(crate) fn check(&self, images: &ImageSources<'_>) -> Checked {
        let world = CliWorld { images, contexts: &self.contexts };
        let all_stages = self.options.target.is_none();
        let options = BuildOptions { all_stages, ..self.options.clone() };
        let compiled = compiler::compile(&self.tree, &self.input.source, &options, &world);
        let findings = self.findings(&compiled);
        let mut diagnostics = self.warnings.clone();
        diagnostics.extend(compiled.diagnostics);
        Checked { diagnostics, findings, sources: compiled.sources }
    }

    fn findings(&self, compiled: &Compiled) -> Vec<Finding> {
        let rules = CheckOptions::of(&self.tree, &self.options).unwrap_or_default();
        lint::findings(&self.tree, compiled, &rules)
    }
}

/// Prints diagnostics for people.
pub(crate) fn report(diagnostics: &[Diagnostic], sources: &[SourceFile], ui: &mut Ui) {
    let text = human::diagnostics(diagnostics, sources, ui.look_err());
    ui.note(text.trim_end());
}
