//! SOURCE_DATE_EPOCH: the time that new files and history entries get. It is a number, or names a source whose time
//! it is: the main context, a named context, or a stage that is nothing but one remote ADD.

use grammar::instruction::{Add, Arg, Source};
use grammar::{Diagnostic, Instruction, Span, Statement};

use super::resolve::remote_context;
use super::{Conversion, SCRATCH};
use crate::expand::Env;
use crate::git;
use crate::lower::transfer::git_source;
use crate::op::HttpSource;
use crate::remote::RemoteContext;
use crate::world::{NamedContext, TimeOf};

const NAME: &str = "SOURCE_DATE_EPOCH";
const INVALID: &str = "invalid-epoch";

impl<'a> Conversion<'a> {
    /// Reads the epoch from `--build-arg` or a global ARG, and puts the number in its place.
    pub(super) fn set_epoch(&mut self, stages: &[(&'a Statement, &'a [Statement])]) {
        let given = self.build_args.get(NAME).cloned();
        let global = self.globals.get(NAME).filter(|value| !value.is_empty()).map(str::to_owned);
        let Some(value) = given.or(global) else { return };
        self.epoch = match value.parse::<i64>() {
            Ok(seconds) => Some(seconds),
            Err(_) if value.is_empty() => None,
            Err(_) => self.epoch_of(&value, stages).unwrap_or_else(|error| {
                self.out.say(error);
                None
            }),
        };
        let value = self.epoch.map(|seconds| seconds.to_string());
        match (value, self.build_args.contains_key(NAME)) {
            (Some(value), true) => drop(self.build_args.insert(NAME.into(), value)),
            (None, true) => drop(self.build_args.remove(NAME)),
            (Some(_) | None, false) => {}
        }
        if self.globals.get(NAME).is_some() {
            match self.epoch {
                Some(seconds) => self.globals.set(NAME, &seconds.to_string()),
                None => self.globals.remove(NAME),
            }
        }
    }

    /// The time of what has this name; `None` if it has no time, as a folder or an image.
    fn epoch_of(
        &mut self,
        name: &str,
        stages: &[(&'a Statement, &'a [Statement])],
    ) -> Result<Option<i64>, Diagnostic> {
        if name == "context" {
            return self.time_of(TimeOf::Context, None);
        }
        if let Some((_, context)) = self.named_context(name, None) {
            return match context {
                NamedContext::Git(url) | NamedContext::Http(url) => {
                    let source = remote_context(url)
                        .map_err(|reason| Diagnostic::without_place("invalid-git", reason))?;
                    self.time_of(TimeOf::Remote(source), None)
                }
                NamedContext::Local
                | NamedContext::Scratch
                | NamedContext::Image(_)
                | NamedContext::Layout(_) => Ok(None),
            };
        }
        for (statement, commands) in stages {
            let Instruction::From(from) = &statement.instruction else { continue };
            let found = from.name.as_ref().filter(|it| it.value.eq_ignore_ascii_case(name));
            let Some(stage) = found else { continue };
            let base = self.expand(&from.image, &self.globals)?;
            if base.text != SCRATCH {
                return Err(not_a_source("must use FROM scratch", from.image.span));
            }
            let (source, span) = self.source_of_stage(stage.span, commands)?;
            return self.time_of(TimeOf::Remote(source), Some(span));
        }
        Err(Diagnostic::without_place(INVALID, format!("invalid {NAME}: {name}")).help(
            "give seconds since 1970, such as `--build-arg SOURCE_DATE_EPOCH=0`, or name a source",
        ))
    }

    fn time_of(&self, what: TimeOf, span: Option<Span>) -> Result<Option<i64>, Diagnostic> {
        self.world.time_of(&what).map_err(|error| {
            let message = format!("{NAME}: {}", error.message);
            let diagnostic = match span {
                Some(span) => Diagnostic::error(INVALID, message, span),
                None => Diagnostic::without_place(INVALID, message),
            };
            match error.help {
                Some(help) => diagnostic.help(help),
                None => diagnostic,
            }
        })
    }

    /// What the one ADD of a stage fetches; the stage holds nothing else but ARGs.
    fn source_of_stage(
        &self,
        stage: Span,
        commands: &[Statement],
    ) -> Result<(RemoteContext, Span), Diagnostic> {
        let mut env = self.globals.clone();
        env.remove(NAME);
        let mut source = None;
        for statement in commands {
            match &statement.instruction {
                Instruction::Arg(arg) => self.set_args(arg, &mut env)?,
                Instruction::Add(add) if source.is_none() => {
                    source = Some((self.source_of_add(add, &env, statement.span)?, statement.span));
                }
                Instruction::Add(_) => {
                    return Err(not_a_source(ONE_ADD, statement.span));
                }
                Instruction::Cmd(_)
                | Instruction::Copy(_)
                | Instruction::Entrypoint(_)
                | Instruction::Env(_)
                | Instruction::Expose(_)
                | Instruction::From(_)
                | Instruction::Healthcheck(_)
                | Instruction::Label(_)
                | Instruction::Maintainer(_)
                | Instruction::Onbuild(_)
                | Instruction::Run(_)
                | Instruction::Shell(_)
                | Instruction::Stopsignal(_)
                | Instruction::User(_)
                | Instruction::Volume(_)
                | Instruction::Workdir(_)
                | Instruction::Invalid(_) => {
                    let what = "may hold nothing but ARG and one remote ADD";
                    return Err(not_a_source(what, statement.span));
                }
            }
        }
        source.ok_or_else(|| not_a_source(ONE_ADD, stage))
    }

    fn set_args(&self, arg: &Arg, env: &mut Env) -> Result<(), Diagnostic> {
        for declaration in &arg.args {
            let name = &declaration.name.text;
            if let Some(value) = self.build_args.get(name) {
                env.set(name, value);
            } else if let Some(default) = &declaration.default {
                let value = self.expand(default, env)?;
                env.set(name, &value.text);
            }
        }
        Ok(())
    }

    fn source_of_add(&self, add: &Add, env: &Env, span: Span) -> Result<RemoteContext, Diagnostic> {
        let [Source::Path(word)] = add.transfer.sources.as_slice() else {
            return Err(not_a_source("must contain exactly one remote ADD source", span));
        };
        let text = self.expand(word, env)?.text;
        let checksum = match &add.checksum {
            Some(word) => Some((self.expand(word, env)?.text, word.span)),
            None => None,
        };
        let checksum = checksum.filter(|(text, _)| !text.is_empty());
        match git::parse(&text) {
            git::Parsed::Broken(reason) => Err(Diagnostic::error("invalid-git", reason, word.span)),
            git::Parsed::Git(reference) => {
                git_source(reference, checksum.as_ref(), add.keep_git_dir, word.span)
                    .map(RemoteContext::Git)
            }
            git::Parsed::Other if git::is_http(&text) => {
                let checksum = checksum.map(|(text, span)| {
                    text.parse().map_err(|error: oci::DigestError| {
                        Diagnostic::error("invalid-checksum", error.to_string(), span)
                    })
                });
                let file_name = git::http_file_name(&text);
                let checksum = checksum.transpose()?;
                Ok(RemoteContext::Http(HttpSource { url: text.into(), file_name, checksum }))
            }
            git::Parsed::Other => {
                Err(not_a_source("source must be a single HTTP(S) or Git ADD", word.span))
            }
        }
    }
}

const ONE_ADD: &str = "must contain exactly one remote ADD";

fn not_a_source(why: &str, span: Span) -> Diagnostic {
    Diagnostic::error(INVALID, format!("{NAME} stage {why}"), span)
}
