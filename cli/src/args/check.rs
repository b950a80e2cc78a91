//! `dfc check` as it can be typed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use compiler::settings::Shellcheck;

const CHOICE: &str = "Rules";
const MEND: &str = "Mending";
const CONTEXT: &str = "What is known of the build";

/// `dfc check`
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = CheckFormat::Human)]
    pub(crate) format: CheckFormat,
    /// The least that makes the exit status 1 (default: error, or what dfc.toml says)
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub(crate) error_on: Option<ErrorOn>,
    /// Which findings: `buildkit` for those of a build of the last stage, in BuildKit's terms
    #[arg(long, value_enum, default_value_t = CheckRules::All, help_heading = CHOICE)]
    pub(crate) rules: CheckRules,
    /// Look at every stage, not only at those that the last one needs (always so without --rules)
    #[arg(long, help_heading = CHOICE)]
    pub(crate) all_targets: bool,
    /// These rules alone: names, codes of hadolint, `buildkit` or `all`
    #[arg(long, value_name = "RULE", value_delimiter = ',', help_heading = CHOICE)]
    pub(crate) select: Vec<String>,
    /// Leave these rules out
    #[arg(long, value_name = "RULE", value_delimiter = ',', help_heading = CHOICE)]
    pub(crate) ignore: Vec<String>,
    /// How bad a rule's findings are: `RULE=off`, `note`, `warning` or `error`
    #[arg(long, value_name = "RULE=LEVEL", value_delimiter = ',', help_heading = CHOICE)]
    pub(crate) severity: Vec<String>,
    /// Whether ShellCheck reads the scripts of RUN: `auto` where it is installed (default: auto, or what dfc.toml says)
    #[arg(long, value_name = "WHEN", value_parser = shellcheck, help_heading = CHOICE)]
    pub(crate) shellcheck: Option<Shellcheck>,
    /// The dfc.toml to follow, or `none` (default: the nearest above each file)
    #[arg(long, value_name = "FILE", help_heading = CHOICE)]
    pub(crate) config: Option<PathBuf>,
    /// List the rules
    #[arg(long, help_heading = CHOICE)]
    pub(crate) list: bool,
    /// Print the page of a rule
    #[arg(long, value_name = "RULE", conflicts_with = "list", help_heading = CHOICE)]
    pub(crate) explain: Option<String>,
    /// Mend in the files what can be mended safely
    #[arg(long, help_heading = MEND)]
    pub(crate) fix: bool,
    /// With --fix or --diff: also mend where what is built may become another
    #[arg(long, help_heading = MEND)]
    pub(crate) unsafe_fixes: bool,
    /// Show what --fix would change, and change nothing
    #[arg(long, conflicts_with = "format", help_heading = MEND)]
    pub(crate) diff: bool,
    /// The build context (default: the folder of the file, or one above it that holds what it copies)
    #[arg(long, value_name = "DIR", help_heading = CONTEXT)]
    pub(crate) context: Option<PathBuf>,
    /// Look at no build context
    #[arg(long, conflicts_with = "context", help_heading = CONTEXT)]
    pub(crate) no_context: bool,
    /// A value for an ARG; without `=VALUE` it is taken from the environment
    #[arg(long = "build-arg", value_name = "NAME[=VALUE]", help_heading = CONTEXT)]
    pub(crate) build_args: Vec<String>,
    /// Dockerfiles, folders with Dockerfiles somewhere below, or `-` for standard input
    #[arg(value_name = "PATH", default_value = ".", help_heading = "Arguments")]
    pub(crate) paths: Vec<PathBuf>,
}

/// Reads `--shellcheck`.
fn shellcheck(text: &str) -> Result<Shellcheck, String> {
    Shellcheck::parse(text).ok_or_else(|| format!("`{text}` is not one of auto, on, off"))
}

/// Which findings are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckRules {
    /// All that dfc can tell, of all stages
    All,
    /// What BuildKit's rules find
    Buildkit,
}

/// From which severity on a check fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ErrorOn {
    /// Errors alone
    Error,
    /// Errors and warnings
    Warning,
    /// Anything
    Note,
    /// Nothing that is found
    Never,
}

/// Forms of diagnostics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// With the source line and the word underlined
    Human,
    /// One JSON object a file
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub's workflows
    Github,
    /// A code quality report of GitLab
    Gitlab,
}
