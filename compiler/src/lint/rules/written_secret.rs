//! No secrets in the text.

use grammar::{Code, Diagnostic, Span, Statement};

use crate::lint::secrets::{self, Found};
use crate::lint::{Cx, Origin, Rule};

/// ## What it does
/// Finds secrets that are written out: tokens and keys of well-known form (AWS, GitHub, GitLab, Slack, npm, PyPI, private keys and
/// their like) in any instruction or heredoc; and in a RUN a password in a URL, in `--password`, `curl -u` or `sshpass -p`, a token in
/// an `Authorization` header, a user's password for `chpasswd`, and assignments like `DB_PASSWORD=…`. The secret itself is never
/// shown.
///
/// ## Why is this bad
/// Whoever has the Dockerfile has the secret, and so has whoever has the image: its history shows every instruction.
///
/// ## Example
/// ```dockerfile
/// FROM debian:12
/// RUN git clone https://me:s3cr3t4you@git.example.net/app.git
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM debian:12
/// RUN --mount=type=secret,id=git,env=GIT_TOKEN git clone https://me:$GIT_TOKEN@git.example.net/app.git
/// ```
///
/// ## What it does not see
/// Secrets of other forms. What is taken from a variable is no finding, nor is what looks like an example (`changeme`, `<token>`,
/// `xxxx`), a value of less than four characters, or a URL of `localhost`.
#[derive(Debug)]
pub(super) struct WrittenSecret;

impl Rule for WrittenSecret {
    fn name(&self) -> Code {
        "WrittenSecret"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn check(&self, cx: &mut Cx<'_>) {
        let file = cx.file;
        let mut told: Vec<Span> = Vec::new();
        let overlaps = |told: &[Span], span: Span| {
            told.iter().any(|old| {
                old.source == span.source && old.start < span.end && span.start < old.end
            })
        };
        for statement in &file.statements {
            for (what, span) in of_known_form(cx, statement) {
                if !overlaps(&told, span) {
                    told.push(span);
                    self.tell(cx, statement, &what, span);
                }
            }
        }
        for stage in cx.stages.clone() {
            for run in cx.runs(&stage).iter() {
                for command in &run.script.commands {
                    for Found { what, range } in secrets::in_command(command) {
                        let span = run.script.span(&range);
                        if !overlaps(&told, span) {
                            told.push(span);
                            self.tell(cx, run.statement, &what, span);
                        }
                    }
                }
            }
        }
    }
}

impl WrittenSecret {
    fn tell<'a>(&self, cx: &mut Cx<'a>, statement: &'a Statement, what: &str, span: Span) {
        let message = format!("{what} is written into the file");
        let warning = Diagnostic::warning(self.name(), message, span).help(
            "replace it, since it is no secret any more; hand the new one to the RUN by `--mount=type=secret,id=ID,env=NAME`",
        );
        if let Some(place) = cx.place(statement.span) {
            cx.warn(place, warning);
        }
    }
}

/// What can be told by its form alone, anywhere in an instruction.
fn of_known_form(cx: &Cx<'_>, statement: &Statement) -> Vec<(String, Span)> {
    let text = cx.written(statement.span);
    let start = statement.span.start as usize;
    let place = |found: Found| {
        let Found { what, range } = found;
        (what, Span::in_source(statement.span.source, start + range.start, start + range.end))
    };
    secrets::of_known_form(text).into_iter().map(place).collect()
}
