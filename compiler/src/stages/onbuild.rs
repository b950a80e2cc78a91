//! ONBUILD triggers of a base: they run first in the child, each as a source of its own.

use std::borrow::Cow;

use grammar::{Diagnostic, Instruction, Label, Severity, Span, Word};

use super::{Command, Conversion};

/// What is said beside the FROM that brings a trigger.
pub(super) const RUNS_TRIGGERS: &str = "runs the ONBUILD triggers of this";

/// What a trigger takes up beyond its text, in bytes.
const WEIGHT: usize = 1024;

impl<'a> Conversion<'a> {
    /// Puts the triggers of a stage's base before its instructions. Tells whether the stage now needs others.
    pub(super) fn put_triggers(&mut self, index: usize) -> bool {
        let stored = std::mem::take(&mut self.stages[index].image.config.on_build);
        let mut triggers: Vec<(String, Option<Word>)> =
            stored.into_iter().map(|text| (text, None)).collect();
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
                Some((onbuild.expression.text.clone(), Some(onbuild.expression.clone())))
            }));
            self.stages[index].triggered = true;
        }
        let mut commands = Vec::new();
        for (trigger, word) in triggers {
            if let Err(error) = self.spend(trigger.len() + WEIGHT, self.stages[index].from_span) {
                self.stages[index].failed = true;
                self.out.say(error);
                break;
            }
            commands.extend(self.trigger(index, trigger, word));
        }
        let needs_others = commands.iter().any(|command| !command.sources.is_empty());
        let stage = &mut self.stages[index];
        stage.total += commands.len();
        stage.commands.splice(0..0, commands);
        needs_others
    }

    /// Reads a trigger. `word` is where it is written, if that is in this file.
    fn trigger(&mut self, index: usize, text: String, word: Option<Word>) -> Option<Command<'a>> {
        let name = format!("ONBUILD of {}", self.stages[index].base_name);
        let source = self.out.add_source(name, text);
        if let Some(word) = word {
            self.triggers.insert(source.id(), word);
        }
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

    /// A diagnostic about an instruction. One about a trigger stands at its words, if they are in this file, else at
    /// the FROM that brought it.
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
        let mut is_here = false;
        for (number, label) in diagnostic.labels.iter_mut().enumerate() {
            if let Some(span) = self.in_file(label.span) {
                label.span = span;
                is_here |= number == 0;
            }
        }
        let from = Label { span: self.stages[index].span, text: RUNS_TRIGGERS.to_owned() };
        diagnostic.labels.insert(usize::from(is_here), from);
        diagnostic
    }

    /// The place in the file of words of a trigger, if the trigger is written there.
    pub(super) fn in_file(&self, span: Span) -> Option<Span> {
        let word = self.triggers.get(&span.source)?;
        let found = word.span_of(span.start as usize, span.end as usize);
        let text = self.out.sources[0].text();
        let is_sound = found.start <= found.end && text.get(found.range()).is_some();
        Some(if is_sound { found } else { word.span })
    }
}
