//! [`ShellRun`]: the RUN instructions of a stage whose scripts a POSIX shell reads, read.

use std::rc::Rc;

use grammar::instruction::Run;
use grammar::{Fix, Instruction, Span, Statement};

use super::uses::line_of;
use super::{Cx, Place, Reached};
use crate::shell::{Command, ShellScript};

/// A RUN whose script was read.
#[derive(Debug, Clone)]
pub struct ShellRun<'a> {
    /// Where findings are told.
    pub place: Place<'a>,
    /// The instruction.
    pub statement: &'a Statement,
    /// Its own part.
    pub run: &'a Run,
    /// What it runs.
    pub script: Rc<ShellScript>,
}

impl ShellRun<'_> {
    /// Whether a cache or a tmpfs is mounted at a folder, above it or below it. A target with a variable may be there.
    pub fn is_mounted(&self, folder: &str) -> bool {
        self.mounts().any(|target| target.contains('$') || is_near(target, folder))
    }

    /// The targets of cache and tmpfs mounts.
    pub fn mounts(&self) -> impl Iterator<Item = &str> {
        self.run.mounts.iter().filter_map(|mount| {
            let value = |names: &[&str]| {
                let named = mount
                    .fields
                    .iter()
                    .find(|(key, _)| names.iter().any(|name| key.value.eq_ignore_ascii_case(name)));
                Some(named?.1.as_ref()?.text.trim_matches(['"', '\'']))
            };
            let is_kept = value(&["type"]).is_some_and(|it| matches!(it, "cache" | "tmpfs"));
            value(&["target", "dst", "destination"]).filter(|_| is_kept)
        })
    }

    /// Whether a command removes a folder, what is in it, or one around it.
    pub fn removes(&self, folder: &str) -> bool {
        self.script.commands.iter().any(|command| {
            let removes = match command.program() {
                "rm" => true,
                "find" => command.args().iter().any(|it| it.text == "-delete" || it.text == "rm"),
                _ => false,
            };
            removes && command.args().iter().any(|word| is_near(&word.text, folder))
        }) || self.cleans_up()
    }

    /// Whether a script or a function of its own may clean up.
    fn cleans_up(&self) -> bool {
        let is_cleaner = |it: &Command| it.program().to_ascii_lowercase().contains("clean");
        self.script.commands.iter().any(is_cleaner)
    }

    /// The place of a command's words, from the program up to another word of it.
    pub fn words_to(&self, command: &Command, last: usize) -> Span {
        let start = command.program_word().map_or(command.range.start, |word| word.range.start);
        self.script.span(&(start..last.max(start)))
    }

    /// Joins a command to the end of the script; `None` where that is not safe.
    pub fn join(&self, cx: &Cx<'_>, title: String, command: &str) -> Option<Fix> {
        let at = self.script.end()?;
        let written = cx.written(self.statement.head);
        let before = &written
            [..(at.end.saturating_sub(self.statement.head.start) as usize).min(written.len())];
        let is_body = self.statement.head.end < at.end;
        let line = before.rsplit('\n').next().unwrap_or_default();
        let is_long = before.contains('\n') && !written.contains('\r') && !is_body;
        let text = match is_long {
            true => {
                let indent: String = line.chars().take_while(|c| matches!(c, ' ' | '\t')).collect();
                format!(" {}\n{indent}&& {command}", cx.file.dialect.escape)
            }
            false => format!(" && {command}"),
        };
        Some(Fix { title, edits: vec![(at, text)], is_safe: true })
    }

    /// Inserts words right behind a piece of the script.
    pub fn insert(&self, title: &str, behind: &std::ops::Range<usize>, text: &str) -> Option<Fix> {
        let place = self.script.behind(behind);
        let fix =
            Fix { title: title.to_owned(), edits: vec![(place, text.to_owned())], is_safe: true };
        self.script.is_exact().then_some(fix)
    }
}

/// Whether a word of a command means a folder, what is in it, or one around it. What braces stand for is not worked out.
pub(super) fn is_near(word: &str, folder: &str) -> bool {
    if word.starts_with('$') {
        return word.contains(folder);
    }
    let word = word.split(['*', '{', '?', '[']).next().unwrap_or(word);
    let word = match word {
        "" | "/" => return false,
        word => word.trim_end_matches('/'),
    };
    let below = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    // `/var/lib/apt/li*` and `/var/{lib,cache}` were cut in the middle of a name.
    below(word, folder)
        || below(folder, word)
        || folder.starts_with(word) && word.matches('/').count() > 2
}

impl<'a> Cx<'a> {
    /// The RUN instructions of a stage that a POSIX shell runs and that could be read; read once for all rules.
    pub fn runs(&self, stage: &Reached<'a>) -> Rc<[ShellRun<'a>]> {
        let key = stage.from.span.start;
        if let Some(known) = self.shells.borrow().get(&key) {
            return Rc::clone(known);
        }
        let mut is_posix = self.starts_posix(stage);
        let mut runs = Vec::new();
        for (place, statement) in stage.statements() {
            if let Some(is) = says_posix(statement) {
                is_posix = is;
            }
            let Instruction::Run(run) = &statement.instruction else { continue };
            if !is_posix {
                continue;
            }
            if let Some(script) = ShellScript::of(statement) {
                runs.push(ShellRun { place, statement, run, script: Rc::new(script) });
            }
        }
        let runs: Rc<[ShellRun<'a>]> = runs.into();
        self.shells.borrow_mut().insert(key, Rc::clone(&runs));
        runs
    }

    /// Whether the shell that a stage starts with is a POSIX one.
    fn starts_posix(&self, stage: &Reached<'a>) -> bool {
        let line = line_of(self, stage);
        let is_windows = line.iter().any(|it| {
            let name = it.lowered.base_name.to_ascii_lowercase();
            ["windows", "nanoserver", "servercore"].iter().any(|word| name.contains(word))
        });
        let below = line[1..].iter().flat_map(|it| it.own.iter().rev());
        let said = below.filter_map(says_posix).next();
        said.unwrap_or(!is_windows && self.file.dialect.escape == '\\')
    }

    /// Whether the layers of a stage get into an image that somebody wants: not if others only copy files out of it.
    pub fn ships(&self, stage: &Reached<'a>) -> bool {
        let from = stage.from.span;
        let is_last = self.stages.last().is_some_and(|last| last.from.span == from);
        let is_used = self.stages.iter().any(|it| it.lowered.needs.contains(&from));
        let heirs = super::uses::heirs(self, stage);
        let ships = |it: &Reached<'_>| {
            self.stages.last().is_some_and(|last| last.from.span == it.from.span)
                || !self.stages.iter().any(|other| {
                    other.lowered.needs.contains(&it.from.span)
                        || other.lowered.base == Some(it.from.span)
                })
        };
        is_last || (!is_used && heirs.is_empty()) || heirs.iter().any(ships)
    }
}

/// What a SHELL says; `None` of another instruction.
fn says_posix(statement: &Statement) -> Option<bool> {
    let Instruction::Shell(shell) = &statement.instruction else { return None };
    let is_shell = |word: &str| {
        let name = word.rsplit('/').next().unwrap_or(word);
        matches!(name, "sh" | "bash" | "ash" | "dash" | "zsh" | "ksh")
    };
    let words = || shell.words.iter().map(|word| word.text.trim_matches('"'));
    let is_command = |word: &str| word.starts_with('-') && word.ends_with('c');
    Some(words().take(3).any(is_shell) && words().any(is_command))
}
