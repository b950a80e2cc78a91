//! The environment, read once. Everything else gets values from [`Env`].

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use executor::GitSettings;
use sandbox::userns::Identity;

use crate::error::CliError;

/// What dfc takes from its surroundings.
#[derive(Debug, Clone)]
pub(crate) struct Env {
    /// Every variable that is valid text, for `--build-arg NAME`, `--secret env=NAME` and `run -e NAME`.
    pub(crate) vars: BTreeMap<String, String>,
    /// The folder dfc was started in; relative paths count from it.
    pub(crate) cwd: PathBuf,
    /// Whether standard input is a terminal.
    pub(crate) stdin_terminal: bool,
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
            stdin_terminal: std::io::stdin().is_terminal(),
            stdout_terminal: std::io::stdout().is_terminal(),
            stderr_terminal: std::io::stderr().is_terminal(),
        }
    }

    /// A variable that is set and not empty.
    pub(crate) fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A path as the user means it: relative ones count from where dfc was started.
    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.cwd.join(path)
    }

    /// The user's home folder.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.var("HOME").map(PathBuf::from)
    }

    /// Where the store is: `DFC_HOME`, else `/var/lib/dfc` for root and `$XDG_DATA_HOME/dfc` for everybody else.
    ///
    /// # Errors
    /// Neither is known: an ordinary user without a home.
    pub(crate) fn store_root(&self) -> Result<PathBuf, CliError> {
        if let Some(root) = self.var("DFC_HOME") {
            return Ok(self.path(root));
        }
        if sandbox::userns::identity() == Identity::Root {
            return Ok(PathBuf::from("/var/lib/dfc"));
        }
        let data = self.var("XDG_DATA_HOME").map(PathBuf::from);
        data.or_else(|| Some(self.home()?.join(".local/share")))
            .map(|data| data.join("dfc"))
            .ok_or_else(|| {
                CliError::failed("there is no place for the store: HOME is not set")
                    .help("set DFC_HOME to a folder")
            })
    }

    /// The folder of docker's settings, with the passwords of registries: `DOCKER_CONFIG`, else `~/.docker`.
    pub(crate) fn docker_config(&self) -> Option<PathBuf> {
        let folder = self.var("DOCKER_CONFIG").map(|folder| self.path(folder));
        folder.or_else(|| Some(self.home()?.join(".docker")))
    }

    /// The folder of the user's settings for all programs: `XDG_CONFIG_HOME`, else `~/.config`.
    pub(crate) fn user_config(&self) -> Option<PathBuf> {
        let folder = self.var("XDG_CONFIG_HOME").map(PathBuf::from);
        folder.or_else(|| Some(self.home()?.join(".config")))
    }

    /// The file in which podman keeps the passwords of registries until the machine is started anew.
    pub(crate) fn podman_auth(&self) -> PathBuf {
        match self.var("XDG_RUNTIME_DIR") {
            Some(folder) => PathBuf::from(folder).join("containers/auth.json"),
            None => PathBuf::from(format!("/run/containers/{}/auth.json", user_id())),
        }
    }

    /// dfc's own settings: `DFC_CONFIG`, else `$XDG_CONFIG_HOME/dfc/config.toml`.
    pub(crate) fn config_file(&self) -> Option<PathBuf> {
        if let Some(file) = self.var("DFC_CONFIG") {
            return Some(self.path(file));
        }
        Some(self.user_config()?.join("dfc/config.toml"))
    }

    /// How wide text on standard error may be. Without a terminal nothing is broken into lines: tools read it.
    pub(crate) fn stderr_width(&self) -> usize {
        width(self.stderr_terminal, self.var("COLUMNS"), rustix::stdio::stderr())
    }

    /// How wide text on standard output may be.
    pub(crate) fn stdout_width(&self) -> usize {
        width(self.stdout_terminal, self.var("COLUMNS"), rustix::stdio::stdout())
    }

    /// The proxies that docker's settings give to builds, as build arguments. What cannot be read gives none: `build`
    /// does not depend on it, and whoever needs the file for credentials says what is wrong with it.
    pub(crate) fn docker_proxies(&self) -> Vec<(String, String)> {
        let text = self
            .docker_config()
            .and_then(|folder| std::fs::read_to_string(folder.join("config.json")).ok())
            .unwrap_or_default();
        let config: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let proxies = &config["proxies"]["default"];
        let names = [
            ("httpProxy", "HTTP_PROXY"),
            ("httpsProxy", "HTTPS_PROXY"),
            ("ftpProxy", "FTP_PROXY"),
            ("noProxy", "NO_PROXY"),
            ("allProxy", "ALL_PROXY"),
        ];
        let mut found = Vec::new();
        for (key, name) in names {
            if let Some(value) = proxies[key].as_str().filter(|value| !value.is_empty()) {
                found.push((name.to_owned(), value.to_owned()));
                found.push((name.to_lowercase(), value.to_owned()));
            }
        }
        found
    }

    /// An environment with these variables alone.
    #[cfg(test)]
    pub(crate) fn of_test(vars: &[(&str, &str)]) -> Env {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Env {
            vars: vars.iter().map(owned).collect(),
            cwd: PathBuf::from("/start"),
            stdin_terminal: false,
            stdout_terminal: false,
            stderr_terminal: false,
        }
    }

    /// What `git` gets: where programs and certificates are, and proxies. Nothing of the user's settings is among it.
    pub(crate) fn git_settings(&self) -> GitSettings {
        let proxies = ["http_proxy", "https_proxy", "no_proxy", "all_proxy"];
        let names = ["PATH", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"];
        let upper = proxies.iter().map(|name| name.to_uppercase());
        let names = names.iter().chain(&proxies).map(|name| (*name).to_owned()).chain(upper);
        let env = names.filter_map(|name| Some((name.clone(), self.var(&name)?.to_owned())));
        let known_hosts = self.home().map(|home| home.join(".ssh/known_hosts"));
        GitSettings { env: env.collect(), known_hosts: known_hosts.filter(|file| file.exists()) }
    }

    /// Whether color may be used where there is a terminal.
    pub(crate) fn color(&self) -> bool {
        self.var("NO_COLOR").is_none() && self.var("TERM") != Some("dumb")
    }
}

/// The user's number outside of the namespace that dfc may have made for them.
fn user_id() -> u32 {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    outside_of(rustix::process::geteuid().as_raw(), &map)
}

/// What stands for a number outside, by lines of `INSIDE OUTSIDE COUNT`.
fn outside_of(id: u32, map: &str) -> u32 {
    let ranges = map.lines().filter_map(|line| {
        let mut numbers = line.split_whitespace().map(|word| word.parse::<u32>().ok());
        Some((numbers.next()??, numbers.next()??, numbers.next()??))
    });
    let mut fitting = ranges.filter(|(inside, _, count)| {
        id.checked_sub(*inside).is_some_and(|distance| distance < *count)
    });
    fitting.next().map_or(id, |(inside, outside, _)| outside.saturating_add(id - inside))
}

fn width(terminal: bool, columns: Option<&str>, fd: BorrowedFd<'_>) -> usize {
    if let Some(columns) = columns.and_then(|text| text.parse().ok()).filter(|it| *it >= 20) {
        return columns;
    }
    match rustix::termios::tcgetwinsize(fd) {
        Ok(size) if terminal && size.ws_col > 0 => usize::from(size.ws_col),
        Ok(_) | Err(_) if terminal => 80,
        Ok(_) | Err(_) => 4096,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_outside_of_a_namespace() {
        assert_eq!(outside_of(1000, "         0          0 4294967295\n"), 1000);
        let map = "         0       1000          1\n         1     100000      65536\n";
        assert_eq!((outside_of(0, map), outside_of(5, map)), (1000, 100_004));
        assert_eq!((outside_of(7, ""), outside_of(70_000, map)), (7, 70_000));
    }

    #[test]
    fn podmans_passwords() {
        let set = Env::of_test(&[("XDG_RUNTIME_DIR", "/run/user/7")]);
        assert_eq!(set.podman_auth(), Path::new("/run/user/7/containers/auth.json"));
        let unset = Env::of_test(&[]).podman_auth();
        assert_eq!(unset, PathBuf::from(format!("/run/containers/{}/auth.json", user_id())));
    }
}
