//! `VOLUME`: folders that a container keeps outside itself.

use crate::diagnostic::Diagnostic;
use crate::flags::FlagReader;
use crate::instruction::Draft;
use crate::word::Word;

/// `VOLUME`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Paths, without blanks around them.
    pub paths: Vec<Word>,
}

pub(super) fn read(draft: &Draft<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Volume> {
    FlagReader::new(draft.flags, &[], diagnostics);
    draft.at_least_one(diagnostics)?;
    let paths: Vec<Word> = draft.args.iter().map(trimmed).collect();
    for (path, word) in paths.iter().zip(draft.args) {
        if path.text.is_empty() {
            let message = "VOLUME specified can not be an empty string";
            diagnostics.push(Diagnostic::error("empty-volume", message, word.span));
        }
    }
    Some(Volume { paths })
}

fn trimmed(word: &Word) -> Word {
    let text = word.text.trim();
    if text.len() == word.text.len() {
        return word.clone();
    }
    let start = word.text.len() - word.text.trim_start().len();
    word.slice(start..start + text.len())
}
