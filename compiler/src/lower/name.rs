//! Names of steps, for people: `[build 2/5] RUN make`.

use grammar::{Span, Word};
use oci::Platform;

use crate::expand::{self, Env, Unset};
use crate::stages::Conversion;

/// How many bytes the variables may add to a name.
const MAX_GROWTH: usize = 16 << 10;

/// Puts stage and counter before the text of an instruction, and counts it.
pub(crate) fn prefixed(
    conversion: &mut Conversion<'_>,
    index: usize,
    text: &str,
    platform: &Platform,
    env: Option<&Env>,
) -> String {
    let several = conversion.platforms.several;
    let stage = &mut conversion.stages[index];
    if stage.total == 0 {
        return text.to_owned();
    }
    stage.shown += 1;
    let mut prefix = String::new();
    if several {
        prefix.push_str(&platform.with_os_options());
        prefix.push_str(&cross(platform, env));
        prefix.push(' ');
    }
    if !stage.shown_name.is_empty() {
        prefix.push_str(&stage.shown_name);
        prefix.push(' ');
    }
    let width = stage.total.to_string().len();
    format!("[{prefix}{:width$}/{}] {text}", stage.shown, stage.total)
}

/// `->arm64` for a stage that makes something for another platform than its own.
fn cross(own: &Platform, env: Option<&Env>) -> String {
    let get = |name: &str| env.and_then(|env| env.get(name));
    let platform = get("TARGETPLATFORM").and_then(|text| Platform::parse(text).ok());
    let parts = ["TARGETOS", "TARGETARCH", "TARGETVARIANT"].map(get);
    let target = match (platform, parts) {
        (Some(platform), _) => platform,
        (None, [None, None, None]) => return String::new(),
        (None, [os, architecture, variant]) => {
            let or_own = |text: Option<&str>, own: &str| {
                text.filter(|text| !text.is_empty()).unwrap_or(own).to_owned()
            };
            let (os, architecture) = (or_own(os, &own.os), or_own(architecture, &own.architecture));
            Platform::new(&os, &architecture, variant).normalized()
        }
    };
    match (target.os == own.os, target.architecture == own.architecture) {
        (true, true) => String::new(),
        (true, false) => match &target.variant {
            Some(variant) => format!("->{}/{variant}", target.architecture),
            None => format!("->{}", target.architecture),
        },
        (false, _) => format!("->{}", target.with_os_options()),
    }
}

/// An instruction's text with its keyword in upper case.
pub(super) fn upper_case(text: &str) -> String {
    match text.split_once(' ') {
        Some((keyword, rest)) => format!("{} {rest}", keyword.to_uppercase()),
        None => text.to_uppercase(),
    }
}

/// COPY, ADD and WORKDIR as steps show them: expanded, quotes taken off; as written if that fails.
pub(super) fn expanded(text: &str, env: &Env, escape: char) -> String {
    let word = Word::verbatim(text, Span::new(0, text.len()));
    let expanded =
        expand::parts(&word, escape).and_then(|parts| expand::expand(&parts, env, Unset::Empty));
    shown(expanded, text)
}

/// An expansion that people can read; else the text as it was.
fn shown(expanded: Result<expand::Expansion, grammar::Diagnostic>, text: &str) -> String {
    match expanded {
        Ok(expansion) if expansion.text.len() <= text.len() + MAX_GROWTH => expansion.text,
        Ok(_) | Err(_) => text.to_owned(),
    }
}

/// RUN as steps show it: variables expanded where they are known, quotes kept.
pub(super) fn expanded_command(text: &str, env: &Env, escape: char) -> String {
    let body = quotes_as_text(text, escape);
    let word = Word::verbatim(body.as_str(), Span::new(0, body.len()));
    let expanded =
        expand::body_parts(&word).and_then(|parts| expand::expand(&parts, env, Unset::Kept));
    shown(expanded, text)
}

/// Rewrites a command for an expansion to which quotes are text and the backslash escapes everywhere, so that what
/// is quoted stays as it is.
fn quotes_as_text(text: &str, escape: char) -> String {
    let mut out = String::with_capacity(text.len());
    let mut quote = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
        match (quote, c) {
            (Some('\''), '$' | '\\') => out.extend(['\\', c]),
            (Some('"'), c) if c == escape => match chars.peek().copied() {
                Some(next) if next == '"' || next == '$' || next == escape => {
                    chars.next();
                    out.extend(['\\', next]);
                }
                _ => out.extend(['\\', c]),
            },
            (None, c) if c == escape => {
                out.push('\\');
                out.extend(chars.next());
            }
            (_, '\\') => out.push_str("\\\\"),
            (_, c) => out.push(c),
        }
    }
    out
}

/// The first line of a heredoc, with dots if there are more.
pub(super) fn summary(body: &str) -> String {
    let body = body.trim().replace("\r\n", "\n");
    match body.split_once('\n') {
        Some((first, _)) => format!("{first}..."),
        None => body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_keep_their_quotes() {
        let env: Env = [("A".to_owned(), "1".to_owned())].into_iter().collect();
        for (text, want) in [
            ("RUN echo $A $B ${B:-x}", "RUN echo 1 $B ${B:-x}"),
            ("RUN echo '$A' \"$A\"", "RUN echo '$A' \"1\""),
            ("RUN printf \"a\\n\"", "RUN printf \"a\\n\""),
            ("RUN echo a\\ b", "RUN echo a b"),
            ("RUN echo ${", "RUN echo ${"),
        ] {
            assert_eq!(expanded_command(text, &env, '\\'), want);
        }
        assert_eq!(expanded("COPY \"$A b\" /", &env, '\\'), "COPY 1 b /");
        assert_eq!(upper_case("copy a b"), "COPY a b");
        assert_eq!(summary("\n a\r\nb\n"), "a...");
    }
}
