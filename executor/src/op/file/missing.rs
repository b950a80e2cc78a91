//! The error for a source that is not there: whether .dockerignore took it away, and which names are near.

use crate::error::Cause;
use crate::op::file::select::{first_missing, names_in};
use crate::tree::{SourceTree, display};

/// Says that a source is not there, and why that may be.
pub(crate) fn source(tree: &dyn SourceTree, path: &str) -> Cause {
    let path = format!("/{}", path.trim_matches('/'));
    let message = format!("\"{path}\": not found");
    if let Some((file, line, pattern)) = tree.ignored_by(&crate::tree::clean(&path)) {
        return Cause::File {
            message: format!("{message} (excluded by `{pattern}` in {file}:{line})"),
            help: Some(format!(
                "take `{pattern}` out of {file}, or add a line `!{}` behind it",
                path.trim_start_matches('/')
            )),
            span: None,
        };
    }
    let help = first_missing(tree, &path).and_then(|(folder, name)| near(tree, &folder, &name));
    Cause::File { message, help, span: None }
}

fn near(tree: &dyn SourceTree, folder: &[u8], name: &[u8]) -> Option<String> {
    let wanted = display(name);
    let limit = (wanted.chars().count() / 3).max(1);
    let mut near: Vec<(usize, String)> = names_in(tree, folder)
        .into_iter()
        .filter_map(|known| {
            let distance = strsim::osa_distance(&known.to_lowercase(), &wanted.to_lowercase());
            (distance <= limit).then_some((distance, known))
        })
        .collect();
    near.sort();
    near.truncate(3);
    if near.is_empty() {
        return None;
    }
    let names: Vec<String> = near.into_iter().map(|(_, name)| format!("`{name}`")).collect();
    let place = match folder {
        b"" => String::new(),
        folder => format!(" in `/{}`", display(folder)),
    };
    Some(format!("near names{place}: {}", names.join(", ")))
}
