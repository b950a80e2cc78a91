//! Completion in a .dockerignore: the files and folders that patterns are about.

use compiler::ignore::IgnoreFile;

use crate::cursor::Cursor;
use crate::requests::completion::offer::{Offer, Target};
use crate::requests::completion::paths;

/// What may stand at the cursor.
pub(crate) fn offers(cursor: &Cursor<'_>) -> (Target, Vec<Offer>) {
    let nothing = (Target::name(cursor, 0), Vec::new());
    let start = cursor.text()[..cursor.offset].rfind('\n').map_or(0, |at| at + 1);
    let typed = &cursor.text()[start..cursor.offset];
    let Some(folder) = cursor.document.folder().filter(|_| !typed.starts_with('#')) else {
        return nothing;
    };
    let typed = typed.trim_start();
    let typed = typed.strip_prefix('!').unwrap_or(typed).trim_start().trim_start_matches('/');
    // Nothing is marked: to leave out is what the file is for.
    let (typed, offers) = paths::below(cursor.knowledge, folder, &IgnoreFile::default(), typed);
    (Target::word(cursor, typed, |c| !c.is_whitespace() && c != '/'), offers)
}
