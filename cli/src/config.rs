//! `config.toml`: the user's own defaults. `docs/configuration.md` describes it, `examples/config.toml` has every
//! setting.

pub(crate) mod certificates;
pub(crate) mod registries_conf;

use std::io;
use std::path::Path;

use serde::Deserialize;

use crate::env::Env;
use crate::error::CliError;

/// The whole file.
#[derive(Debug, Default)]
pub(crate) struct Config {
    /// Defaults of `dfc build`.
    pub(crate) build: BuildDefaults,
    /// How registries are reached.
    pub(crate) registry: Registries,
}

/// What the file says of registries.
#[derive(Debug, Clone, Default)]
pub(crate) struct Registries {
    /// How each is reached.
    pub(crate) hosts: registry::Hosts,
    /// How transfers go with all of them.
    pub(crate) transfer: Transfer,
}

/// The table `[transfer]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Transfer {
    /// `--max-concurrent-downloads`
    pub(crate) downloads: Option<usize>,
    /// `--max-concurrent-uploads`
    pub(crate) uploads: Option<usize>,
    /// How many seconds a registry may be silent.
    pub(crate) timeout: Option<u64>,
    /// How often a request is tried.
    pub(crate) attempts: Option<u32>,
}

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    build: BuildDefaults,
    registry: registry::Hosts,
    transfer: Transfer,
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
            Ok(text) => {
                let written: Written = toml::from_str(&text).map_err(|error| {
                    let error = error.to_string();
                    CliError::failed(format!("{}: {}", path.display(), error.trim_end()))
                })?;
                Ok(written.in_folder(path.parent().unwrap_or(Path::new("/"))))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Config::default()),
            Err(error) => {
                Err(CliError::io(format_args!("cannot read `{}`", path.display()), &error))
            }
        }
    }
}

impl Written {
    /// Paths count from the folder of the file.
    fn in_folder(self, folder: &Path) -> Config {
        let Written { build, registry: mut hosts, transfer } = self;
        for settings in hosts.values_mut() {
            for path in [&mut settings.ca, &mut settings.cert, &mut settings.key] {
                *path = path.take().map(|path| folder.join(path));
            }
        }
        Config { build, registry: Registries { hosts, transfer } }
    }
}

impl Transfer {
    /// The limits of a client; what is not set is as usual.
    pub(crate) fn limits(&self) -> registry::Limits {
        let usual = registry::Limits::default();
        let stall = self.timeout.map(|seconds| std::time::Duration::from_secs(seconds.max(1)));
        registry::Limits {
            downloads: self.downloads.unwrap_or(usual.downloads),
            uploads: self.uploads.unwrap_or(usual.uploads),
            connect: stall.unwrap_or(usual.connect),
            stall: stall.unwrap_or(usual.stall),
            document: stall.map_or(usual.document, |stall| stall * 4),
            attempts: self.attempts.unwrap_or(usual.attempts),
            ..usual
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
        assert_eq!(config.registry.hosts["docker.io"].mirrors, ["m"]);
    }

    #[test]
    fn the_example_is_valid() {
        let config = read(include_str!("../../examples/config.toml")).unwrap();
        assert_eq!(config.registry.hosts["docker.io"].mirrors.len(), 2);
        assert_eq!(config.build.progress.as_deref(), Some("auto"));
    }

    #[test]
    fn names_what_does_not_exist() {
        assert!(read("[build]\njob = 3\n").unwrap_err().to_string().contains("job"));
        assert!(read("").is_ok());
    }
}
