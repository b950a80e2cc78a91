//! What a flag means, and the fields of a mount.

use grammar::instruction::Keyword;
use grammar::{Instruction, Span};

use super::Told;
use crate::cursor::Cursor;
use crate::text::{flags, links, mounts};
use crate::variables::touches;

/// The flag, or the field of a mount, whose name is here.
pub(super) fn tell(cursor: &Cursor<'_>) -> Option<Told> {
    let (_, statement) = cursor.innermost()?;
    mount(cursor).or_else(|| {
        let flag = statement.flags.iter().find(|flag| touches(flag.span, cursor.offset))?;
        let name = Span::new(flag.span.start as usize, flag.name.span.end as usize);
        if !touches(name, cursor.offset) {
            return None;
        }
        let keyword = Keyword::of(&statement.keyword.value)?;
        let known = flags::named(keyword, &flag.name.value)?;
        let takes = match known.takes {
            "" => String::new(),
            takes => format!("={takes}"),
        };
        let mut text = format!("`--{}{takes}`\n\n{}", known.name, known.meaning);
        if !known.values.is_empty() && !known.takes.is_empty() {
            text.push_str(&format!("\n\nfor example `{}`", known.values.join("`, `")));
        }
        let link = links::flag(keyword, known.name);
        Some((format!("{text}\n\n[Reference]({link})"), Some(name)))
    })
}

fn mount(cursor: &Cursor<'_>) -> Option<Told> {
    let (_, statement) = cursor.innermost()?;
    let Instruction::Run(run) = &statement.instruction else { return None };
    let mut fields = run.mounts.iter().flat_map(|mount| &mount.fields);
    let here = |span: Span| touches(span, cursor.offset);
    let (key, value) = fields.find(|(key, value)| {
        here(key.span) || value.as_ref().is_some_and(|value| here(value.span))
    })?;
    let is_type = key.value.eq_ignore_ascii_case("type");
    if let Some(value) = value.as_ref().filter(|_| is_type) {
        let (name, meaning) =
            mounts::TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(&value.text))?;
        let keys = mounts::KEYS.iter().filter(|key| key.types.contains(name));
        let keys: Vec<&str> = keys.map(|key| key.name).collect();
        let text = format!(
            "mount of type `{name}`\n\n{meaning}\n\nfields: `{}`\n\n[Reference]({})",
            keys.join("`, `"),
            links::mount(name)
        );
        return Some((text, Some(key.span.to(value.span))));
    }
    let known = mounts::named(&key.value).filter(|_| here(key.span))?;
    let mut text = format!("`{}`\n\n{}", known.name, known.meaning);
    if !known.aliases.is_empty() {
        text.push_str(&format!("\n\nalso `{}`", known.aliases.join("`, `")));
    }
    text.push_str(&format!("\n\nof mounts of type {}", known.types.join(", ")));
    Some((text, Some(key.span)))
}
