//! Files and folders of the build context; those that .dockerignore leaves out are marked.

use std::path::Path;

use compiler::ignore::IgnoreFile;
use lsp_types::CompletionItemKind;

use super::offer::Offer;
use crate::cursor::Cursor;
use crate::knowledge::Knowledge;

/// The entries of the folder that is being typed; how much is replaced is what stands behind the last slash.
pub(super) fn offers(cursor: &Cursor<'_>, typed: &str) -> (usize, Vec<Offer>) {
    let Some(context) = &cursor.analysis.context else { return (0, Vec::new()) };
    let ignored = cursor.analysis.ignore.as_ref();
    let ignored = ignored.and_then(|(_, text)| IgnoreFile::parse("", text).ok());
    below(cursor.knowledge, context, &ignored.unwrap_or_default(), typed)
}

/// The same of any folder.
pub(crate) fn below(
    knowledge: &dyn Knowledge,
    root: &Path,
    ignored: &IgnoreFile,
    typed: &str,
) -> (usize, Vec<Offer>) {
    let typed = typed.trim_start_matches(['[', '"']);
    let (folder, name) =
        typed.rsplit_once('/').map_or(("", typed), |(folder, name)| (folder, name));
    let parts: Vec<&str> = folder.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") || folder.contains(['$', '*', '?', '[']) {
        return (0, Vec::new());
    }
    let folder = parts.join("/");
    let entries = knowledge.entries(&root.join(&folder)).into_iter();
    let offers = entries.map(|entry| {
        let path =
            if folder.is_empty() { entry.name.clone() } else { format!("{folder}/{}", entry.name) };
        let (slash, kind) = match entry.is_folder {
            true => ("/", CompletionItemKind::FOLDER),
            false => ("", CompletionItemKind::FILE),
        };
        let offer = Offer::new(format!("{}{slash}", entry.name), kind);
        match ignored.matches(path.as_bytes()) {
            true => offer.detail("left out by .dockerignore").struck(),
            false => offer,
        }
    });
    (name.len(), offers.collect())
}
