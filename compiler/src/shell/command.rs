//! [`Command`]: one simple command, and what can be asked of it.

use std::ops::Range;

/// A simple command: `NAME=VALUE program argument >file`.
#[derive(Debug, Clone, Default)]
pub struct Command {
    /// `NAME=VALUE` before it, or behind `export` and its like.
    pub assignments: Vec<(String, ShellWord)>,
    /// The program and its arguments; none if there are assignments alone.
    pub words: Vec<ShellWord>,
    /// Where it reads and writes.
    pub redirects: Vec<Redirect>,
    /// Where it stands in the script.
    pub range: Range<usize>,
    /// Whether it runs whenever the script does as it should: in no branch, loop, function, `$(…)`, nor behind `||`.
    pub is_certain: bool,
    /// Whether it stands in `$(…)` or a function.
    pub is_inside: bool,
    /// Whether it reads what the command before it writes.
    pub reads_pipe: bool,
    /// Whether the command behind it reads what it writes.
    pub writes_pipe: bool,
    /// Whether `chpasswd` reads what it writes.
    pub feeds_chpasswd: bool,
    /// Which of the words is the program, wrappers like `sudo` and `env` before it.
    pub(super) program: usize,
}

/// A word of a command.
#[derive(Debug, Clone, Default)]
pub struct ShellWord {
    /// Quotes taken off; what is expanded stays as it is written.
    pub text: String,
    /// Whether nothing in it is expanded, but for patterns.
    pub is_static: bool,
    /// Where it stands in the script.
    pub range: Range<usize>,
}

/// `>file` and its like.
#[derive(Debug, Clone)]
pub struct Redirect {
    /// Whether it writes.
    pub is_output: bool,
    /// The file, or the body of a heredoc.
    pub target: ShellWord,
    /// Whether it is a heredoc.
    pub is_heredoc: bool,
}

impl Command {
    /// The program's name without its folder, behind `sudo`, `env` and their like; empty if it is not known.
    pub fn program(&self) -> &str {
        self.words.get(self.program).map_or("", |word| base(&word.text))
    }

    /// The program's word.
    pub fn program_word(&self) -> Option<&ShellWord> {
        self.words.get(self.program)
    }

    /// Whether a wrapper of this name stands before the program.
    pub fn wrapper(&self, name: &str) -> Option<&ShellWord> {
        let before = &self.words[..self.program.min(self.words.len())];
        before.iter().find(|word| base(&word.text) == name)
    }

    /// What stands behind the program.
    pub fn args(&self) -> &[ShellWord] {
        self.words.get(self.program + 1..).unwrap_or_default()
    }

    /// Whether its arguments have one of these flags: `-y` alone or among others (`-qy`), or long ones by their whole name,
    /// with a value or without.
    pub fn flag(&self, short: &str, long: &[&str]) -> Option<&ShellWord> {
        self.args().iter().take_while(|word| word.text != "--").find(|word| {
            let text = word.text.as_str();
            if let Some(name) = text.strip_prefix("--") {
                let name = name.split('=').next().unwrap_or(name);
                return long.contains(&name);
            }
            let letters = text.strip_prefix('-').unwrap_or_default();
            let letters = letters.split('=').next().unwrap_or(letters);
            !short.is_empty()
                && letters.bytes().all(|byte| byte.is_ascii_alphanumeric())
                && letters.chars().any(|c| short.contains(c))
        })
    }

    /// The arguments that are no flags. `valued` are the flags whose value is a word of its own.
    pub fn operands<'a>(&'a self, valued: &'a [&str]) -> impl Iterator<Item = &'a ShellWord> {
        let mut skip = false;
        let mut only_operands = false;
        self.args().iter().filter(move |word| {
            let text = word.text.as_str();
            let is_value = std::mem::take(&mut skip);
            if only_operands || is_value {
                return !is_value;
            }
            only_operands = text == "--";
            skip = valued.contains(&text);
            !text.starts_with('-') || text == "-"
        })
    }

    /// Finds the program behind wrappers.
    pub(super) fn resolve(&mut self) {
        let mut at = 0;
        while let Some(word) = self.words.get(at) {
            let valued: &[&str] = match base(&word.text) {
                "sudo" => &["-u", "-g", "-h", "-p", "-C", "-r", "-t", "--user", "--group"],
                "env" => &["-u", "--unset", "-C", "--chdir"],
                "nice" => &["-n"],
                "timeout" => &["-k", "-s"],
                "exec" | "command" | "time" | "nohup" | "eatmydata" | "builtin" => &["-a"],
                _ => break,
            };
            let name = base(&word.text);
            let mut next = at + 1;
            while let Some(word) = self.words.get(next) {
                if name == "env" && is_assignment(&word.text) {
                    let (name, value) = word.text.split_once('=').unwrap_or_default();
                    let start = word.range.end - value.len().min(word.range.len());
                    let value = ShellWord {
                        text: value.to_owned(),
                        is_static: word.is_static,
                        range: start..word.range.end,
                    };
                    self.assignments.push((name.to_owned(), value));
                    next += 1;
                } else if name == "sudo" && is_assignment(&word.text) {
                    next += 1;
                } else if word.text.starts_with('-') {
                    next += if valued.contains(&word.text.as_str()) { 2 } else { 1 };
                } else {
                    break;
                }
            }
            next += usize::from(name == "timeout");
            if self.words.len() <= next {
                break;
            }
            at = next;
        }
        self.program = at;
    }
}

/// A path's last name.
fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn is_assignment(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}
