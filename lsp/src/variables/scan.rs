//! Where the text of an instruction names variables: `$NAME` and `${NAME…}`, unless quoted or escaped.

use grammar::instruction::CommandLine;
use grammar::{Instruction, Statement};

/// Whether a shell, not the build, reads the words.
pub(super) fn is_shell(instruction: &Instruction) -> bool {
    matches!(
        instruction,
        Instruction::Run(_)
            | Instruction::Cmd(_)
            | Instruction::Entrypoint(_)
            | Instruction::Healthcheck(_)
            | Instruction::Onbuild(_)
    )
}

/// The byte ranges of the names in an instruction.
pub(super) fn names(text: &str, statement: &Statement, escape: char) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    if takes_none(&statement.instruction) {
        return found;
    }
    let head = statement.keyword.span.end as usize..statement.head.end as usize;
    scan(text, head, Mode { escape, is_body: false }, &mut found);
    let is_run = matches!(statement.instruction, Instruction::Run(_));
    for heredoc in &statement.heredocs {
        if heredoc.expand {
            let body = heredoc.content.span.range();
            let escape = if is_run { '\\' } else { escape };
            scan(text, body, Mode { escape, is_body: true }, &mut found);
        }
    }
    found
}

/// Commands in the JSON form are run as they are.
fn takes_none(instruction: &Instruction) -> bool {
    let line = if let Instruction::Run(run) = instruction {
        &run.line
    } else if let Instruction::Cmd(command) | Instruction::Entrypoint(command) = instruction {
        &command.line
    } else {
        return false;
    };
    matches!(line, CommandLine::Exec(_))
}

#[derive(Clone, Copy)]
struct Mode {
    escape: char,
    /// In the body of a heredoc quotes and comments mean nothing.
    is_body: bool,
}

fn scan(text: &str, range: std::ops::Range<usize>, mode: Mode, found: &mut Vec<(usize, usize)>) {
    let bytes = text.as_bytes();
    let end = range.end.min(bytes.len());
    let (mut at, mut single, mut double) = (range.start, false, false);
    while at < end {
        let byte = bytes[at];
        if byte == b'\n' && !mode.is_body {
            at = behind_comments(bytes, at + 1, end);
            continue;
        }
        if char::from(byte) == mode.escape && !single {
            // A line break behind it continues the line.
            at += if bytes.get(at + 1) == Some(&b'\n') { 1 } else { 2 };
            continue;
        }
        match byte {
            b'\'' if !double && !mode.is_body => single = !single,
            b'"' if !single && !mode.is_body => double = !double,
            b'$' if !single => {
                let open = at + 1 + usize::from(bytes.get(at + 1) == Some(&b'{'));
                let name = &bytes[open.min(end)..end];
                let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
                let length = name.iter().take_while(|byte| is_name(byte)).count();
                if length > 0 && !name[0].is_ascii_digit() {
                    found.push((open, open + length));
                    at = open + length;
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// Lines between continuation lines that are comments.
fn behind_comments(bytes: &[u8], mut at: usize, end: usize) -> usize {
    loop {
        let blanks = bytes[at.min(end)..end].iter().take_while(|byte| matches!(byte, b' ' | b'\t'));
        let first = at + blanks.count();
        if first >= end || bytes[first] != b'#' {
            return at;
        }
        match bytes[first..end].iter().position(|byte| *byte == b'\n') {
            Some(line) => at = first + line + 1,
            None => return end,
        }
    }
}
