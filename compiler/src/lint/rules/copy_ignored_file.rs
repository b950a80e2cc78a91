//! No COPY of what .dockerignore leaves out.

use grammar::{Code, Diagnostic};

use crate::facts::Fact;
use crate::image::quoted;
use crate::lint::{Cx, Rule};
use crate::{ignore, paths};

/// ## What it does
/// Finds sources of COPY and ADD that .dockerignore leaves out of the build context. Where .dockerignore takes something
/// back (`!`), nothing is said: that is too hard to tell.
///
/// ## Why is this bad
/// The build fails because the file is not there, or, with a pattern as source, goes on without it.
///
/// ## Example
/// With this .dockerignore:
///
/// ```dockerignore
/// secrets.txt
/// ```
///
/// ```dockerfile
/// FROM busybox
/// COPY secrets.txt /
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox
/// COPY public.txt /
/// ```
#[derive(Debug)]
pub(super) struct CopyIgnoredFile;

impl Rule for CopyIgnoredFile {
    fn name(&self) -> Code {
        "CopyIgnoredFile"
    }

    fn check(&self, cx: &mut Cx<'_>) {
        let Some(ignore) = cx.ignore_file().filter(|it| !it.has_exceptions()) else { return };
        for fact in cx.facts {
            let Fact::ContextPath { path, span, add } = fact else { continue };
            let cleaned = paths::clean(path);
            let is_root = cleaned == "." || cleaned == "/";
            let ignores_root = || {
                let all =
                    |rule: &ignore::Rule| ["*", "**", "**/*"].contains(&rule.pattern.as_str());
                ignore.rules().iter().any(all)
            };
            if (is_root && !ignores_root()) || !ignore.matches(cleaned.as_bytes()) {
                continue;
            }
            let verb = if *add { "Add" } else { "Copy" };
            let message = format!(
                "Attempting to {verb} file {} that is excluded by .dockerignore",
                quoted(&cleaned)
            );
            let mut warning = Diagnostic::warning(self.name(), message, *span);
            if let Some(rule) = ignore.decided_by(cleaned.as_bytes()) {
                let help = format!("`{}` leaves it out, in line {}", rule.pattern, rule.line);
                warning = warning.help(help);
                if let Some(line) = cx.ignore_line(rule.line) {
                    warning = warning.also(line, "leaves it out");
                }
            }
            cx.warn_there(warning);
        }
    }
}
