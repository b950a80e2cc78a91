//! `dfc.toml`: what a project wants of `dfc check`, `dfc fmt` and the editor. `docs/dfc-toml.md` describes it.
//!
//! ```text
//! dfc.toml --parse--> Settings { check: Choice, build_args, fmt }
//!                                       |
//! command line -----> Choice -----------+--> lint_config --> LintConfig
//! ```
//!
//! Where the file is, is the caller's business.

mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use grammar::{Diagnostic, Severity, SourceFile};

use crate::checks::{CheckOptions, RuleSet};
use crate::lint::{Finding, Level, LintConfig, Origin, RULES};
use crate::op::Names;
use crate::suggest::nearest;

/// The name of the file.
pub const FILE: &str = "dfc.toml";

/// All that a `dfc.toml` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// `[check]`
    pub check: Choice,
    /// `check.shellcheck`
    pub shellcheck: Option<Shellcheck>,
    /// `[build] args`: build arguments, as `--build-arg` gives them.
    pub build_args: Names,
    /// `[fmt]`
    pub fmt: FmtSettings,
}

/// Whether ShellCheck reads the scripts of RUN.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shellcheck {
    /// Where it is installed.
    #[default]
    Auto,
    /// It has to be installed.
    On,
    /// It does not.
    Off,
}

impl Shellcheck {
    /// Reads `auto`, `on` or `off`.
    pub fn parse(text: &str) -> Option<Shellcheck> {
        Some(match text {
            "auto" => Shellcheck::Auto,
            "on" => Shellcheck::On,
            "off" => Shellcheck::Off,
            _ => return None,
        })
    }
}

/// `[fmt]`: what is not set is as usual.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FmtSettings {
    /// How long lines may get, in columns.
    pub width: Option<usize>,
    /// How many blanks continuation lines are indented by.
    pub indent: Option<usize>,
}

/// Which rules run, and how severe their findings are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// The only ones that run; `None` for those that run by default.
    pub select: Option<Vec<Selector>>,
    /// Those that do not.
    pub ignore: Vec<Selector>,
    /// What single rules are taken for; stronger than `select` and `ignore`.
    pub rules: BTreeMap<String, Level>,
    /// The least that fails a check.
    pub error_on: Option<Threshold>,
}

/// Some rules, by a name of theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// `all`: every rule, those that are off by default, too.
    All,
    /// `buildkit`: the rules that BuildKit has, too, but for experimental ones.
    Buildkit,
    /// A rule by its name, or rules by a code of hadolint.
    Rules(Vec<String>),
}

/// From which severity on a check fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Threshold {
    /// Errors alone.
    #[default]
    Error,
    /// Errors and warnings.
    Warning,
    /// Anything.
    Note,
    /// Nothing that is found.
    Never,
}

impl Settings {
    /// Reads a file. What is wrong with it is told at its place, and the rest counts.
    pub fn parse(source: &SourceFile) -> (Settings, Vec<Diagnostic>) {
        read::settings(source)
    }
}

impl Threshold {
    /// Whether a finding of this severity fails a check.
    pub fn is_reached_by(self, severity: Severity) -> bool {
        match self {
            Threshold::Error => severity == Severity::Error,
            Threshold::Warning => severity <= Severity::Warning,
            Threshold::Note => true,
            Threshold::Never => false,
        }
    }

    /// Reads `error`, `warning`, `note` or `never`.
    pub fn parse(text: &str) -> Option<Threshold> {
        Some(match text {
            "error" => Threshold::Error,
            "warning" => Threshold::Warning,
            "note" => Threshold::Note,
            "never" => Threshold::Never,
            _ => return None,
        })
    }
}

/// How bad the findings of a rule may be said to be.
pub const LEVELS: [&str; 4] = ["off", "note", "warning", "error"];

/// Reads one of [`LEVELS`].
pub fn level_named(text: &str) -> Option<Level> {
    Some(match text {
        "off" => Level::Off,
        "note" => Level::On(Severity::Note),
        "warning" => Level::On(Severity::Warning),
        "error" => Level::On(Severity::Error),
        _ => return None,
    })
}

/// A name that no rule has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no rule `{name}`")]
pub struct UnknownRule {
    /// As it was written.
    pub name: String,
    /// The rule that was probably meant.
    pub nearest: Option<String>,
}

impl UnknownRule {
    fn new(name: &str) -> UnknownRule {
        let groups = ["all", "buildkit"];
        let names = RULES.iter().map(|rule| rule.name()).chain(groups);
        let same = names.clone().find(|known| known.eq_ignore_ascii_case(name));
        let nearest = same.map(str::to_owned).or_else(|| nearest(name, names));
        UnknownRule { name: name.to_owned(), nearest }
    }

    /// What to do.
    pub fn help(&self) -> String {
        match &self.nearest {
            Some(name) => format!("did you mean {name}?"),
            None => "`dfc check --list` lists the rules".to_owned(),
        }
    }
}

impl Selector {
    /// Reads `all`, `buildkit`, a rule's name, or a code of hadolint or shellcheck.
    ///
    /// # Errors
    /// A name that no rule has.
    pub fn parse(text: &str) -> Result<Selector, UnknownRule> {
        match text {
            "all" => Ok(Selector::All),
            "buildkit" => Ok(Selector::Buildkit),
            name => rules_named(name).map(Selector::Rules),
        }
    }

    fn contains(&self, rule: &str) -> bool {
        match self {
            Selector::All => true,
            Selector::Buildkit => is_of_buildkit(rule),
            Selector::Rules(rules) => rules.iter().any(|name| name == rule),
        }
    }
}

/// The rules that a name stands for: one by its name, several by a code of hadolint.
///
/// # Errors
/// A name that no rule has.
pub fn rules_named(name: &str) -> Result<Vec<String>, UnknownRule> {
    if RULES.iter().any(|rule| rule.name() == name) || is_of_shellcheck(name) {
        return Ok(vec![name.to_owned()]);
    }
    let aliased = RULES.iter().filter(|rule| rule.aliases().contains(&name));
    let rules: Vec<String> = aliased.map(|rule| rule.name().to_owned()).collect();
    if rules.is_empty() { Err(UnknownRule::new(name)) } else { Ok(rules) }
}

/// Whether BuildKit has a rule of this name.
fn is_of_buildkit(name: &str) -> bool {
    let mut own = RULES.iter().filter(|rule| rule.origin() == Origin::BuildKit);
    // As there, experimental ones are asked for by name.
    own.any(|rule| rule.name() == name && !rule.is_experimental())
}

/// Whether a code is one of shellcheck's, which are not listed here.
fn is_of_shellcheck(code: &str) -> bool {
    let digits = code.strip_prefix("SC").unwrap_or_default();
    digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

impl Choice {
    /// What a rule's level becomes.
    fn level(&self, rule: &str, before: Level) -> Level {
        let mut level = before;
        if let Some(selected) = &self.select {
            level = match (selected.iter().any(|it| it.contains(rule)), before) {
                (false, _) => Level::Off,
                (true, Level::Off) => Level::Default,
                (true, Level::Default | Level::On(_)) => before,
            };
        }
        if self.ignore.iter().any(|it| it.contains(rule)) {
            level = Level::Off;
        }
        self.rules.get(rule).copied().unwrap_or(level)
    }
}

/// Which rules run by several choices, the strongest last.
pub fn lint_config(choices: &[&Choice]) -> LintConfig {
    let level = |name: &str, start: Level| {
        choices.iter().fold(start, |before, choice| choice.level(name, before))
    };
    let mut rules = BTreeMap::new();
    for rule in RULES {
        let name = rule.name();
        let start = if rule.is_on_by_default() { Level::Default } else { Level::Off };
        let mut said = level(name, start);
        // On by a choice, not by a directive of the file: see [`hear_experimental`].
        let is_asked = rule.is_experimental() && level(name, Level::Off) != Level::Off;
        if said == Level::Default && is_asked {
            said = Level::On(rule.default_severity());
        }
        rules.insert(name.to_owned(), said);
    }
    // Those of shellcheck are known once they are named.
    let named = choices.iter().flat_map(|choice| choice.names());
    for name in named.filter(|name| is_of_shellcheck(name)) {
        rules.insert(name.to_owned(), level(name, Level::Default));
    }
    LintConfig { rules }
}

/// How bad the findings of a code of ShellCheck are by several choices, the strongest last.
pub fn level_of(choices: &[&Choice], code: &str) -> Level {
    choices.iter().fold(Level::Default, |before, choice| choice.level(code, before))
}

/// Lets experimental rules run that a choice has switched on, as `# check=experimental=RULE` does.
pub fn hear_experimental(config: &LintConfig, checks: &mut CheckOptions) {
    let RuleSet::Some(asked) = &mut checks.experimental else { return };
    let rules = RULES.iter().filter(|rule| rule.is_experimental());
    let on = rules.filter(|rule| matches!(config.level(**rule), Level::On(_)));
    asked.extend(on.map(|rule| rule.name().to_owned()));
}

impl Choice {
    /// The names that this choice has something to say of.
    fn names(&self) -> impl Iterator<Item = &str> {
        let selectors = self.select.iter().flatten().chain(&self.ignore);
        let listed = selectors.flat_map(|selector| match selector {
            Selector::Rules(names) => names.as_slice(),
            Selector::All | Selector::Buildkit => &[],
        });
        listed.chain(self.rules.keys()).map(String::as_str)
    }
}

/// Makes errors of the warnings among findings: what `# check=error=true` asks for.
pub fn warnings_to_errors(findings: &mut [Finding]) {
    for Finding { diagnostic, .. } in findings {
        if diagnostic.severity == Severity::Warning {
            diagnostic.severity = Severity::Error;
        }
    }
}
