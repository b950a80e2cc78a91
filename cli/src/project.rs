//! [`Project`]: a Dockerfile with all that the flags say about its build; what `build` and `explain` start from.

pub(crate) mod checked;
pub(crate) mod dockerfile;
pub(crate) mod fetch;
pub(crate) mod find;
pub(crate) mod folder_view;
pub(crate) mod settings;
mod world;

use std::collections::BTreeMap;
use std::path::Path;

use compiler::lint::{self, Finding};
use compiler::{BuildGraph, BuildOptions, CheckOptions, Compiled};
use executor::LocalContext;
use grammar::{Diagnostic, Dockerfile, Parse, Severity, SourceFile};
use store::{LayerId, Store};

use crate::args::build::GraphArgs;
use crate::env::Env;
use crate::error::CliError;
use crate::images::ImageSources;
use crate::images::remote::Remote;
use crate::options::context::Contexts;
use crate::options::graph::build_options;
use crate::options::secret::Secrets;
use crate::progress::Reporter;
use crate::render::human;
use crate::ui::Ui;
use checked::Checked;
use dockerfile::{Context, Input};
use fetch::Fetcher;
use world::CliWorld;

/// A Dockerfile that parsed, with its options and contexts.
#[derive(Debug)]
pub(crate) struct Project {
    /// The local contexts, `""` is the main one.
    pub(crate) contexts: BTreeMap<String, LocalContext>,
    /// Contexts that were fetched: at most the main one.
    pub(crate) fetched: BTreeMap<String, LayerId>,
    /// Secrets and agent sockets.
    pub(crate) secrets: Secrets,
    /// Names the project from one build to the next.
    pub(crate) name: String,
    env: Env,
    options: BuildOptions,
    tree: Dockerfile,
    warnings: Vec<Diagnostic>,
    input: Input,
}

/// Where contexts come from that are not folders, and how their coming is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sources<'a> {
    /// Where they go.
    pub(crate) store: &'a Store,
    /// Where they come from.
    pub(crate) remote: &'a Remote,
    /// Is told how they come.
    pub(crate) reporter: &'a Reporter,
}

/// Why there is no project.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The flags are wrong, or a file or a context cannot be had.
    Refused(CliError),
    /// The Dockerfile does not parse.
    Broken(Vec<Diagnostic>, Box<SourceFile>),
}

impl Unread {
    /// Prints what is wrong with the Dockerfile, once nothing else is on the screen.
    pub(crate) fn report(self, ui: &mut Ui) -> CliError {
        match self {
            Unread::Refused(error) => error,
            Unread::Broken(diagnostics, source) => {
                report(&diagnostics, std::slice::from_ref(&*source), ui);
                CliError::Reported
            }
        }
    }
}

impl From<CliError> for Unread {
    fn from(error: CliError) -> Unread {
        Unread::Refused(error)
    }
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
    /// Reads and parses.
    ///
    /// # Errors
    /// Wrong flags, missing files, a Dockerfile that does not parse.
    pub(crate) fn read(
        args: &GraphArgs,
        path: &Path,
        sources: &Sources<'_>,
        env: &Env,
    ) -> Result<Project, Unread> {
        let named = Contexts::parse(&args.build_contexts, env)?;
        let mut options = build_options(args, &named, env)?;
        let secrets = Secrets::parse(&args.secrets, &args.ssh, env)?;
        let Sources { store, remote, reporter } = *sources;
        let fetcher = Fetcher { store, remote, secrets: &secrets, env, reporter: Some(reporter) };
        let files = (args.file.as_deref(), path);
        let input = Input::read(files, &options.build_args, env, &fetcher)?;
        let mut contexts = BTreeMap::new();
        let mut fetched = BTreeMap::new();
        match &input.context {
            Context::Folder(folder) => drop(contexts.insert(String::new(), folder.clone())),
            Context::Fetched(tree) => {
                options.fetched_context = true;
                fetched.insert(String::new(), tree.layer);
            }
        }
        for (name, folder) in named.folders {
            contexts.insert(name, dockerfile::named_context(folder)?);
        }
        let Parse { tree, mut diagnostics } = grammar::parse(&input.source);
        if input.source.text().is_empty() {
            // The compiler has BuildKit's word for this case, which BuildKit's parser never sees.
            diagnostics.clear();
        }
        if diagnostics.iter().any(|found| found.severity == Severity::Error) {
            return Err(Unread::Broken(diagnostics, Box::new(input.source)));
        }
        let name = input.project.clone();
        let env = env.clone();
        let warnings = diagnostics;
        Ok(Project { contexts, fetched, secrets, name, env, options, tree, warnings, input })
    }

    /// Compiles, looking up images in `images`. What is wrong with the file comes back as diagnostics.
    ///
    /// # Errors
    /// Everything there is to say, with its sources.
    pub(crate) fn compile(
        &self,
        images: &ImageSources<'_>,
    ) -> Result<CompiledProject, (Vec<Diagnostic>, Vec<SourceFile>)> {
        let world = self.world(images);
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

    /// What git gets of the environment.
    pub(crate) fn git_settings(&self) -> executor::GitSettings {
        self.env.git_settings()
    }

    /// All there is to say about the target, or about all stages if there is none.
    pub(crate) fn check(&self, images: &ImageSources<'_>) -> Checked {
        let world = self.world(images);
        let all_stages = self.options.target.is_none();
        let options = BuildOptions { all_stages, ..self.options.clone() };
        let compiled = compiler::compile(&self.tree, &self.input.source, &options, &world);
        let findings = self.findings(&compiled);
        let mut diagnostics = self.warnings.clone();
        diagnostics.extend(compiled.diagnostics);
        Checked { diagnostics, findings, sources: compiled.sources }
    }

    fn world<'a>(&'a self, images: &'a ImageSources<'a>) -> CliWorld<'a> {
        let main = match &self.input.context {
            Context::Folder(_) => None,
            Context::Fetched(fetched) => Some(fetched),
        };
        let fetcher = images.fetcher(&self.secrets, &self.env);
        CliWorld { images, contexts: &self.contexts, main, fetcher }
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
