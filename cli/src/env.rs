//! The environment, read once. Everything else gets values from [`Env`].

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;

/// What dfc takes from its surroundings.
#[derive(Debug, Clone)]
pub(crate) struct Env {
    /// Every variable that is valid text, for `--build-arg NAME`, `--secret env=NAME` and `run -e NAME`.
    pub(crate) vars: BTreeMap<String, String>,
    /// The folder dfc was started in; relative paths count from it.
    pub(crate) cwd: PathBuf,
    /// Whether standard output is a terminal.
    pub(crate) stdout_terminal: bool,
    /// Whether standard error is a terminal.
    pub(crate) stderr_terminal: bool,
}

impl Env {
    /// Reads the environment of this process.
    pub(crate) fn read() -> Env {
        let vars = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Env {
            vars,
            cwd: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            stdout_terminal: std::io::stdout().is_terminal(),
            stderr_terminal: std::io::stderr().is_terminal(),
        }
    }

    /// A variable that is set and not empty.
    pub(crate) fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether colour may be used where there is a terminal.
    pub(crate) fn color(&self) -> bool {
        self.var("NO_COLOR").is_none() && self.var("TERM") != Some("dumb")
    }
}
