//! The image config (OCI image-spec, config.md, with Docker's additions), and its history.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::digest::Digest;
use crate::platform::Platform;
use crate::{MAX_CONFIG, null_default};

/// A whole image config. Keys that dfc does not know stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ImageConfig {
    /// When the image was made, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// MAINTAINER.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// CPU architecture in Go's words (`amd64`).
    #[serde(default, deserialize_with = "null_default")]
    pub architecture: String,
    /// Operating system in Go's words (`linux`).
    #[serde(default, deserialize_with = "null_default")]
    pub os: String,
    /// `os.version`
    #[serde(rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// `os.features`
    #[serde(
        rename = "os.features",
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_default"
    )]
    pub os_features: Vec<String>,
    /// Variant of the architecture (`v7`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// What a container of it starts with.
    #[serde(default, deserialize_with = "null_default")]
    pub config: ContainerConfig,
    /// The layers.
    #[serde(default, deserialize_with = "null_default")]
    pub rootfs: RootFs,
    /// How it came to be.
    #[serde(default, deserialize_with = "null_default")]
    pub history: Vec<History>,
    /// Everything else.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Why bytes are no image config.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// More than anyone means.
    #[error("the image config has {0} bytes; {MAX_CONFIG} are the most that is read")]
    TooBig(u64),
    /// Not the JSON of a config.
    #[error("the image config cannot be read: {0}")]
    Json(#[from] serde_json::Error),
}

impl ImageConfig {
    /// Reads a config, as tolerant as Docker: nulls and missing parts are empty, unknown parts are kept.
    ///
    /// # Errors
    /// If it is too big or not the JSON of a config.
    pub fn parse(bytes: &[u8]) -> Result<ImageConfig, ConfigError> {
        if bytes.len() as u64 > MAX_CONFIG {
            return Err(ConfigError::TooBig(bytes.len() as u64));
        }
        Ok(serde_json::from_slice(bytes)?)
    }

    /// The bytes that are stored and hashed: the same for equal configs.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a config has string keys only")
    }

    /// The platform that it is for, as it says.
    pub fn platform(&self) -> Platform {
        Platform {
            os: self.os.clone(),
            architecture: self.architecture.clone(),
            variant: self.variant.clone().filter(|variant| !variant.is_empty()),
            os_version: self.os_version.clone(),
            os_features: self.os_features.clone(),
        }
    }
}

/// What a container starts with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerConfig {
    /// `USER`
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "null_default")]
    pub user: String,
    /// `EXPOSE`
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_default"
    )]
    pub exposed_ports: BTreeMap<String, Empty>,
    /// `ENV`, `NAME=VALUE` in order
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_default")]
    pub env: Vec<String>,
    /// `ENTRYPOINT`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// `CMD`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cmd: Option<Vec<String>>,
    /// `VOLUME`
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_default"
    )]
    pub volumes: BTreeMap<String, Empty>,
    /// `WORKDIR`
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "null_default")]
    pub working_dir: String,
    /// `LABEL`
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_default"
    )]
    pub labels: BTreeMap<String, String>,
    /// `STOPSIGNAL`
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "null_default")]
    pub stop_signal: String,
    /// `HEALTHCHECK`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    /// `SHELL`
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_default")]
    pub shell: Vec<String>,
    /// `ONBUILD`
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_default")]
    pub on_build: Vec<String>,
    /// Set by every CMD, as BuildKit does.
    #[serde(default, skip_serializing_if = "is_false", deserialize_with = "null_default")]
    pub args_escaped: bool,
    /// Everything else.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// JSON's `{}`. Whatever stands in its place is read as it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Empty {}

impl<'de> Deserialize<'de> for Empty {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Empty, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Empty {})
    }
}

/// `HEALTHCHECK`, durations in nanoseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Healthcheck {
    /// `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", …]`
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_default")]
    pub test: Vec<String>,
    /// `--interval`
    #[serde(skip_serializing_if = "is_zero", deserialize_with = "null_default")]
    pub interval: i64,
    /// `--timeout`
    #[serde(skip_serializing_if = "is_zero", deserialize_with = "null_default")]
    pub timeout: i64,
    /// `--start-period`
    #[serde(skip_serializing_if = "is_zero", deserialize_with = "null_default")]
    pub start_period: i64,
    /// `--start-interval`
    #[serde(skip_serializing_if = "is_zero", deserialize_with = "null_default")]
    pub start_interval: i64,
    /// `--retries`
    #[serde(skip_serializing_if = "is_zero", deserialize_with = "null_default")]
    pub retries: i64,
}

fn is_zero(value: &i64) -> bool {
    *value == 0
}

/// The layers of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootFs {
    /// Always `layers`.
    #[serde(rename = "type", default = "layers")]
    pub kind: String,
    /// Digests of the uncompressed layer tars, bottom first.
    #[serde(default, deserialize_with = "null_default")]
    pub diff_ids: Vec<Digest>,
}

impl Default for RootFs {
    fn default() -> RootFs {
        RootFs { kind: layers(), diff_ids: Vec::new() }
    }
}

fn layers() -> String {
    "layers".to_owned()
}

/// One line of an image's history.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// When, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// What made it.
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "null_default")]
    pub created_by: String,
    /// Who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// `buildkit.dockerfile.v0` for instructions of a Dockerfile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Whether it has no layer.
    #[serde(default, skip_serializing_if = "is_false", deserialize_with = "null_default")]
    pub empty_layer: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_of_go_are_empty_values() {
        let text = r#"{"architecture":null,"os":"linux","os.features":null,"config":{"User":null,"ExposedPorts":null,
            "Env":null,"Entrypoint":null,"Cmd":null,"Volumes":{"/v":null},"WorkingDir":null,"Labels":null,"OnBuild":null,
            "Healthcheck":{"Test":null,"Interval":null},"ArgsEscaped":null},
            "rootfs":{"diff_ids":null},"history":null}"#;
        let config = ImageConfig::parse(text.as_bytes()).unwrap();
        assert_eq!(config.rootfs, RootFs::default());
        assert_eq!(config.config.volumes.keys().collect::<Vec<_>>(), ["/v"]);
        for text in ["{}", r#"{"config":null,"rootfs":null}"#] {
            assert_eq!(ImageConfig::parse(text.as_bytes()).unwrap(), ImageConfig::default());
        }
    }

    #[test]
    fn unknown_parts_survive_in_their_order() {
        let text = r#"{"architecture":"amd64","os":"linux","config":{"Env":["A=1"],"Hostname":"h","Zed":{"b":1,"a":2}},
            "rootfs":{"type":"layers","diff_ids":[]},"history":[],"docker_version":"20","container":"c"}"#;
        let config = ImageConfig::parse(text.as_bytes()).unwrap();
        let json = String::from_utf8(config.to_json()).unwrap();
        let expected = [
            r#""Env":["A=1"],"Hostname":"h","Zed":{"b":1,"a":2}"#,
            r#""docker_version":"20","container":"c""#,
        ];
        assert!(expected.iter().all(|part| json.contains(part)), "{json}");
        assert_eq!(ImageConfig::parse(json.as_bytes()).unwrap(), config);
    }

    #[test]
    fn what_is_no_config_is_refused() {
        for text in ["", "[]", "{\"config\":[]}", "{\"rootfs\":{\"diff_ids\":[\"x\"]}}"] {
            assert!(ImageConfig::parse(text.as_bytes()).is_err(), "{text}");
        }
        let big = vec![b' '; MAX_CONFIG as usize + 1];
        assert!(matches!(ImageConfig::parse(&big), Err(ConfigError::TooBig(_))));
    }
}
