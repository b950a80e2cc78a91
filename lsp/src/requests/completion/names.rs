//! Stages, images and variables.

use lsp_types::CompletionItemKind;

use super::offer::Offer;
use crate::cursor::Cursor;
use crate::text::MODIFIERS;
use crate::variables::{Origin, Scope};

/// How long a value may be beside a name, in characters.
const MAX_DETAIL: usize = 60;

/// What FROM and `--from=` may name: stages before this one, the nearest first, and images that are here.
pub(super) fn stages_and_images(cursor: &Cursor<'_>, is_from: bool) -> Vec<Offer> {
    let stages = &cursor.analysis.stages;
    let before = |from: usize| {
        let statement = cursor.analysis.tree.statements.get(from);
        statement.is_some_and(|it| (it.span.end as usize) < cursor.offset)
    };
    let mut known: Vec<(usize, _)> =
        stages.list.iter().enumerate().filter(|(_, stage)| before(stage.from)).collect();
    if !is_from {
        // The last one is that of this very instruction.
        known.pop();
    }
    let mut offers = Vec::new();
    for (index, stage) in known.iter().rev() {
        let from = format!("stage {index}, from {}", stage.image.value);
        let offer = match &stage.name {
            Some(name) => Offer::new(name.value.as_str(), CompletionItemKind::MODULE).detail(from),
            None if is_from => continue,
            None => Offer::new(index.to_string(), CompletionItemKind::MODULE).detail(from).rank(1),
        };
        offers.push(offer);
    }
    if is_from {
        let scratch = Offer::new("scratch", CompletionItemKind::REFERENCE);
        offers.push(scratch.detail("nothing at all").rank(2));
    }
    for name in cursor.knowledge.image_names() {
        let platform = cursor.knowledge.describe_image(&name).map(|facts| facts.platform);
        let detail = format!("in the local store, {}", platform.unwrap_or_default());
        let offer = Offer::new(name, CompletionItemKind::REFERENCE);
        offers.push(offer.detail(detail.trim_end_matches([' ', ','])).rank(3));
    }
    offers
}

/// What of a word is a variable that is being typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed<'w> {
    /// `$NA`
    Plain(&'w str),
    /// `${NA`
    Braced(&'w str),
    /// `${NAME:`: the name, and what is typed of the modifier.
    Modifier(&'w str, &'w str),
}

/// The variable at the end of a word.
pub(super) fn typed(word: &str, escape: char) -> Option<Typed<'_>> {
    let dollar = word.rfind('$')?;
    let escapes = word[..dollar].chars().rev().take_while(|c| *c == escape).count();
    if escapes % 2 == 1 {
        return None;
    }
    let rest = &word[dollar + 1..];
    let is_name = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match rest.strip_prefix('{') {
        None => is_name(rest).then_some(Typed::Plain(rest)),
        Some(rest) if is_name(rest) => Some(Typed::Braced(rest)),
        Some(rest) => {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
            let (name, modifier) = rest.split_at(end);
            let is_begun = MODIFIERS.iter().any(|(known, _)| known.starts_with(modifier));
            (is_begun && !name.is_empty()).then_some(Typed::Modifier(name, modifier))
        }
    }
}

/// The variables that have a value here, in the braces that are open.
pub(super) fn variables(cursor: &Cursor<'_>, typed: &Typed<'_>) -> (usize, Vec<Offer>) {
    let closed = cursor.text()[cursor.offset..]
        .trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let close = if closed.starts_with('}') { "" } else { "}" };
    match typed {
        Typed::Plain(name) => (name.len(), known(cursor, "")),
        Typed::Braced(name) => {
            let mut offers = known(cursor, close);
            if scope(cursor).is_some_and(|scope| scope.get(name).is_some()) {
                offers.extend(modifiers(name, close));
            }
            (name.len(), offers)
        }
        Typed::Modifier(name, modifier) => {
            (name.len() + modifier.len(), modifiers(name, close).collect())
        }
    }
}

fn scope<'a>(cursor: &'a Cursor<'_>) -> Option<&'a Scope> {
    let statements = &cursor.analysis.tree.statements;
    let index = statements.partition_point(|it| it.span.start as usize <= cursor.offset);
    cursor.analysis.variables.scope(index.saturating_sub(1))
}

fn known(cursor: &Cursor<'_>, close: &str) -> Vec<Offer> {
    let Some(scope) = scope(cursor) else { return Vec::new() };
    let offer = |(name, (value, origin)): (&str, &(Option<String>, Origin))| {
        let shown: String =
            value.as_deref().unwrap_or("no value").chars().take(MAX_DETAIL).collect();
        let (from, rank) = match origin {
            Origin::Binding(_) => ("set in this file", 0),
            Origin::Image(_) => ("of the base image", 1),
            Origin::Predefined => ("of the build itself", 1),
        };
        Offer::new(name, CompletionItemKind::VARIABLE)
            .insert(format!("{name}{close}"))
            .detail(shown)
            .about(from)
            .rank(rank)
    };
    scope.all().into_iter().map(offer).collect()
}

/// The forms that a name in braces can have.
fn modifiers<'a>(name: &'a str, close: &'a str) -> impl Iterator<Item = Offer> + 'a {
    MODIFIERS.iter().map(move |(modifier, meaning)| {
        let (label, snippet) = match *modifier {
            "/" | "//" => ("PATTERN/WORD", "${1:pattern}/${2:word}"),
            "#" | "##" | "%" | "%%" => ("PATTERN", "${1:pattern}"),
            _ => ("WORD", "${1:word}"),
        };
        let close = close.replace('}', "\\}");
        Offer::new(format!("{name}{modifier}{label}"), CompletionItemKind::OPERATOR)
            .insert(format!("{name}{modifier}"))
            .snippet(format!("{name}{modifier}{snippet}{close}"))
            .detail(*meaning)
            .rank(5)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_seen() {
        assert_eq!(typed("a$", '\\'), Some(Typed::Plain("")));
        assert_eq!(typed("a$B/${C", '\\'), Some(Typed::Braced("C")));
        assert_eq!(typed("${C:", '\\'), Some(Typed::Modifier("C", ":")));
        assert_eq!(typed("${C#", '\\'), Some(Typed::Modifier("C", "#")));
        for none in ["a", "\\$A", "$A/", "${A:-b", "${A}", "${:"] {
            assert_eq!(typed(none, '\\'), None, "{none}");
        }
        assert_eq!(typed("\\\\$A", '\\'), Some(Typed::Plain("A")));
    }
}
