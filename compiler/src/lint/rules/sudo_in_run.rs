//! No sudo where root works.

use grammar::{Code, Diagnostic, Fix, Instruction};

use crate::lint::{Cx, Origin, Rule, ShellRun};

/// ## What it does
/// Finds `sudo` in a RUN. Where the user is root, as it is without USER, it does nothing; where USER says another, it takes a
/// password that nobody types, or a rule in `/etc/sudoers` that stays in the image.
///
/// ## Why is this bad
/// Few images have `sudo`, and what may be done with it in the build may be done with it in the container.
///
/// ## Example
/// ```dockerfile
/// FROM debian:12
/// RUN sudo mkdir /data
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM debian:12
/// RUN mkdir /data
/// ```
///
/// ## What it does not see
/// The user of a base image that is neither in the local store nor one of Docker's own: without USER, nothing is said there.
/// `sudo -u`, and `sudo` in a branch or a loop, are left alone.
#[derive(Debug)]
pub(super) struct SudoInRun;

impl Rule for SudoInRun {
    fn name(&self) -> Code {
        "SudoInRun"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["DL3004"]
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            let runs = cx.runs(&stage);
            let has_sudo = |run: &&ShellRun<'_>| {
                run.script.commands.iter().any(|it| it.wrapper("sudo").is_some())
            };
            for run in runs.iter().filter(has_sudo) {
                let before = stage.statements().take_while(|it| it.1.span != run.statement.span);
                let user = before.filter_map(|(_, it)| {
                    let Instruction::User(user) = &it.instruction else { return None };
                    Some(user.user.text.clone())
                });
                let user = user.last().unwrap_or_else(|| stage.lowered.user.clone());
                if user.is_empty() && !starts_as_root(cx, &stage) {
                    continue;
                }
                let is_root = matches!(user.split(':').next(), None | Some("" | "0" | "root"));
                for command in &run.script.commands {
                    let Some(sudo) = command.wrapper("sudo") else { continue };
                    let Some(program) = command.program_word() else { continue };
                    let between =
                        command.words.iter().skip_while(|it| it.range != sudo.range).skip(1);
                    let mut between = between.take_while(|it| it.range != program.range);
                    let as_other = between
                        .any(|it| it.text.starts_with("-u") || it.text.starts_with("--user"));
                    // A branch may be there to ask who the user is.
                    if as_other || !command.is_certain {
                        continue;
                    }
                    let span = run.script.span(&sudo.range);
                    let message = match is_root {
                        true => "the user is root, `sudo` does nothing".to_owned(),
                        false => {
                            "the image lets this user become root, in the container, too".to_owned()
                        }
                    };
                    let help = match is_root {
                        true => "leave it out",
                        false => {
                            "write `USER root` before what root must do, and `USER` again behind it"
                        }
                    };
                    let mut warning = Diagnostic::warning(self.name(), message, span).help(help);
                    let is_next = command.words.iter().any(|it| it.range == sudo.range)
                        && run.script.text()[sudo.range.end..program.range.start].trim().is_empty();
                    if is_root && is_next && run.script.is_exact() {
                        let gap = run.script.span(&(sudo.range.start..program.range.start));
                        warning.fix = Some(Box::new(Fix {
                            title: "leave `sudo` out".to_owned(),
                            edits: vec![(gap, String::new())],
                            is_safe: stage.lowered.base.is_none() && user_is_said(&stage),
                        }));
                    }
                    cx.warn(run.place, warning);
                }
            }
        }
    }
}

/// Whether the image at the bottom of a stage is `scratch` or one of Docker's own, which all start as root.
fn starts_as_root(cx: &Cx<'_>, stage: &crate::lint::Reached<'_>) -> bool {
    let mut stage = stage;
    while let Some(base) = stage.lowered.base {
        match cx.stages.iter().find(|it| it.from.span == base) {
            Some(base) => stage = base,
            None => return false,
        }
    }
    let name = stage.lowered.base_name.as_str();
    let name = name.trim_start_matches("docker.io/").trim_start_matches("library/");
    !name.contains('/')
}

/// Whether a stage says itself that its user is root.
fn user_is_said(stage: &crate::lint::Reached<'_>) -> bool {
    stage.own.iter().any(|it| matches!(it.instruction, Instruction::User(_)))
}
