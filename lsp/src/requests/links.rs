//! `textDocument/documentLink`: files of the context, addresses, and the pages of images. Going to the definition of a
//! file leads to the same places.

use std::str::FromStr;

use compiler::Address;
use grammar::instruction::{Mount, Source};
use grammar::{Instruction, Span, Statement, Word};
use lsp_types::{DocumentLink, DocumentLinkParams, Uri};

use super::Answer;
use crate::analysis::{Analysis, from_context};
use crate::cursor::Cursor;
use crate::server::Server;
use crate::uri;

/// How many links a file may have: each costs a look at the disk.
const MAX_LINKS: usize = 1000;

/// Answers the request.
pub(crate) fn answer(server: &Server<'_>, params: DocumentLinkParams) -> Answer<Vec<DocumentLink>> {
    let cursor = server.file(&params.text_document.uri).filter(|it| !it.is_ignore());
    let Some(cursor) = cursor else { return Ok(Vec::new()) };
    let files = files(&cursor).into_iter();
    let files = files.map(|(span, uri)| link(&cursor, span, uri, "a file of the build context"));
    let pages = images(&cursor).into_iter();
    let pages = pages.filter_map(|(span, name)| {
        Some(link(&cursor, span, Uri::from_str(&page(&name)?).ok()?, "the image on Docker Hub"))
    });
    let downloads = downloads(&cursor).into_iter();
    let downloads = downloads.map(|(span, uri)| link(&cursor, span, uri, "what is downloaded"));
    let mut links: Vec<_> = files.chain(pages).chain(downloads).take(MAX_LINKS).collect();
    links.sort_by_key(|link| (link.range.start.line, link.range.start.character));
    Ok(links)
}

fn link(cursor: &Cursor<'_>, span: Span, uri: Uri, what: &str) -> DocumentLink {
    DocumentLink {
        range: cursor.range(span),
        target: Some(uri),
        tooltip: Some(what.to_owned()),
        data: None,
    }
}

/// The sources that are files, and their addresses.
pub(crate) fn files(cursor: &Cursor<'_>) -> Vec<(Span, Uri)> {
    let Some(context) = &cursor.analysis.context else { return Vec::new() };
    let words = statements(&cursor.analysis).flat_map(|(index, statement)| {
        sources(statement).into_iter().map(move |word| (index, word))
    });
    words
        .take(MAX_LINKS)
        .filter_map(|(index, word)| {
            let relative = in_context(&expanded(&cursor.analysis, index, word)?)?;
            let path = context.join(relative);
            // Of what is no folder there is no `PATH/.`.
            let knows = |path| cursor.knowledge.exists(path);
            let is_file = knows(&path) && !knows(&path.join("."));
            is_file.then(|| Some((word.span, uri::of(&path)?)))?
        })
        .collect()
}

/// The words of an instruction that name files of the context.
pub(crate) fn sources(statement: &Statement) -> Vec<&Word> {
    if let Instruction::Run(run) = &statement.instruction {
        return run.mounts.iter().filter_map(bound).collect();
    }
    let transfer = from_context(statement);
    let sources = transfer.into_iter().flat_map(|transfer| &transfer.sources);
    sources
        .filter_map(|source| match source {
            Source::Path(word) => Some(word),
            Source::Heredoc(_) => None,
        })
        .collect()
}

/// What a mount shows of the context.
fn bound(mount: &Mount) -> Option<&Word> {
    let field = |names: &[&str]| {
        let is_one = |key: &str| names.iter().any(|name| key.eq_ignore_ascii_case(name));
        let found = mount.fields.iter().find(|(key, _)| is_one(&key.value));
        found.and_then(|(_, value)| value.as_ref())
    };
    let is_bind = field(&["type"]).is_none_or(|kind| kind.text.eq_ignore_ascii_case("bind"));
    if is_bind && field(&["from"]).is_none() { field(&["source", "src"]) } else { None }
}

/// The path below the context that a source names, if it names one.
pub(crate) fn in_context(source: &str) -> Option<String> {
    if source.contains(['*', '?', '[', '$', '\\', '"', '\'', '\0']) || source.contains("://") {
        return None;
    }
    let mut parts = Vec::new();
    for part in source.split('/') {
        match part {
            "" | "." => {}
            ".." => return None,
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// The instructions with their numbers; of an ONBUILD its trigger, too.
pub(crate) fn statements(analysis: &Analysis) -> impl Iterator<Item = (usize, &Statement)> {
    let statements = analysis.tree.statements.iter().enumerate();
    statements.flat_map(|(index, statement)| with_trigger(statement).map(move |it| (index, it)))
}

/// An instruction, and what an ONBUILD holds.
pub(crate) fn with_trigger(statement: &Statement) -> impl Iterator<Item = &Statement> {
    let trigger = if let Instruction::Onbuild(onbuild) = &statement.instruction {
        onbuild.trigger.as_deref()
    } else {
        None
    };
    [Some(statement), trigger].into_iter().flatten()
}

/// What a word is at its place.
pub(crate) fn expanded(analysis: &Analysis, index: usize, word: &Word) -> Option<String> {
    if !word.text.contains(['$', '"', '\'', '\\']) {
        return Some(word.text.clone());
    }
    let scope = analysis.variables.scope(index)?;
    scope.expand(word, analysis.tree.dialect.escape)
}

/// The places that name images, and their names.
pub(crate) fn images(cursor: &Cursor<'_>) -> Vec<(Span, String)> {
    let stages = &cursor.analysis.stages;
    let mut found = Vec::new();
    if let Some(syntax) = &cursor.analysis.tree.dialect.syntax {
        found.push((syntax.span, syntax.value.clone()));
    }
    for (index, statement) in statements(&cursor.analysis) {
        let words: Vec<&Word> = if let Instruction::From(from) = &statement.instruction {
            vec![&from.image]
        } else if let Instruction::Copy(copy) = &statement.instruction {
            copy.from.iter().collect()
        } else if let Instruction::Run(run) = &statement.instruction {
            let fields = run.mounts.iter().flat_map(|mount| &mount.fields);
            let fields = fields.filter(|(key, _)| key.value.eq_ignore_ascii_case("from"));
            fields.filter_map(|(_, value)| value.as_ref()).collect()
        } else {
            continue;
        };
        for word in words.into_iter().filter(|word| !stages.is_use(word.span)) {
            let name = expanded(&cursor.analysis, index, word);
            let name = name.filter(|it| !is_number(it) && !it.eq_ignore_ascii_case("scratch"));
            found.extend(name.map(|name| (word.span, name)));
        }
    }
    found
}

/// Numbers name stages.
fn is_number(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

/// The page of an image, if it is of Docker Hub: other registries have none that is known to be there.
fn page(name: &str) -> Option<String> {
    let name = name.split('@').next().unwrap_or_default();
    let path = match name.split_once('/') {
        Some(("docker.io" | "index.docker.io", path)) => path,
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => return None,
        Some(_) | None => name,
    };
    let path = path.split(':').next().unwrap_or_default();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/".contains(c);
    if path.is_empty() || !path.chars().all(fits) || path.split('/').any(str::is_empty) {
        return None;
    }
    let official = path.strip_prefix("library/").or((!path.contains('/')).then_some(path));
    Some(match official {
        Some(name) => format!("https://hub.docker.com/_/{name}"),
        None => format!("https://hub.docker.com/r/{path}"),
    })
}

/// The sources of ADD that are on the web. A password in an address goes nowhere.
fn downloads(cursor: &Cursor<'_>) -> Vec<(Span, Uri)> {
    let words = statements(&cursor.analysis).flat_map(|(index, statement)| {
        let is_add = matches!(statement.instruction, Instruction::Add(_));
        let words = if is_add { sources(statement) } else { Vec::new() };
        words.into_iter().map(move |word| (index, word))
    });
    words
        .filter_map(|(index, word)| {
            let address = expanded(&cursor.analysis, index, word)?;
            let is_web = ["http://", "https://"].iter().any(|it| address.starts_with(it));
            let address = Address::new(address);
            // Behind a `#` stand branch and folder of a repository.
            let page = address.as_str().split('#').next().unwrap_or_default();
            let fits =
                is_web && !page.contains(['$', ' ', '"', '<', '>', '\\', '^', '`', '{', '|', '}']);
            fits.then(|| Some((word.span, Uri::from_str(page).ok()?)))?
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_images() {
        for (name, want) in [
            ("alpine", Some("_/alpine")),
            ("alpine:3.20@sha256:00", Some("_/alpine")),
            ("library/alpine", Some("_/alpine")),
            ("docker.io/library/alpine:3", Some("_/alpine")),
            ("docker/dockerfile:1", Some("r/docker/dockerfile")),
            ("index.docker.io/a/b", Some("r/a/b")),
            ("ghcr.io/a/b", None),
            ("localhost/a", None),
            ("registry:5000/a", None),
            ("Alpine", None),
            ("a//b", None),
            ("$IMAGE", None),
            ("", None),
        ] {
            let want = want.map(|path| format!("https://hub.docker.com/{path}"));
            assert_eq!(page(name), want, "{name}");
        }
    }

    #[test]
    fn paths_of_the_context() {
        for (source, want) in [
            ("a/b", Some("a/b")),
            ("/a//./b/", Some("a/b")),
            ("../a", None),
            ("a/../b", None),
            (".", None),
            ("*.txt", None),
            ("https://a/b", None),
            ("$A", None),
        ] {
            assert_eq!(in_context(source).as_deref(), want, "{source}");
        }
    }
}
