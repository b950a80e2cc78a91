//! What `ENV` and `LABEL` share: names and values.

use crate::diagnostic::Diagnostic;
use crate::flags::FlagReader;
use crate::instruction::Draft;
use crate::word::Word;

/// `ENV` and `LABEL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairs {
    /// Names and values.
    pub pairs: Vec<(Word, Word)>,
    /// Whether the old form without `=` was used.
    pub legacy: bool,
}

impl Pairs {
    /// Reads names and values.
    pub(super) fn read(draft: &Draft<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Pairs> {
        FlagReader::new(draft.flags, &[], diagnostics);
        draft.at_least_one(diagnostics)?;
        let (pairs, _) = draft.args.as_chunks::<2>();
        for [name, value] in pairs.iter().filter(|[name, _]| name.text.is_empty()) {
            diagnostics.push(draft.blank_name(if value.text.is_empty() { name } else { value }));
        }
        let pairs = pairs.iter().map(|[name, value]| (name.clone(), value.clone())).collect();
        Some(Pairs { pairs, legacy: draft.legacy })
    }
}
