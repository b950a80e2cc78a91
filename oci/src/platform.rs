//! [`Platform`]: `os/architecture[/variant]`, normalized as containerd does (`x86_64` is `amd64`, `arm64/v8` is `arm64`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

mod choose;
mod parse;

pub use parse::PlatformError;

/// What machine an image is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Platform {
    /// `linux`
    #[serde(default, deserialize_with = "crate::null_default")]
    pub os: String,
    /// `amd64`, `arm64`, …
    #[serde(default, deserialize_with = "crate::null_default")]
    pub architecture: String,
    /// `v7`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// `os.version`
    #[serde(default, rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// `os.features`
    #[serde(
        default,
        rename = "os.features",
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "crate::null_default"
    )]
    pub os_features: Vec<String>,
}

impl Platform {
    /// Linux on an architecture in Go's words, taken as it is.
    pub fn linux(architecture: &str) -> Platform {
        Platform::new("linux", architecture, None)
    }

    /// Puts the parts together, taken as they are.
    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> Platform {
        Platform {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.filter(|variant| !variant.is_empty()).map(str::to_owned),
            ..Platform::default()
        }
    }

    /// The machine that this was compiled for, in normal form. Images are made for Linux wherever it runs.
    pub fn host() -> Platform {
        let little = cfg!(target_endian = "little");
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "x86" => "386",
            "aarch64" => "arm64",
            "powerpc64" if little => "ppc64le",
            "powerpc64" => "ppc64",
            "loongarch64" => "loong64",
            "mips64" if little => "mips64le",
            other => other,
        };
        Platform::linux(architecture).normalized()
    }

    /// The canonical form: lower case, Go's names, a variant only where there is a choice (`linux/arm` is
    /// `linux/arm/v7`, `linux/arm64/v8` is `linux/arm64`).
    #[must_use]
    pub fn normalized(&self) -> Platform {
        let os = parse::normalize_os(&self.os);
        let variant = self.variant.as_deref().unwrap_or_default();
        let (architecture, variant) = parse::normalize_architecture(&self.architecture, variant);
        let mut os_features = self.os_features.clone();
        os_features.sort();
        os_features.dedup();
        Platform {
            os,
            architecture,
            variant: Some(variant).filter(|variant| !variant.is_empty()),
            os_version: self.os_version.clone().filter(|version| !version.is_empty()),
            os_features,
        }
    }

    /// The long form with version and features of the system: `windows(10.0.17763+win32k)/amd64`.
    pub fn with_os_options(&self) -> String {
        let mut options = self.os_version.as_deref().map(parse::escape_option).unwrap_or_default();
        let mut features: Vec<&String> =
            self.os_features.iter().filter(|f| !f.is_empty()).collect();
        features.sort();
        features.dedup();
        for feature in features {
            options.push('+');
            options.push_str(&parse::escape_option(feature));
        }
        match options.is_empty() {
            true => self.to_string(),
            false => self.joined(&format!("{}({options})", self.os)),
        }
    }

    fn joined(&self, os: &str) -> String {
        let mut text = os.to_owned();
        let variant = self.variant.as_deref().unwrap_or_default();
        for part in [self.architecture.as_str(), variant] {
            if !part.is_empty() {
                text.push('/');
                text.push_str(part);
            }
        }
        text
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.os.is_empty() {
            true => f.write_str("unknown"),
            false => f.write_str(&self.joined(&self.os)),
        }
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Platform, PlatformError> {
        Platform::parse(text)
    }
}

#[cfg(test)]
mod tests;
