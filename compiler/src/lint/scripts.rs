//! [`scripts`]: what RUN gives to its shells, for programs that read shell.

use std::collections::BTreeSet;

use grammar::{Instruction, Span, Word};

use super::hadolint::Pragmas;
use super::uses::line_of;
use super::{Cx, Finding, Subject};
use crate::checks::CheckOptions;

/// The script of a RUN.
#[derive(Debug, Clone)]
pub struct Script {
    /// The text, and where each byte of it was written.
    pub text: Word,
    /// Whether bash reads it, and not the image's `/bin/sh`.
    pub is_bash: bool,
    /// Whether `/bin/sh` is known to be dash, which has little that POSIX does not have.
    pub is_dash: bool,
    /// The variables that ENV and ARG set before it.
    pub variables: BTreeSet<String>,
    /// Codes that its comments leave out: `# shellcheck disable=SC2086`, `# hadolint ignore=SC2086`.
    disabled: BTreeSet<String>,
    checks: CheckOptions,
    lines: (u32, u32),
}

impl Script {
    /// Whether the comments and directives leave a code out.
    pub fn leaves_out(&self, code: &str) -> bool {
        self.disabled.contains(code) || self.checks.skip.contains(code)
    }

    /// A finding about a range of the text.
    pub fn finding(&self, diagnostic: grammar::Diagnostic) -> Finding {
        Finding { diagnostic, lines: self.lines }
    }

    /// Where a range of the text was written.
    pub fn span(&self, start: usize, end: usize) -> Span {
        self.text.span_of(start, end)
    }
}

/// The scripts of all stages that a POSIX shell runs, in the order of the file; what cannot be read as shell, is none.
pub fn scripts(subject: &Subject<'_>) -> Vec<Script> {
    let pragmas = Pragmas::of_file(subject);
    let global: Vec<String> = pragmas.global_codes().map(str::to_owned).collect();
    let cx = Cx::new(*subject, pragmas);
    let mut all = Vec::new();
    for stage in &cx.stages {
        let line = line_of(&cx, stage);
        let bottom = line.last().map_or("", |it| it.lowered.base_name.as_str());
        let runs = cx.runs(stage);
        let mut variables = BTreeSet::new();
        let mut is_bash = false;
        let below = line[1..].iter().rev().flat_map(|it| it.own);
        for statement in below.chain(stage.own) {
            let instruction = &statement.instruction;
            if let Instruction::Shell(shell) = instruction {
                let mut words = shell.words.iter();
                is_bash = words.any(|word| word.text.trim_matches('"').ends_with("bash"));
            } else if let Instruction::Env(env) = instruction {
                variables.extend(env.pairs.iter().map(|it| it.0.text.clone()));
            } else if let Instruction::Arg(arg) = instruction {
                variables.extend(arg.args.iter().map(|it| it.name.text.clone()));
            }
            let run = runs.iter().find(|it| it.statement.span == statement.span);
            let Some(run) = run.filter(|it| it.script.is_exact()) else { continue };
            let mut disabled: BTreeSet<String> = global.iter().cloned().collect();
            for comment in &statement.comments {
                disabled.extend(super::hadolint::local_codes(&comment.value));
                disabled.extend(directive(&comment.value));
            }
            let inside = cx.written(statement.span).lines();
            let inside = inside.filter_map(|line| line.trim_start().strip_prefix('#'));
            disabled.extend(inside.flat_map(directive));
            let checks = subject.checks.with_comments(&statement.comments);
            let text = run.script.word().clone();
            let first = text.text.lines().next().unwrap_or_default();
            let says_bash = first.starts_with("#!") && first.contains("bash");
            all.push(Script {
                is_bash: is_bash || says_bash,
                is_dash: has_dash(bottom),
                variables: variables.clone(),
                disabled,
                checks: checks.unwrap_or_else(|| subject.checks.clone()),
                lines: statement.lines,
                text,
            });
        }
    }
    all.sort_by_key(|script| script.text.span.start);
    all
}

/// The codes of `# shellcheck disable=SC2086,SC2034`.
fn directive(comment: &str) -> Vec<String> {
    let rest = comment.trim().strip_prefix("shellcheck ").unwrap_or_default();
    let lists = rest.split_whitespace().filter_map(|word| word.strip_prefix("disable="));
    lists.flat_map(|list| list.split(',')).map(str::to_owned).collect()
}

/// Whether the `/bin/sh` of an image is dash, by the image's name.
fn has_dash(image: &str) -> bool {
    let (path, tag) = image.rsplit_once(':').unwrap_or((image, ""));
    let name = path.rsplit('/').next().unwrap_or(path);
    const RELEASES: [&str; 8] =
        ["slim", "bookworm", "bullseye", "buster", "trixie", "focal", "jammy", "noble"];
    matches!(name, "debian" | "ubuntu" | "buildpack-deps")
        || tag.split('-').any(|part| RELEASES.contains(&part))
}
