//! Which stages and images the instructions of a stage take files from.

use grammar::instruction::{Copy, Run};
use grammar::{Diagnostic, Instruction, SourceId, Span, Word};

use super::{Command, Conversion, SCRATCH, Stage};
use crate::expand::Env;

/// Of so many stages nobody looks for one that may be meant.
const MANY_NAMES: usize = 64;

impl<'a> Conversion<'a> {
    /// Finds the sources of all instructions of the file. Images that are no stages are added as further stages.
    pub(super) fn find_sources(&mut self) {
        for index in 0..self.stages.len() {
            let mut commands = std::mem::take(&mut self.stages[index].commands);
            for command in &mut commands {
                self.find_sources_of(index, command);
            }
            self.stages[index].commands = commands;
        }
    }

    /// Finds the sources of one instruction of a stage, and notes that the stage needs them.
    pub(super) fn find_sources_of(&mut self, index: usize, command: &mut Command<'a>) {
        let statement = command.statement.clone();
        match &statement.instruction {
            Instruction::Copy(copy) => match self.copy_source(index, command, copy) {
                Ok(Some((source, span))) => self.need(index, command, source, span),
                Ok(None) => {}
                Err(error) => {
                    command.broken = true;
                    self.out.say(self.placed(index, command, error));
                }
            },
            Instruction::Run(run) => self.mount_sources(index, command, run),
            Instruction::Add(_)
            | Instruction::Arg(_)
            | Instruction::Cmd(_)
            | Instruction::Entrypoint(_)
            | Instruction::Env(_)
            | Instruction::Expose(_)
            | Instruction::From(_)
            | Instruction::Healthcheck(_)
            | Instruction::Label(_)
            | Instruction::Maintainer(_)
            | Instruction::Onbuild(_)
            | Instruction::Shell(_)
            | Instruction::Stopsignal(_)
            | Instruction::User(_)
            | Instruction::Volume(_)
            | Instruction::Workdir(_)
            | Instruction::Invalid(_) => {}
        }
    }

    fn need(&mut self, index: usize, command: &mut Command<'a>, source: usize, span: Span) {
        command.sources.push(source);
        let (span, _) = self.places(index, command, span);
        self.stages[index].needs.push((source, span));
    }

    fn copy_source(
        &mut self,
        index: usize,
        command: &Command<'a>,
        copy: &Copy,
    ) -> Result<Option<(usize, Span)>, Diagnostic> {
        let Some(word) = copy.from.as_ref().filter(|word| !word.text.is_empty()) else {
            return Ok(None);
        };
        if self.expand(word, &Env::default())?.text != word.text {
            let message = "variable expansion is not supported for --from, define a new stage with FROM using ARG \
                           from global scope as a workaround";
            return Err(Diagnostic::error("variable-in-from", message, word.span)
                .help("write `FROM $IMAGE AS name` further up, and `--from=name` here"));
        }
        let source = match word.text.parse::<i64>() {
            Ok(number) => usize::try_from(number)
                .ok()
                .filter(|number| *number < self.stages.len())
                .ok_or_else(|| {
                    let message = format!("invalid stage index {number}");
                    Diagnostic::error("unknown-stage", message, word.span).help(
                        "stages are counted from 0; better give the stage a name: `--from=NAME`",
                    )
                })?,
            Err(_) => {
                let places = self.places(index, command, word.span);
                self.stage_or_image(&word.text, places)
            }
        };
        Ok(Some((source, word.span)))
    }

    /// The `from=` of each mount. Numbers name images here, not stages; a mount without it counts as one from scratch.
    fn mount_sources(&mut self, index: usize, command: &mut Command<'a>, run: &Run) {
        for mount in &run.mounts {
            let from: Option<&Word> = mount
                .fields
                .iter()
                .rev()
                .find(|(key, value)| key.value.eq_ignore_ascii_case("from") && value.is_some())
                .and_then(|(_, value)| value.as_ref())
                .filter(|word| !word.text.is_empty());
            // Told by the parser; a `$` at the end is no variable.
            let has_variable =
                |word: &Word| word.text.find('$').is_some_and(|at| at + 1 < word.text.len());
            command.broken |= from.is_some_and(has_variable);
            if command.broken {
                return;
            }
            let (name, span) =
                from.map_or((SCRATCH, mount.text.span), |word| (word.text.as_str(), word.span));
            let places = self.places(index, command, span);
            let source = self.stage_or_image(name, places);
            self.need(index, command, source, span);
        }
    }

    /// A word of an instruction in the file, and the FROM that brings it there; twice the word if it stands there itself.
    fn places(&self, index: usize, command: &Command<'a>, span: Span) -> (Span, Span) {
        let from = self.stages[index].span;
        match command.on_build {
            true => (self.in_file(span).unwrap_or(from), from),
            false => (span, span),
        }
    }

    fn stage_or_image(&mut self, name: &str, (span, from_span): (Span, Span)) -> usize {
        match self.by_name.get(&name.to_lowercase()) {
            Some(index) => *index,
            None => {
                self.note_misspelt(name, span);
                self.push(Stage { from_span, ..Stage::new(name.to_owned(), None, span) })
            }
        }
    }

    /// Says that a name that is almost that of a stage is none.
    pub(super) fn note_misspelt(&mut self, name: &str, span: Span) {
        let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        if !is_plain || span.source != SourceId::MAIN || self.by_name.len() > MANY_NAMES {
            return;
        }
        let lower = name.to_lowercase();
        let names = self.by_name.keys().map(|known| (strsim::osa_distance(known, &lower), known));
        // A slip in three letters or more; a name in capitals is told elsewhere.
        let near =
            names.filter(|(distance, _)| (1..lower.len().div_ceil(3)).contains(distance)).min();
        let Some((_, near)) = near else { return };
        let message = format!("`{name}` is no stage, so it is taken as an image");
        let note = Diagnostic::note("misspelt-stage", message, span)
            .help(format!("did you mean the stage `{near}`?"))
            .fix(format!("write `{near}`"), near.clone());
        self.out.say(note);
    }
}
