//! Instructions, and what stands behind those that have few values.

use grammar::Instruction;
use grammar::instruction::Keyword;
use lsp_types::CompletionItemKind;

use super::offer::Offer;
use crate::cursor::Cursor;
use crate::text;
use crate::variables::PREDEFINED;

/// Signals that stop a container.
const SIGNALS: &[&str] = &[
    "SIGTERM",
    "SIGINT",
    "SIGQUIT",
    "SIGKILL",
    "SIGHUP",
    "SIGUSR1",
    "SIGUSR2",
    "SIGWINCH",
    "SIGRTMIN+3",
];

/// Labels that have a meaning in the image specification.
const LABELS: &[(&str, &str)] = &[
    ("title", "a name for people"),
    ("description", "what it is"),
    ("authors", "whom to ask"),
    ("url", "where to read more"),
    ("documentation", "where its manual is"),
    ("source", "where its source is"),
    ("version", "of the software in it"),
    ("revision", "of its source"),
    ("vendor", "who gives it out"),
    ("licenses", "as an SPDX expression"),
    ("created", "when, in RFC 3339"),
    ("base.name", "the image it is based on"),
    ("base.digest", "the digest of that"),
    ("ref.name", "the name of the target"),
];

/// The instructions that may stand here, written as the file writes them.
pub(super) fn keywords(cursor: &Cursor<'_>, typed: &str, is_trigger: bool) -> Vec<Offer> {
    let statements = &cursor.analysis.tree.statements;
    let before = statements.iter().filter(|it| (it.span.end as usize) < cursor.offset);
    let is_from = |instruction: &Instruction| matches!(instruction, Instruction::From(_));
    let has_stage = before.clone().any(|it| is_from(&it.instruction));
    let is_lower =
        |text: &str| text.chars().any(char::is_alphabetic) && text == text.to_lowercase();
    let lower = before.filter(|it| is_lower(&it.keyword.value)).count() * 2 > statements.len();
    let lower = if typed.is_empty() { lower } else { is_lower(typed) };
    let rest = cursor.text()[cursor.offset..].lines().next().unwrap_or_default();
    let is_alone = rest.trim().is_empty();
    let fits = |keyword: &Keyword| {
        let is_none_of_a_trigger =
            matches!(keyword, Keyword::From | Keyword::Onbuild | Keyword::Maintainer);
        let is_before_stages = matches!(keyword, Keyword::From | Keyword::Arg);
        if is_trigger { !is_none_of_a_trigger } else { is_before_stages || has_stage }
    };
    let offer = |keyword: Keyword| {
        let (form, meaning, _) = text::of(keyword);
        let link = text::links::instruction(keyword);
        let name = match lower {
            true => keyword.name().to_lowercase(),
            false => keyword.name().to_owned(),
        };
        let about = format!("```dockerfile\n{form}\n```\n\n{meaning}\n\n[Reference]({link})");
        let offer = Offer::new(name.clone(), CompletionItemKind::KEYWORD).about(about).detail(form);
        let offer = if keyword == Keyword::Maintainer { offer.struck() } else { offer };
        if is_alone { offer.snippet(format!("{name} {}", behind(keyword))) } else { offer }
    };
    Keyword::ALL.into_iter().filter(fits).map(offer).collect()
}

/// What follows an instruction, with places to fill in.
fn behind(keyword: Keyword) -> &'static str {
    match keyword {
        Keyword::Add => "${1:source} ${2:.}",
        Keyword::Arg => "${1:NAME}${2:=default}",
        Keyword::Cmd | Keyword::Entrypoint => "[\"${1:program}\"$2]",
        Keyword::Copy => "${1:source} ${2:.}",
        Keyword::Env => "${1:NAME}=${2:value}",
        Keyword::Expose => "${1:port}",
        Keyword::From => "${1:image}",
        Keyword::Healthcheck => "--interval=${1:30s} --timeout=${2:30s} CMD ${3:command}",
        Keyword::Label => "${1:name}=\"${2:value}\"",
        Keyword::Maintainer => "${1:name}",
        Keyword::Onbuild => "${1:RUN} $0",
        Keyword::Run => "${1:command}",
        Keyword::Shell => "[\"${1:/bin/sh}\", \"${2:-c}\"]",
        Keyword::Stopsignal => "${1:SIGTERM}",
        Keyword::User => "${1:name}",
        Keyword::Volume => "[\"${1:/path}\"]",
        Keyword::Workdir => "${1:/path}",
    }
}

/// What may stand at the beginning of an instruction's words. `arguments` are those before.
pub(super) fn arguments(keyword: Keyword, arguments: &[&str], typed: &str) -> Vec<Offer> {
    let names = |kind, names: &[&str]| -> Vec<Offer> {
        names.iter().map(|name| Offer::new(*name, kind)).collect()
    };
    let is_first = arguments.is_empty();
    match keyword {
        Keyword::Healthcheck if is_first => vec![
            Offer::new("CMD", CompletionItemKind::KEYWORD)
                .about("The command that says by its exit status whether the container is well.")
                .snippet("CMD ${1:command}"),
            Offer::new("NONE", CompletionItemKind::KEYWORD).about("Takes the base's check away."),
        ],
        Keyword::From if arguments.len() == 1 => vec![
            Offer::new("AS", CompletionItemKind::KEYWORD)
                .about("Gives the stage a name.")
                .snippet("AS ${1:name}"),
        ],
        Keyword::Stopsignal if is_first => names(CompletionItemKind::CONSTANT, SIGNALS),
        Keyword::User if is_first => names(CompletionItemKind::VALUE, &["root", "nobody"]),
        Keyword::Expose => match typed.split_once('/') {
            Some((port, _)) => ["tcp", "udp"]
                .iter()
                .map(|it| Offer::new(format!("{port}/{it}"), CompletionItemKind::VALUE))
                .collect(),
            None => Vec::new(),
        },
        Keyword::Label if !typed.contains('=') => LABELS
            .iter()
            .map(|(name, what)| {
                let name = format!("org.opencontainers.image.{name}");
                Offer::new(name.clone(), CompletionItemKind::PROPERTY)
                    .detail(*what)
                    .insert(format!("{name}="))
                    .snippet(format!("{name}=\"$1\""))
            })
            .collect(),
        Keyword::Arg if !typed.contains('=') => PREDEFINED
            .iter()
            .map(|(name, what)| Offer::new(*name, CompletionItemKind::VARIABLE).detail(*what))
            .collect(),
        Keyword::Shell if is_first && typed.is_empty() => [
            r#"["/bin/bash", "-o", "pipefail", "-c"]"#,
            r#"["/bin/sh", "-e", "-c"]"#,
            r#"["powershell", "-Command"]"#,
        ]
        .iter()
        .map(|form| Offer::new(*form, CompletionItemKind::VALUE))
        .collect(),
        Keyword::Add
        | Keyword::Arg
        | Keyword::Cmd
        | Keyword::Copy
        | Keyword::Entrypoint
        | Keyword::Env
        | Keyword::From
        | Keyword::Healthcheck
        | Keyword::Label
        | Keyword::Maintainer
        | Keyword::Onbuild
        | Keyword::Run
        | Keyword::Shell
        | Keyword::Stopsignal
        | Keyword::User
        | Keyword::Volume
        | Keyword::Workdir => Vec::new(),
    }
}
