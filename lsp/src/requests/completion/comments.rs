//! Parser directives, and the comments that leave rules out.

use compiler::lint::{self, RULES};
use lsp_types::CompletionItemKind;

use super::offer::Offer;
use crate::cursor::Cursor;
use crate::text::DIRECTIVES;

/// What may stand in a comment whose text before the cursor is `line`: how much is replaced, and by what.
pub(super) fn offers(cursor: &Cursor<'_>, line: &str) -> (usize, Vec<Offer>) {
    let text = line.trim_start().trim_start_matches('#').trim_start();
    if let Some(codes) = behind(text, &["hadolint", "ignore="])
        .or_else(|| behind(text, &["hadolint", "global", "ignore="]))
    {
        return (last(codes).len(), codes_of_hadolint());
    }
    let Some((name, value)) = text.split_once('=') else {
        let is_top = is_top(cursor);
        let directives = DIRECTIVES.iter().filter(|(name, _)| is_top || *name == "check");
        let offers = directives.map(|(name, meaning)| {
            let rest = match *name {
                "syntax" => "syntax=docker/dockerfile:1",
                "check" => "check=skip=",
                _ => "escape=`",
            };
            Offer::new(*name, CompletionItemKind::PROPERTY)
                .insert(rest)
                .detail(rest)
                .about(*meaning)
        });
        let mut offers: Vec<Offer> = offers.collect();
        let pragma = Offer::new("hadolint ignore=", CompletionItemKind::PROPERTY).rank(1);
        offers.push(pragma.about("Leaves rules out by their codes in hadolint."));
        return (text.len(), offers);
    };
    let value = value.trim_start();
    let kinds = |values: &[&str]| -> Vec<Offer> {
        values.iter().map(|it| Offer::new(*it, CompletionItemKind::VALUE)).collect()
    };
    match name.trim_end().to_lowercase().as_str() {
        "syntax" if is_top(cursor) => {
            (value.len(), kinds(&["docker/dockerfile:1", "docker/dockerfile:1-labs"]))
        }
        "escape" if is_top(cursor) => (value.len(), kinds(&["\\", "`"])),
        "check" => check(value),
        _ => (0, Vec::new()),
    }
}

/// The options of a check directive, and the rules that they name.
fn check(value: &str) -> (usize, Vec<Offer>) {
    let option = value.rsplit(';').next().unwrap_or_default();
    let Some((name, list)) = option.split_once('=') else {
        let options = [
            ("skip=", "Rules that do not run, or `all`."),
            ("error=", "Whether findings stop the build."),
            ("experimental=", "Experimental rules that run, or `all`."),
        ];
        let offer =
            |(name, what): (&str, &str)| Offer::new(name, CompletionItemKind::PROPERTY).about(what);
        return (option.len(), options.into_iter().map(offer).collect());
    };
    if name.trim() == "error" {
        let values = ["true", "false"].map(|it| Offer::new(it, CompletionItemKind::VALUE));
        return (list.len(), values.into());
    }
    let typed = last(list);
    let given: Vec<&str> = list[..list.len() - typed.len()].split(',').map(str::trim).collect();
    let wanted = |rule: &&&dyn lint::Rule| {
        !given.contains(&rule.name()) && (name.trim() != "experimental" || rule.is_experimental())
    };
    let mut offers: Vec<Offer> = RULES
        .iter()
        .filter(wanted)
        .map(|rule| {
            Offer::new(rule.name(), CompletionItemKind::ENUM_MEMBER)
                .detail(rule.aliases().join(", "))
        })
        .collect();
    if given.iter().all(|it| it.is_empty()) {
        offers
            .push(Offer::new("all", CompletionItemKind::ENUM_MEMBER).detail("every rule").rank(1));
    }
    (typed.len(), offers)
}

fn codes_of_hadolint() -> Vec<Offer> {
    let codes =
        RULES.iter().flat_map(|rule| rule.aliases().iter().map(|code| (*code, rule.name())));
    let mut codes: Vec<(&str, &str)> = codes.collect();
    codes.sort_unstable();
    let offer = |(code, rule)| Offer::new(code, CompletionItemKind::ENUM_MEMBER).detail(rule);
    codes.into_iter().map(offer).collect()
}

/// What is typed of the last of a list.
fn last(list: &str) -> &str {
    list.rsplit(',').next().unwrap_or_default().trim_start()
}

/// What stands behind these words.
fn behind<'t>(mut text: &'t str, words: &[&str]) -> Option<&'t str> {
    for word in words {
        text = text.strip_prefix(word)?.trim_start();
    }
    Some(text)
}

/// Whether directives are still read here: only directives stand above.
fn is_top(cursor: &Cursor<'_>) -> bool {
    let line = cursor.document.lines.position(cursor.text(), cursor.offset).line;
    let known = cursor.analysis.tree.directives.iter().filter(|it| it.line <= line).count();
    known == line as usize
}
