//! `FROM`: where a stage begins.

use crate::diagnostic::Diagnostic;
use crate::flags::{FlagReader, Takes};
use crate::instruction::Draft;
use crate::quote::quoted;
use crate::source::Spanned;
use crate::word::Word;

/// `FROM [--platform=P] IMAGE [AS NAME]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct From {
    /// The image or stage, not expanded.
    pub image: Word,
    /// `AS NAME`, as written (names are compared in lower case).
    pub name: Option<Spanned<String>>,
    /// `AS` as written, for lint rules.
    pub as_keyword: Option<Spanned<String>>,
    /// `--platform`
    pub platform: Option<Word>,
}

const FLAGS: &[(&str, Takes)] = &[("platform", Takes::Value)];

pub(super) fn read(draft: &Draft<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<From> {
    let flags = FlagReader::new(draft.flags, FLAGS, diagnostics);
    let platform = flags.value("platform");
    match draft.args {
        [image] => Some(From { image: image.clone(), name: None, as_keyword: None, platform }),
        [image, keyword, name] if keyword.text.eq_ignore_ascii_case("as") => {
            let spanned = |word: &Word| Some(Spanned::new(word.text.clone(), word.span));
            if !is_stage_name(&name.text.to_lowercase()) {
                diagnostics.push(bad_name(name));
            }
            let image = image.clone();
            Some(From { image, name: spanned(name), as_keyword: spanned(keyword), platform })
        }
        _ => {
            diagnostics.push(wrong_count(draft));
            None
        }
    }
}

fn is_stage_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.'))
}

fn bad_name(name: &Word) -> Diagnostic {
    let message = format!(
        "invalid name for build stage: {}, name can't start with a number or contain symbols",
        quoted(&name.text)
    );
    Diagnostic::error("invalid-stage-name", message, name.span)
        .help("a stage's name is a letter, then letters, digits, `-`, `_` and `.`")
}

fn wrong_count(draft: &Draft<'_>) -> Diagnostic {
    let message = "FROM requires either one or three arguments";
    let error = Diagnostic::error("invalid-from", message, draft.args_span());
    match draft.args {
        [_, hash, ..] if hash.text.starts_with('#') => {
            error.help("a comment needs a line of its own")
        }
        _ => error.help("write `FROM IMAGE` or `FROM IMAGE AS NAME`"),
    }
}
