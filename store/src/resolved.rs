//! What the names of base images stood for when their registries were last asked (`resolved/HASH`), for the time when a
//! registry cannot be reached.
//!
//! A file is the JSON of one answer: manifest and config, as they were sent. Their digests are checked when it is read.

use std::fs;
use std::io;
use std::path::PathBuf;

use oci::{Digest, Platform, Reference};
use serde::{Deserialize, Serialize};

use crate::error::{Doing, StoreError, on};
use crate::store::{Store, now};

/// An image that a registry gave for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RememberedImage {
    /// Digest of the manifest.
    pub digest: Digest,
    /// The manifest.
    pub manifest: Vec<u8>,
    /// The config.
    pub config: Vec<u8>,
    /// When that was, seconds since 1970.
    pub at: i64,
}

#[derive(Serialize, Deserialize)]
struct Written {
    name: String,
    platform: String,
    at: i64,
    manifest: String,
    config: String,
}

impl Store {
    /// Remembers what a registry gave for a name, and for a platform of it. What is no text is not remembered.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn remember_resolved(
        &self,
        name: &Reference,
        platform: &Platform,
        manifest: &[u8],
        config: &[u8],
    ) -> Result<(), StoreError> {
        let texts = (std::str::from_utf8(manifest), std::str::from_utf8(config));
        let (Ok(manifest), Ok(config)) = texts else { return Ok(()) };
        let (name, platform) = (name.to_string(), platform.to_string());
        let path = self.resolved_path(&name, &platform);
        let (manifest, config) = (manifest.to_owned(), config.to_owned());
        let written = Written { name, platform, at: now(), manifest, config };
        let text = serde_json::to_string(&written).expect("texts and a number have a form in JSON");
        let fresh = self.litter.fresh_path("resolved");
        fs::write(&fresh, text).doing(|| on("write", &fresh))?;
        fs::rename(&fresh, &path).doing(|| on("write", &path))
    }

    /// What a registry gave for a name when it was last asked; `None` if it never was, or if that is broken.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn resolved(
        &self,
        name: &Reference,
        platform: &Platform,
    ) -> Result<Option<RememberedImage>, StoreError> {
        let (name, platform) = (name.to_string(), platform.to_string());
        let path = self.resolved_path(&name, &platform);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.doing(|| on("read", &path))?,
        };
        let Ok(written) = serde_json::from_slice::<Written>(&text) else { return Ok(None) };
        if written.name != name || written.platform != platform {
            return Ok(None);
        }
        let (manifest, config) = (written.manifest.into_bytes(), written.config.into_bytes());
        let digest = Digest::of(&manifest);
        let is_whole = serde_json::from_slice::<oci::Manifest>(&manifest)
            .is_ok_and(|it| it.config.digest == Digest::of(&config));
        Ok(is_whole.then_some(RememberedImage { digest, manifest, config, at: written.at }))
    }

    fn resolved_path(&self, name: &str, platform: &str) -> PathBuf {
        let key = Digest::of(format!("{name}\n{platform}").as_bytes());
        self.root.join("resolved").join(key.hex())
    }
}

#[cfg(test)]
mod tests {
    use oci::manifest::{Descriptor, media_type};
    use oci::{ImageConfig, Manifest};

    use super::*;
    use crate::testing::store;

    #[test]
    fn a_name_is_remembered_for_its_platform() {
        let (folder, store) = store();
        let config = ImageConfig::default().to_json();
        let descriptor =
            Descriptor::new(media_type::OCI_CONFIG, Digest::of(&config), config.len() as u64);
        let manifest = Manifest::oci(descriptor, vec![]).to_json();
        let name = Reference::parse("r.lan/a:1").unwrap();
        let (amd64, arm64) = (Platform::linux("amd64"), Platform::linux("arm64"));
        assert_eq!(store.resolved(&name, &amd64).unwrap(), None);
        store.remember_resolved(&name, &amd64, &manifest, &config).unwrap();
        let found = store.resolved(&name, &amd64).unwrap().unwrap();
        assert_eq!((found.digest, found.config), (Digest::of(&manifest), config));
        assert_eq!(store.resolved(&name, &arm64).unwrap(), None);
        let file = fs::read_dir(folder.path().join("resolved")).unwrap().next().unwrap().unwrap();
        let text = fs::read_to_string(file.path()).unwrap();
        fs::write(file.path(), text.replace("architecture", "architektur")).unwrap();
        assert_eq!(store.resolved(&name, &amd64).unwrap(), None);
    }
}
