//! Why a step is not cached, in words.

use compiler::op::{ExecOp, MountKind};
use compiler::reason::MissReason;
use compiler::{BuildGraph, Op, Role, StepId};

use super::table::shorten;

/// So many files are named before the rest is counted.
const FEW: usize = 4;

/// How much is said of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Files {
    /// The first few and how many there are.
    Few,
    /// Each on a line.
    All,
}

/// Why a step is not cached, a line each.
pub(crate) fn lines(
    graph: &BuildGraph,
    id: StepId,
    reasons: &[MissReason],
    files: Files,
) -> Vec<String> {
    reasons.iter().flat_map(|reason| one(graph, id, reason, files)).collect()
}

fn one(graph: &BuildGraph, id: StepId, reason: &MissReason, files: Files) -> Vec<String> {
    let op = &graph.step(id).op;
    let line = match reason {
        MissReason::NeverBuilt => "it was never built here".into(),
        MissReason::CacheIgnored => "--no-cache".into(),
        MissReason::OtherVersion => "it was last built by another version of dfc".into(),
        MissReason::LayerGone => "its layer was removed from the store".into(),
        MissReason::ArgChanged { name, old, new } => {
            change(&format!("build argument {name}"), old.as_deref(), new.as_deref())
        }
        MissReason::EnvChanged { name, old, new } => {
            change(&format!("variable {name}"), old.as_deref(), new.as_deref())
        }
        MissReason::InstructionChanged { part, old, new } => {
            change(&part_name(op, part), old.as_deref(), new.as_deref())
        }
        MissReason::BaseChanged => {
            let maker = graph.input(id, Role::Base);
            format!("what it starts from is another{}", made_by(graph, maker))
        }
        MissReason::InputChanged { role, step } => {
            let maker = step.or_else(|| graph.input(id, *role));
            format!("{} is another{}", input_name(op, *role), made_by(graph, maker))
        }
        MissReason::FilesChanged { role: _, changed, added, removed } => {
            let mut lines = Vec::new();
            for (word, paths) in [("changed", changed), ("new", added), ("gone", removed)] {
                lines.extend(paths_text(word, paths, files));
            }
            return lines;
        }
    };
    vec![line]
}

fn change(what: &str, old: Option<&str>, new: Option<&str>) -> String {
    match (old, new) {
        (Some(old), Some(new)) => {
            let (old, new) = contrast(&masked(old), &masked(new));
            format!("{what} changed from {} to {}", quoted(&old), quoted(&new))
        }
        (None, Some(new)) => format!("{what} is new: {}", quoted(&masked(new))),
        (Some(old), None) => format!("{what} is gone, was {}", quoted(&masked(old))),
        (None, None) => format!("{what} changed"),
    }
}

fn made_by(graph: &BuildGraph, maker: Option<StepId>) -> String {
    maker.map_or_else(String::new, |id| format!(": {}", graph.step(id).name.replace('\n', " ")))
}

fn paths_text(word: &str, paths: &[String], files: Files) -> Vec<String> {
    match files {
        Files::All => paths.iter().map(|path| format!("{word}: {path}")).collect(),
        Files::Few if paths.is_empty() => Vec::new(),
        Files::Few => {
            let names = paths.iter().take(FEW).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = paths.len().saturating_sub(FEW);
            vec![match more {
                0 => format!("{word}: {names}"),
                more => format!("{word}: {names} and {more} more"),
            }]
        }
    }
}

/// What people call a component of a key: `arg 2` is a word of the command, `action 0 destination` a destination.
fn part_name(op: &Op, part: &str) -> String {
    let words: Vec<&str> = part.split(' ').collect();
    match words.as_slice() {
        ["arg", _] => "the command".into(),
        ["cwd"] => "the working directory".into(),
        ["layer", _] => "a layer of the image".into(),
        ["mount", number, field @ ..] => {
            let mount = match op {
                Op::Exec(ExecOp { mounts, .. }) => {
                    number.parse().ok().and_then(|at: usize| mounts.get(at))
                }
                Op::Source(_) | Op::File(_) | Op::Merge => None,
            };
            let field = field.join(" ");
            match mount {
                Some(mount) => format!("{field} of the mount at {}", mount.target),
                None => format!("{field} of mount {number}"),
            }
        }
        ["action", "0", field @ ..] => format!("the {}", field.join(" ")),
        ["action", number, field @ ..] => format!("the {} of source {number}", field.join(" ")),
        _ => part.to_owned(),
    }
}

/// What an input is to a step, in a sentence.
fn input_name(op: &Op, role: Role) -> String {
    match role {
        Role::Base => "what it starts from".into(),
        Role::Source(_) => "what it copies from".into(),
        Role::Upper(_) => "what it lays over".into(),
        Role::Mount(_) => format!("the {}", role_text(op, role)),
    }
}

/// What an input is to a step, as a label.
pub(crate) fn role_text(op: &Op, role: Role) -> String {
    match role {
        Role::Base => "base".into(),
        Role::Source(_) => "copies from".into(),
        Role::Upper(_) => "lays over".into(),
        Role::Mount(index) => {
            let mount = match op {
                Op::Exec(exec) => exec.mounts.get(index as usize),
                Op::Source(_) | Op::File(_) | Op::Merge => None,
            };
            match mount {
                Some(mount) => match mount.kind {
                    MountKind::Cache { .. } => format!("cache at {}", mount.target),
                    MountKind::Bind { .. }
                    | MountKind::Tmpfs { .. }
                    | MountKind::Secret { .. }
                    | MountKind::Ssh { .. }
                    | MountKind::Script { .. } => format!("mount at {}", mount.target),
                },
                None => "mount".into(),
            }
        }
    }
}

/// A text without the password that a URL in it may hold.
fn masked(text: &str) -> String {
    let mut masked = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        let end = after.find(['/', ' ', '?', '#']).unwrap_or(after.len());
        masked.push_str(before);
        rest = match after[..end].rfind('@') {
            Some(user) => {
                masked.push_str("***");
                &after[user..]
            }
            None => after,
        };
    }
    masked + rest
}

/// Two texts without what they begin with in common, if that is long: the difference must not be cut off.
fn contrast(old: &str, new: &str) -> (String, String) {
    const LEFT: usize = 10;
    let same = old.chars().zip(new.chars()).take_while(|(a, b)| a == b).count();
    if same <= 3 * LEFT {
        return (old.to_owned(), new.to_owned());
    }
    let cut = |text: &str| format!("…{}", text.chars().skip(same - LEFT).collect::<String>());
    (cut(old), cut(new))
}

fn quoted(text: &str) -> String {
    format!("`{}`", shorten(text, 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_not_cut_off() {
        let start = "apt-get install -y a-long-list-of-packages and-then-some ";
        let (old, new) = contrast(&format!("{start}x"), &format!("{start}y"));
        assert_eq!((old.as_str(), new.as_str()), ("…then-some x", "…then-some y"));
        assert_eq!(contrast("1", "2"), ("1".into(), "2".into()));
    }

    #[test]
    fn many_files_are_counted() {
        let paths: Vec<String> = (0..6).map(|number| format!("f{number}")).collect();
        assert_eq!(paths_text("new", &paths, Files::Few), ["new: f0, f1, f2, f3 and 2 more"]);
        assert_eq!(paths_text("new", &paths[..1], Files::Few), ["new: f0"]);
        assert_eq!(paths_text("new", &paths, Files::All).len(), 6);
        assert_eq!(paths_text("new", &[], Files::Few), [""; 0]);
    }

    #[test]
    fn passwords_are_not_shown() {
        let text = change("the url", Some("https://a:b@x.y/z"), Some("https://c:d@x.y/z?q=a@b"));
        assert_eq!(text, "the url changed from `https://***@x.y/z` to `https://***@x.y/z?q=a@b`");
        assert_eq!(masked("git clone http://t@h/r x"), "git clone http://***@h/r x");
    }

    #[test]
    fn parts_have_names() {
        assert_eq!(part_name(&Op::Merge, "arg 2"), "the command");
        assert_eq!(part_name(&Op::Merge, "action 0 destination"), "the destination");
        assert_eq!(part_name(&Op::Merge, "action 1 owner"), "the owner of source 1");
        assert_eq!(part_name(&Op::Merge, "mount 0 target"), "target of mount 0");
        assert_eq!(part_name(&Op::Merge, "user"), "user");
    }
}
