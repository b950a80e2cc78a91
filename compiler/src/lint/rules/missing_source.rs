//! COPY of what the context holds.

use grammar::{Code, Diagnostic};

use crate::facts::Fact;
use crate::image::quoted;
use crate::lint::{Cx, Origin, Rule};
use crate::pattern::has_wildcards;

/// ## What it does
/// Finds sources of COPY and ADD that are not in the build context, or that .dockerignore leaves out of it, and shows the
/// line of that file. Where nothing in .dockerignore takes back (`!`), CopyIgnoredFile says the latter.
///
/// ## Why is this bad
/// The build fails at this step, perhaps after an hour.
///
/// ## Example
/// With a context that holds `app.py`:
///
/// ```dockerfile
/// FROM busybox
/// COPY ap.py /srv/
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox
/// COPY app.py /srv/
/// ```
///
/// ## What it does not see
/// Anything if the context is not known: it is the folder that the Dockerfile is in unless somebody says otherwise. Sources
/// with a variable are left alone. What is made before the build (`dist/`) must be there when the check runs.
#[derive(Debug)]
pub(super) struct MissingSource;

impl Rule for MissingSource {
    fn name(&self) -> Code {
        "MissingSource"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn check(&self, cx: &mut Cx<'_>) {
        let tells_ignored = cx.ignore_file().is_some_and(|it| it.has_exceptions());
        for fact in cx.facts {
            let Fact::ContextPath { path, span, .. } = fact else { continue };
            if has_wildcards(path) || cx.written(*span).contains('$') {
                continue;
            }
            let Some(found) = cx.find(path) else { return };
            if !found.is_certain || !found.files.is_empty() {
                continue;
            }
            let warning = match found.excluded_by {
                Some(rule) if tells_ignored => {
                    let message = format!("{} is left out of the context", quoted(path));
                    let help = format!("`{rule}` leaves it out; `!{path}` below takes it back");
                    let warning = Diagnostic::warning(self.name(), message, *span).help(help);
                    match cx.ignore_line(rule.line) {
                        Some(line) => warning.also(line, "leaves it out"),
                        None => warning,
                    }
                }
                Some(_) => continue,
                None => {
                    let message = format!("{} is not in the build context", quoted(path));
                    let warning = Diagnostic::warning(self.name(), message, *span);
                    warning.help(match found.nearest {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => "paths count from the root of the context".to_owned(),
                    })
                }
            };
            cx.warn_there(warning);
        }
    }
}
