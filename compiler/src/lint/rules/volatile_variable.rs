//! Variables that change with every build, right before they are used.

use grammar::{Code, Diagnostic, Instruction, Span, Statement};

use crate::lint::uses::{is_run, mentions, names};
use crate::lint::{Cx, Origin, Reached, Rule};

/// ## What it does
/// Finds an ARG for something that is new in every build (a commit, a date, a build number), or an ENV made of one, with RUN
/// steps between it and the first instruction that names it.
///
/// ## Why is this bad
/// A RUN gets every variable above it, used or not. So each of these steps runs again in every build.
///
/// ## Example
/// ```dockerfile
/// FROM alpine:3.22
/// ARG GIT_COMMIT
/// RUN apk add --no-cache git
/// LABEL revision=$GIT_COMMIT
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM alpine:3.22
/// RUN apk add --no-cache git
/// ARG GIT_COMMIT
/// LABEL revision=$GIT_COMMIT
/// ```
///
/// ## What it does not see
/// A variable counts as changing by its name alone, and only if it has no default, or one that stands for none (`unknown`,
/// `dev`). A program that reads the variable without its name in the command is not seen.
#[derive(Debug)]
pub(super) struct VolatileVariable;

impl Rule for VolatileVariable {
    fn name(&self) -> Code {
        "VolatileVariable"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            let mut volatile: Vec<&str> = Vec::new();
            for (index, statement) in stage.own.iter().enumerate() {
                if let Instruction::Arg(arg) = &statement.instruction {
                    for it in &arg.args {
                        let default = it.default.as_ref().map_or("", |word| word.text.as_str());
                        let name = it.name.text.as_str();
                        if is_volatile(name) && stands_for_none(default) {
                            volatile.push(name);
                            self.look(cx, &stage, (index, name, it.name.span), false);
                        }
                    }
                } else if let Instruction::Env(env) = &statement.instruction {
                    for (name, value) in &env.pairs {
                        if volatile.iter().any(|arg| mentions(&value.text, arg)) {
                            self.look(cx, &stage, (index, &name.text, name.span), true);
                        }
                    }
                }
            }
        }
    }
}

impl VolatileVariable {
    fn look(
        &self,
        cx: &mut Cx<'_>,
        stage: &Reached<'_>,
        (index, name, span): (usize, &str, Span),
        is_env: bool,
    ) {
        let behind = &stage.own[index + 1..];
        let used = behind.iter().position(|it| names(it, name));
        // An ARG that nothing names is another rule's; an ENV is for the container.
        let end = match (used, is_env) {
            (Some(end), _) => end,
            (None, true) => behind.len(),
            (None, false) => return,
        };
        let runs: Vec<&Statement> = behind[..end].iter().filter(|it| is_run(it)).collect();
        let Some(first) = runs.first() else { return };
        let lines: Vec<String> = runs.iter().take(5).map(|it| it.lines.0.to_string()).collect();
        let more = if runs.len() > 5 { " and further down" } else { "" };
        let (noun, verb) = if runs.len() == 1 { ("line", "runs") } else { ("lines", "run") };
        let message = format!(
            "the RUN in {noun} {}{more} {verb} again with every new {name}, and does not use it",
            lines.join(", ")
        );
        let help = match (used, behind.get(end)) {
            (Some(_), Some(user)) => format!("move it down, to line {}", user.lines.0),
            (_, _) => "move it to the end of the stage".to_owned(),
        };
        let warning = Diagnostic::warning(self.name(), message, span)
            .also(first.keyword.span, "runs again")
            .help(help);
        cx.warn_there(warning);
    }
}

/// Whether a name is about what every build has anew.
fn is_volatile(name: &str) -> bool {
    const PARTS: [&str; 9] = [
        "COMMIT",
        "SHA",
        "REVISION",
        "DATE",
        "TIMESTAMP",
        "BUILDTIME",
        "BUILDDATE",
        "GITHASH",
        "GITCOMMIT",
    ];
    const NAMES: [&str; 8] = [
        "VCS_REF",
        "GIT_REF",
        "BUILD_NUMBER",
        "BUILD_ID",
        "BUILD_TIME",
        "GIT_HASH",
        "BUILD_NUM",
        "GIT_DESCRIBE",
    ];
    let name = name.to_ascii_uppercase();
    let is_part = |part: &str| PARTS.contains(&part);
    NAMES.contains(&name.as_str()) || (!name.contains("BUST") && name.split('_').any(is_part))
}

fn stands_for_none(default: &str) -> bool {
    let text = default.trim_matches(['"', '\'']).to_ascii_lowercase();
    ["", "unknown", "dev", "none", "local", "n/a", "head", "undefined", "unset"]
        .contains(&text.as_str())
}
