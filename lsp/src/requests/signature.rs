//! `textDocument/signatureHelp`: how the instruction, the flag or the mount at the cursor is written, and which part of it is
//! being written. Works on the text before the cursor, which is in the middle of an edit.

use grammar::instruction::Keyword;
use lsp_types::{
    Documentation, MarkupContent, MarkupKind, ParameterInformation, ParameterLabel, SignatureHelp,
    SignatureHelpParams, SignatureHelpTriggerKind, SignatureInformation,
};

use super::Answer;
use crate::cursor::Cursor;
use crate::forms::{self, At};
use crate::server::Server;
use crate::text::{self, flags, mounts};

/// Answers the request.
pub(crate) fn answer(
    server: &Server<'_>,
    params: SignatureHelpParams,
) -> Answer<Option<SignatureHelp>> {
    let at = params.text_document_position_params;
    let cursor = server.cursor(&at).filter(|it| !it.is_ignore());
    let typed = params.context.is_some_and(|it| {
        it.trigger_kind == SignatureHelpTriggerKind::TRIGGER_CHARACTER && !it.is_retrigger
    });
    Ok(cursor.and_then(|cursor| help(&cursor, typed)))
}

/// Where the cursor is in an instruction.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    keyword: Keyword,
    /// The words behind the keyword, up to the cursor. The last is the one being written, perhaps empty.
    words: Vec<String>,
    /// Whether a word follows.
    is_last: bool,
}

fn help(cursor: &Cursor<'_>, typed: bool) -> Option<SignatureHelp> {
    let place = place(cursor)?;
    let current = place.words.last()?;
    let before = &place.words[..place.words.len() - 1];
    let is_flag = |word: &String| word.starts_with("--");
    let arguments = before.iter().filter(|word| !is_flag(word)).count();
    if is_flag(current)
        && arguments == 0
        && let Some(help) = flag_help(place.keyword, current)
    {
        return Some(help);
    }
    let is_command = matches!(
        place.keyword,
        Keyword::Run | Keyword::Cmd | Keyword::Entrypoint | Keyword::Healthcheck
    );
    if is_command && typed && arguments > usize::from(place.keyword == Keyword::Healthcheck) {
        // Who writes a command does not want to be told at every blank.
        return None;
    }
    let forms = forms::of(place.keyword);
    let rest: String = place.words.iter().filter(|word| !is_flag(word)).cloned().collect();
    let is_json = rest.starts_with('[');
    let is_none = place.keyword == Keyword::Healthcheck && rest.eq_ignore_ascii_case("none");
    let chosen = usize::from((is_json || is_none) && forms.len() > 1);
    let index = if is_json { 0 } else { arguments };
    let in_flags = is_flag(current) && arguments == 0;
    let written = if is_json { rest.as_str() } else { current.as_str() };
    let fits = |at: At| match at {
        At::Flags => in_flags,
        At::Word(word) => !in_flags && index == word,
        At::From(word) => !in_flags && index >= word,
        At::Behind(c) => !in_flags && written.contains(c),
        At::Last => !in_flags && index > 0 && place.is_last,
    };
    let signatures = forms.iter().map(|form| {
        let active = form.parts.iter().rposition(|part| fits(part.at));
        let parts = form.parts.iter().map(|part| (part.label.to_owned(), part.meaning));
        information(form.label.to_owned(), text::of(place.keyword).1, parts.collect(), active)
    });
    let signatures: Vec<_> = signatures.collect();
    let active_parameter = signatures.get(chosen).and_then(|it| it.active_parameter);
    let active_signature = u32::try_from(chosen).ok();
    Some(SignatureHelp { signatures, active_signature, active_parameter })
}

/// The help for `--name=value`, once its name is whole.
fn flag_help(keyword: Keyword, word: &str) -> Option<SignatureHelp> {
    let (name, value) = word.strip_prefix("--")?.split_once('=')?;
    let signature = if name == "mount" && keyword == Keyword::Run {
        mount(value)?
    } else {
        let flag = flags::named(keyword, name)?;
        let (takes, label) = match flag.takes {
            "" => ("true|false", format!("--{}[=true|false]", flag.name)),
            takes => (takes, format!("--{}={takes}", flag.name)),
        };
        information(label, "", vec![(takes.to_owned(), flag.meaning)], Some(0))
    };
    let active_parameter = signature.active_parameter;
    Some(SignatureHelp { signatures: vec![signature], active_signature: Some(0), active_parameter })
}

/// The fields that a mount of this type has, and the one that is being written.
fn mount(value: &str) -> Option<SignatureInformation> {
    let mut fields = value.split(',');
    let kind = fields.find_map(|field| field.strip_prefix("type=")).unwrap_or("bind");
    let (kind, meaning) = mounts::TYPES.iter().find(|(known, _)| *known == kind)?;
    let field = value.rsplit(',').next().unwrap_or_default();
    let field = mounts::named(field.split('=').next().unwrap_or_default());
    let mut label = format!("--mount=type={kind}");
    let mut parts = Vec::new();
    let mut active = None;
    for key in mounts::KEYS.iter().filter(|key| key.types.contains(kind)) {
        if field.is_some_and(|field| field.name == key.name) {
            active = Some(parts.len());
        }
        let is_choice = |value: &&str| value.bytes().all(|byte| byte.is_ascii_lowercase());
        let part = if key.is_switch {
            key.name.to_owned()
        } else if !key.values.is_empty() && key.values.iter().all(is_choice) {
            format!("{}={}", key.name, key.values.join("|"))
        } else {
            format!("{}=...", key.name)
        };
        label.push(',');
        label.push_str(&part);
        parts.push((part, key.meaning));
    }
    Some(information(label, meaning, parts, active))
}

fn information(
    label: String,
    meaning: &str,
    parts: Vec<(String, &str)>,
    active: Option<usize>,
) -> SignatureInformation {
    // One behind the last: none.
    let active = active.unwrap_or(parts.len());
    let parameters = parts.into_iter().map(|(label, meaning)| ParameterInformation {
        label: ParameterLabel::Simple(label),
        documentation: markdown(meaning),
    });
    SignatureInformation {
        label,
        documentation: markdown(meaning),
        parameters: Some(parameters.collect()),
        active_parameter: u32::try_from(active).ok(),
    }
}

fn markdown(text: &str) -> Option<Documentation> {
    let content = MarkupContent { kind: MarkupKind::Markdown, value: text.to_owned() };
    (!text.is_empty()).then_some(Documentation::MarkupContent(content))
}

/// The instruction that the cursor is in, behind its keyword, and not in a heredoc or a comment.
fn place(cursor: &Cursor<'_>) -> Option<Place> {
    let (_, statement) = cursor.statement()?;
    let text = cursor.text();
    let (start, end) = (statement.keyword.span.end as usize, statement.head.end as usize);
    if cursor.offset <= start || text.get(end..cursor.offset).is_some_and(|it| it.contains('\n')) {
        return None;
    }
    let escape = cursor.analysis.tree.dialect.escape;
    let mut words = words(text.get(start..cursor.offset)?, escape)?;
    let behind = text.get(cursor.offset..end).unwrap_or_default();
    let behind = behind.split_once(char::is_whitespace).map_or("", |(_, rest)| rest);
    let is_last = behind.trim_matches([' ', '\t', '\r', '\n', escape]).is_empty();
    let mut keyword = Keyword::of(&statement.keyword.value)?;
    while keyword == Keyword::Onbuild && words.len() > 1 {
        keyword = Keyword::of(&words.remove(0))?;
    }
    Some(Place { keyword, words, is_last })
}

/// The words of what stands behind a keyword, quotes kept. `None` in a comment.
fn words(text: &str, escape: char) -> Option<Vec<String>> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let lines: Vec<&str> = text.split('\n').collect();
    for (index, line) in lines.iter().enumerate() {
        let is_comment = index > 0 && line.trim_start().starts_with('#');
        if is_comment && index + 1 == lines.len() {
            return None;
        }
        if is_comment {
            continue;
        }
        let line = line.trim_end_matches('\r');
        let is_here = index + 1 == lines.len();
        let content = line.trim_end_matches([' ', '\t']).strip_suffix(escape);
        for c in content.filter(|_| !is_here).unwrap_or(line).chars() {
            match quote {
                None if c.is_whitespace() => words.push(String::new()),
                None if matches!(c, '"' | '\'') => quote = Some(c),
                Some(open) if open == c => quote = None,
                None | Some(_) => {}
            }
            if (quote.is_some() || !c.is_whitespace())
                && let Some(word) = words.last_mut()
            {
                word.push(c);
            }
        }
    }
    let last = words.pop()?;
    words.retain(|word| !word.is_empty());
    words.push(last);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_up_to_the_cursor() {
        let of = |text: &str| words(text, '\\');
        let list = |words: &[&str]| Some(words.iter().map(|it| (*it).to_owned()).collect());
        assert_eq!(of(" "), list(&[""]));
        assert_eq!(of(" a  b"), list(&["a", "b"]));
        assert_eq!(of(" a \\\r\n # x\n b "), list(&["a", "b", ""]));
        assert_eq!(of(" A=\"b c\" d"), list(&["A=\"b c\"", "d"]));
        assert_eq!(of(" a \\\n # x"), None);
        assert_eq!(of(" 'a b"), list(&["'a b"]));
    }
}
