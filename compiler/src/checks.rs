//! `# check=skip=…;error=…;experimental=…`: which lint rules run, and whether a finding stops the build.

use std::collections::BTreeSet;

use crate::lower::boolean;

/// What a check directive says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckOptions {
    /// Rules that do not run.
    pub skip: RuleSet,
    /// Experimental rules that do run.
    pub experimental: RuleSet,
    /// Whether a finding stops the build.
    pub error: bool,
}

/// Some rules, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleSet {
    /// Every rule.
    All,
    /// These.
    Some(BTreeSet<String>),
}

impl Default for RuleSet {
    fn default() -> RuleSet {
        RuleSet::Some(BTreeSet::new())
    }
}

impl RuleSet {
    /// Whether a rule is among them.
    pub fn contains(&self, rule: &str) -> bool {
        match self {
            RuleSet::All => true,
            RuleSet::Some(rules) => rules.contains(rule),
        }
    }
}

/// Why a text is no list of check options.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckOptionsError {
    /// Not one of `skip`, `error`, `experimental`, or without `=`.
    #[error("failed to parse check options: invalid check option {0:?}")]
    Option(String),
    /// `error=` with something else than a truth value.
    #[error("failed to parse check options: failed to parse check option {0:?}: invalid syntax")]
    Switch(String),
}

impl CheckOptions {
    /// Reads the value of a check directive: its first word.
    ///
    /// # Errors
    /// If there is an option that there is not, or that has no value.
    pub fn parse(text: &str) -> Result<CheckOptions, CheckOptionsError> {
        let mut options = CheckOptions::default();
        let text = text.split(' ').next().unwrap_or_default().trim();
        for option in text.splitn(3, ';').filter(|_| !text.is_empty()) {
            let (key, value) = option
                .split_once('=')
                .ok_or_else(|| CheckOptionsError::Option(option.to_owned()))?;
            let value = value.trim();
            let rules = || match value {
                "all" => RuleSet::All,
                list => RuleSet::Some(list.split(',').map(|rule| rule.trim().to_owned()).collect()),
            };
            match key.trim() {
                "skip" => options.skip = rules(),
                "experimental" => options.experimental = rules(),
                "error" => {
                    options.error = boolean(value)
                        .ok_or_else(|| CheckOptionsError::Switch(option.to_owned()))?;
                }
                other => return Err(CheckOptionsError::Option(other.to_owned())),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options() {
        let got = CheckOptions::parse("skip=A,B;error=true;experimental=all").unwrap();
        assert!(got.error && got.skip.contains("A") && !got.skip.contains("C"));
        assert!(got.experimental.contains("anything"));
        assert_eq!(CheckOptions::parse(""), Ok(CheckOptions::default()));
        for (text, want) in [
            ("foo=1", "failed to parse check options: invalid check option \"foo\""),
            ("skip", "failed to parse check options: invalid check option \"skip\""),
        ] {
            assert_eq!(CheckOptions::parse(text).unwrap_err().to_string(), want);
        }
        assert!(CheckOptions::parse("error=x").is_err());
    }
}
