//! What is known of the image that is named here.

use grammar::{Instruction, Word};

use super::Told;
use crate::cursor::Cursor;
use crate::ignore::bytes;
use crate::variables::touches;

/// How much of a value is shown, in characters.
const MAX_WIDTH: usize = 200;

/// The image of a FROM, a `--from` or a mount.
pub(super) fn tell(cursor: &Cursor<'_>) -> Option<Told> {
    let (index, statement) = cursor.innermost()?;
    let here = |word: &&Word| touches(word.span, cursor.offset);
    let word = match &statement.instruction {
        Instruction::From(from) => Some(&from.image).filter(here),
        Instruction::Copy(copy) => copy.from.as_ref().filter(here),
        Instruction::Run(run) => {
            let fields = run.mounts.iter().flat_map(|mount| &mount.fields);
            let from = fields.filter(|(key, _)| key.value.eq_ignore_ascii_case("from"));
            from.filter_map(|(_, value)| value.as_ref()).find(here)
        }
        Instruction::Add(_)
        | Instruction::Arg(_)
        | Instruction::Cmd(_)
        | Instruction::Entrypoint(_)
        | Instruction::Env(_)
        | Instruction::Expose(_)
        | Instruction::Healthcheck(_)
        | Instruction::Label(_)
        | Instruction::Maintainer(_)
        | Instruction::Onbuild(_)
        | Instruction::Shell(_)
        | Instruction::Stopsignal(_)
        | Instruction::User(_)
        | Instruction::Volume(_)
        | Instruction::Workdir(_)
        | Instruction::Invalid(_) => None,
    }?;
    let scope = cursor.analysis.variables.scope(index)?;
    let name = scope.expand(word, cursor.analysis.tree.dialect.escape)?;
    if name.eq_ignore_ascii_case("scratch") {
        return Some(("`scratch`: nothing at all".to_owned(), Some(word.span)));
    }
    if name.parse::<usize>().is_ok() || name.is_empty() {
        return None;
    }
    let Some(facts) = cursor.knowledge.describe_image(&name) else {
        let text = format!("image `{name}`\n\nnot in the local store: `dfc pull {name}` brings it");
        return Some((text, Some(word.span)));
    };
    let noun = if facts.layers == 1 { "layer" } else { "layers" };
    let mut text = format!(
        "image `{name}`\n\n{}, {} {noun}, {}",
        facts.platform,
        facts.layers,
        bytes(facts.size)
    );
    if let Some(created) = &facts.created {
        text.push_str(&format!(", made {created}"));
    }
    let form = |list: &[String]| match list {
        [] => Vec::new(),
        list => vec![format!("[\"{}\"]", list.join("\", \""))],
    };
    let lists = [
        ("ENV", facts.env.clone()),
        ("ENTRYPOINT", form(&facts.entrypoint)),
        ("CMD", form(&facts.cmd)),
        ("EXPOSE", facts.ports.clone()),
        ("USER", vec![facts.user.clone()]),
        ("WORKDIR", vec![facts.workdir.clone()]),
        ("ONBUILD", facts.triggers.clone()),
    ];
    let mut lines = String::new();
    for (what, list) in lists {
        for value in list.iter().filter(|value| !value.is_empty()) {
            let value: String = value.chars().take(MAX_WIDTH).collect();
            lines.push_str(&format!("\n- {what} `{value}`"));
        }
    }
    if !lines.is_empty() {
        text.push_str(&format!("\n{lines}"));
    }
    Some((text, Some(word.span)))
}
