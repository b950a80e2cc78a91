//! The syntax tree as JSON: one object a file. These types are the format; the tree's own may change.

use std::io;

use grammar::instruction::Keyword;
use grammar::{Diagnostic, Dockerfile, Instruction, Parse, Severity, SourceFile, Statement};
use serde::Serialize;

/// Changes when a field changes its meaning or goes.
const VERSION: u32 = 1;

/// A file.
#[derive(Serialize)]
struct FileJson<'a> {
    version: u32,
    file: &'a str,
    ok: bool,
    escape: char,
    directives: Vec<DirectiveJson<'a>>,
    instructions: Vec<InstructionJson<'a>>,
    args: Vec<ArgJson<'a>>,
    stages: Vec<StageJson<'a>>,
    errors: Vec<ErrorJson<'a>>,
}

#[derive(Serialize)]
struct DirectiveJson<'a> {
    name: &'a str,
    value: &'a str,
    line: u32,
}

/// An instruction, or the trigger of an ONBUILD (then without lines).
#[derive(Serialize)]
struct InstructionJson<'a> {
    keyword: String,
    flags: Vec<String>,
    args: Vec<&'a str>,
    json: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<u32>,
    heredocs: Vec<HeredocJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<Box<InstructionJson<'a>>>,
}

#[derive(Serialize)]
struct HeredocJson<'a> {
    name: &'a str,
    content: &'a str,
    expand: bool,
    chomp: bool,
    fd: u32,
}

/// An ARG before the first FROM.
#[derive(Serialize)]
struct ArgJson<'a> {
    key: &'a str,
    value: Option<&'a str>,
}

#[derive(Serialize)]
struct StageJson<'a> {
    name: String,
    base: &'a str,
    platform: &'a str,
    /// How many instructions follow its FROM.
    instructions: usize,
}

/// An error. `line` to `end_line` are the lines of all its places, `column` is that of the first place.
#[derive(Serialize)]
struct ErrorJson<'a> {
    line: Option<u32>,
    end_line: Option<u32>,
    column: Option<u32>,
    code: &'a str,
    message: &'a str,
    help: Option<&'a str>,
}

/// A parsed file as one line of JSON.
pub(crate) fn json(file: &SourceFile, parse: &Parse<Dockerfile>) -> String {
    let tree = &parse.tree;
    let errors: Vec<ErrorJson<'_>> = parse
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .map(|diagnostic| error(file, diagnostic))
        .collect();
    let (args, stages) = stages(&tree.statements);
    let directives = tree.directives.iter().map(|directive| DirectiveJson {
        name: &directive.name,
        value: &directive.value.value,
        line: directive.line,
    });
    line(&FileJson {
        version: VERSION,
        file: file.name(),
        ok: errors.is_empty(),
        escape: tree.dialect.escape,
        directives: directives.collect(),
        instructions: tree.statements.iter().map(instruction).collect(),
        args,
        stages,
        errors,
    })
}

/// A file that could not be read, in the same form.
pub(crate) fn unreadable(name: &str, error: &io::Error) -> String {
    let message = format!("cannot read `{name}`: {}", crate::error::reason(error));
    let error = ErrorJson {
        line: None,
        end_line: None,
        column: None,
        code: "unreadable",
        message: &message,
        help: None,
    };
    line(&FileJson {
        version: VERSION,
        file: name,
        ok: false,
        escape: '\\',
        directives: Vec::new(),
        instructions: Vec::new(),
        args: Vec::new(),
        stages: Vec::new(),
        errors: vec![error],
    })
}

fn line(file: &FileJson<'_>) -> String {
    serde_json::to_string(file).expect("strings, numbers and lists can be written as JSON")
}

fn instruction(statement: &Statement) -> InstructionJson<'_> {
    let heredocs = statement.heredocs.iter().map(|heredoc| HeredocJson {
        name: &heredoc.name.value,
        content: &heredoc.content.value,
        expand: heredoc.expand,
        chomp: heredoc.chomp,
        fd: heredoc.fd,
    });
    InstructionJson {
        start: Some(statement.lines.0),
        end: Some(statement.lines.1),
        heredocs: heredocs.collect(),
        ..words(statement)
    }
}

/// The trigger of an ONBUILD. Its heredocs are the ONBUILD's.
fn trigger(statement: &Statement) -> Option<InstructionJson<'_>> {
    let Instruction::Onbuild(onbuild) = &statement.instruction else { return None };
    onbuild.trigger.as_deref().map(words)
}

fn words(statement: &Statement) -> InstructionJson<'_> {
    InstructionJson {
        keyword: statement.keyword.value.to_lowercase(),
        flags: statement.flags.iter().map(grammar::tree::Flag::text).collect(),
        args: match Keyword::of(&statement.keyword.value) {
            Some(_) => statement.args.iter().map(|word| word.text.as_str()).collect(),
            // As BuildKit's tree has it.
            None => vec![""],
        },
        json: statement.json,
        start: None,
        end: None,
        heredocs: Vec::new(),
        sub: trigger(statement).map(Box::new),
    }
}

/// The ARGs before the first FROM, and the stages.
fn stages(statements: &[Statement]) -> (Vec<ArgJson<'_>>, Vec<StageJson<'_>>) {
    let mut args = Vec::new();
    let mut stages: Vec<StageJson<'_>> = Vec::new();
    for statement in statements {
        if let Instruction::From(from) = &statement.instruction {
            stages.push(StageJson {
                name: from.name.as_ref().map_or(String::new(), |name| name.value.to_lowercase()),
                base: &from.image.text,
                platform: from.platform.as_ref().map_or("", |platform| &platform.text),
                instructions: 0,
            });
        } else if let Some(stage) = stages.last_mut() {
            stage.instructions += 1;
        } else if let Instruction::Arg(arg) = &statement.instruction {
            args.extend(arg.args.iter().map(|arg| ArgJson {
                key: &arg.name.text,
                value: arg.default.as_ref().map(|default| default.text.as_str()),
            }));
        }
    }
    (args, stages)
}

fn error<'a>(file: &SourceFile, diagnostic: &'a Diagnostic) -> ErrorJson<'a> {
    let spans = || diagnostic.labels.iter().map(|label| label.span);
    let lines = file.lines();
    let place = diagnostic.span().map(|span| lines.position(file.text(), span.start));
    ErrorJson {
        line: spans().map(|span| lines.line(span.start)).min(),
        end_line: spans().map(|span| lines.line(span.end.max(span.start + 1) - 1)).max(),
        column: place.map(|(_, column)| column),
        code: diagnostic.code,
        message: &diagnostic.message,
        help: diagnostic.help.as_deref(),
    }
}
