//! [`script`]: the text that a RUN gives to its shell, put together from its line and its heredocs.

use grammar::instruction::CommandLine;
use grammar::tree::Heredoc;
use grammar::{Instruction, Statement, Word};

/// The script of a RUN in shell form, heredocs at their places; `None` for the JSON form, and for a heredoc that another
/// program runs. A heredoc alone (`RUN <<EOF`) is the script itself.
pub fn script(statement: &Statement) -> Option<Word> {
    let Instruction::Run(run) = &statement.instruction else { return None };
    let CommandLine::Shell(line) = &run.line else { return None };
    let heredocs = statement.heredocs.as_slice();
    let [first, ..] = heredocs else { return Some(line.clone()) };
    if is_name_alone(&line.text, first) {
        let is_shell = first.content.value.strip_prefix("#!").is_none_or(|line| {
            let line = line.lines().next().unwrap_or_default();
            let mut words = line.split(|c: char| c.is_whitespace() || c == '/');
            words.any(|word| matches!(word, "sh" | "bash" | "ash" | "dash" | "ksh"))
        });
        let body = body(first);
        return is_shell.then_some(body);
    }
    Some(joined(statement, line, heredocs))
}

/// Whether a line is nothing but `<<NAME`.
fn is_name_alone(line: &str, heredoc: &Heredoc) -> bool {
    let rest = line.trim().trim_start_matches(|c: char| c.is_ascii_digit());
    let Some(rest) = rest.strip_prefix("<<") else { return false };
    let rest = rest.strip_prefix('-').unwrap_or(rest).trim_start();
    rest.trim_matches(['"', '\'']) == heredoc.name.value
}

fn body(heredoc: &Heredoc) -> Word {
    let content = &heredoc.content;
    match content.value.len() == content.span.len() {
        true => Word::verbatim(content.value.clone(), content.span),
        false => Word::in_one(content.value.clone(), content.span),
    }
}

/// The line, and below it the bodies with their ends, as the shell sees them.
fn joined(statement: &Statement, line: &Word, heredocs: &[Heredoc]) -> Word {
    let mut text = line.text.clone();
    let mut map = line.map.clone();
    if map.is_empty() {
        map.push((0, line.span.start));
    }
    let is_known = |it: &Heredoc| it.content.value.len() == it.content.span.len();
    let is_exact = map[0].0 == 0 && heredocs.iter().all(is_known);
    for heredoc in heredocs {
        text.push('\n');
        map.push((offset(&text), heredoc.content.span.start));
        text.push_str(&heredoc.content.value);
        map.push((offset(&text), heredoc.content.span.end));
        text.push_str(&heredoc.name.value);
    }
    if !is_exact {
        return Word::in_one(text, statement.span);
    }
    let end = statement.span.end.max(line.span.end);
    Word { text, span: grammar::Span { end, ..line.span }, map }
}

fn offset(text: &str) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}
