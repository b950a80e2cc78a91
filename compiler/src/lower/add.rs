//! ADD.

use grammar::Diagnostic;
use grammar::instruction::Add;

use super::Cx;
use super::transfer::{self, From, Transferring};

pub(super) fn lower(cx: &mut Cx<'_, '_>, it: &Add) -> Result<(), Diagnostic> {
    let checksum = cx.expand_option(it.checksum.as_ref())?;
    let kind = Transferring::Add {
        checksum: checksum.zip(it.checksum.as_ref().map(|word| word.span)),
        keep_git_dir: it.keep_git_dir,
        unpack: it.unpack,
    };
    transfer::lower(cx, &kind, &it.transfer, From::Context)
}
