//! What a variable is at a place, where it comes from, and what a word becomes.

use grammar::{Instruction, Span, Statement, Word};

use super::Told;
use crate::cursor::Cursor;
use crate::variables::{Origin, PREDEFINED, touches};

/// The variable that is used or set here.
pub(super) fn variable(cursor: &Cursor<'_>) -> Option<Told> {
    let variables = &cursor.analysis.variables;
    let (name, span, value, from) = match variables.use_at(cursor.offset) {
        Some(used) => {
            let from = match &used.origin {
                Some(Origin::Binding(number)) => binding(cursor, *number)?,
                Some(Origin::Image(image)) => format!("the image `{image}`"),
                Some(Origin::Predefined) => "the build itself".to_owned(),
                None => "nowhere: no ARG or ENV before this line".to_owned(),
            };
            (&used.name, used.span, &used.value, from)
        }
        None => {
            let at = variables.bindings.iter().position(|it| touches(it.span, cursor.offset))?;
            let it = &variables.bindings[at];
            (&it.name, it.span, &it.value, binding(cursor, at)?)
        }
    };
    let mut text = match value {
        Some(value) => format!("`{name}` = `{value}`\n\nfrom {from}"),
        None => format!("`{name}` has no value here\n\nfrom {from}"),
    };
    if let Some((_, what)) = PREDEFINED.iter().find(|(known, _)| known == name) {
        text.push_str(&format!("\n\n{what}"));
    }
    if let Some((word, expanded)) = expanded(cursor).filter(|(word, _)| word.span != span) {
        let is_more = word.text.trim_matches(['$', '{', '}']) != name;
        if is_more {
            text.push_str(&format!("\n\n`{}` becomes `{expanded}`", word.text));
        }
    }
    Some((text, Some(span)))
}

/// Which ARG or ENV it is, and what stands behind it.
fn binding(cursor: &Cursor<'_>, number: usize) -> Option<String> {
    let bindings = &cursor.analysis.variables.bindings;
    let binding = bindings.get(number)?;
    let line = |span: Span| cursor.range(span).start.line + 1;
    let what = if binding.is_env { "ENV" } else { "ARG" };
    let mut text = format!("{what}, line {}", line(binding.span));
    if binding.is_given {
        text.push_str(", set by `dfc.toml`");
    } else if let Some(global) = binding.inherits.filter(|_| !binding.has_default) {
        let global = bindings.get(global)?;
        text.push_str(&format!(", which takes it from ARG, line {}", line(global.span)));
        if global.is_given {
            text.push_str(", set by `dfc.toml`");
        }
    }
    Some(text)
}

/// What a word with variables becomes.
pub(super) fn word(cursor: &Cursor<'_>) -> Option<Told> {
    let (word, expanded) = expanded(cursor)?;
    let text = format!("`{}` becomes `{expanded}`", word.text);
    (word.text != expanded).then_some((text, Some(word.span)))
}

/// The word here that the build expands, and what it becomes.
fn expanded(cursor: &Cursor<'_>) -> Option<(Word, String)> {
    let (index, statement) = cursor.innermost()?;
    let word = words(statement).into_iter().find(|it| touches(it.span, cursor.offset))?;
    if !word.text.contains('$') {
        return None;
    }
    let scope = cursor.analysis.variables.scope(index)?;
    let expanded = scope.expand(&word, cursor.analysis.tree.dialect.escape)?;
    Some((word, expanded))
}

/// The words of an instruction that the build expands.
fn words(statement: &Statement) -> Vec<Word> {
    let is_shell = matches!(
        statement.instruction,
        Instruction::Run(_)
            | Instruction::Cmd(_)
            | Instruction::Entrypoint(_)
            | Instruction::Healthcheck(_)
            | Instruction::Shell(_)
            | Instruction::Onbuild(_)
            | Instruction::Maintainer(_)
    );
    let flags = statement.flags.iter().filter_map(|flag| flag.value.clone());
    let args = statement.args.iter().filter(|_| !is_shell).cloned();
    flags.chain(args).collect()
}
