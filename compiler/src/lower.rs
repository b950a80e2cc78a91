//! Instructions to steps and settings of the image, one file each. [`Cx`] is what they work on.

mod add;
mod arg;
mod chmod;
mod command;
mod copy;
mod encoding;
mod env;
mod expose;
mod healthcheck;
mod label;
mod maintainer;
pub(crate) mod name;
mod onbuild;
mod run;
mod shell;
mod stopsignal;
pub(crate) mod transfer;
mod user;
mod volume;
mod words;
mod workdir;

use grammar::{Diagnostic, Instruction, Span, Statement, Word};
use oci::Platform;

use crate::expand::{self, Env, Expansion, TOO_LARGE, Unset};
use crate::facts::Fact;
use crate::graph::{Input, Step, StepId, Words};
use crate::image::{self, Made};
use crate::op::{Op, SourceOp};
use crate::paths::windows::PathError;
use crate::stages::budget::{self, MAX_SPENT};
use crate::stages::{Command, Conversion, Stage};

/// ARGs that never reach an environment.
const NOT_IN_ENV: [&str; 2] = ["BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"];

/// One instruction being lowered.
pub(crate) struct Cx<'c, 'a> {
    pub conversion: &'c mut Conversion<'a>,
    /// The stage.
    pub index: usize,
    /// The instruction.
    pub command: &'c Command<'a>,
}

/// Lowers a stage whose base is known.
pub(crate) fn stage(conversion: &mut Conversion<'_>, index: usize) {
    if let Err(error) = begin(conversion, index) {
        let span = conversion.stages[index].span;
        conversion.out.say(Diagnostic::error("invalid-path", error.to_string(), span));
        conversion.stages[index].failed = true;
        return;
    }
    conversion.note_lowered(index);
    let commands = std::mem::take(&mut conversion.stages[index].commands);
    for command in &commands {
        // What is wrong with an instruction or with a stage it takes from was told where it was found.
        let sources_failed = command.sources.iter().any(|source| conversion.stages[*source].failed);
        if command.broken || sources_failed {
            conversion.stages[index].failed = true;
            continue;
        }
        if conversion.spent > MAX_SPENT {
            let span = command.statement.span;
            conversion.out.say(budget::too_large(span));
            conversion.stages[index].failed = true;
            break;
        }
        let first = conversion.out.builder.graph.len();
        let mut cx = Cx { conversion, index, command };
        let lowered = cx.lower(&command.statement).and_then(|()| cx.check_encoding(first));
        if let Err(error) = lowered {
            let too_large = error.code == TOO_LARGE;
            let further = if too_large { Vec::new() } else { cx.mistakes() };
            for error in std::iter::once(error).chain(further) {
                let error = conversion.placed(index, command, error);
                conversion.out.say(error);
            }
            // Go on, for what else may be wrong; but let no other stage build on this one.
            conversion.stages[index].failed = true;
            if too_large {
                break;
            }
        }
    }
    conversion.stages[index].commands = commands;
}

/// The state that a stage's first instruction sees: what the image says, over what a parent stage left.
fn begin(conversion: &mut Conversion<'_>, index: usize) -> Result<(), PathError> {
    let target = conversion.platforms.target.clone();
    let stage = &mut conversion.stages[index];
    let platform = stage.platform.get_or_insert(target);
    image::set_default_path(&mut stage.image, &platform.os);
    for (place, line) in stage.image.config.env.iter().enumerate() {
        let (name, value) = image::key_value(line);
        stage.env_places.entry(name.to_owned()).or_insert(place);
        stage.tree.env.set(name, value);
    }
    if !stage.image.config.working_dir.is_empty() {
        let folder = stage.image.config.working_dir.clone();
        workdir::set(stage, &folder)?;
    }
    if !stage.image.config.user.is_empty() {
        stage.tree.user.clone_from(&stage.image.config.user);
    }
    Ok(())
}

impl Cx<'_, '_> {
    fn lower(&mut self, statement: &Statement) -> Result<(), Diagnostic> {
        match &statement.instruction {
            Instruction::Add(it) => add::lower(self, it),
            Instruction::Arg(it) => arg::lower(self, it),
            Instruction::Cmd(it) => command::lower_cmd(self, it),
            Instruction::Copy(it) => copy::lower(self, it),
            Instruction::Entrypoint(it) => command::lower_entrypoint(self, it),
            Instruction::Env(it) => env::lower(self, it),
            Instruction::Expose(it) => expose::lower(self, it),
            Instruction::Healthcheck(it) => healthcheck::lower(self, it),
            Instruction::Label(it) => label::lower(self, it),
            Instruction::Maintainer(it) => maintainer::lower(self, it),
            Instruction::Onbuild(it) => onbuild::lower(self, it),
            Instruction::Run(it) => run::lower(self, it),
            Instruction::Shell(it) => shell::lower(self, it),
            Instruction::Stopsignal(it) => stopsignal::lower(self, it),
            Instruction::User(it) => user::lower(self, it),
            Instruction::Volume(it) => volume::lower(self, it),
            Instruction::Workdir(it) => workdir::lower(self, it),
            Instruction::From(_) => {
                let message = "FROM isn't allowed as an ONBUILD trigger";
                Err(Diagnostic::error("invalid-trigger", message, statement.keyword.span))
            }
            // Told by the parser.
            Instruction::Invalid(_) => Ok(()),
        }
    }

    /// Where the instruction is, for steps: a trigger counts as the FROM that brought it.
    fn place(&self) -> Span {
        match self.command.on_build {
            true => self.conversion.stages[self.index].from_span,
            false => self.command.statement.span,
        }
    }

    /// The platform of the stage.
    fn platform(&self) -> Platform {
        let stage = &self.conversion.stages[self.index];
        stage.platform.clone().unwrap_or_else(|| self.conversion.platforms.target.clone())
    }

    /// Expands a word over the stage's variables.
    fn expand(&mut self, word: &Word) -> Result<String, Diagnostic> {
        Ok(self.expand_fully(word)?.text)
    }

    fn expand_fully(&mut self, word: &Word) -> Result<Expansion, Diagnostic> {
        let env = &self.conversion.stages[self.index].tree.env;
        let expansion = self.conversion.expand(word, env)?;
        self.conversion.spend(expansion.work, word.span)?;
        self.note_unset(&expansion);
        Ok(expansion)
    }

    /// Expands what may not be there; what is not there is empty.
    fn expand_option(&mut self, word: Option<&Word>) -> Result<Option<String>, Diagnostic> {
        let text = word.map(|word| self.expand(word)).transpose()?;
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// Expands the body of a heredoc.
    fn expand_body(&mut self, body: &Word) -> Result<String, Diagnostic> {
        let env = &self.conversion.stages[self.index].tree.env;
        let expansion = expand::expand(&expand::body_parts(body)?, env, Unset::Empty)?;
        self.conversion.spend(expansion.work, body.span)?;
        self.note_unset(&expansion);
        Ok(expansion.text)
    }

    /// Counts text that the instruction makes.
    fn spend(&mut self, bytes: usize) -> Result<(), Diagnostic> {
        self.conversion.spend(bytes, self.command.statement.span)
    }

    fn note_unset(&mut self, expansion: &Expansion) {
        let stage = &self.conversion.stages[self.index];
        for unset in expansion.unset_names() {
            if stage.args.has(&unset.value) || NOT_IN_ENV.contains(&unset.value.as_str()) {
                continue;
            }
            self.conversion.out.note(Fact::UndefinedVariable {
                name: unset.value.clone(),
                span: unset.span,
                instruction: self.command.statement.span,
                suggestion: self.conversion.out.suggestion(&unset.value, stage.tree.env.names()),
            });
        }
    }

    /// Adds a step of this instruction, with its name and its words.
    fn add_step(&mut self, op: Op, inputs: Vec<Input>, (name, words): (String, Words)) -> StepId {
        let stage = &self.conversion.stages[self.index];
        let args = match &op {
            Op::Exec(exec) => arg_names(stage, &exec.env),
            Op::Source(_) | Op::File(_) | Op::Merge => Vec::new(),
        };
        let step = Step {
            op,
            platform: self.platform(),
            span: Some(self.place()),
            stage: stage.id,
            name,
            ignore_cache: stage.ignore_cache,
            words: if self.command.on_build { Words::default() } else { words },
            args,
        };
        self.conversion.out.builder.add(step, inputs)
    }

    /// The step that brings the main build context.
    fn context_step(&mut self) -> StepId {
        let step = Step {
            op: Op::Source(SourceOp::Local { name: String::new() }),
            platform: self.conversion.platforms.build.clone(),
            span: None,
            stage: None,
            name: "[internal] load build context".into(),
            ignore_cache: false,
            words: Words::default(),
            args: Vec::new(),
        };
        self.conversion.out.builder.add(step, Vec::new())
    }

    /// Makes a step the stage's tree and a layer of it.
    fn advance(&mut self, step: StepId) {
        let tree = &mut self.conversion.stages[self.index].tree;
        tree.step = Some(step);
        tree.layers.push(step);
        tree.from_outside = false;
    }

    /// Adds a history entry.
    fn commit(&mut self, text: String, made: Made) {
        self.conversion.spent += text.len();
        image::commit(&mut self.conversion.stages[self.index].image, text, made);
    }

    /// The name of a step of this instruction, with counter and all.
    fn step_name(&mut self, text: &str, env: &Env) -> String {
        let text = match self.command.on_build {
            true => format!("ONBUILD {text}"),
            false => text.to_owned(),
        };
        self.conversion.spent += text.len();
        let platform = self.platform();
        name::prefixed(self.conversion, self.index, &text, &platform, Some(env))
    }
}

impl<'a> Cx<'_, 'a> {
    /// The stage.
    fn stage(&mut self) -> &mut Stage<'a> {
        &mut self.conversion.stages[self.index]
    }
}

/// The names in an environment that ARG set and no ENV.
fn arg_names(stage: &Stage<'_>, env: &[String]) -> Vec<String> {
    let names = env.iter().map(|line| image::key_value(line).0);
    let mut names: Vec<String> = names
        .filter(|name| stage.args.has(name) && !stage.env_places.contains_key(*name))
        .map(str::to_owned)
        .collect();
    names.sort_unstable();
    names
}

/// A truth value as Go's `strconv.ParseBool` reads it.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}
