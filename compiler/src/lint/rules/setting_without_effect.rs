//! USER, WORKDIR and ENV that something uses before they are set again.

use grammar::{Code, Diagnostic, Instruction, Statement};

use crate::lint::uses::{is_run, mentions, names};
use crate::lint::{Cx, Origin, Reached, Rule};
use crate::paths;

/// ## What it does
/// Finds USER and ENV that are set again before anything uses them, and a WORKDIR that is followed by one below it with nothing between.
///
/// ## Why is this bad
/// It does nothing, but reads as if it did: often the order of the lines is not as meant, or two people set the same thing.
///
/// ## Example
/// ```dockerfile
/// FROM busybox
/// USER app
/// USER root
/// RUN touch /made
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox
/// USER root
/// RUN touch /made
/// USER app
/// ```
///
/// ## What it does not see
/// A RUN between counts as a use of every variable. A WORKDIR that is followed by one elsewhere has made a folder, which may be meant.
#[derive(Debug)]
pub(super) struct SettingWithoutEffect;

impl Rule for SettingWithoutEffect {
    fn name(&self) -> Code {
        "SettingWithoutEffect"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            for (index, statement) in stage.own.iter().enumerate() {
                let behind = &stage.own[index + 1..];
                if let Instruction::User(_) = &statement.instruction {
                    self.user(cx, statement, behind);
                } else if let Instruction::Workdir(it) = &statement.instruction {
                    self.workdir(cx, statement, &it.path.text, behind);
                } else if let Instruction::Env(_) = &statement.instruction {
                    self.env(cx, (statement, behind), &stage);
                }
            }
        }
    }
}

impl SettingWithoutEffect {
    fn tell(&self, cx: &mut Cx<'_>, what: &str, again: &Statement, span: grammar::Span) {
        let message = format!("{what} has no effect: line {} sets it again", again.lines.0);
        let mut warning = Diagnostic::warning(self.name(), message, span)
            .also(again.keyword.span, "sets it again")
            .help("leave it out, or move it to where it is meant to count");
        // An ENV may set other variables, too.
        if let Some(statement) = cx.statement(span).filter(|it| it.head == span) {
            warning.fix = cx.removal(statement);
        }
        cx.warn_there(warning);
    }

    fn user(&self, cx: &mut Cx<'_>, statement: &Statement, behind: &[Statement]) {
        let uses = |it: &Statement| {
            is_run(it)
                || matches!(
                    it.instruction,
                    Instruction::Workdir(_) | Instruction::User(_) | Instruction::Onbuild(_)
                )
        };
        let next = behind.iter().find(|it| uses(it));
        if let Some(again) = next.filter(|it| matches!(it.instruction, Instruction::User(_))) {
            self.tell(cx, "USER", again, statement.head);
        }
    }

    fn workdir(&self, cx: &mut Cx<'_>, statement: &Statement, path: &str, behind: &[Statement]) {
        let Some(again) = behind.first() else { return };
        let Instruction::Workdir(next) = &again.instruction else { return };
        let (path, next) = (paths::clean(path), paths::clean(&next.path.text));
        let is_below =
            next == path || next.strip_prefix(&path).is_some_and(|it| it.starts_with('/'));
        if path.starts_with('/') && is_below && !path.contains('$') && path != "/" {
            self.tell(cx, "WORKDIR", again, statement.head);
        }
    }

    fn env(
        &self,
        cx: &mut Cx<'_>,
        (statement, behind): (&Statement, &[Statement]),
        stage: &Reached<'_>,
    ) {
        let Instruction::Env(env) = &statement.instruction else { return };
        for (name, _) in &env.pairs {
            let again = behind.iter().find(|it| {
                is_run(it)
                    || matches!(it.instruction, Instruction::Onbuild(_))
                    || names(it, &name.text)
            });
            let Some(again) = again else { continue };
            let Instruction::Env(next) = &again.instruction else { continue };
            let sets = next.pairs.iter().any(|(key, _)| key.text == name.text);
            let uses = next.pairs.iter().any(|(_, value)| mentions(&value.text, &name.text));
            // Of one ENV the values are those before it, and the last one counts.
            let twice = env.pairs.iter().filter(|(key, _)| key.text == name.text).count() > 1;
            if sets && !uses && !twice && again.span != stage.from.span {
                self.tell(cx, &format!("ENV {}", name.text), again, name.span);
            }
        }
    }
}
