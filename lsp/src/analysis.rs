//! [`Analysis`]: all that is found out about one version of a Dockerfile. The one place that calls the compiler.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use compiler::lint::{self, Finding};
use compiler::{BuildOptions, CheckOptions, ImageQuery, ResolvedImage, World, WorldError};
use grammar::instruction::{Source, Transfer};
use grammar::{Diagnostic, Dockerfile, Instruction, SourceFile, Statement};

use crate::documents::Document;
use crate::knowledge::Knowledge;
use crate::stages::Stages;
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
    pub(crate) variables: Variables,
    /// The folder that COPY takes from.
    pub(crate) context: Option<PathBuf>,
    /// The .dockerignore: its path and text.
    pub(crate) ignore: Option<(PathBuf, String)>,
    /// The build arguments that are set outside of the file.
    pub(crate) build_args: BTreeMap<String, String>,
}

impl Analysis {
    /// Parses, compiles and lints.
    pub(crate) fn new(document: &Document, knowledge: &dyn Knowledge) -> Analysis {
        let source = SourceFile::new("Dockerfile", document.text.as_str());
        let parsed = grammar::parse(&source);
        let tree = parsed.tree;
        let context = context(document, &tree, knowledge);
        let path = document.path.as_deref();
        let settings = path.map(|path| knowledge.settings(path)).unwrap_or_default();
        let build_args = settings.build_args.into_iter().collect();
        let ignore = path
            .zip(context.as_deref())
            .and_then(|(path, context)| knowledge.ignore_file(path, context));
        let stages = Stages::new(&tree);
        let variables = Variables::new(&source, &tree, &stages, &build_args, knowledge);
        let mut analysis = Analysis {
            tree,
            diagnostics: parsed.diagnostics,
            findings: Vec::new(),
            sources: vec![source],
            stages,
            variables,
            context,
            ignore,
            build_args,
        };
        // A mistake of the compiler's costs its diagnostics, not what the tree alone tells.
        let compiling = panic::catch_unwind(AssertUnwindSafe(|| analysis.compile(knowledge)));
        if compiling.is_err() {
            knowledge.log("compiling panicked; only what parsing says is shown");
        }
        analysis
    }

    fn compile(&mut self, knowledge: &dyn Knowledge) {
        let options = BuildOptions {
            all_stages: true,
            build_args: self.build_args.clone().into_iter().collect(),
            ..BuildOptions::default()
        };
        let world = At { knowledge, ignore: self.ignore.as_ref() };
        if self.sources[0].text().is_empty() {
            // Parsing says it, too.
            self.diagnostics.clear();
        }
        let compiled = compiler::compile(&self.tree, &self.sources[0], &options, &world);
        let rules = CheckOptions::of(&self.tree, &options).unwrap_or_default();
        self.findings = lint::findings(&self.tree, &compiled, &rules);
        // Findings are shown one by one, even where the file makes errors of them.
        let said = compiled.diagnostics.into_iter().filter(|it| it.code != "lint-violation");
        self.diagnostics.extend(said);
        self.sources = compiled.sources;
    }

    /// Everything to say about the file.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().chain(self.findings.iter().map(|finding| &finding.diagnostic))
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

/// The folder that COPY takes from: that of the file, or the nearest one above in which more of its sources are, so that
/// `docker/Dockerfile` is understood. Looks a few folders up and no further than a repository.
fn context(document: &Document, tree: &Dockerfile, knowledge: &dyn Knowledge) -> Option<PathBuf> {
    let own = document.folder()?;
    let sources: Vec<&str> = tree.statements.iter().flat_map(plain_sources).take(20).collect();
    if sources.is_empty() {
        return Some(own.to_owned());
    }
    let found =
        |folder: &Path| sources.iter().filter(|it| knowledge.exists(&folder.join(it))).count();
    let mut best = (found(own), own);
    for folder in own.ancestors().take(4) {
        let count = if folder == own { best.0 } else { found(folder) };
        if count > best.0 {
            best = (count, folder);
        }
        if best.0 == sources.len() || knowledge.exists(&folder.join(".git")) {
            break;
        }
    }
    Some(best.1.to_owned())
}

/// What a COPY or ADD from the context takes.
pub(crate) fn from_context(statement: &Statement) -> Option<&Transfer> {
    if let Instruction::Copy(copy) = &statement.instruction {
        return copy.from.is_none().then_some(&copy.transfer);
    }
    if let Instruction::Add(add) = &statement.instruction { Some(&add.transfer) } else { None }
}

/// Sources of a COPY or ADD from the context that are plain paths.
fn plain_sources(statement: &Statement) -> Vec<&str> {
    let Some(transfer) = from_context(statement) else { return Vec::new() };
    let plain = |source: &'_ Source| matches!(source, Source::Path(word) if is_plain(&word.text));
    let sources = transfer.sources.iter().filter(|source| plain(source));
    sources
        .filter_map(|source| match source {
            Source::Path(word) => Some(word.text.trim_start_matches('/')),
            Source::Heredoc(_) => None,
        })
        .collect()
}

fn is_plain(path: &str) -> bool {
    !path.contains(['$', '*', '?', '[', ':', '\\', '"', '\''])
        && !path.contains("..")
        && path != "."
        && path != "./"
}
