//! `# check=skip=…;error=…;experimental=…`: which lint rules run, and whether a finding stops the build.

use std::collections::BTreeSet;

use grammar::{Directive, Dockerfile, Spanned};

use crate::lower::boolean;
use crate::world::BuildOptions;

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

    fn add(&mut self, others: RuleSet) {
        match (&mut *self, others) {
            (RuleSet::All, _) => {}
            (RuleSet::Some(_), RuleSet::All) => *self = RuleSet::All,
            (RuleSet::Some(rules), RuleSet::Some(others)) => rules.extend(others),
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
    #[error(
        "failed to parse check options: failed to parse check option {option:?}: strconv.ParseBool: parsing {value:?}: \
         invalid syntax"
    )]
    Switch {
        /// All of it.
        option: String,
        /// What stands behind the `=`.
        value: String,
    },
}

impl CheckOptions {
    /// The build argument that stands in for the directive.
    pub const BUILD_ARG: &str = "BUILDKIT_DOCKERFILE_CHECK";

    /// What a file's directive says, or the build argument in its place.
    ///
    /// # Errors
    /// As [`CheckOptions::parse`].
    pub fn of(
        file: &Dockerfile,
        options: &BuildOptions,
    ) -> Result<CheckOptions, CheckOptionsError> {
        let given = options.build_args.get(CheckOptions::BUILD_ARG);
        let directive = CheckOptions::directive(file).map(|directive| &directive.value.value);
        given.or(directive).map_or_else(|| Ok(CheckOptions::default()), |text| Self::parse(text))
    }

    /// The file's check directive.
    pub(crate) fn directive(file: &Dockerfile) -> Option<&Directive> {
        file.directives.iter().find(|directive| directive.name == "check")
    }

    /// The options for an instruction with these comments right above it. The first that is a check directive counts,
    /// and is added to what the file says; one that cannot be read says nothing.
    pub(crate) fn with_comments(&self, comments: &[Spanned<String>]) -> Option<CheckOptions> {
        let value = comments.iter().find_map(|comment| check_value(&comment.value))?;
        let CheckOptions { skip, experimental, error: _ } = CheckOptions::parse(value).ok()?;
        let mut merged = self.clone();
        merged.skip.add(skip);
        merged.experimental.add(experimental);
        Some(merged)
    }

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
                    options.error = boolean(value).ok_or_else(|| CheckOptionsError::Switch {
                        option: option.into(),
                        value: value.into(),
                    })?;
                }
                other => return Err(CheckOptionsError::Option(other.to_owned())),
            }
        }
        Ok(options)
    }
}

/// The value of a comment that is a check directive.
fn check_value(comment: &str) -> Option<&str> {
    let (name, value) = comment.trim_start().split_once('=')?;
    name.trim_end().eq_ignore_ascii_case("check").then_some(value.trim())
}

#[cfg(test)]
mod tests {
    use grammar::Span;

    use super::*;

    #[test]
    fn comments_add_to_the_file() {
        let file = CheckOptions::parse("skip=A;error=true").unwrap();
        let comment = |text: &str| [Spanned::new(text.to_owned(), Span::new(0, 0))];
        let merged = file.with_comments(&comment("Check = skip=B for now")).unwrap();
        assert!(merged.error && merged.skip.contains("A") && merged.skip.contains("B"));
        assert!(file.with_comments(&comment("check=skip=all")).unwrap().skip.contains("C"));
        assert_eq!(file.with_comments(&comment("check=nonsense")), None);
        assert_eq!(file.with_comments(&comment("checks the thing")), None);
    }

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
