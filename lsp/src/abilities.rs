//! [`Abilities`]: what the client can do beyond reading answers. Read from the message itself: each is one switch.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use lsp_types::Uri;
use serde_json::Value;

use crate::uri;

/// What the client can do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Abilities {
    /// It tells of changed files if it is asked to.
    pub(crate) watches_files: bool,
    /// The requests by which it can be told to ask again.
    pub(crate) refreshes: Vec<&'static str>,
    /// Completions may have places to fill in.
    pub(crate) snippets: bool,
    /// Completions may say what they insert and what they replace.
    pub(crate) insert_replace: bool,
    /// Completions and hovers may be Markdown.
    pub(crate) markdown: bool,
    /// Edits may create files.
    pub(crate) creates_files: bool,
    /// The folders that are open.
    folders: Vec<PathBuf>,
}

impl Abilities {
    /// Reads what the client says of itself.
    pub(crate) fn of(params: &Value) -> Abilities {
        let can = |path: &str| params.pointer(&format!("/capabilities/{path}"));
        let is = |path: &str| can(path).and_then(Value::as_bool).unwrap_or_default();
        let refreshes = [
            ("workspace/diagnostics/refreshSupport", "workspace/diagnostic/refresh"),
            ("workspace/inlayHint/refreshSupport", "workspace/inlayHint/refresh"),
        ];
        let folders = params.get("workspaceFolders").and_then(Value::as_array);
        let folders = folders.into_iter().flatten().filter_map(|folder| folder.get("uri"));
        let folders = folders.chain(params.get("rootUri")).filter_map(Value::as_str);
        let creates = can("workspace/workspaceEdit/resourceOperations").and_then(Value::as_array);
        let creates = creates.is_some_and(|kinds| kinds.iter().any(|kind| kind == "create"));
        let hovers = can("textDocument/hover/contentFormat").and_then(Value::as_array);
        Abilities {
            watches_files: is("workspace/didChangeWatchedFiles/dynamicRegistration"),
            refreshes: refreshes.iter().filter(|(path, _)| is(path)).map(|it| it.1).collect(),
            snippets: is("textDocument/completion/completionItem/snippetSupport"),
            insert_replace: is("textDocument/completion/completionItem/insertReplaceSupport"),
            markdown: hovers.is_none_or(|kinds| kinds.iter().any(|kind| kind == "markdown")),
            creates_files: creates && is("workspace/workspaceEdit/documentChanges"),
            folders: folders.filter_map(|it| uri::path(&Uri::from_str(it).ok()?)).collect(),
        }
    }

    /// The folder that is open and has a file below it; the innermost of several.
    pub(crate) fn folder_of(&self, file: &Path) -> Option<&Path> {
        let above = self.folders.iter().filter(|folder| file.starts_with(folder));
        above.max_by_key(|folder| folder.components().count()).map(PathBuf::as_path)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_said_is_not_there() {
        let abilities = Abilities::of(&json!({ "capabilities": {}, "rootUri": null }));
        assert!(!abilities.snippets && abilities.refreshes.is_empty() && abilities.markdown);
        let abilities = Abilities::of(&json!({
            "capabilities": {
                "workspace": { "diagnostics": { "refreshSupport": true } },
                "textDocument": { "hover": { "contentFormat": ["plaintext"] } },
            },
            "workspaceFolders": [{ "uri": "file:///a", "name": "a" }, { "uri": "file:///a/b", "name": "b" }],
        }));
        assert_eq!(abilities.refreshes, ["workspace/diagnostic/refresh"]);
        assert!(!abilities.markdown);
        assert_eq!(abilities.folder_of(Path::new("/a/b/c")), Some(Path::new("/a/b")));
        assert_eq!(abilities.folder_of(Path::new("/x")), None);
    }
}
