//! COPY.

use grammar::instruction::Copy;
use grammar::{Diagnostic, quoted};

use super::Cx;
use super::transfer::{self, From, Transferring};

pub(super) fn lower(cx: &mut Cx<'_, '_>, it: &Copy) -> Result<(), Diagnostic> {
    let from = match (cx.command.sources.first(), &it.from) {
        (Some(index), Some(word)) => {
            let source = &cx.conversion.stages[*index];
            if !source.dispatched {
                let current = &cx.conversion.stages[cx.index].shown_name;
                let message = format!(
                    "cannot copy from stage {}, it needs to be defined before current stage {}",
                    quoted(&word.text),
                    quoted(current)
                );
                return Err(Diagnostic::error("stage-order", message, word.span)
                    .also(source.from_span, "it is defined here")
                    .help("move that stage above this one"));
            }
            From::Stage { step: source.tree.step, keep_owner: !source.tree.from_outside }
        }
        (Some(_) | None, _) => From::Context,
    };
    transfer::lower(cx, &Transferring::Copy { parents: it.parents }, &it.transfer, from)
}
