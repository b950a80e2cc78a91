//! Lint rules: what is legal in a Dockerfile, and yet probably not as meant.
//!
//! ```text
//! Dockerfile (tree) --+--> RULES --> [Finding]
//! Compiled::facts ----+
//! ```
//!
//! The rules, their names and their words are BuildKit's. A rule looks at the tree alone, or at the [`Fact`](crate::Fact)s
//! and stages that compiling noted: what only evaluation shows, and only of the stages that the target needs.

mod cx;
mod rules;
#[cfg(test)]
mod tests;

use grammar::{Code, Diagnostic, Dockerfile};

pub use cx::{Cx, Place, Reached};
pub use rules::RULES;

use crate::checks::CheckOptions;
use crate::compile::Compiled;

/// How many places a refusal shows.
const MAX_PLACES: usize = 50;

/// One rule.
pub trait Rule: Sync {
    /// Its name, as BuildKit has it.
    fn name(&self) -> Code;

    /// Whether it runs only if it is asked for.
    fn is_experimental(&self) -> bool {
        false
    }

    /// Whether `# check=skip=` right above an instruction is heard. BuildKit applies some rules before it reads these
    /// comments.
    fn hears_comments(&self) -> bool {
        true
    }

    /// Looks at the file, and tells `cx` what it finds.
    fn check(&self, cx: &mut Cx<'_>);
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// A warning at the very word; its code is the rule's name.
    pub diagnostic: Diagnostic,
    /// First and last line of the instruction, from 1: what BuildKit gives as the place.
    pub lines: (u32, u32),
}

/// Applies all rules that `options` leaves on, in the order of the file.
pub fn findings(file: &Dockerfile, compiled: &Compiled, options: &CheckOptions) -> Vec<Finding> {
    let mut cx = Cx::new(file, compiled, options);
    for rule in RULES {
        cx.apply(*rule);
    }
    cx.finish()
}

/// As [`findings`], the diagnostics alone.
pub fn lint(file: &Dockerfile, compiled: &Compiled, options: &CheckOptions) -> Vec<Diagnostic> {
    findings(file, compiled, options).into_iter().map(|finding| finding.diagnostic).collect()
}

/// The refusal of a file with findings, where findings are errors.
pub(crate) fn violation(findings: &[Finding]) -> Option<Diagnostic> {
    let mut names: Vec<Code> = Vec::new();
    for finding in findings {
        if !names.contains(&finding.diagnostic.code) {
            names.push(finding.diagnostic.code);
        }
    }
    let mut places = findings.iter().filter_map(|finding| {
        let diagnostic = &finding.diagnostic;
        Some((diagnostic.span()?, format!("{}: {}", diagnostic.code, diagnostic.message)))
    });
    let message = format!("lint violation found for rules: {}", names.join(", "));
    let (span, text) = places.next()?;
    let mut error = Diagnostic::error("lint-violation", message, span).label(text);
    for (span, text) in places.take(MAX_PLACES - 1) {
        error = error.also(span, text);
    }
    Some(error.help("mend the file, or leave rules out with `check=skip=RULE`; `check=error=true` makes errors of findings"))
}
