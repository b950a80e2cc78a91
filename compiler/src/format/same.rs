//! Whether two files mean the same: what the parser reads from them, whatever place it stands at.

use grammar::instruction::{Instruction, Keyword};
use grammar::tree::Flag;
use grammar::word::{Modifier, Part};
use grammar::{Dockerfile, Spanned, Statement, Word};

use super::form::Form;

/// Whether two files have the same directives, and statements that mean the same under the same comments.
pub(super) fn files(before: &Dockerfile, after: &Dockerfile) -> bool {
    let (old, new) = (&before.dialect, &after.dialect);
    let value = |it: &Option<Spanned<String>>| it.as_ref().map(|it| it.value.clone());
    let directives = || before.directives.iter().zip(&after.directives);
    let statements = || before.statements.iter().zip(&after.statements);
    old.escape == new.escape
        && value(&old.syntax) == value(&new.syntax)
        && value(&old.check) == value(&new.check)
        && before.directives.len() == after.directives.len()
        && directives().all(|(a, b)| a.name == b.name && a.value.value == b.value.value)
        && before.statements.len() == after.statements.len()
        && statements().all(|(a, b)| self::statements(a, b, old.escape))
        && statements().all(|(a, b)| {
            let comments = |it: &Statement| -> Vec<String> {
                it.comments.iter().map(|comment| comment.value.clone()).collect()
            };
            comments(a) == comments(b)
        })
}

/// Whether two statements mean the same, comments aside.
pub(super) fn statements(before: &Statement, after: &Statement, escape: char) -> bool {
    let Some(kind) = Keyword::of(&before.keyword.value) else { return false };
    Keyword::of(&after.keyword.value) == Some(kind)
        && before.json == after.json
        && same_flags(kind, &before.flags, &after.flags)
        && same_words(kind, before, after, escape)
        && same_heredocs(before, after)
        && same_triggers(&before.instruction, &after.instruction)
}

fn same_flags(kind: Keyword, before: &[Flag], after: &[Flag]) -> bool {
    let texts = |flags: &[Flag]| -> Vec<(String, Option<String>)> {
        let text = |flag: &Flag| {
            (flag.name.value.clone(), flag.value.as_ref().map(|value| value.text.clone()))
        };
        Form::of(kind).sorted(flags).into_iter().map(text).collect()
    };
    before.len() == after.len() && texts(before) == texts(after)
}

fn same_words(kind: Keyword, before: &Statement, after: &Statement, escape: char) -> bool {
    let in_any_case = Form::of(kind).keyword;
    let mut words = before.args.iter().zip(&after.args).enumerate();
    before.args.len() == after.args.len()
        && words.all(|(i, (a, b))| {
            a.text == b.text
                || (in_any_case == Some(i) && a.text.eq_ignore_ascii_case(&b.text))
                || (is_old_form(&before.instruction) && i == 1 && values(a, b, escape))
        })
}

/// Whether an ENV or LABEL has the form without `=`.
pub(super) fn is_old_form(instruction: &Instruction) -> bool {
    matches!(instruction, Instruction::Env(pairs) | Instruction::Label(pairs) if pairs.legacy)
}

fn same_heredocs(before: &Statement, after: &Statement) -> bool {
    let mut pairs = before.heredocs.iter().zip(&after.heredocs);
    before.heredocs.len() == after.heredocs.len()
        && pairs.all(|(a, b)| {
            a.name.value == b.name.value
                && a.content.value == b.content.value
                && (a.expand, a.chomp, a.fd) == (b.expand, b.chomp, b.fd)
        })
}

/// What an ONBUILD leaves in the image is its text.
fn same_triggers(before: &Instruction, after: &Instruction) -> bool {
    match (before, after) {
        (Instruction::Onbuild(a), Instruction::Onbuild(b)) => {
            a.expression.text == b.expression.text
        }
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}

/// Whether two words expand to the same value, as one word.
pub(super) fn values(before: &Word, after: &Word, escape: char) -> bool {
    match (before.parts(escape), after.parts(escape)) {
        (Ok(before), Ok(after)) => same_parts(&before, &after),
        (Ok(_) | Err(_), _) => false,
    }
}

/// What parts say, texts in a row taken together, quoted or not.
enum Said<'p> {
    Text(String),
    Variable(&'p str, Option<&'p Modifier>),
}

fn said(parts: &[Part]) -> Vec<Said<'_>> {
    let mut out = Vec::new();
    for part in parts {
        match (part, out.last_mut()) {
            (Part::Text { text, .. }, Some(Said::Text(before))) => before.push_str(text),
            (Part::Text { text, .. }, _) if text.is_empty() => {}
            (Part::Text { text, .. }, _) => out.push(Said::Text(text.clone())),
            (Part::Variable(variable), _) => {
                out.push(Said::Variable(&variable.name.value, variable.modifier.as_ref()));
            }
        }
    }
    out
}

fn same_parts(before: &[Part], after: &[Part]) -> bool {
    let (before, after) = (said(before), said(after));
    before.len() == after.len()
        && before.iter().zip(&after).all(|pair| match pair {
            (Said::Text(a), Said::Text(b)) => a == b,
            (Said::Variable(a, before), Said::Variable(b, after)) => {
                a == b && same_modifiers(*before, *after)
            }
            (Said::Text(_), Said::Variable(..)) | (Said::Variable(..), Said::Text(_)) => false,
        })
}

fn same_modifiers(before: Option<&Modifier>, after: Option<&Modifier>) -> bool {
    use Modifier::{Alternative, Default, RemovePrefix, RemoveSuffix, Replace, Required};
    let (Some(before), Some(after)) = (before, after) else {
        return before.is_none() && after.is_none();
    };
    match (before, after) {
        (Default { colon: a, word: before }, Default { colon: b, word: after })
        | (Alternative { colon: a, word: before }, Alternative { colon: b, word: after })
        | (Required { colon: a, word: before }, Required { colon: b, word: after })
        | (
            RemovePrefix { greedy: a, pattern: before },
            RemovePrefix { greedy: b, pattern: after },
        )
        | (
            RemoveSuffix { greedy: a, pattern: before },
            RemoveSuffix { greedy: b, pattern: after },
        ) => a == b && same_parts(before, after),
        (
            Replace { all: a, pattern: before, replacement: first },
            Replace { all: b, pattern: after, replacement: second },
        ) => a == b && same_parts(before, after) && same_parts(first, second),
        (
            Default { .. }
            | Alternative { .. }
            | Required { .. }
            | RemovePrefix { .. }
            | RemoveSuffix { .. }
            | Replace { .. },
            _,
        ) => false,
    }
}
