//! [`Analysis`]: all that is found out about one version of a Dockerfile. The one place that calls the compiler.

use std::collections::HashMap;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use compiler::lint::{self, ContextView, Finding, Subject};
use compiler::settings::{hear_experimental, lint_config, warnings_to_errors};
use compiler::{BuildOptions, CheckOptions, ImageQuery, ResolvedImage, World, WorldError};
use grammar::instruction::Transfer;
use grammar::{Diagnostic, Dockerfile, Instruction, SourceFile, Statement};

use crate::documents::Document;
use crate::knowledge::{Context, Knowledge, Project};
use crate::stages::Stages;
use crate::steps::{self, Step};
use crate::variables::Variables;

/// All that is found out about one version of a Dockerfile.
#[derive(Debug)]
pub(crate) struct Analysis {
    pub(crate) tree: Dockerfile,
    /// What parsing and compiling said.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// What lint rules said.
    pub(crate) findings: Vec<Finding>,
    /// What spans point into, the Dockerfile first.
    pub(crate) sources: Vec<SourceFile>,
    pub(crate) stages: Stages,
    /// What its instructions make, as far as compiling got.
    pub(crate) steps: Vec<Step>,
    pub(crate) variables: Variables,
    /// The folder that COPY takes from; that of the file, if nothing says which one it is.
    pub(crate) context: Option<PathBuf>,
    /// The .dockerignore: its path and text.
    pub(crate) ignore: Option<(PathBuf, String)>,
    /// The `dfc.toml` that holds.
    pub(crate) project: Rc<Project>,
}

impl Analysis {
    /// Parses, compiles and lints.
    pub(crate) fn new(document: &Document, knowledge: &dyn Knowledge) -> Analysis {
        Analysis::of(&document.text, document.path.as_deref(), knowledge)
    }

    /// The same of a text that is, or may become, that of a file.
    pub(crate) fn of(text: &str, path: Option<&Path>, knowledge: &dyn Knowledge) -> Analysis {
        let source = SourceFile::new("Dockerfile", text);
        let parsed = grammar::parse(&source);
        let tree = parsed.tree;
        let project = path.map(|path| knowledge.project(path)).unwrap_or_default();
        let context = path.and_then(|path| knowledge.context(&tree, path));
        let ignore = path
            .zip(context.as_ref())
            .and_then(|(path, context)| knowledge.ignore_file(path, &context.root));
        let stages = Stages::new(&tree);
        let build_args = &project.settings.build_args;
        let variables = Variables::new(&source, &tree, &stages, build_args, knowledge);
        let own = || path.and_then(Path::parent).map(Path::to_owned);
        let mut analysis = Analysis {
            tree,
            diagnostics: parsed.diagnostics,
            findings: Vec::new(),
            sources: vec![source],
            stages,
            steps: Vec::new(),
            variables,
            context: context.as_ref().map(|context| context.root.clone()).or_else(own),
            ignore,
            project,
        };
        // A mistake of the compiler's costs its diagnostics, not what the tree alone tells.
        let compile = || analysis.compile(context.as_ref(), knowledge);
        if panic::catch_unwind(AssertUnwindSafe(compile)).is_err() {
            knowledge.log("compiling panicked; only what parsing says is shown");
        }
        analysis
    }

    /// As `dfc check` does, but that the base images of the local store are known.
    fn compile(&mut self, context: Option<&Context>, knowledge: &dyn Knowledge) {
        let settings = &self.project.settings;
        let build_args = settings.build_args.clone();
        let options = BuildOptions { all_stages: true, build_args, ..BuildOptions::default() };
        let world = At { knowledge, ignore: self.ignore.as_ref() };
        if self.sources[0].text().is_empty() {
            // Compiling says it, too.
            self.diagnostics.clear();
        }
        let compiled = compiler::compile(&self.tree, &self.sources[0], &options, &world);
        let mut checks = CheckOptions::of(&self.tree, &options).unwrap_or_default();
        let config = lint_config(&[&settings.check]);
        hear_experimental(&config, &mut checks);
        self.findings = lint::check(&Subject {
            file: &self.tree,
            compiled: &compiled,
            checks: &checks,
            options: &options,
            context: context.map(|context| &*context.view as &dyn ContextView),
            config: &config,
        });
        if checks.error {
            warnings_to_errors(&mut self.findings);
        }
        self.steps = compiled.all_stages.as_ref().map(steps::of).unwrap_or_default();
        // The findings say it, one by one.
        let said = compiled.diagnostics.into_iter().filter(|it| it.code != "lint-violation");
        self.diagnostics.extend(said);
        self.sources = compiled.sources;
    }

    /// Everything to say about the file.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().chain(self.findings.iter().map(|finding| &finding.diagnostic))
    }

    /// Everything to say about the file in its order, each thing once, as bad as it was said.
    pub(crate) fn in_order(&self) -> Vec<&Diagnostic> {
        let mut all: Vec<&Diagnostic> = self.all().collect();
        all.sort_by_key(|found| found.span().map(|span| (span.source, span.start)));
        let mut unique: Vec<&Diagnostic> = Vec::new();
        let mut places = HashMap::new();
        for found in all {
            let place = *places.entry((&found.message, found.span())).or_insert(unique.len());
            match unique.get_mut(place) {
                Some(known) if found.severity < known.severity => *known = found,
                Some(_) => {}
                None => unique.push(found),
            }
        }
        unique
    }

    /// The instruction that a place is in, with its number. Blanks behind it count as its own.
    pub(crate) fn statement_at(&self, offset: usize) -> Option<(usize, &Statement)> {
        let statements = &self.tree.statements;
        let behind = statements.partition_point(|it| it.span.start as usize <= offset);
        let index = behind.checked_sub(1)?;
        let statement = &statements[index];
        let end = statement.span.end as usize;
        let text = self.sources[0].text();
        if offset <= end {
            return Some((index, statement));
        }
        let between = text.get(end..offset)?;
        (!between.contains('\n')).then_some((index, statement))
    }
}

/// The world of one file.
#[derive(Clone, Copy)]
struct At<'a> {
    knowledge: &'a dyn Knowledge,
    ignore: Option<&'a (PathBuf, String)>,
}

impl World for At<'_> {
    fn image(&self, query: &ImageQuery<'_>) -> Result<ResolvedImage, WorldError> {
        self.knowledge.image(query)
    }

    fn ignore_file(&self, context: &str) -> Option<(String, String)> {
        let (path, text) = self.ignore.filter(|_| context.is_empty())?;
        let name = path.file_name().unwrap_or(path.as_os_str());
        Some((name.to_string_lossy().into_owned(), text.clone()))
    }
}

/// What a COPY or ADD from the context takes.
pub(crate) fn from_context(statement: &Statement) -> Option<&Transfer> {
    if let Instruction::Copy(copy) = &statement.instruction {
        return copy.from.is_none().then_some(&copy.transfer);
    }
    if let Instruction::Add(add) = &statement.instruction { Some(&add.transfer) } else { None }
}
