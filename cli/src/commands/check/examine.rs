//! [`Job::report`]: one file looked at, mended if that is wanted, and put into the form that is wanted.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use compiler::lint::{self, ContextView, Finding, LintConfig, Subject};
use compiler::settings::{
    Choice, Settings, Shellcheck, hear_experimental, level_of, lint_config, warnings_to_errors,
};
use compiler::{BuildOptions, CheckOptions, ImageQuery, ResolvedImage, World, WorldError};
use grammar::{Dockerfile, Parse, Severity, SourceFile};
use oci::{ContainerConfig, ImageConfig, Platform};
use serde_json::Value;

use super::super::explain_no_resolve::{self, NoImages, PATH};
use super::mend::{self, Mended};
use super::shellcheck;
use crate::args::{CheckArgs, CheckFormat, CheckRules};
use crate::env::Env;
use crate::error::CliError;
use crate::project::checked::Checked;
use crate::project::dockerfile;
use crate::project::find::Place;
use crate::project::folder_view::{FolderView, guess};
use crate::render::findings::in_order;
use crate::render::human::Look;
use crate::render::{github, gitlab, sarif};

/// What standard input is called.
const STDIN_NAME: &str = "Dockerfile";

/// What is wanted of each file.
#[derive(Debug)]
pub(super) struct Job<'a> {
    pub(super) args: &'a CheckArgs,
    /// What the command line says of the rules.
    pub(super) choice: &'a Choice,
    /// `--build-arg`
    pub(super) build_args: BTreeMap<String, String>,
    pub(super) env: &'a Env,
    pub(super) look: Look,
    /// ShellCheck, if it is to be asked.
    pub(super) shellcheck: Option<PathBuf>,
    /// Whether there are so many files that ShellCheck is asked only where somebody said so.
    pub(super) has_many: bool,
}

/// What became of a file.
#[derive(Debug)]
pub(super) struct Report {
    /// As messages call it.
    pub(super) name: String,
    /// What is to be said of it, after mending; or why it cannot be looked at.
    pub(super) checked: Result<Checked, CliError>,
    /// What was mended, if anything was to be.
    pub(super) mended: Option<Mended>,
    /// What is to be said, in the form that is wanted.
    pub(super) output: Output,
    /// Whether ShellCheck was asked and gave no answer.
    pub(super) is_unanswered: bool,
}

/// What is to be printed.
#[derive(Debug)]
pub(super) enum Output {
    /// As it is.
    Text(String),
    /// Parts of a document.
    Values(Vec<Value>),
}

impl Job<'_> {
    /// Looks at a file.
    pub(super) fn report(&self, place: &Place, settings: &Settings) -> Report {
        let (name, path) = match place {
            Place::File { shown, path } => (shown.clone(), path.clone()),
            Place::Stdin => (STDIN_NAME.into(), self.env.path(STDIN_NAME)),
        };
        let shown = name.to_string_lossy().into_owned();
        let source = match place {
            Place::File { .. } => dockerfile::read_source(&name, &path)
                .map_err(|error| error.help("give Dockerfiles, or folders with Dockerfiles below")),
            Place::Stdin => dockerfile::read_bytes(io::stdin())
                .map(|bytes| SourceFile::from_bytes(STDIN_NAME, &bytes))
                .map_err(|error| CliError::io("cannot read standard input", &error)),
        };
        let source = match source {
            Ok(source) => source,
            Err(error) => {
                let output = Output::Text(String::new());
                return Report {
                    name: shown,
                    checked: Err(error),
                    mended: None,
                    output,
                    is_unanswered: false,
                };
            }
        };
        let check = |source: SourceFile| self.check(source, &path, settings);
        let start = source.clone();
        let (mut checked, mended) = match self.args.fix || self.args.diff {
            true => {
                let (checked, mended) = mend::mend(&source, self.args.unsafe_fixes, &check);
                (Ok(checked), Some(mended))
            }
            false => (Ok(check(source)), None),
        };
        let mut is_unanswered = false;
        if let (Ok(checked), Some(program)) = (&mut checked, self.program(settings)) {
            let source = match &mended {
                Some(mended) => SourceFile::new(start.name(), mended.text.as_str()),
                None => start,
            };
            match self.shell(&program, &source, &path, settings) {
                Some(findings) => checked.findings.extend(findings),
                None => is_unanswered = true,
            }
        }
        let is_file = matches!(place, Place::File { .. });
        if let Some(mended) =
            mended.as_ref().filter(|it| is_file && !self.args.diff && it.is_changed())
            && let Err(error) = mended.write(&path)
        {
            checked = Err(CliError::io(format_args!("cannot write `{shown}`"), &error));
        }
        let output =
            checked.as_ref().map_or(Output::Text(String::new()), |it| self.output(&name, it));
        Report { name: shown, checked, mended, output, is_unanswered }
    }

    fn output(&self, name: &Path, checked: &Checked) -> Output {
        let shown = name.to_string_lossy();
        let all = || in_order(&checked.diagnostics, &checked.findings);
        match self.args.format {
            CheckFormat::Human => Output::Text(checked.text(self.look)),
            CheckFormat::Json => Output::Text(format!("{}\n", checked.json(name))),
            CheckFormat::Github => Output::Text(github::lines(&shown, &all(), &checked.sources)),
            CheckFormat::Sarif => Output::Values(sarif::results(&shown, &all(), &checked.sources)),
            CheckFormat::Gitlab => {
                Output::Values(gitlab::entries(&shown, &all(), &checked.sources))
            }
        }
    }

    /// All there is to say of a text that is, or may become, that of `path`.
    fn check(&self, source: SourceFile, path: &Path, settings: &Settings) -> Checked {
        let Parse { tree, mut diagnostics } = grammar::parse(&source);
        if source.text().is_empty() {
            // The compiler says it, too.
            diagnostics.clear();
        }
        match self.args.rules {
            CheckRules::Buildkit => self.as_buildkit(source, &tree, diagnostics),
            CheckRules::All => {
                let mut build_args = settings.build_args.clone();
                build_args.extend(self.build_args.clone());
                let options =
                    BuildOptions { all_stages: true, build_args, ..BuildOptions::default() };
                let view = self.context(&tree, path);
                let ignore = view.as_ref().and_then(|view| ignore_file(path, view.root()));
                let compiled = compiler::compile(&tree, &source, &options, &Offline { ignore });
                let mut checks = CheckOptions::of(&tree, &options).unwrap_or_default();
                let config = lint_config(&[&settings.check, self.choice]);
                hear_experimental(&config, &mut checks);
                let mut findings = lint::check(&Subject {
                    file: &tree,
                    compiled: &compiled,
                    checks: &checks,
                    options: &options,
                    context: view.as_ref().map(|view| view as &dyn ContextView),
                    config: &config,
                });
                if checks.error {
                    warnings_to_errors(&mut findings);
                }
                diagnostics.extend(compiled.diagnostics);
                // The findings say it, and some of them may be off.
                diagnostics.retain(|found| found.code != "lint-violation");
                Checked { diagnostics, findings, sources: compiled.sources }
            }
        }
    }

    /// ShellCheck, if it is to be asked about a file with these settings.
    fn program(&self, settings: &Settings) -> Option<PathBuf> {
        let is_wanted = match self.args.shellcheck.or(settings.shellcheck).unwrap_or_default() {
            Shellcheck::Auto => !self.has_many,
            Shellcheck::On => true,
            Shellcheck::Off => false,
        };
        let is_all = self.args.rules == CheckRules::All;
        self.shellcheck.clone().filter(|_| is_wanted && is_all)
    }

    /// What ShellCheck finds in a file; `None` if it gave no answer.
    fn shell(
        &self,
        program: &Path,
        source: &SourceFile,
        path: &Path,
        settings: &Settings,
    ) -> Option<Vec<Finding>> {
        let tree = grammar::parse(source).tree;
        let options = BuildOptions { all_stages: true, ..BuildOptions::default() };
        let view = self.context(&tree, path);
        let ignore = view.as_ref().and_then(|view| ignore_file(path, view.root()));
        let compiled = compiler::compile(&tree, source, &options, &Offline { ignore });
        let checks = CheckOptions::of(&tree, &options).unwrap_or_default();
        let scripts = lint::scripts(&Subject {
            file: &tree,
            compiled: &compiled,
            checks: &checks,
            options: &options,
            context: None,
            config: &LintConfig::default(),
        });
        let level = |code: &str| level_of(&[&settings.check, self.choice], code);
        let mut findings = shellcheck::findings(program, &scripts, &level)?;
        if checks.error {
            warnings_to_errors(&mut findings);
        }
        Some(findings)
    }

    /// What BuildKit says, and nothing else.
    fn as_buildkit(
        &self,
        source: SourceFile,
        tree: &Dockerfile,
        mut diagnostics: Vec<grammar::Diagnostic>,
    ) -> Checked {
        let mut options =
            BuildOptions { all_stages: self.args.all_targets, ..explain_no_resolve::options() };
        options.build_args.extend(self.build_args.clone());
        let compiled = compiler::compile(tree, &source, &options, &NoImages);
        let checks = CheckOptions::of(tree, &options).unwrap_or_default();
        let findings = lint::findings(tree, &compiled, &checks);
        diagnostics.extend(compiled.diagnostics);
        diagnostics.retain(|found| found.severity == Severity::Error);
        Checked { diagnostics, findings, sources: compiled.sources }
    }

    /// The build context of a file.
    fn context(&self, tree: &Dockerfile, path: &Path) -> Option<FolderView> {
        match &self.args.context {
            _ if self.args.no_context => None,
            Some(given) => FolderView::new(&self.env.path(given)),
            None => guess(tree, path),
        }
    }
}

/// The ignore file of a build: that of the Dockerfile, or that of the context.
fn ignore_file(path: &Path, root: &Path) -> Option<(String, String)> {
    let own = dockerfile::own_ignore_file(path).ok().flatten();
    own.or_else(|| dockerfile::ignore_file(root).ok().flatten())
}

/// A world in which every image is there, is for the platform asked for, and has nothing but a PATH.
#[derive(Debug)]
struct Offline {
    /// The ignore file of the main context.
    ignore: Option<(String, String)>,
}

impl World for Offline {
    fn image(&self, query: &ImageQuery<'_>) -> Result<ResolvedImage, WorldError> {
        let Platform { os, architecture, variant, .. } = query.platform.clone();
        let config = ContainerConfig { env: vec![PATH.into()], ..ContainerConfig::default() };
        let config = ImageConfig { os, architecture, variant, config, ..ImageConfig::default() };
        Ok(ResolvedImage { manifest: None, config })
    }

    fn ignore_file(&self, context: &str) -> Option<(String, String)> {
        self.ignore.clone().filter(|_| context.is_empty())
    }
}
