//! `config.toml`: the user's own defaults. `docs/configuration.md` describes it, `examples/config.toml` has every
//! setting.

use std::io;

use serde::Deserialize;

use crate::env::Env;
use crate::error::CliError;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Defaults of `dfc build`.
    pub(crate) build: BuildDefaults,
    /// How registries are reached.
    pub(crate) registry: registry::Hosts,
}

/// What `dfc build` does unless its flags say otherwise.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BuildDefaults {
    /// `--jobs`
    pub(crate) jobs: Option<usize>,
    /// `compression=` of `--output`
    pub(crate) compression: Option<String>,
    /// `--progress`
    pub(crate) progress: Option<String>,
}

impl Config {
    /// Reads the file that the environment names; nothing is set if there is none.
    ///
    /// # Errors
    /// It cannot be read, is no TOML, or sets what does not exist.
    pub(crate) fn read(env: &Env) -> Result<Config, CliError> {
        let Some(path) = env.config_file() else { return Ok(Config::default()) };
        match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|error| {
                CliError::failed(format!("{}: {}", path.display(), error.to_string().trim_end()))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Config::default()),
            Err(error) => {
                Err(CliError::io(format_args!("cannot read `{}`", path.display()), &error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, CliError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        std::fs::write(&file, text).unwrap();
        Config::read(&Env::of_test(&[("DFC_CONFIG", file.to_str().unwrap())]))
    }

    #[test]
    fn reads_defaults_and_registries() {
        let config =
            read("[build]\njobs = 3\n[registry.\"docker.io\"]\nmirrors = [\"m\"]\n").unwrap();
        assert_eq!(config.build.jobs, Some(3));
        assert_eq!(config.registry["docker.io"].mirrors, ["m"]);
    }

    #[test]
    fn the_example_is_valid() {
        let config = read(include_str!("../../examples/config.toml")).unwrap();
        assert_eq!(config.registry["docker.io"].mirrors.len(), 2);
        assert_eq!(config.build.progress.as_deref(), Some("auto"));
    }

    #[test]
    fn names_what_does_not_exist() {
        assert!(read("[build]\njob = 3\n").unwrap_err().to_string().contains("job"));
        assert!(read("").is_ok());
    }
}
