//! What instructions do to the image config: inheritance, defaults, environment, history.

mod go;

use std::collections::BTreeMap;

use oci::{ContainerConfig, History, ImageConfig, Platform};

pub(crate) use go::{duration, quoted_list, spaced};
pub(crate) use grammar::quoted;

/// The search path of an image that says none.
pub(crate) const DEFAULT_PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What BuildKit signs history entries with.
const COMMENT: &str = "buildkit.dockerfile.v0";

/// Whether an instruction makes a layer, and how its history entry says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    /// No layer.
    Nothing,
    /// A layer, without remark (WORKDIR).
    Layer,
    /// A layer; the entry ends in ` # buildkit` (RUN, COPY, ADD).
    SignedLayer,
}

/// The config of `FROM scratch`.
pub(crate) fn empty(platform: &Platform) -> ImageConfig {
    let mut image = ImageConfig {
        architecture: platform.architecture.clone(),
        os: platform.os.clone(),
        os_version: platform.os_version.clone(),
        os_features: platform.os_features.clone(),
        variant: platform.variant.clone(),
        config: ContainerConfig { working_dir: "/".into(), ..ContainerConfig::default() },
        ..ImageConfig::default()
    };
    set_default_path(&mut image, &platform.os);
    image
}

/// What an image based on this one starts from.
pub(crate) fn inherited(base: &ImageConfig) -> ImageConfig {
    ImageConfig { created: None, rootfs: oci::RootFs::default(), ..base.clone() }
}

/// Gives the image a PATH if it has none.
pub(crate) fn set_default_path(image: &mut ImageConfig, os: &str) {
    let has_path = image.config.env.iter().any(|line| key_value(line).0 == "PATH");
    if !has_path && os != "windows" {
        image.config.env.push(format!("PATH={DEFAULT_PATH}"));
    }
}

/// Sets a variable of the image, in its old place if it has one. `places` says which have one.
pub(crate) fn set_env(
    image: &mut ImageConfig,
    places: &mut BTreeMap<String, usize>,
    name: &str,
    value: &str,
) {
    let env = &mut image.config.env;
    let line = format!("{name}={value}");
    match places.get(name) {
        Some(place) => env[*place] = line,
        None => {
            // A name may have a `=` in it; then it is another variable that is found here next time.
            places.entry(key_value(&line).0.to_owned()).or_insert(env.len());
            env.push(line);
        }
    }
}

/// Takes `NAME=VALUE` apart; the value is empty if there is no `=`.
pub(crate) fn key_value(line: &str) -> (&str, &str) {
    line.split_once('=').unwrap_or((line, ""))
}

/// Adds a history entry.
pub(crate) fn commit(image: &mut ImageConfig, text: String, made: Made) {
    let created_by = match made {
        Made::Nothing | Made::Layer => text,
        Made::SignedLayer => text + " # buildkit",
    };
    image.history.push(History {
        created_by,
        comment: Some(COMMENT.into()),
        empty_layer: made == Made::Nothing,
        ..History::default()
    });
}

/// The words that run a command line: as they are, or given to SHELL.
pub(crate) fn with_shell(image: &ImageConfig, text: &str) -> Vec<String> {
    let mut words = match (image.config.shell.is_empty(), image.os.as_str()) {
        (false, _) => image.config.shell.clone(),
        (true, "windows") => vec!["cmd".into(), "/S".into(), "/C".into()],
        (true, _) => vec!["/bin/sh".into(), "-c".into()],
    };
    words.push(text.to_owned());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_keep_their_place() {
        let mut image = empty(&Platform::linux("amd64"));
        let mut places = BTreeMap::new();
        for (name, value) in [("A", "1"), ("B", "2"), ("A", "3")] {
            set_env(&mut image, &mut places, name, value);
        }
        assert_eq!(image.config.env[1..], ["A=3", "B=2"]);
        assert_eq!(image.config.env[0], format!("PATH={DEFAULT_PATH}"));
    }

    #[test]
    fn entries_say_whether_there_is_a_layer() {
        let mut image = ImageConfig::default();
        commit(&mut image, "ENV A=1".into(), Made::Nothing);
        commit(&mut image, "WORKDIR /w".into(), Made::Layer);
        commit(&mut image, "RUN x".into(), Made::SignedLayer);
        let seen: Vec<(&str, bool)> = image
            .history
            .iter()
            .map(|entry| (entry.created_by.as_str(), entry.empty_layer))
            .collect();
        assert_eq!(seen, [("ENV A=1", true), ("WORKDIR /w", false), ("RUN x # buildkit", false)]);
    }
}
