//! ONBUILD triggers of a base: they run first in the child, each as a source of its own.

use std::borrow::Cow;

use grammar::{Diagnostic, Instruction, Label, Severity};

use super::{Command, Conversion};

/// What a trigger takes up beyond its text, in bytes.
const WEIGHT: usize = 1024;

impl<'a> Conversion<'a> {
    /// Puts the triggers of a stage's base before its instructions. Tells whether the stage now needs others.
    pub(super) fn put_triggers(&mut self, index: usize) -> bool {
        let mut triggers = std::mem::take(&mut self.stages[index].image.config.on_build);
        if self.stages[index].is_image() {
            // Only its files are taken; nothing is built on it.
            return false;
        }
        let base = self.stages[index].base;
        if let Some(base) = base.filter(|_| !self.stages[index].triggered) {
            triggers.extend(self.stages[base].commands.iter().filter_map(|command| {
                let Instruction::Onbuild(onbuild) = &command.statement.instruction else {
                    return None;
                };
                Some(onbuild.expression.text.clone())
            }));
            self.stages[index].triggered = true;
        }
        let mut commands = Vec::new();
        for trigger in triggers {
            if let Err(error) = self.spend(trigger.len() + WEIGHT, self.stages[index].from_span) {
                self.stages[index].failed = true;
                self.out.say(error);
                break;
            }
            commands.extend(self.trigger(index, trigger));
        }
        let needs_others = commands.iter().any(|command| !command.sources.is_empty());
        let stage = &mut self.stages[index];
        stage.total += commands.len();
        stage.commands.splice(0..0, commands);
        needs_others
    }

    fn trigger(&mut self, index: usize, text: String) -> Option<Command<'a>> {
        let name = format!("ONBUILD of {}", self.stages[index].base_name);
        let source = self.out.add_source(name, text);
        let parsed = grammar::parse_trigger(&source);
        let mut broken = false;
        for error in parsed.diagnostics {
            broken |= error.severity == Severity::Error;
            let error = self.at_from(index, error);
            self.out.say(error);
        }
        let mut command = Command {
            statement: Cow::Owned(parsed.tree?),
            sources: Vec::new(),
            on_build: true,
            broken,
        };
        if !broken {
            self.find_sources_of(index, &mut command);
        }
        Some(command)
    }

    /// A diagnostic about an instruction. One about a trigger stands at the FROM that brought it, the words of the
    /// trigger second.
    pub(crate) fn placed(
        &self,
        index: usize,
        command: &Command<'_>,
        diagnostic: Diagnostic,
    ) -> Diagnostic {
        match command.on_build {
            true => self.at_from(index, diagnostic),
            false => diagnostic,
        }
    }

    fn at_from(&self, index: usize, mut diagnostic: Diagnostic) -> Diagnostic {
        let text = "runs the ONBUILD triggers of this".to_owned();
        diagnostic.labels.insert(0, Label { span: self.stages[index].span, text });
        diagnostic
    }
}
