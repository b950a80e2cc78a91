//! `registries.conf`, in which podman, buildah and skopeo are told how registries are reached (containers-registries.conf(5)).
//!
//! Honored: `[[registry]]` with `prefix`, `location`, `insecure`, `blocked`, `mirror-by-digest-only` and
//! `[[registry.mirror]]` with `location`, `insecure`, `pull-from-mirror`; of the first version of the format,
//! `registries.insecure` and `registries.block`. Not honored: `unqualified-search-registries` and short names (a name
//! without a registry is one of docker.io, as in every Dockerfile), and `credential-helpers` (docker's settings name those).

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use registry::{Mirror, Rule, Serves};
use serde::Deserialize;

use crate::env::Env;

/// Of one file, what is honored. All else is for others.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    registry: Vec<Registry>,
    registries: First,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Registry {
    prefix: String,
    location: String,
    insecure: bool,
    blocked: bool,
    mirror_by_digest_only: bool,
    mirror: Vec<WrittenMirror>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct WrittenMirror {
    location: String,
    insecure: bool,
    pull_from_mirror: String,
}

/// The first version of the format.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct First {
    insecure: List,
    block: List,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct List {
    registries: Vec<String>,
}

/// Why a file is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfError {
    /// It cannot be read.
    #[error("cannot read `{0}`: {1}")]
    Read(String, io::Error),
    /// It is no TOML, or of another shape.
    #[error("{0}: {1}")]
    Toml(String, String),
    /// A value that does not exist.
    #[error("{0}: {1}")]
    Value(String, String),
}

/// The rules of all files. A file that comes later takes the place of an earlier one for the same prefix.
///
/// # Errors
/// A file is broken. That there is none is none.
pub(crate) fn read(env: &Env) -> Result<Vec<Rule>, ConfError> {
    let mut rules = BTreeMap::new();
    for path in files(env) {
        let name = path.display().to_string();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(ConfError::Read(name, error)),
        };
        for rule in parse(&text, &name)? {
            rules.insert(rule.prefix.clone(), rule);
        }
    }
    Ok(rules.into_values().collect())
}

/// The files, in the order in which they count.
fn files(env: &Env) -> Vec<PathBuf> {
    if let Some(file) = env.var("CONTAINERS_REGISTRIES_CONF") {
        return vec![env.path(file)];
    }
    let own = env.user_config().map(|folder| folder.join("containers"));
    let system = PathBuf::from("/etc/containers");
    let own_file = own.as_ref().map(|folder| folder.join("registries.conf"));
    let main = own_file.filter(|file| file.exists());
    let mut files = vec![main.unwrap_or_else(|| system.join("registries.conf"))];
    for folder in [Some(system), own].into_iter().flatten() {
        files.extend(drop_ins(&folder.join("registries.conf.d")));
    }
    files
}

fn drop_ins(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|it| it == "conf")).collect();
    paths.sort();
    paths
}

fn parse(text: &str, name: &str) -> Result<Vec<Rule>, ConfError> {
    let file: File = toml::from_str(text).map_err(|error| {
        ConfError::Toml(name.to_owned(), error.to_string().trim_end().to_owned())
    })?;
    let mut rules: BTreeMap<String, Rule> = BTreeMap::new();
    for host in file.registries.insecure.registries {
        rules.entry(host).or_default().insecure = true;
    }
    for host in file.registries.block.registries {
        rules.entry(host).or_default().blocked = true;
    }
    for (prefix, rule) in &mut rules {
        rule.prefix.clone_from(prefix);
    }
    for registry in file.registry {
        let rule = registry.rule(name)?;
        rules.insert(rule.prefix.clone(), rule);
    }
    Ok(rules.into_values().collect())
}

impl Registry {
    fn rule(self, name: &str) -> Result<Rule, ConfError> {
        let wrong = |text: &str| ConfError::Value(name.to_owned(), text.to_owned());
        let trimmed = |text: &str| text.trim_end_matches('/').to_owned();
        let (prefix, location) = (trimmed(&self.prefix), trimmed(&self.location));
        let prefix = match (prefix.is_empty(), location.is_empty()) {
            (true, true) => {
                return Err(wrong("a [[registry]] has neither `prefix` nor `location`"));
            }
            (true, false) => location.clone(),
            (false, _) => prefix,
        };
        let serves = |text: &str| match text {
            "" if self.mirror_by_digest_only => Ok(Serves::Digests),
            "" | "all" => Ok(Serves::All),
            "digest-only" => Ok(Serves::Digests),
            "tag-only" => Ok(Serves::Tags),
            other => Err(wrong(&format!("`pull-from-mirror = \"{other}\"` means nothing"))),
        };
        let mirror = |it: &WrittenMirror| {
            let location = trimmed(&it.location);
            if location.is_empty() {
                return Err(wrong("a [[registry.mirror]] has no `location`"));
            }
            Ok(Mirror { location, insecure: it.insecure, serves: serves(&it.pull_from_mirror)? })
        };
        let mirrors = self.mirror.iter().map(mirror).collect::<Result<_, _>>()?;
        let Registry { insecure, blocked, .. } = self;
        // What stays in its place needs no location.
        let location = if location == prefix { String::new() } else { location };
        Ok(Rule { prefix, location, insecure, blocked, mirrors })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_version_of_the_format_is_read() {
        let text = r#"
            unqualified-search-registries = ["quay.io"]
            short-name-mode = "enforcing"
            [[registry]]
            prefix = "example.com/foo"
            location = "inner.lan/bar/"
            insecure = true
            [[registry.mirror]]
            location = "m1.lan:5000/foo"
            insecure = true
            [[registry.mirror]]
            location = "m2.lan"
            pull-from-mirror = "digest-only"
            [[registry]]
            location = "bad.lan"
            blocked = true
        "#;
        let rules = parse(text, "x").unwrap();
        assert_eq!(rules.len(), 2);
        assert!(rules[0].blocked && rules[0].prefix == "bad.lan" && rules[0].location.is_empty());
        assert_eq!(rules[1].location, "inner.lan/bar");
        let mirrors: Vec<_> = rules[1].mirrors.iter().map(|it| (it.insecure, it.serves)).collect();
        assert_eq!(mirrors, [(true, Serves::All), (false, Serves::Digests)]);
        for text in [
            "[[registry]]\ninsecure = true\n",
            "[[registry]]\nlocation = \"a\"\n[[registry.mirror]]\n",
            "[[registry]]\nlocation = \"a\"\n[[registry.mirror]]\nlocation = \"b\"\npull-from-mirror = \"x\"\n",
            "[[registry]\n",
        ] {
            assert!(parse(text, "f.conf").unwrap_err().to_string().starts_with("f.conf: "));
        }
    }

    #[test]
    fn the_first_version_of_the_format_is_read() {
        let text = "[registries.search]\nregistries = [\"a\"]\n[registries.insecure]\n\
                    registries = [\"i.lan:5000\"]\n[registries.block]\nregistries = [\"b.lan\"]\n";
        let rules = parse(text, "x").unwrap();
        assert!(rules[0].blocked && rules[0].prefix == "b.lan");
        assert!(rules[1].insecure && rules[1].prefix == "i.lan:5000");
    }

    #[test]
    fn later_files_take_the_place_of_earlier_ones() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("containers/registries.conf.d");
        fs::create_dir_all(&folder).unwrap();
        let write = |path: PathBuf, host: &str| {
            fs::write(path, format!("[[registry]]\nprefix = \"p.lan\"\nlocation = \"{host}\"\n"))
        };
        write(home.path().join("containers/registries.conf"), "main.lan").unwrap();
        write(folder.join("20.conf"), "second.lan").unwrap();
        write(folder.join("10.conf"), "first.lan").unwrap();
        write(folder.join("30.txt"), "ignored.lan").unwrap();
        let env = Env::of_test(&[("XDG_CONFIG_HOME", home.path().to_str().unwrap())]);
        let rules = read(&env).unwrap();
        let rule = rules.iter().find(|rule| rule.prefix == "p.lan").unwrap();
        assert_eq!(rule.location, "second.lan");
    }
}
