//! [`LintConfig`]: which rules run, and how bad their findings are.

use std::collections::BTreeMap;

use grammar::Severity;

use super::Rule;

/// What a user says of the rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LintConfig {
    /// By the name of a rule, or by one of its aliases.
    pub rules: BTreeMap<String, Level>,
}

/// Whether a rule runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// It does not.
    Off,
    /// It does, and its findings are that bad, each as the rule says.
    Default,
    /// It does, and all its findings are that bad.
    On(Severity),
}

impl LintConfig {
    /// Whether a rule runs.
    pub fn level(&self, rule: &dyn Rule) -> Level {
        let names = std::iter::once(rule.name()).chain(rule.aliases().iter().copied());
        let said = names.filter_map(|name| self.rules.get(name)).next();
        match said {
            Some(level) => *level,
            None if rule.is_on_by_default() => Level::Default,
            None => Level::Off,
        }
    }
}
