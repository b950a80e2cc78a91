//! Lint rules: what is legal in a Dockerfile, and yet probably not as meant.
//!
//! ```text
//! Dockerfile (tree) --+--> RULES --> [Finding]
//! Compiled::facts ----+
//! ```
//!
//! Some rules are BuildKit's, with its names and its words; the others are our own ([`Origin`]). A rule looks at the tree
//! alone, or at the [`Fact`](crate::Fact)s and stages that compiling noted: what only evaluation shows, and only of the
//! stages that the target needs. Our own rules may also ask what the build context holds ([`ContextView`]).
//!
//! [`findings`] is what a build says: BuildKit's rules alone. [`check`] is all of them, as a [`LintConfig`] has it.

mod config;
mod context;
mod cx;
mod hadolint;
mod packages;
mod rules;
mod runs;
mod scripts;
mod secrets;
#[cfg(test)]
mod tests;
mod uses;

use grammar::{Code, Diagnostic, Dockerfile, Severity};

pub use config::{Level, LintConfig};
pub use context::{ContextView, Entry, Found};
pub use cx::{Cx, Place, Reached};
pub use rules::RULES;
pub use runs::ShellRun;
pub use scripts::{Script, scripts};

use crate::checks::CheckOptions;
use crate::compile::Compiled;
use crate::world::BuildOptions;

/// How many places a refusal shows.
const MAX_PLACES: usize = 50;

/// Whose rule it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// BuildKit's: name, verdicts and words are as there.
    BuildKit,
    /// Our own.
    Dfc,
}

/// One rule.
pub trait Rule: Sync + std::fmt::Debug {
    /// Its name, in the way of BuildKit's: `StageNameCasing`.
    fn name(&self) -> Code;

    /// Whose it is.
    fn origin(&self) -> Origin {
        Origin::BuildKit
    }

    /// How bad its findings are, if the configuration does not say. A rule may tell a single finding as less than that.
    fn default_severity(&self) -> Severity {
        Severity::Warning
    }

    /// Codes of hadolint's that it covers (`DL3007`); they work wherever its name does.
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether it runs if the configuration does not say.
    fn is_on_by_default(&self) -> bool {
        true
    }

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

/// All that rules look at.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The file.
    pub file: &'a Dockerfile,
    /// What compiling it gave.
    pub compiled: &'a Compiled,
    /// What the check directive says.
    pub checks: &'a CheckOptions,
    /// What it was compiled with.
    pub options: &'a BuildOptions,
    /// What the main context holds, if anybody knows.
    pub context: Option<&'a dyn ContextView>,
    /// Which rules run, and how bad their findings are.
    pub config: &'a LintConfig,
}

/// Applies all rules, BuildKit's and our own, that the file and the configuration leave on, in the order of the file.
pub fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut cx = Cx::new(*subject, hadolint::Pragmas::of_file(subject));
    for rule in RULES {
        if subject.config.level(*rule) != Level::Off {
            cx.apply(*rule);
        }
    }
    cx.finish()
}

/// Applies BuildKit's rules that `checks` leaves on, in the order of the file: what a build says.
pub fn findings(file: &Dockerfile, compiled: &Compiled, checks: &CheckOptions) -> Vec<Finding> {
    let (options, config) = (BuildOptions::default(), LintConfig::default());
    let subject =
        Subject { file, compiled, checks, options: &options, context: None, config: &config };
    let mut cx = Cx::new(subject, hadolint::Pragmas::unheard());
    for rule in RULES.iter().filter(|rule| rule.origin() == Origin::BuildKit) {
        cx.apply(*rule);
    }
    cx.finish()
}

/// The rule with a name, which may be one of hadolint's codes that it covers.
pub fn rule(name: &str) -> Option<&'static dyn Rule> {
    let named = |rule: &&&dyn Rule| rule.name() == name || rule.aliases().contains(&name);
    RULES.iter().find(named).copied()
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
