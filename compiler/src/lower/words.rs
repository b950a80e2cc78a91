//! The words of an instruction that are expanded: what is wrong with one of them hides nothing in the others.

use grammar::instruction::{Source, Transfer};
use grammar::{Diagnostic, Instruction, Word};

use super::Cx;

impl Cx<'_, '_> {
    /// Every mistake in the words of the instruction, once one is known.
    pub(super) fn mistakes(&self) -> Vec<Diagnostic> {
        let env = &self.conversion.stages[self.index].tree.env;
        let words = expanded(&self.command.statement.instruction);
        words.into_iter().filter_map(|word| self.conversion.expand(word, env).err()).collect()
    }

    /// Says several mistakes of one instruction; the first one is what it fails with.
    pub(super) fn fail(&mut self, mistakes: Vec<Diagnostic>) -> Result<(), Diagnostic> {
        let Some(first) = mistakes.first().cloned() else { return Ok(()) };
        for mistake in mistakes {
            let mistake = self.conversion.placed(self.index, self.command, mistake);
            self.conversion.out.say(mistake);
        }
        Err(first)
    }
}

/// The words that lowering expands, all over the same variables. Those of an ARG see each other; mounts are read by
/// themselves.
fn expanded(instruction: &Instruction) -> Vec<&Word> {
    match instruction {
        Instruction::Add(it) => it.checksum.iter().chain(of_transfer(&it.transfer)).collect(),
        Instruction::Copy(it) => of_transfer(&it.transfer),
        Instruction::Env(it) | Instruction::Label(it) => {
            it.pairs.iter().flat_map(|(name, value)| [name, value]).collect()
        }
        Instruction::Expose(it) => it.ports.iter().collect(),
        Instruction::Volume(it) => it.paths.iter().collect(),
        Instruction::Arg(_)
        | Instruction::Cmd(_)
        | Instruction::Entrypoint(_)
        | Instruction::From(_)
        | Instruction::Healthcheck(_)
        | Instruction::Maintainer(_)
        | Instruction::Onbuild(_)
        | Instruction::Run(_)
        | Instruction::Shell(_)
        | Instruction::Stopsignal(_)
        | Instruction::User(_)
        | Instruction::Workdir(_)
        | Instruction::Invalid(_) => Vec::new(),
    }
}

fn of_transfer(it: &Transfer) -> Vec<&Word> {
    let paths = it.sources.iter().filter_map(|source| match source {
        Source::Path(word) => Some(word),
        Source::Heredoc(_) => None,
    });
    it.chown.iter().chain(&it.chmod).chain(paths).chain([&it.destination]).collect()
}
