//! [`Cx`]: what rules look at, and where they tell what they found.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use grammar::{
    Code, Diagnostic, Dockerfile, Fix, Instruction, Label, SourceId, Span, Spanned, Statement,
};

use super::context::{self, ContextView, Found};
use super::hadolint::Pragmas;
use super::runs::ShellRun;
use super::{Finding, Level, LintConfig, Rule, Subject};
use crate::checks::CheckOptions;
use crate::compile::Compiled;
use crate::facts::{Fact, LoweredStage};
use crate::graph::BuildGraph;
use crate::world::BuildOptions;

/// What rules look at.
#[derive(Debug)]
pub struct Cx<'a> {
    /// The file.
    pub file: &'a Dockerfile,
    /// What compiling noted.
    pub facts: &'a [Fact],
    /// The stages that were lowered, each once, in the order of the file.
    pub stages: Vec<Reached<'a>>,
    /// The steps of all stages that were lowered. Of a file with errors as far as it goes; of a build that looks at its
    /// target alone, only what that needs, and only without errors.
    pub graph: Option<&'a BuildGraph>,
    /// What the main context holds, if anybody knows.
    pub context: Option<&'a dyn ContextView>,
    /// What the file was compiled with.
    pub options: &'a BuildOptions,
    /// Which rules run.
    pub config: &'a LintConfig,
    /// By the source of a trigger: the stage that runs it.
    triggers: BTreeMap<u32, usize>,
    /// By the place of its FROM: what a stage runs, once it was asked for.
    pub(super) shells: RefCell<BTreeMap<u32, Rc<[ShellRun<'a>]>>>,
    compiled: &'a Compiled,
    checks: &'a CheckOptions,
    pragmas: Pragmas,
    /// The one that is running.
    rule: Option<&'a dyn Rule>,
    findings: Vec<Finding>,
}

/// A stage that was lowered.
#[derive(Debug, Clone, Copy)]
pub struct Reached<'a> {
    /// What compiling noted of it.
    pub lowered: &'a LoweredStage,
    /// Its FROM.
    pub from: &'a Statement,
    /// The image's word in it.
    image: Span,
    /// Its own instructions.
    pub own: &'a [Statement],
}

/// The instruction that a finding is about.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// First and last line.
    pub lines: (u32, u32),
    /// The word to show instead of one that is not in the file.
    span: Span,
    /// The comments right above.
    comments: &'a [Spanned<String>],
}

impl<'a> Place<'a> {
    /// An instruction of the file.
    pub fn of(statement: &'a Statement) -> Place<'a> {
        Place { lines: statement.lines, span: statement.span, comments: &statement.comments }
    }

    /// With the comments of another instruction.
    pub fn with_comments_of(self, other: Place<'a>) -> Place<'a> {
        Place { comments: other.comments, ..self }
    }

    /// With other lines.
    pub fn on_lines(self, first: u32, last: u32) -> Place<'a> {
        Place { lines: (first, last), ..self }
    }
}

impl<'a> Reached<'a> {
    /// The instructions, the triggers of its base first; these count as its FROM.
    pub fn statements(self) -> impl Iterator<Item = (Place<'a>, &'a Statement)> {
        let place = self.trigger_place();
        let triggers = self.lowered.triggers.iter().map(move |statement| (place, statement));
        triggers.chain(self.own.iter().map(|statement| (Place::of(statement), statement)))
    }

    fn trigger_place(&self) -> Place<'a> {
        Place { lines: self.from.lines, span: self.image, comments: &[] }
    }
}

impl<'a> Cx<'a> {
    pub(super) fn new(subject: Subject<'a>, pragmas: Pragmas) -> Cx<'a> {
        let Subject { file, compiled, checks, options, context, config } = subject;
        let is_from = |it: &Statement| matches!(it.instruction, Instruction::From(_));
        let statements = &file.statements;
        let lowered: BTreeMap<u32, &LoweredStage> =
            compiled.stages.iter().rev().map(|it| (it.from.start, it)).collect();
        let mut stages = Vec::new();
        for (index, from) in statements.iter().enumerate() {
            let Instruction::From(it) = &from.instruction else { continue };
            let Some(lowered) = lowered.get(&from.span.start) else { continue };
            let behind = &statements[index + 1..];
            let end = behind.iter().position(is_from).unwrap_or(behind.len());
            stages.push(Reached { lowered, from, image: it.image.span, own: &behind[..end] });
        }
        let brought_by = |(index, stage): (usize, &Reached<'_>)| {
            let sources = stage.lowered.triggers.iter().map(|it| it.span.source.0);
            sources.map(|source| (source, index)).collect::<Vec<_>>()
        };
        Cx {
            file,
            facts: &compiled.facts,
            triggers: stages.iter().enumerate().flat_map(brought_by).collect(),
            stages,
            graph: compiled.all_stages.as_ref().or(compiled.graph.as_ref()),
            context,
            options,
            config,
            shells: RefCell::default(),
            compiled,
            checks,
            pragmas,
            rule: None,
            findings: Vec::new(),
        }
    }

    /// The .dockerignore of the main context.
    pub fn ignore_file(&self) -> Option<&'a crate::ignore::IgnoreFile> {
        self.compiled.ignore_file.as_ref()
    }

    /// Looks for a source of COPY in the main context; `None` if nobody knows the context.
    pub fn find(&self, source: &str) -> Option<Found<'a>> {
        Some(context::find(self.context?, self.ignore_file(), source))
    }

    /// A line of the .dockerignore, for a further label.
    pub fn ignore_line(&self, line: usize) -> Option<Span> {
        let id = self.compiled.ignore_source?;
        let source = self.compiled.sources.iter().find(|source| source.id() == id)?;
        let start = source.lines().start(u32::try_from(line).ok()?)? as usize;
        let length = source.text()[start..].lines().next().map_or(0, str::len);
        Some(Span::in_source(id, start, start + length))
    }

    /// What is written at a place of the file.
    pub fn written(&self, span: Span) -> &'a str {
        let source = self.compiled.sources.iter().find(|source| source.id() == span.source);
        source.map(|source| source.slice(span)).unwrap_or_default()
    }

    /// A place with the line break behind it; the last line of a file may have none.
    pub fn with_line_break(&self, span: Span) -> Span {
        let source = self.compiled.sources.iter().find(|source| source.id() == span.source);
        let behind = source.map_or("", |source| &source.text()[span.end as usize..]);
        let length = behind.find('\n').map_or(behind.len(), |end| end + 1);
        Span::in_source(span.source, span.start as usize, span.end as usize + length)
    }

    /// The fix that takes an instruction out, with its line break. What stood above it stays. It is for who asks for it: the
    /// history of the image becomes another, at least.
    pub fn removal(&self, statement: &Statement) -> Option<Box<Fix>> {
        let span = self.with_line_break(statement.span);
        let title = format!("leave this {} out", statement.keyword.value.to_ascii_uppercase());
        let fix = Fix { title, edits: vec![(span, String::new())], is_safe: false };
        (span.source == SourceId::MAIN).then(|| Box::new(fix))
    }

    /// The instruction of the file that a word is in.
    pub fn statement(&self, word: Span) -> Option<&'a Statement> {
        if word.source != SourceId::MAIN {
            return None;
        }
        let statements = &self.file.statements;
        let behind = statements.partition_point(|it| it.span.start <= word.start);
        statements.get(behind.checked_sub(1)?)
    }

    /// The place of the instruction that a word is in; for a trigger, of the FROM that runs it.
    pub fn place(&self, word: Span) -> Option<Place<'a>> {
        match self.triggers.get(&word.source.0) {
            Some(stage) => Some(self.stages[*stage].trigger_place()),
            None => self.statement(word).map(Place::of),
        }
    }

    /// Tells a finding about an instruction, unless the file or its comments leave the rule out there.
    pub fn warn(&mut self, place: Place<'a>, mut diagnostic: Diagnostic) {
        let Some(rule) = self.rule.filter(|rule| self.is_heard(*rule, place)) else { return };
        if let Level::On(severity) = self.config.level(rule) {
            diagnostic.severity = severity;
        }
        if diagnostic.span().is_some_and(|span| span.source != SourceId::MAIN) {
            // What a trigger does is said where the file brings it in.
            let text = "runs the ONBUILD triggers of this".to_owned();
            diagnostic.labels.insert(0, Label { span: place.span, text });
            diagnostic.fix = None;
        }
        self.findings.push(Finding { diagnostic, lines: place.lines });
    }

    /// Whether a rule is on at a place.
    fn is_heard(&self, rule: &dyn Rule, place: Place<'_>) -> bool {
        let merged = match rule.hears_comments() {
            true => self.checks.with_comments(place.comments),
            false => None,
        };
        let checks = merged.as_ref().unwrap_or(self.checks);
        let on = match rule.is_experimental() {
            true => checks.experimental.contains(rule.name()),
            false => {
                let skips = |name: &str| checks.skip.contains(name);
                !skips(rule.name()) && !rule.aliases().iter().any(|alias| skips(alias))
            }
        };
        on && !self.pragmas.ignore(rule, place.comments)
    }

    /// Tells a finding about the instruction that the diagnostic's place is in.
    pub fn warn_there(&mut self, diagnostic: Diagnostic) {
        if let Some(place) = diagnostic.span().and_then(|span| self.place(span)) {
            self.warn(place, diagnostic);
        }
    }

    pub(super) fn apply(&mut self, rule: &'static dyn Rule) {
        self.rule = Some(rule);
        rule.check(self);
    }

    pub(super) fn finish(self) -> Vec<Finding> {
        let mut findings = self.findings;
        findings.sort_by(|a, b| key(a).cmp(&key(b)));
        // Several platforms find the same.
        findings.dedup();
        findings
    }
}

/// What findings are ordered by.
fn key(finding: &Finding) -> ((u32, u32), Option<u32>, Code, &str) {
    let Finding { diagnostic, lines } = finding;
    let start = diagnostic.span().map(|span| span.start);
    (*lines, start, diagnostic.code, &diagnostic.message)
}
