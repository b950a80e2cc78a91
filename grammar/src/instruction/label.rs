//! `LABEL`: labels of the image.

use crate::diagnostic::Diagnostic;
use crate::instruction::{Draft, Pairs};

pub(super) fn read(draft: &Draft<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Pairs> {
    Pairs::read(draft, diagnostics)
}
