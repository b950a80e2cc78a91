//! FROM: names, platforms, and which stage or context it stands for.

use std::borrow::Cow;

use grammar::instruction::From;
use grammar::{Diagnostic, Instruction, Statement, Word};
use oci::Platform;

use super::{Command, Conversion, SCRATCH, Stage};
use crate::expand::Expansion;
use crate::facts::Fact;
use crate::graph::StageId;
use crate::suggest::with_suggestion;

impl<'a> Conversion<'a> {
    /// Takes in a stage of the file.
    pub(super) fn add_stage(
        &mut self,
        number: usize,
        statement: &'a Statement,
        commands: &'a [Statement],
    ) {
        let Instruction::From(from) = &statement.instruction else { return };
        let name = from.name.as_ref().map(|name| name.value.to_lowercase()).unwrap_or_default();
        let base_name = self.base_name(from, statement);
        let platform = self.platform(from, statement);
        let mut stage = Stage {
            id: Some(StageId(u32::try_from(number).expect("few stages"))),
            from_span: statement.span,
            shown_name: if name.is_empty() { format!("stage-{number}") } else { name.clone() },
            name,
            platform: platform.unwrap_or_default(),
            commands: commands.iter().map(command).collect(),
            ignore_cache: false,
            // Over an empty base if it has none: for what else may be wrong in the stage.
            ..Stage::new(
                base_name.unwrap_or_else(|| SCRATCH.to_owned()),
                Some(&from.image),
                from.image.span,
            )
        };
        stage.ignore_cache = self.ignores_cache(&stage.name);
        if !stage.name.is_empty() {
            stage.context = self.named_context(&stage.name, stage.platform.as_ref());
        }
        if stage.base_name == from.image.text && !self.by_name.contains_key(&stage.base_name) {
            self.note_misspelt(&from.image.text, from.image.span);
        }
        let index = self.push(stage);
        let stage = &mut self.stages[index];
        if stage.context.is_some() {
            stage.base = None;
            return;
        }
        let from_image = usize::from(stage.base_name != SCRATCH && stage.base.is_none());
        let counted = stage.commands.iter().filter(|command| is_counted(&command.statement));
        stage.total = from_image + counted.count();
    }

    /// Adds a stage, finds its base among those before it, and gives it its name.
    pub(super) fn push(&mut self, mut stage: Stage<'a>) -> usize {
        let index = self.stages.len();
        stage.base = self.by_name.get(&stage.base_name).copied();
        if !stage.name.is_empty() {
            self.by_name.insert(stage.name.clone(), index);
        }
        self.stages.push(stage);
        index
    }

    fn ignores_cache(&self, name: &str) -> bool {
        let filter = &self.options.no_cache_filter;
        self.options.no_cache || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
    }

    fn base_name(&mut self, from: &From, statement: &Statement) -> Option<String> {
        let expansion = match self.expand_global(&from.image) {
            Ok(expansion) => expansion,
            Err(error) => {
                self.out.say(error);
                return None;
            }
        };
        self.note_undeclared(&expansion, statement);
        if expansion.text.is_empty() {
            let message = format!("base name ({}) should not be blank", from.image.text);
            let mut error = Diagnostic::error("blank-base-name", message, from.image.span);
            if let Some(unset) = expansion.unset.first() {
                error = error.help(self.give_value(&unset.value));
            }
            self.out.say(error);
            return None;
        }
        Some(expansion.text)
    }

    /// What to do about a variable without a value in a FROM.
    pub(super) fn give_value(&self, name: &str) -> String {
        match self.out.suggestion(name, self.globals.names()) {
            Some(near) => format!("`{name}` has no value; did you mean `{near}`?"),
            None => format!(
                "give `{name}` a value: `ARG {name}=...` before the first FROM, or `--build-arg {name}=...`"
            ),
        }
    }

    fn platform(&mut self, from: &From, statement: &Statement) -> Result<Option<Platform>, ()> {
        let Some(word) = from.platform.as_ref().filter(|word| !word.text.is_empty()) else {
            return Ok(None);
        };
        let expansion = match self.expand_global(word) {
            Ok(expansion) => expansion,
            Err(error) => {
                self.out.say(error);
                return Err(());
            }
        };
        self.note_undeclared(&expansion, statement);
        self.note_platform(from, word, &expansion);
        let suggested = |message: String| {
            let unset = expansion.unset.first().map(|name| name.value.as_str());
            match unset {
                Some(name) => with_suggestion(message, name, self.globals.names()),
                None => message,
            }
        };
        if expansion.text.is_empty() {
            let message = format!("empty platform value from expression {}", word.text);
            let error = Diagnostic::error("invalid-platform", suggested(message), word.span);
            self.out.say(error);
            return Err(());
        }
        match Platform::parse(&expansion.text) {
            Ok(platform) => Ok(Some(platform)),
            Err(error) => {
                let message = format!("failed to parse platform {}: {error}", word.text);
                let error = Diagnostic::error("invalid-platform", suggested(message), word.span)
                    .help("a platform is `os/architecture` or `os/architecture/variant`, such as `linux/amd64`");
                self.out.say(error);
                Err(())
            }
        }
    }

    fn note_undeclared(&mut self, expansion: &Expansion, statement: &Statement) {
        for unset in expansion.unset_names() {
            if self.declared.contains(unset.value.as_str()) {
                continue;
            }
            let suggestion = self.out.suggestion(&unset.value, self.globals.names());
            self.out.note(Fact::UndeclaredInFrom {
                name: unset.value.clone(),
                span: unset.span,
                instruction: statement.span,
                suggestion,
            });
        }
    }

    fn note_platform(&mut self, from: &From, word: &Word, expansion: &Expansion) {
        let Expansion { text, used, unset, words: _, work: _ } = expansion;
        let only_target = used.len() == 1 && unset.is_empty() && used.contains("TARGETPLATFORM");
        if only_target && self.globals.get("TARGETPLATFORM") == Some(text) {
            let written = word.text.clone();
            self.out.note(Fact::RedundantTargetPlatform { written, span: word.span });
        }
        if let (true, true, Ok(platform)) =
            (used.is_empty(), unset.is_empty(), Platform::parse(text))
        {
            let name = from.name.as_ref().map(|name| name.value.to_lowercase()).unwrap_or_default();
            if !name.contains(&platform.os) && !name.contains(&platform.architecture) {
                self.out.note(Fact::ConstantPlatform { platform: text.clone(), span: word.span });
            }
        }
    }
}

fn command(statement: &Statement) -> Command<'_> {
    Command {
        statement: Cow::Borrowed(statement),
        sources: Vec::new(),
        on_build: false,
        broken: matches!(statement.instruction, Instruction::Invalid(_)),
    }
}

/// Whether people see it as a step.
fn is_counted(statement: &Statement) -> bool {
    matches!(
        statement.instruction,
        Instruction::Add(_) | Instruction::Copy(_) | Instruction::Run(_) | Instruction::Workdir(_)
    )
}
