//! Registries as the commands use them; connected when first needed.

use oci::manifest::{Descriptor, Manifest};
use oci::{Digest, Platform, Reference};
use store::Store;

use crate::env::Env;

/// All registries.
#[derive(Debug)]
pub(crate) struct Remote {
    env: Env,
    hosts: registry::Hosts,
}

/// An image that a registry has.
#[derive(Debug, Clone)]
pub(crate) struct RemoteImage {
    /// Names the manifest.
    pub(crate) digest: Digest,
    /// Lists config and layers.
    pub(crate) manifest: Manifest,
    /// The config's bytes.
    pub(crate) config_bytes: Vec<u8>,
    /// The manifest's bytes.
    pub(crate) manifest_bytes: Vec<u8>,
    /// What kind of manifest it is.
    pub(crate) media_type: String,
}

/// Why a registry does not give what was asked.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct RemoteError {
    message: String,
}

impl RemoteError {
    /// What to do.
    pub(crate) fn help(&self) -> Option<String> {
        None
    }
}

impl Remote {
    /// The registries, reached as `hosts` says.
    pub(crate) fn new(env: &Env, hosts: registry::Hosts) -> Remote {
        Remote { env: env.clone(), hosts }
    }

    /// Finds the image of a platform.
    pub(crate) fn resolve(
        &self,
        name: &Reference,
        _platform: &Platform,
    ) -> Result<RemoteImage, RemoteError> {
        Err(RemoteError { message: format!("{name} is not in the store") })
    }

    /// Brings a blob into the store.
    pub(crate) fn fetch(
        &self,
        name: &Reference,
        _blob: &Descriptor,
        _store: &Store,
        _progress: &dyn Fn(u64),
    ) -> Result<(), RemoteError> {
        Err(RemoteError { message: format!("{name} is not in the store") })
    }
}

impl executor::Downloads for Remote {
    fn get(
        &self,
        url: &str,
        _validator: Option<&str>,
        _to: &mut dyn std::io::Write,
    ) -> Result<executor::Downloaded, executor::OutsideError> {
        Err(executor::OutsideError { message: format!("cannot get {url}"), help: None })
    }
}
