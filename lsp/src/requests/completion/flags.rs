//! Flags, their values, and the fields of mounts.

use std::collections::BTreeSet;

use grammar::Instruction;
use grammar::instruction::Keyword;
use lsp_types::CompletionItemKind;

use super::offer::Offer;
use super::{names, paths};
use crate::cursor::Cursor;
use crate::text;
use crate::text::flags::Flag;
use crate::text::mounts::{self, Key};

/// What may stand at a flag that is being typed: how much of it is replaced, and by what.
pub(super) fn offers(
    cursor: &Cursor<'_>,
    keyword: Keyword,
    given: &[&str],
    flag: &str,
) -> (usize, Vec<Offer>) {
    let Some((name, value)) = flag.trim_start_matches('-').split_once('=') else {
        return (flag.len(), flags(keyword, given));
    };
    let Some(known) = text::flags::named(keyword, name) else { return (0, Vec::new()) };
    match known.name {
        "mount" => mount(cursor, value),
        "from" => (value.len(), names::stages_and_images(cursor, false)),
        "platform" => (value.len(), platforms(cursor, known)),
        _ => (value.len(), values(known.values)),
    }
}

/// The flags that are not given yet.
fn flags(keyword: Keyword, given: &[&str]) -> Vec<Offer> {
    let given: BTreeSet<&str> = given
        .iter()
        .filter_map(|word| word.strip_prefix("--"))
        .map(|flag| flag.split('=').next().unwrap_or_default())
        .collect();
    let flags = text::flags::of(keyword).iter();
    let free = flags.filter(|flag| flag.is_list || !given.contains(flag.name));
    free.map(|flag| {
        let link = text::links::flag(keyword, flag.name);
        let name = format!("--{}", flag.name);
        let offer = Offer::new(name.clone(), CompletionItemKind::PROPERTY)
            .about(format!("{}\n\n[Reference]({link})", flag.meaning));
        match flag.takes {
            "" => offer,
            takes => offer.detail(format!("{name}={takes}")).insert(format!("{name}=")),
        }
    })
    .collect()
}

fn values(values: &[&str]) -> Vec<Offer> {
    values.iter().map(|value| Offer::new(*value, CompletionItemKind::VALUE)).collect()
}

/// Well-known platforms, and variables that hold some.
fn platforms(cursor: &Cursor<'_>, flag: &Flag) -> Vec<Offer> {
    let mut offers = values(flag.values);
    for binding in &cursor.analysis.variables.bindings {
        let name = format!("${}", binding.name);
        let is_platform = binding.name.to_uppercase().contains("PLATFORM");
        if is_platform && !flag.values.contains(&name.as_str()) {
            offers.push(Offer::new(name, CompletionItemKind::VARIABLE));
        }
    }
    offers
}

/// The field of a mount that is being typed.
fn mount(cursor: &Cursor<'_>, value: &str) -> (usize, Vec<Offer>) {
    let mut fields: Vec<&str> = value.split(',').collect();
    let field = fields.pop().unwrap_or_default();
    let given = |name: &str| {
        let key = |field: &&&str| field.split('=').next().unwrap_or_default().to_lowercase();
        let same = |field: &&&str| mounts::named(&key(field)).is_some_and(|it| it.name == name);
        fields.iter().find(same).map(|field| field.split_once('=').map_or("", |(_, value)| value))
    };
    let kind = fields.iter().find_map(|field| field.strip_prefix("type="));
    let Some((name, typed)) = field.split_once('=') else {
        let keys = mounts::KEYS.iter().filter(|key| given(key.name).is_none());
        let keys = keys.filter(|key| key.types.contains(&kind.unwrap_or("bind")));
        let mut offers: Vec<Offer> = Vec::new();
        if kind.is_none() {
            offers.extend(mounts::TYPES.iter().map(|(name, meaning)| {
                let link = text::links::mount(name);
                Offer::new(format!("type={name}"), CompletionItemKind::ENUM_MEMBER)
                    .about(format!("{meaning}\n\n[Reference]({link})"))
            }));
        }
        offers.extend(keys.map(key));
        return (field.len(), offers);
    };
    let offers = match mounts::named(name).map_or(name, |key| key.name) {
        "type" => mounts::TYPES
            .iter()
            .map(|(name, meaning)| {
                Offer::new(*name, CompletionItemKind::ENUM_MEMBER).about(*meaning)
            })
            .collect(),
        "from" => names::stages_and_images(cursor, false),
        "source" if given("from").is_none() && kind.unwrap_or("bind") == "bind" => {
            return paths::offers(cursor, typed);
        }
        "id" => used_elsewhere(cursor, kind.unwrap_or("bind"), "id"),
        "target" => used_elsewhere(cursor, kind.unwrap_or("bind"), "target"),
        name => values(mounts::named(name).map_or(&[], |key| key.values)),
    };
    (typed.len(), offers)
}

fn key(key: &Key) -> Offer {
    let types = key.types.join(", ");
    let offer = Offer::new(key.name, CompletionItemKind::PROPERTY)
        .about(format!("{}\n\nof mounts of type {types}", key.meaning))
        .rank(1);
    if key.is_switch { offer } else { offer.insert(format!("{}=", key.name)) }
}

/// What other mounts of a type have as the value of a field.
fn used_elsewhere(cursor: &Cursor<'_>, kind: &str, name: &str) -> Vec<Offer> {
    let mut found = BTreeSet::new();
    for statement in &cursor.analysis.tree.statements {
        let is_here = statement.span.range().contains(&cursor.offset);
        let Instruction::Run(run) = &statement.instruction else { continue };
        for mount in run.mounts.iter().filter(|_| !is_here) {
            let value = |wanted: &str| {
                mount.fields.iter().find_map(|(key, value)| {
                    let key = mounts::named(&key.value).map_or(key.value.as_str(), |it| it.name);
                    value.as_ref().filter(|_| key == wanted).map(|it| it.text.as_str())
                })
            };
            if value("type").unwrap_or("bind") == kind {
                found.extend(value(name));
            }
        }
    }
    let offer = |value: &str| {
        Offer::new(value, CompletionItemKind::VALUE).detail("of another mount in this file")
    };
    found.into_iter().map(offer).collect()
}
