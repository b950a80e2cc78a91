//! Cache mounts that their user can write.

use grammar::{Code, Diagnostic, Fix};

use crate::graph::Role;
use crate::lint::{Cx, Origin, Rule};
use crate::op::{MountKind, Op};

/// ## What it does
/// Finds `RUN --mount=type=cache` without an owner in a RUN whose USER is not root.
///
/// ## Why is this bad
/// A new cache belongs to root and has mode 0755: the program cannot write into it. It fails, or works without the cache.
///
/// ## Example
/// ```dockerfile
/// FROM busybox
/// USER 1000
/// RUN --mount=type=cache,target=/home/app/.cache touch /home/app/.cache/file
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox
/// USER 1000
/// RUN --mount=type=cache,target=/home/app/.cache,uid=1000 touch /home/app/.cache/file
/// ```
///
/// ## What it does not see
/// The USER of a base image that is not at hand; a RUN with `sudo` or `su` is left alone. A cache that starts from a folder of a stage
/// (`from=`) has the owner it has there.
#[derive(Debug)]
pub(super) struct CacheMountNotWritable;

impl Rule for CacheMountNotWritable {
    fn name(&self) -> Code {
        "CacheMountNotWritable"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn check(&self, cx: &mut Cx<'_>) {
        let Some(graph) = cx.graph else { return };
        for (id, step) in graph.steps() {
            let Op::Exec(exec) = &step.op else { continue };
            let user = exec.user.split(':').next().unwrap_or_default();
            let text = exec.args.join(" ");
            let is_root = matches!(user, "" | "0" | "root");
            if is_root || text.contains("sudo ") || text.contains("su ") || text.contains("gosu ") {
                continue;
            }
            for (index, mount) in exec.mounts.iter().enumerate() {
                let MountKind::Cache { owner, .. } = &mount.kind else { continue };
                let is_closed = owner.is_none_or(|owner| {
                    owner.uid == 0
                        && owner.mode & 0o002 == 0
                        && (owner.gid == 0 || owner.mode & 0o020 == 0)
                });
                let role = Role::Mount(u32::try_from(index).unwrap_or(u32::MAX));
                if !is_closed || mount.readonly || graph.input(id, role).is_some() {
                    continue;
                }
                let Some(span) = step.words.part(index) else { continue };
                let message = format!("{user} cannot write to the cache at {}", mount.target);
                let mut warning = Diagnostic::warning(self.name(), message, span)
                    .label("belongs to root, mode 0755");
                if let Some(word) = step.words.user {
                    warning = warning.also(word, "runs the command");
                }
                let is_number = user.bytes().all(|byte| byte.is_ascii_digit());
                let id = if is_number { user } else { "UID" };
                warning =
                    warning.help(format!("give it an owner: `uid={id}`, or a mode: `mode=0777`"));
                let written = cx.written(span);
                let is_plain = is_number && written.starts_with("--mount=");
                if is_plain && !written.contains(['"', '\'', '$']) && !written.contains("uid=") {
                    let place = grammar::Span { start: span.end, ..span };
                    warning.fix = Some(Box::new(Fix {
                        title: format!("give it to user {user}"),
                        edits: vec![(place, format!(",uid={user}"))],
                        is_safe: true,
                    }));
                }
                cx.warn_there(warning);
            }
        }
    }
}
