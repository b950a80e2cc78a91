//! Folders that last.

use grammar::{Code, Diagnostic, Fix};

use crate::lint::{Cx, Origin, Rule};

/// ## What it does
/// Finds a RUN that does nothing but `cd`.
///
/// ## Why is this bad
/// Each RUN starts in the WORKDIR again: the change is gone when the RUN ends, and the instructions behind it work in another
/// folder than it looks.
///
/// ## Example
/// ```dockerfile
/// FROM busybox
/// RUN cd /app
/// RUN make
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox
/// WORKDIR /app
/// RUN make
/// ```
///
/// ## What it does not see
/// `cd` as the last of several commands. The fix changes where the instructions behind it work, and is offered in editors and
/// by `--unsafe-fixes` alone.
#[derive(Debug)]
pub(super) struct CdWithoutEffect;

impl Rule for CdWithoutEffect {
    fn name(&self) -> Code {
        "CdWithoutEffect"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["DL3003"]
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            for run in cx.runs(&stage).iter() {
                let commands = &run.script.commands;
                let is_light = |name: &str| matches!(name, "cd" | "set" | "true" | ":");
                let Some(cd) = commands.iter().rfind(|it| it.program() == "cd") else { continue };
                // That the folder is there may be what is asked.
                let is_test = commands.iter().any(|it| it.reads_pipe || !it.is_certain);
                if is_test || !commands.iter().all(|it| is_light(it.program())) {
                    continue;
                }
                let span = run.script.span(&cd.range);
                let mut warning =
                    Diagnostic::warning(self.name(), "`cd` is forgotten when the RUN ends", span)
                        .help(
                            "write `WORKDIR`, or put the commands that need it into the same RUN",
                        );
                if let ([command], [folder]) = (commands.as_slice(), cd.args())
                    && folder.text.starts_with('/')
                    && folder.is_static
                    && command.redirects.is_empty()
                    && run.run.mounts.is_empty()
                {
                    warning.fix = Some(Box::new(Fix {
                        title: "write WORKDIR".to_owned(),
                        edits: vec![(
                            run.statement.span,
                            format!("WORKDIR {}", cx.written(run.script.span(&folder.range))),
                        )],
                        is_safe: false,
                    }));
                }
                cx.warn(run.place, warning);
            }
        }
    }
}
