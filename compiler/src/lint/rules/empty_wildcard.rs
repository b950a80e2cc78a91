//! Wildcards that match something.

use std::collections::BTreeMap;

use grammar::{Code, Diagnostic, Span};

use crate::facts::Fact;
use crate::image::quoted;
use crate::lint::{Cx, Origin, Rule};
use crate::pattern::has_wildcards;

/// ## What it does
/// Finds COPY and ADD with nothing but wildcards as sources that match nothing in the build context.
///
/// ## Why is this bad
/// It is no error: the build goes on without the files.
///
/// ## Example
/// With a context that holds `app.py`:
///
/// ```dockerfile
/// FROM busybox
/// COPY *.pyx /srv/
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox
/// COPY *.py /srv/
/// ```
///
/// ## What it does not see
/// A wildcard beside other sources: `COPY package.json yarn.lock* ./` is how a file is copied that may be there or not.
/// Patterns with a variable, and contexts too large to be looked through.
#[derive(Debug)]
pub(super) struct EmptyWildcard;

impl Rule for EmptyWildcard {
    fn name(&self) -> Code {
        "EmptyWildcard"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn check(&self, cx: &mut Cx<'_>) {
        if cx.context.is_none() {
            return;
        }
        let mut sources: BTreeMap<Span, Vec<(&str, Span)>> = BTreeMap::new();
        for fact in cx.facts {
            let Fact::ContextPath { path, span, .. } = fact else { continue };
            if let Some(statement) = cx.statement(*span) {
                sources.entry(statement.span).or_default().push((path, *span));
            }
        }
        for (_, sources) in sources {
            let is_empty = |(path, span): &(&str, Span)| {
                has_wildcards(path)
                    && !cx.written(*span).contains('$')
                    && cx.find(path).is_some_and(|it| it.is_certain && it.files.is_empty())
            };
            if !sources.iter().all(is_empty) {
                continue;
            }
            for (path, span) in sources {
                let message = format!("{} matches nothing in the build context", quoted(path));
                let by = cx.find(path).and_then(|it| it.excluded_by);
                let mut warning = Diagnostic::warning(self.name(), message, span);
                if let Some(rule) = by {
                    warning = warning.help(format!("`{rule}` leaves out what would match"));
                    if let Some(line) = cx.ignore_line(rule.line) {
                        warning = warning.also(line, "leaves it out");
                    }
                }
                cx.warn_there(warning);
            }
        }
    }
}
