//! The variables of a file: where each gets its value, where it is used, and what it is there.
//!
//! Uses are found in the text itself, so that they are there in the middle of an edit; values are evaluated as in a
//! build: ENV before ARG, a stage without what only another one knows.

mod scan;

use std::collections::{BTreeMap, BTreeSet};

use compiler::expand::{self, Env, Unset};
use grammar::{Dockerfile, Instruction, SourceFile, Span, Statement, Word};

use crate::knowledge::Knowledge;
use crate::stages::Stages;

/// The longest value that is kept, in bytes.
const MAX_VALUE: usize = 4096;

/// How many names are evaluated: more than anybody writes.
const MAX_BINDINGS: usize = 2000;

/// Names that have a value without anybody's doing, once an ARG asks for them.
pub(crate) const PREDEFINED: &[(&str, &str)] = &[
    ("TARGETPLATFORM", "the platform the image is for, such as `linux/amd64`"),
    ("TARGETOS", "the system of TARGETPLATFORM"),
    ("TARGETARCH", "the architecture of TARGETPLATFORM"),
    ("TARGETVARIANT", "the variant of TARGETPLATFORM, such as `v7`"),
    ("TARGETSTAGE", "the stage that is built"),
    ("BUILDPLATFORM", "the platform of the machine that builds"),
    ("BUILDOS", "the system of BUILDPLATFORM"),
    ("BUILDARCH", "the architecture of BUILDPLATFORM"),
    ("BUILDVARIANT", "the variant of BUILDPLATFORM"),
    ("HTTP_PROXY", "a proxy; in no cache key and no history"),
    ("HTTPS_PROXY", "a proxy; in no cache key and no history"),
    ("FTP_PROXY", "a proxy; in no cache key and no history"),
    ("NO_PROXY", "what is reached without proxy"),
    ("ALL_PROXY", "a proxy; in no cache key and no history"),
    ("SOURCE_DATE_EPOCH", "the time that files and the image get, in seconds since 1970"),
];

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// An ARG or ENV of the file, by its number in [`Variables::bindings`].
    Binding(usize),
    /// The base image.
    Image(String),
    /// Always there.
    Predefined,
}

/// What gives a name a value.
#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) name: String,
    /// The name alone.
    pub(crate) span: Span,
    /// ENV, not ARG.
    pub(crate) is_env: bool,
    /// What it is; `None` if an ARG gets none.
    pub(crate) value: Option<String>,
    /// Whether a build argument set it.
    pub(crate) is_given: bool,
    /// The ARG before the first FROM that it repeats.
    pub(crate) inherits: Option<usize>,
    /// Whether the file writes a value down.
    pub(crate) has_default: bool,
}

/// A place that uses a variable.
#[derive(Debug)]
pub(crate) struct Use {
    pub(crate) name: String,
    /// The name alone.
    pub(crate) span: Span,
    pub(crate) value: Option<String>,
    pub(crate) origin: Option<Origin>,
}

/// All variables of a file.
#[derive(Debug, Default)]
pub(crate) struct Variables {
    pub(crate) bindings: Vec<Binding>,
    pub(crate) uses: Vec<Use>,
    /// What is known behind each instruction's predecessor, by the number of the instruction.
    scopes: BTreeMap<usize, Scope>,
}

/// What has a value at a place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    /// ENV wins over ARG.
    args: BTreeMap<String, (Option<String>, Origin)>,
    envs: BTreeMap<String, (Option<String>, Origin)>,
}

impl Scope {
    /// The value of a variable and where it is from.
    pub(crate) fn get(&self, name: &str) -> Option<&(Option<String>, Origin)> {
        self.envs.get(name).or_else(|| self.args.get(name))
    }

    /// All names, sorted, with their values.
    pub(crate) fn all(&self) -> BTreeMap<&str, &(Option<String>, Origin)> {
        let both = self.args.iter().chain(&self.envs);
        both.map(|(name, value)| (name.as_str(), value)).collect()
    }

    /// What a word becomes here, if all is well with it. What has no value stays.
    pub(crate) fn expand(&self, word: &Word, escape: char) -> Option<String> {
        self.expanded(word, escape, Unset::Kept)
    }

    /// What a word becomes here, if all is well with it. What has no value is empty.
    pub(crate) fn evaluate(&self, word: &Word, escape: char) -> Option<String> {
        self.expanded(word, escape, Unset::Empty)
    }

    fn expanded(&self, word: &Word, escape: char, unset: Unset) -> Option<String> {
        let parts = expand::parts(word, escape).ok()?;
        // A file has many variables, and a word few.
        let is_named = |name: &str| word.text.contains('$') && word.text.contains(name);
        let values = self.args.iter().chain(&self.envs).filter(|(name, _)| is_named(name));
        let names: BTreeSet<&str> = values.map(|(name, _)| name.as_str()).collect();
        let values = names
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), self.get(name)?.0.clone()?)));
        let env: Env = values.collect();
        let text = expand::expand(&parts, &env, unset).ok()?.text;
        (text.len() <= MAX_VALUE).then_some(text)
    }
}

impl Variables {
    /// Finds and evaluates all of them.
    pub(crate) fn new(
        source: &SourceFile,
        tree: &Dockerfile,
        stages: &Stages,
        build_args: &BTreeMap<String, String>,
        knowledge: &dyn Knowledge,
    ) -> Variables {
        let mut walk = Walk {
            source,
            escape: tree.dialect.escape,
            build_args,
            knowledge,
            global: Scope::default(),
            found: Variables::default(),
        };
        let mut ends: Vec<Scope> = Vec::new();
        let mut scope = Scope::default();
        let mut stage = None;
        for (index, statement) in tree.statements.iter().enumerate() {
            if let Instruction::From(from) = &statement.instruction {
                if let Some(last) = index.checked_sub(1) {
                    walk.found.scopes.entry(last).or_insert_with(|| scope.clone());
                }
                match stage.replace(stage.map_or(0, |stage: usize| stage + 1)) {
                    None => walk.global = std::mem::take(&mut scope),
                    Some(_) => ends.push(std::mem::take(&mut scope)),
                }
                let global = walk.global.clone();
                walk.uses(statement, &global);
                walk.found.scopes.insert(index, global.clone());
                let base = stage.and_then(|stage| stages.list.get(stage)?.base);
                scope.envs = match base.and_then(|base| ends.get(base)) {
                    Some(base) => base.envs.clone(),
                    None => walk.image_env(&global.expand(&from.image, walk.escape)),
                };
                continue;
            }
            walk.uses(statement, &scope);
            let binds = matches!(statement.instruction, Instruction::Arg(_) | Instruction::Env(_));
            if binds && walk.found.bindings.len() < MAX_BINDINGS {
                walk.found.scopes.insert(index, scope.clone());
                walk.bind(statement, &mut scope, stage.is_none());
            }
        }
        walk.found.scopes.insert(usize::MAX, scope);
        walk.found
    }

    /// What has a value at an instruction. The scopes that are kept stand where they change: the next one holds.
    pub(crate) fn scope(&self, statement: usize) -> Option<&Scope> {
        self.scopes.range(statement..).next().map(|(_, scope)| scope)
    }

    /// The name and its place at an offset, of a binding or a use that belongs to the file.
    pub(crate) fn name_at(&self, offset: usize) -> Option<(&str, Span)> {
        let bindings = self.bindings.iter().map(|it| (it.name.as_str(), it.span));
        let uses = self.uses.iter().map(|it| (it.name.as_str(), it.span));
        bindings.chain(uses).find(|(_, span)| touches(*span, offset))
    }

    /// The use at an offset.
    pub(crate) fn use_at(&self, offset: usize) -> Option<&Use> {
        self.uses.iter().find(|it| touches(it.span, offset))
    }

    /// The binding whose name is at an offset.
    pub(crate) fn binding_at(&self, offset: usize) -> Option<&Binding> {
        self.bindings.iter().find(|it| touches(it.span, offset))
    }
}

/// Whether an offset is in a span or right behind it.
pub(crate) fn touches(span: Span, offset: usize) -> bool {
    span.start as usize <= offset && offset <= span.end as usize
}

/// The evaluation in progress.
struct Walk<'a> {
    source: &'a SourceFile,
    escape: char,
    build_args: &'a BTreeMap<String, String>,
    knowledge: &'a dyn Knowledge,
    global: Scope,
    found: Variables,
}

impl Walk<'_> {
    fn image_env(&self, image: &Option<String>) -> BTreeMap<String, (Option<String>, Origin)> {
        let Some(name) = image else { return BTreeMap::new() };
        let facts = self.knowledge.describe_image(name);
        let lines = facts.into_iter().flat_map(|facts| facts.env);
        let origin = || Origin::Image(name.clone());
        lines
            .filter_map(|line| {
                let (name, value) = line.split_once('=')?;
                Some((name.to_owned(), (Some(value.to_owned()), origin())))
            })
            .collect()
    }

    /// Notes the uses in an instruction. In what a shell runs, only names that are known count.
    fn uses(&mut self, statement: &Statement, scope: &Scope) {
        let is_shell = scan::is_shell(&statement.instruction);
        for (start, end) in scan::names(self.source.text(), statement, self.escape) {
            let name = &self.source.text()[start..end];
            let known = scope.get(name);
            if is_shell && known.is_none() {
                continue;
            }
            self.found.uses.push(Use {
                name: name.to_owned(),
                span: Span::new(start, end),
                value: known.and_then(|(value, _)| value.clone()),
                origin: known.map(|(_, origin)| origin.clone()),
            });
        }
    }

    /// Notes what an ARG or ENV binds.
    fn bind(&mut self, statement: &Statement, scope: &mut Scope, is_global: bool) {
        if let Instruction::Env(env) = &statement.instruction {
            let before = scope.clone();
            for (name, value) in &env.pairs {
                let value = before.expand(value, self.escape);
                let binding = Binding {
                    name: name.text.clone(),
                    span: name.span,
                    is_env: true,
                    value: value.clone(),
                    is_given: false,
                    inherits: None,
                    has_default: true,
                };
                let origin = self.add(binding);
                scope.envs.insert(name.text.clone(), (value, origin));
            }
        }
        let Instruction::Arg(arg) = &statement.instruction else { return };
        for declared in &arg.args {
            let name = declared.name.text.as_str();
            let given = self.build_args.get(name).cloned();
            let global = self.global.args.get(name).filter(|_| !is_global).cloned();
            let inherits = match &global {
                Some((_, Origin::Binding(global))) => Some(*global),
                Some((_, Origin::Image(_) | Origin::Predefined)) | None => None,
            };
            let default = declared.default.as_ref();
            let default = default.and_then(|word| scope.expand(word, self.escape));
            let is_given = given.is_some();
            let value = given.or(default).or_else(|| global.and_then(|(value, _)| value));
            let predefined = PREDEFINED.iter().any(|(known, _)| *known == name);
            let binding = Binding {
                name: name.to_owned(),
                span: declared.name.span,
                is_env: false,
                value: value.clone(),
                is_given,
                inherits,
                has_default: declared.default.is_some(),
            };
            let mut origin = self.add(binding);
            if predefined && value.is_none() {
                origin = Origin::Predefined;
            }
            scope.args.insert(name.to_owned(), (value, origin));
        }
    }

    fn add(&mut self, binding: Binding) -> Origin {
        self.found.bindings.push(binding);
        Origin::Binding(self.found.bindings.len() - 1)
    }
}
