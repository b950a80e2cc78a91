//! HEALTHCHECK that can succeed.

use grammar::instruction::{CommandLine, Healthcheck};
use grammar::{Code, Diagnostic, Instruction, Severity, Statement};

use crate::lint::uses::{line_of, mentions};
use crate::lint::{Cx, Origin, Reached, Rule};

/// ## What it does
/// Finds HEALTHCHECK that cannot succeed: a JSON form with shell syntax in it or with the whole command in one string; a
/// command that only fails; `curl` or `wget` in an image that is known not to have it and that does not install it. Also an
/// interval, timeout or number of retries of 0, which means the default and not "never" (a note).
///
/// ## Why is this bad
/// The container is unhealthy for ever, and an orchestrator kills it again and again.
///
/// ## Example
/// ```dockerfile
/// FROM busybox
/// HEALTHCHECK CMD ["wget -q -O- http://localhost/"]
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox
/// HEALTHCHECK CMD ["wget", "-q", "-O-", "http://localhost/"]
/// ```
///
/// ## What it does not see
/// Whether anything answers. Which programs an image has: only Docker's own `alpine`, `debian`, `ubuntu` and the `-slim` and `-alpine`
/// images of `node`, `python` and `golang` are known, and any other mention of the program in the stage counts as its installation.
#[derive(Debug)]
pub(super) struct ImpossibleHealthcheck;

impl Rule for ImpossibleHealthcheck {
    fn name(&self) -> Code {
        "ImpossibleHealthcheck"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            for (place, statement) in stage.statements() {
                let Instruction::Healthcheck(Healthcheck::Check { line, .. }) =
                    &statement.instruction
                else {
                    continue;
                };
                for flag in &statement.flags {
                    let name = flag.name.value.as_str();
                    let value = flag.value.as_ref().map_or("", |word| word.text.as_str());
                    let is_zero = matches!(value, "0" | "0s" | "0ms" | "0m");
                    if is_zero && matches!(name, "interval" | "timeout" | "retries") {
                        let message = format!("{name} of 0 means the default, not none");
                        let mut note = Diagnostic::warning(self.name(), message, flag.span).help(
                            "the defaults are an interval and a timeout of 30s, and 3 retries",
                        );
                        note.severity = Severity::Note;
                        cx.warn(place, note);
                    }
                }
                if let Some((message, help)) = impossible(line, cx, &stage, statement) {
                    let span = match line {
                        CommandLine::Shell(word) => word.span,
                        CommandLine::Exec(words) => {
                            words.first().map_or(statement.head, |it| it.span)
                        }
                    };
                    let warning = Diagnostic::warning(self.name(), message, span);
                    cx.warn(place, warning.help(help));
                }
            }
        }
    }
}

fn impossible<'a>(
    line: &CommandLine,
    cx: &Cx<'a>,
    stage: &Reached<'a>,
    statement: &Statement,
) -> Option<(String, String)> {
    let first = match line {
        CommandLine::Exec(words) => {
            let first = words.first()?.text.as_str();
            if words.len() == 1 && first.trim().contains(' ') {
                let message = "there is no program with all of this as its name".to_owned();
                return Some((message, "write each word as a string of its own".into()));
            }
            let is_shell = matches!(
                first.rsplit('/').next(),
                Some("sh" | "bash" | "ash" | "cmd" | "powershell")
            );
            let is_operator =
                |it: &&grammar::Word| matches!(it.text.as_str(), "||" | "&&" | "|" | ";");
            if let Some(word) = words.iter().find(is_operator).filter(|_| !is_shell) {
                let message =
                    format!("`{}` is an argument of {first} here: no shell reads it", word.text);
                return Some((
                    message,
                    "leave the brackets out, or start `sh -c` with one string".into(),
                ));
            }
            first
        }
        CommandLine::Shell(text) => {
            let text = text.text.trim();
            if matches!(text, "false" | "exit 1") {
                return Some((
                    "this always fails".into(),
                    "`HEALTHCHECK NONE` switches it off".into(),
                ));
            }
            text.split_whitespace().next()?
        }
    };
    let line = line_of(cx, stage);
    let image = line.last()?;
    let elsewhere = |it: &Statement| it.span != statement.span && mentions(&it.original, first);
    let all = || line.iter().flat_map(|it| it.statements().map(|it| it.1));
    let unknown = |it: &Statement| {
        let runs_script = matches!(it.instruction, Instruction::Run(_))
            && (it.original.contains(".sh") || it.original.contains('$'));
        runs_script || matches!(&it.instruction, Instruction::Copy(copy) if copy.from.is_some())
    };
    let lacks =
        lacks(&image.lowered.base_name, first) && !all().any(|it| elsewhere(it) || unknown(it));
    lacks.then(|| {
        let message = format!(
            "{} has no {first}, and the stage does not install it",
            image.lowered.base_name
        );
        (message, "install it, or ask with a program that is there".into())
    })
}

/// Whether an image is known to be without a program.
fn lacks(image: &str, program: &str) -> bool {
    let image = image.trim_start_matches("docker.io/").trim_start_matches("library/");
    let name = image.split(['@', ':']).next().unwrap_or_default();
    let tag = image.split('@').next().and_then(|it| it.split_once(':')).map_or("", |it| it.1);
    let of_language = ["node", "python", "golang"].contains(&name);
    let is_slim = of_language && (tag.contains("-slim") || tag == "slim");
    let is_alpine = name == "alpine" || of_language && tag.contains("alpine");
    let is_debian = name == "debian" || name == "ubuntu" || is_slim;
    match program {
        "curl" => is_alpine || is_debian || name == "busybox",
        "wget" => is_debian,
        _ => false,
    }
}
