//! The words of one instruction.

use grammar::instruction::{CommandLine, Healthcheck, Keyword, Mount, Source, Transfer};
use grammar::tree::Flag;
use grammar::{Instruction, Span, Statement, Word};

use super::{Canvas, Kind, Modifiers, shell};
use crate::analysis::Analysis;

/// Paints an instruction, all but its comments and variables.
pub(super) fn paint(canvas: &mut Canvas<'_>, analysis: &Analysis, statement: &Statement) {
    let keyword = Keyword::of(&statement.keyword.value);
    if let Some(keyword) = keyword {
        let is_old = keyword == Keyword::Maintainer;
        let modifiers = if is_old { Modifiers::DEPRECATED } else { Modifiers::default() };
        canvas.paint(statement.keyword.span.range(), Kind::Keyword, modifiers);
    }
    for flag in &statement.flags {
        paint_flag(canvas, analysis, flag);
    }
    arguments(canvas, analysis, statement);
    heredocs(canvas, statement);
}

fn arguments(canvas: &mut Canvas<'_>, analysis: &Analysis, statement: &Statement) {
    match &statement.instruction {
        Instruction::From(from) => {
            if from.image.text.eq_ignore_ascii_case("scratch") {
                canvas.paint(from.image.span.range(), Kind::Image, Modifiers::PREDEFINED);
            } else {
                stage_or_image(canvas, analysis, from.image.span);
            }
            if let Some(keyword) = &from.as_keyword {
                canvas.span(keyword.span, Kind::Keyword);
            }
            if let Some(name) = &from.name {
                canvas.paint(name.span.range(), Kind::Stage, Modifiers::DECLARATION);
            }
        }
        Instruction::Arg(arg) => {
            for declared in &arg.args {
                named(canvas, &declared.name, declared.default.as_ref(), Kind::Variable);
            }
        }
        Instruction::Env(pairs) => {
            for (name, value) in &pairs.pairs {
                named(canvas, name, Some(value), Kind::Variable);
            }
        }
        Instruction::Label(pairs) => {
            for (name, value) in &pairs.pairs {
                named(canvas, name, Some(value), Kind::Property);
            }
        }
        Instruction::Add(add) => transfer(canvas, &add.transfer),
        Instruction::Copy(copy) => transfer(canvas, &copy.transfer),
        Instruction::Run(run) => {
            for mount in &run.mounts {
                paint_mount(canvas, analysis, mount);
            }
            command(canvas, statement, &run.line);
        }
        Instruction::Cmd(it) | Instruction::Entrypoint(it) => command(canvas, statement, &it.line),
        Instruction::Healthcheck(check) => {
            if let Some(kind) = statement.args.first() {
                canvas.span(kind.span, Kind::Keyword);
            }
            if let Healthcheck::Check { line, .. } = check {
                command(canvas, statement, line);
            }
        }
        Instruction::Expose(expose) => expose.ports.iter().for_each(|it| port(canvas, it)),
        Instruction::Shell(shell) => shell.words.iter().for_each(|it| json(canvas, it)),
        Instruction::Stopsignal(it) => canvas.span(it.signal.span, Kind::Value),
        Instruction::User(user) => {
            let numbers = |c: char| c.is_ascii_digit() || c == ':';
            let is_number = user.user.text.chars().all(numbers);
            canvas.span(user.user.span, if is_number { Kind::Number } else { Kind::Text });
        }
        Instruction::Volume(_) => {
            for word in &statement.args {
                if statement.json { json(canvas, word) } else { canvas.span(word.span, Kind::Text) }
            }
        }
        Instruction::Workdir(workdir) => canvas.span(workdir.path.span, Kind::Text),
        Instruction::Maintainer(_) => {
            statement.args.iter().for_each(|it| canvas.span(it.span, Kind::Text));
        }
        Instruction::Onbuild(onbuild) => {
            if let Some(trigger) = &onbuild.trigger {
                paint(canvas, analysis, trigger);
            }
        }
        Instruction::Invalid(_) => {}
    }
}

/// `NAME=VALUE`, or a name alone.
fn named(canvas: &mut Canvas<'_>, name: &Word, value: Option<&Word>, kind: Kind) {
    canvas.paint(name.span.range(), kind, Modifiers::DECLARATION);
    let Some(value) = value else { return };
    equals(canvas, name.span.end as usize);
    canvas.span(value.span, if is_number(&value.text) { Kind::Number } else { Kind::Text });
}

/// The `=` at a place, if there is one.
fn equals(canvas: &mut Canvas<'_>, at: usize) {
    if canvas.text.get(at..).is_some_and(|rest| rest.starts_with('=')) {
        canvas.paint_plain(at..at + 1, Kind::Operator);
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

fn stage_or_image(canvas: &mut Canvas<'_>, analysis: &Analysis, span: Span) {
    let is_stage = analysis.stages.is_use(span);
    canvas.span(span, if is_stage { Kind::Stage } else { Kind::Image });
}

fn paint_flag(canvas: &mut Canvas<'_>, analysis: &Analysis, flag: &Flag) {
    let name = flag.name.span;
    let value = flag.value.as_ref();
    let end = if value.is_some() { name.end } else { flag.span.end };
    canvas.paint_plain(flag.span.start as usize..end as usize, Kind::Flag);
    let Some(value) = value else { return };
    equals(canvas, name.end as usize);
    let is_digits = value.text.starts_with(|c: char| c.is_ascii_digit());
    let kind = match flag.name.value.as_str() {
        "from" => return stage_or_image(canvas, analysis, value.span),
        "platform" | "network" | "security" | "link" | "parents" | "keep-git-dir" | "unpack" => {
            Kind::Value
        }
        "retries" | "interval" | "timeout" | "start-period" | "start-interval" => Kind::Number,
        "chmod" | "chown" if is_digits => Kind::Number,
        _ => Kind::Text,
    };
    canvas.span(value.span, kind);
}

fn paint_mount(canvas: &mut Canvas<'_>, analysis: &Analysis, mount: &Mount) {
    for (key, value) in &mount.fields {
        canvas.span(key.span, Kind::Property);
        let Some(value) = value else { continue };
        equals(canvas, key.span.end as usize);
        let kind = match key.value.to_lowercase().as_str() {
            "from" => {
                stage_or_image(canvas, analysis, value.span);
                continue;
            }
            "type" | "sharing" | "ro" | "readonly" | "rw" | "readwrite" | "required" => Kind::Value,
            "size" | "mode" | "uid" | "gid" => Kind::Number,
            _ => Kind::Text,
        };
        canvas.span(value.span, kind);
    }
    // What stands between the fields.
    let span = mount.text.span;
    let commas = canvas.text.get(span.range()).unwrap_or_default().match_indices(',');
    let commas: Vec<usize> = commas.map(|(at, _)| span.start as usize + at).collect();
    for at in commas {
        canvas.paint_plain(at..at + 1, Kind::Operator);
    }
}

fn transfer(canvas: &mut Canvas<'_>, transfer: &Transfer) {
    for source in &transfer.sources {
        match source {
            Source::Path(word) => canvas.span(word.span, Kind::Text),
            // Painted with the heredocs.
            Source::Heredoc(_) => {}
        }
    }
    canvas.span(transfer.destination.span, Kind::Text);
}

fn command(canvas: &mut Canvas<'_>, statement: &Statement, line: &CommandLine) {
    match line {
        CommandLine::Exec(words) => words.iter().for_each(|it| json(canvas, it)),
        CommandLine::Shell(word) => {
            let end = word.span.end.min(statement.head.end) as usize;
            shell::paint(canvas, word.span.start as usize..end);
        }
    }
}

/// A string of the JSON form, with its quotes.
fn json(canvas: &mut Canvas<'_>, word: &Word) {
    let (mut start, mut end) = (word.span.start as usize, word.span.end as usize);
    let is_quote = |at: usize| canvas.text.as_bytes().get(at) == Some(&b'"');
    if start > 0 && is_quote(start - 1) && is_quote(end) {
        (start, end) = (start - 1, end + 1);
    }
    canvas.paint_plain(start..end, Kind::Text);
}

/// `8080/tcp`, `8000-8010`, `$PORT`.
fn port(canvas: &mut Canvas<'_>, word: &Word) {
    let text = canvas.text.get(word.span.range()).unwrap_or_default();
    let start = word.span.start as usize;
    let numbers = text.find('/').unwrap_or(text.len());
    let protocol = start + numbers;
    canvas.paint_plain(start..protocol, Kind::Number);
    if numbers < text.len() {
        canvas.paint_plain(protocol..protocol + 1, Kind::Operator);
        canvas.paint_plain(protocol + 1..word.span.end as usize, Kind::Value);
    }
}

/// The words behind `<<`, and the lines that end the bodies.
fn heredocs(canvas: &mut Canvas<'_>, statement: &Statement) {
    for heredoc in &statement.heredocs {
        let opening = heredoc.name.span;
        let text = canvas.text.get(opening.range()).unwrap_or_default();
        let marks = text.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '<' | '-'));
        let name = opening.end as usize - marks.len();
        canvas.paint_plain(opening.start as usize..name, Kind::Operator);
        canvas.paint(name..opening.end as usize, Kind::Mark, Modifiers::DECLARATION);
        let body = heredoc.content.span.end as usize;
        let rest = canvas.text.get(body..).unwrap_or_default();
        let line = rest.split(['\n', '\r']).next().unwrap_or_default();
        let blanks = line.len() - line.trim_start_matches('\t').len();
        if line[blanks..] == heredoc.name.value {
            canvas.paint_plain(body + blanks..body + line.len(), Kind::Mark);
        }
    }
}
