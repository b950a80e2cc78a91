//! `CMD`: what a container runs by default.

use crate::diagnostic::Diagnostic;
use crate::instruction::{Command, Draft};

pub(super) fn read(draft: &Draft<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Command> {
    Command::read(draft, diagnostics)
}
