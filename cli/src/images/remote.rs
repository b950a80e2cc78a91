//! Registries as the commands use them. The client is made when it is first needed: a build whose images are all in
//! the store reads no credentials and opens no connection.

use std::io;
use std::sync::{Mutex, PoisonError};

use executor::{Cancel, Downloaded, Downloads, OutsideError};
use oci::manifest::Descriptor;
use oci::{Digest, Platform, Reference};
use registry::{Client, Credential, Credentials, ImageToPush, Pushed, RegistryError, RemoteImage};
use store::Store;

use crate::env::Env;
use crate::error::CliError;

/// All registries.
#[derive(Debug)]
pub(crate) struct Remote {
    env: Env,
    hosts: registry::Hosts,
    cancel: Cancel,
    client: Mutex<Option<std::sync::Arc<Client>>>,
}

/// Why a registry does not give what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoteError {
    /// The registry, or the way to it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Docker's settings, where the credentials are.
    #[error("cannot read `{path}`: {source}")]
    Settings {
        /// Their file.
        path: String,
        /// Why not.
        source: io::Error,
    },
}

impl From<RemoteError> for CliError {
    fn from(error: RemoteError) -> CliError {
        CliError::caused(&error)
    }
}

impl Remote {
    /// The registries, reached as `hosts` says; `cancel` stops transfers.
    pub(crate) fn new(env: &Env, hosts: registry::Hosts, cancel: Cancel) -> Remote {
        Remote { env: env.clone(), hosts, cancel, client: Mutex::default() }
    }

    /// Finds the image of a platform.
    pub(crate) fn resolve(
        &self,
        name: &Reference,
        platform: &Platform,
    ) -> Result<RemoteImage, RemoteError> {
        Ok(self.client()?.resolve(name, platform, &self.watch(&|_, _| ()))?)
    }

    /// Brings a blob into the store; `progress` is told how many bytes have come.
    pub(crate) fn fetch(
        &self,
        name: &Reference,
        blob: &Descriptor,
        store: &Store,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), RemoteError> {
        let watch = |_: &Digest, bytes: u64| progress(bytes);
        Ok(self.client()?.fetch_blob(name, blob, store, &self.watch(&watch))?)
    }

    /// Brings config and layers of an image into the store, several at a time.
    pub(crate) fn fetch_image(
        &self,
        image: &RemoteImage,
        store: &Store,
        progress: &(dyn Fn(&Digest, u64) + Sync),
    ) -> Result<(), RemoteError> {
        Ok(self.client()?.fetch_image(image, store, &self.watch(progress))?)
    }

    /// Pushes an image whose blobs are in the store.
    pub(crate) fn push(
        &self,
        name: &Reference,
        image: &ImageToPush,
        store: &Store,
        progress: &(dyn Fn(&Digest, u64) + Sync),
    ) -> Result<Pushed, RemoteError> {
        Ok(self.client()?.push_image(name, image, store, &self.watch(progress))?)
    }

    /// Asks a registry whether it accepts a credential.
    pub(crate) fn login(&self, host: &str, credential: &Credential) -> Result<(), RemoteError> {
        Ok(self.client()?.login(host, credential)?)
    }

    fn client(&self) -> Result<std::sync::Arc<Client>, RemoteError> {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = client.as_ref() {
            return Ok(client.clone());
        }
        let config = registry::Config {
            hosts: self.hosts.clone(),
            credentials: credentials(&self.env)?,
            proxies: registry::Proxies {
                http: self.proxy("HTTP_PROXY"),
                https: self.proxy("HTTPS_PROXY"),
                none_for: self.proxy("NO_PROXY"),
            },
            ..registry::Config::default()
        };
        let made = std::sync::Arc::new(Client::new(config)?);
        *client = Some(made.clone());
        Ok(made)
    }

    fn proxy(&self, name: &str) -> Option<String> {
        let value = self.env.var(name).or_else(|| self.env.var(&name.to_lowercase()));
        value.map(str::to_owned)
    }

    fn watch<'a>(&'a self, advanced: &'a (dyn Fn(&Digest, u64) + Sync)) -> Watch<'a> {
        Watch { cancel: &self.cancel, advanced }
    }
}

/// The credentials in docker's settings.
pub(crate) fn credentials(env: &Env) -> Result<Credentials, RemoteError> {
    let Some(path) = env.docker_config().map(|folder| folder.join("config.json")) else {
        return Ok(Credentials::default());
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(source) => {
            return Err(RemoteError::Settings { path: path.display().to_string(), source });
        }
    };
    Ok(Credentials::parse(&text).map_err(RegistryError::from)?)
}

/// Writes docker's settings anew, readable for their owner alone.
pub(crate) fn write_credentials(env: &Env, text: &str) -> Result<(), CliError> {
    let Some(folder) = env.docker_config() else {
        return Err(CliError::failed("there is no place for the password: HOME is not set")
            .help("set DOCKER_CONFIG to a folder"));
    };
    let failed = |error: io::Error| {
        CliError::io(format_args!("cannot write `{}`", folder.display()), &error)
    };
    std::fs::create_dir_all(&folder).map_err(failed)?;
    // A temporary file has mode 600, and keeps it under its new name.
    let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(failed)?;
    io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)?;
    file.persist(folder.join("config.json")).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Passes on how a transfer goes.
struct Watch<'a> {
    cancel: &'a Cancel,
    advanced: &'a (dyn Fn(&Digest, u64) + Sync),
}

impl registry::Progress for Watch<'_> {
    fn advanced(&self, digest: &Digest, bytes: u64) {
        (self.advanced)(digest, bytes);
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}

impl Downloads for Remote {
    fn get(
        &self,
        url: &str,
        validator: Option<&str>,
        to: &mut dyn io::Write,
    ) -> Result<Downloaded, OutsideError> {
        let outside = |error: RemoteError| OutsideError { message: error.to_string(), help: None };
        let client = self.client().map_err(outside)?;
        let reply = client
            .get_file(url, validator, to, &self.watch(&|_, _| ()))
            .map_err(|error| outside(error.into()))?;
        Ok(Downloaded {
            not_modified: reply.not_modified,
            last_modified: reply.last_modified,
            validator: reply.validator,
        })
    }
}
