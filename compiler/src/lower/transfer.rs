//! What COPY and ADD share: one layer of all their sources.

use grammar::instruction::{Source, SourceHeredoc, Transfer};
use grammar::{Diagnostic, Span, Word};
use oci::Digest;

use super::{Cx, chmod, name};
use crate::address::without_credentials;
use crate::facts::Fact;
use crate::git::{self, GitReference};
use crate::graph::{Input, Role, Step, StepId, Words};
use crate::image::Made;
use crate::op::{
    CopyAction, FileAction, FileOp, HttpSource, MkfileAction, Op, Parents, SourceOp, Unpack,
};
use crate::paths::{self, windows};

/// Which of the two it is, with the flags that the other has not.
#[derive(Debug)]
pub(super) enum Transferring {
    Copy {
        parents: bool,
    },
    Add {
        /// Expanded, and where it is written.
        checksum: Option<(String, Span)>,
        keep_git_dir: Option<bool>,
        unpack: Option<bool>,
    },
}

/// Where paths are copied from.
#[derive(Debug, Clone, Copy)]
pub(super) enum From {
    /// The main build context.
    Context,
    /// A stage or an image.
    Stage { step: Option<StepId>, keep_owner: bool },
}

/// Flags and words, expanded.
struct Expanded {
    owner: Option<String>,
    chmod: Option<String>,
    exclude: Vec<String>,
    dest: String,
    /// The destination, absolute.
    absolute_dest: String,
    /// The name of steps, counter included.
    step_name: String,
}

pub(super) fn lower(
    cx: &mut Cx<'_, '_>,
    kind: &Transferring,
    it: &Transfer,
    from: From,
) -> Result<(), Diagnostic> {
    let owner = cx.expand_option(it.chown.as_ref())?;
    let chmod = cx.expand_option(it.chmod.as_ref())?;
    if let (Some(mode), Some(word)) = (&chmod, &it.chmod) {
        chmod::check(mode, word.span)?;
    }
    let (paths, heredocs) = sources(cx, it)?;
    let dest = cx.expand(&it.destination)?;
    check_checksum(kind, &paths)?;

    let plain_dest = plain(cx, &dest, true, it.destination.span)?;
    let absolute_dest = paths::destination(&cx.stage().tree.workdir, &plain_dest);
    let env = cx.stage().tree.env.clone();
    let escape = cx.conversion.file.dialect.escape;
    let shown = name::expanded(cx.command.statement.original.trim(), &env, escape);
    let shown = match kind {
        Transferring::Copy { .. } => name::upper_case(&shown),
        Transferring::Add { .. } => without_credentials(&name::upper_case(&shown)),
    };
    let expanded = Expanded {
        owner,
        chmod,
        exclude: it.exclude.iter().map(|word| word.text.clone()).collect(),
        absolute_dest,
        dest,
        step_name: cx.step_name(&shown, &env),
    };

    let mut words = Words { owner: it.chown.as_ref().map(|word| word.span), ..Words::default() };
    let mut actions = Vec::new();
    let mut inputs = Vec::new();
    for (path, word) in &paths {
        let number = u32::try_from(actions.len()).expect("few sources");
        let (action, step) = path_action(cx, kind, &expanded, (path, word.span), from)?;
        actions.push(FileAction::Copy(action));
        words.parts.push(Some(word.span));
        inputs.extend(step.map(|step| Input { step, role: Role::Source(number) }));
    }
    for (name, data) in &heredocs {
        actions.push(FileAction::Mkfile(MkfileAction {
            dest: expanded.absolute_dest.clone(),
            name: name.clone(),
            data: data.clone(),
            owner: expanded.owner.clone(),
            chmod: expanded.chmod.clone(),
        }));
    }

    // BuildKit makes a plain copy of a linked one that changes modes.
    let link = it.link && expanded.chmod.is_none();
    add_steps(cx, &expanded, (FileOp { actions, on_scratch: link }, words), inputs, &shown);

    let mut text = history_flags(kind, &expanded);
    let paths = paths.iter().map(|(path, _)| match kind {
        Transferring::Copy { .. } => path.clone(),
        Transferring::Add { .. } => without_credentials(path),
    });
    let heredocs = heredocs.iter().map(|(name, _)| format!("<<{name}"));
    for word in paths.chain(heredocs).chain([expanded.dest]) {
        text.push(' ');
        text.push_str(&word);
    }
    cx.commit(text, Made::SignedLayer);
    Ok(())
}

/// The paths, expanded, with their words; and the heredocs as name and content. Paths come first, whatever the order.
#[expect(clippy::type_complexity, reason = "a pair that is taken apart at once")]
fn sources<'t>(
    cx: &mut Cx<'_, '_>,
    it: &'t Transfer,
) -> Result<(Vec<(String, &'t Word)>, Vec<(String, String)>), Diagnostic> {
    let mut paths = Vec::new();
    for source in &it.sources {
        if let Source::Path(word) = source {
            paths.push((cx.expand(word)?, word));
        }
    }
    let mut heredocs = Vec::new();
    for source in &it.sources {
        if let Source::Heredoc(it) = source {
            heredocs.push(heredoc(cx, it)?);
        }
    }
    Ok((paths, heredocs))
}

/// A heredoc's name and content.
fn heredoc(cx: &mut Cx<'_, '_>, it: &SourceHeredoc) -> Result<(String, String), Diagnostic> {
    let content = it.content(&cx.command.statement.heredocs);
    let data = match it.expand {
        true => cx.expand_body(&content)?,
        false => content.text,
    };
    Ok((it.name.value.clone(), data))
}

fn check_checksum(kind: &Transferring, paths: &[(String, &Word)]) -> Result<(), Diagnostic> {
    let Transferring::Add { checksum: Some((_, span)), .. } = kind else { return Ok(()) };
    let message = match paths {
        [(path, _)] if git::is_http(path) || matches!(git::parse(path), git::Parsed::Git(_)) => {
            return Ok(());
        }
        [_] => "checksum requires HTTP(S) or Git sources",
        _ => "checksum can't be specified for multiple sources",
    };
    let help = "leave it out; only one source that is downloaded can be checked";
    Err(Diagnostic::error("misplaced-checksum", message, *span).help(help))
}

/// The action of one path, and the step whose tree it copies from.
fn path_action(
    cx: &mut Cx<'_, '_>,
    kind: &Transferring,
    expanded: &Expanded,
    (path, span): (&str, Span),
    from: From,
) -> Result<(CopyAction, Option<StepId>), Diagnostic> {
    let of_tree = |source: String, unpack: bool, keep_owner: bool| CopyAction {
        source,
        wildcard: false,
        dest: expanded.absolute_dest.clone(),
        owner: expanded.owner.clone(),
        chmod: expanded.chmod.clone(),
        unpack: if unpack { Unpack::Auto } else { Unpack::Never },
        exclude: expanded.exclude.clone(),
        parents: None,
        keep_owner,
    };
    let not_for_copy = |what: &str| {
        let message = format!("source can't be {what} for COPY");
        Diagnostic::error("remote-copy", message, span).help("ADD takes it")
    };
    match git::parse(path) {
        git::Parsed::Broken(reason) => {
            return Err(Diagnostic::error("invalid-git", reason, span));
        }
        git::Parsed::Git(reference) => {
            let Transferring::Add { checksum, keep_git_dir, .. } = kind else {
                return Err(not_for_copy("a git ref"));
            };
            let source = git_source(reference, checksum.as_ref(), *keep_git_dir, span)?;
            let step = source_step(cx, SourceOp::Git(source), expanded);
            return Ok((of_tree("/".into(), false, false), Some(step)));
        }
        git::Parsed::Other => {}
    }
    if git::is_http(path) {
        let Transferring::Add { checksum, unpack, .. } = kind else {
            return Err(not_for_copy("a URL"));
        };
        let checksum = checksum.as_ref().map(|(text, span)| {
            text.parse::<Digest>().map_err(|error| {
                Diagnostic::error("invalid-checksum", error.to_string(), *span)
                    .help("write `sha256:` and 64 hex digits")
            })
        });
        let file_name = git::http_file_name(path);
        let source = paths::join("/", &file_name);
        let op = HttpSource { url: path.into(), file_name, checksum: checksum.transpose()? };
        let step = source_step(cx, SourceOp::Http(op), expanded);
        return Ok((of_tree(source, unpack.unwrap_or(false), false), Some(step)));
    }
    let (step, keep_owner) = match from {
        From::Context => {
            let add = matches!(kind, Transferring::Add { .. });
            cx.conversion.out.note(Fact::ContextPath { path: path.to_owned(), span, add });
            (Some(cx.context_step()), cx.conversion.options.fetched_context)
        }
        From::Stage { step, keep_owner } => (step, keep_owner),
    };
    let (unpack, with_parents) = match kind {
        Transferring::Copy { parents } => (false, *parents),
        Transferring::Add { unpack, .. } => (unpack.unwrap_or(true), false),
    };
    let path = plain(cx, path, false, span)?;
    let (source, parents) = match with_parents {
        true => {
            let (source, parents) = parents(&path);
            (source, Some(parents))
        }
        false => (paths::join("/", &path), None),
    };
    let action = CopyAction { wildcard: true, parents, ..of_tree(source, unpack, keep_owner) };
    Ok((action, step))
}

/// A path without what only Windows writes; on other systems as it is.
fn plain(cx: &Cx<'_, '_>, path: &str, keep_slash: bool, span: Span) -> Result<String, Diagnostic> {
    match cx.platform().os.as_str() {
        "windows" => windows::plain(path, keep_slash)
            .map_err(|error| Diagnostic::error("invalid-path", error.to_string(), span)),
        _ => Ok(path.to_owned()),
    }
}

/// `a/./b/c` counts from `a`; without `/./` all of the path is kept.
fn parents(path: &str) -> (String, Parents) {
    let (root, pattern) = path.split_once("/./").unwrap_or(("/", path));
    let required = !has_wildcards(root) && !has_wildcards(pattern);
    let pattern = paths::absolute("/", pattern);
    let pattern = pattern.strip_prefix('/').unwrap_or(&pattern).to_owned();
    (paths::join("/", root), Parents { pattern, required })
}

fn has_wildcards(path: &str) -> bool {
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' | '?' | '[' => return true,
            '\\' => drop(chars.next()),
            _ => {}
        }
    }
    false
}

/// The git reference of ADD as a source, with what the flags say.
pub(crate) fn git_source(
    reference: GitReference,
    checksum: Option<&(String, Span)>,
    keep_git_dir: Option<bool>,
    span: Span,
) -> Result<crate::op::GitSource, Diagnostic> {
    if let (Some(flag), Some(query)) = (keep_git_dir, reference.keep_git_dir)
        && flag != query
    {
        let message = "inconsistent keep-git-dir configuration";
        return Err(Diagnostic::error("git-conflict", message, span));
    }
    let in_url = Some(reference.checksum.clone()).filter(|text| !text.is_empty());
    let flag = checksum.map(|(text, _)| text.clone());
    if let (Some(flag), Some(in_url)) = (&flag, &in_url)
        && flag != in_url
    {
        let message = format!("checksum mismatch {flag:?} != {in_url:?}");
        return Err(Diagnostic::error("git-conflict", message, span));
    }
    let keep = reference.keep_git_dir.or(keep_git_dir).unwrap_or(false);
    Ok(reference.source(in_url.or(flag), keep))
}

fn source_step(cx: &mut Cx<'_, '_>, source: SourceOp, expanded: &Expanded) -> StepId {
    let step = Step {
        op: Op::Source(source),
        platform: cx.platform(),
        span: Some(cx.place()),
        stage: cx.stage().id,
        name: expanded.step_name.clone(),
        ignore_cache: cx.stage().ignore_cache,
        words: Words::default(),
        args: Vec::new(),
    };
    cx.conversion.out.builder.add(step, Vec::new())
}

/// Adds the copy, and for `--link` what lays it over the base.
fn add_steps(
    cx: &mut Cx<'_, '_>,
    expanded: &Expanded,
    (op, words): (FileOp, Words),
    mut inputs: Vec<Input>,
    shown: &str,
) {
    let base = cx.stage().tree.step;
    let link = op.on_scratch;
    if !link {
        inputs.extend(base.map(|step| Input { step, role: Role::Base }));
    }
    let copied = cx.add_step(Op::File(op), inputs, (expanded.step_name.clone(), words));
    cx.advance(copied);
    if let (true, Some(base)) = (link, base) {
        let env = cx.stage().tree.env.clone();
        // One number for both.
        cx.stage().shown = cx.stage().shown.saturating_sub(1);
        let step_name = cx.step_name(&format!("LINK {shown}"), &env);
        let inputs = vec![
            Input { step: base, role: Role::Base },
            Input { step: copied, role: Role::Upper(0) },
        ];
        let merged = cx.add_step(Op::Merge, inputs, (step_name, Words::default()));
        // The layer is the copy's own; the merge only puts it in its place.
        cx.stage().tree.step = Some(merged);
    }
}

fn history_flags(kind: &Transferring, expanded: &Expanded) -> String {
    let mut text = String::from(match kind {
        Transferring::Copy { .. } => "COPY",
        Transferring::Add { .. } => "ADD",
    });
    if matches!(kind, Transferring::Copy { parents: true }) {
        text.push_str(" --parents");
    }
    for (flag, value) in [("chown", &expanded.owner), ("chmod", &expanded.chmod)] {
        if let Some(value) = value {
            text.push_str(&format!(" --{flag}={value}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_count_from_the_pivot() {
        for (path, root, pattern, required) in [
            ("a/./b/c", "/a", "b/c", true),
            ("a/b", "/", "a/b", true),
            ("./a/b*", "/", "a/b*", false),
            ("/x/*/./y", "/x/*", "y", false),
        ] {
            let parents = parents(path);
            assert_eq!(
                parents,
                (root.into(), Parents { pattern: pattern.into(), required }),
                "{path}"
            );
        }
    }
}
