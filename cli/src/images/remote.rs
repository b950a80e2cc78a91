//! Registries as the commands use them. The client is made when it is first needed: a build whose images are all in
//! the store reads no credentials and opens no connection.

pub(crate) mod download;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use executor::Cancel;
use executor::cancel::CancelGuard;
use oci::manifest::Descriptor;
use oci::{Digest, Platform, Reference};
use registry::{
    Client, Credential, Credentials, ImageToPush, Pushed, RegistryError, RemoteImage, RemoteIndex,
};
use store::Store;

use super::transfer::Transfer;
use crate::config::registries_conf::ConfError;
use crate::config::{Registries, certificates, registries_conf};
use crate::env::Env;
use crate::error::CliError;
use crate::progress::Task;

/// All registries.
#[derive(Debug)]
pub(crate) struct Remote {
    env: Env,
    settings: Registries,
    cancel: Cancel,
    client: Mutex<Option<Running>>,
    turns: Turns,
    is_offline: bool,
}

/// A client that ends when everything is to stop.
#[derive(Debug)]
struct Running {
    client: Arc<Client>,
    _stop: CancelGuard,
}

/// Why a registry does not give what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoteError {
    /// The registry, or the way to it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Nobody may be asked.
    #[error("{0} is not in the store, and nobody is asked (--offline)")]
    Offline(String),
    /// What podman and its kin are told about registries.
    #[error(transparent)]
    Conf(#[from] ConfError),
    /// Docker's settings, or podman's, where the credentials are.
    #[error("cannot read `{path}`: {source}")]
    Settings {
        /// Their file.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// The credentials in there are broken.
    #[error("`{path}`: {source}")]
    Credentials {
        /// Their file.
        path: String,
        /// What is wrong with them.
        source: registry::CredentialError,
    },
}

impl RemoteError {
    /// Whether the registry could not be asked, so that what it would have said is not known.
    pub(crate) fn is_unavailable(&self) -> bool {
        match self {
            RemoteError::Registry(error) => error.is_unavailable(),
            RemoteError::Offline(_) => true,
            RemoteError::Conf(_)
            | RemoteError::Settings { .. }
            | RemoteError::Credentials { .. } => false,
        }
    }
}

impl From<RemoteError> for CliError {
    fn from(error: RemoteError) -> CliError {
        CliError::caused(&error)
    }
}

impl Remote {
    /// The registries, reached as `settings` say; `cancel` stops transfers.
    pub(crate) fn new(env: &Env, settings: Registries, cancel: Cancel) -> Remote {
        let turns = Turns::new(settings.transfer.limits().downloads);
        let (env, client) = (env.clone(), Mutex::default());
        Remote { env, settings, cancel, client, turns, is_offline: false }
    }

    /// The same, but nobody is asked if `offline`.
    pub(crate) fn unless(self, offline: bool) -> Remote {
        Remote { is_offline: offline, ..self }
    }

    /// Finds the image of a platform.
    pub(crate) fn resolve(
        &self,
        name: &Reference,
        platform: &Platform,
    ) -> Result<RemoteImage, RemoteError> {
        let client = self.client_for(|| name.familiar())?;
        Ok(client.resolve(name, platform, &self.watch(&|_, _| ()))?)
    }

    /// Brings a blob into the store, as soon as there are not too many others under way; `progress` is told how many
    /// bytes have come.
    pub(crate) fn fetch(
        &self,
        name: &Reference,
        blob: &Descriptor,
        store: &Store,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), RemoteError> {
        let watch = |_: &Digest, bytes: u64| progress(bytes);
        let what = || format!("layer {} of {}", blob.digest.short(), name.familiar());
        let client = self.client_for(what)?;
        let _turn = self.turns.take();
        progress(0);
        Ok(client.fetch_blob(name, blob, store, &self.watch(&watch))?)
    }

    /// Finds the images of all platforms.
    pub(crate) fn resolve_all(&self, name: &Reference) -> Result<RemoteIndex, RemoteError> {
        let client = self.client_for(|| name.familiar())?;
        Ok(client.resolve_all(name, &self.watch(&|_, _| ()))?)
    }

    /// All tags of a repository.
    pub(crate) fn tags(&self, name: &Reference) -> Result<Vec<String>, RemoteError> {
        Ok(self.client()?.tags(name, &self.watch(&|_, _| ()))?)
    }

    /// Brings config and layers of an image into the store, several at a time.
    pub(crate) fn fetch_image(
        &self,
        image: &RemoteImage,
        store: &Store,
        task: &Task,
    ) -> Result<(), RemoteError> {
        Ok(self.client()?.fetch_image(image, store, &Transfer::new(task, &self.cancel))?)
    }

    /// Brings blobs of an image into the store, several at a time.
    pub(crate) fn fetch_blobs(
        &self,
        name: &Reference,
        blobs: &[Descriptor],
        store: &Store,
        task: &Task,
    ) -> Result<(), RemoteError> {
        Ok(self.client()?.fetch_blobs(name, blobs, store, &Transfer::new(task, &self.cancel))?)
    }

    /// Brings configs and layers of all images of an index into the store.
    pub(crate) fn fetch_index(
        &self,
        index: &RemoteIndex,
        store: &Store,
        task: &Task,
    ) -> Result<(), RemoteError> {
        Ok(self.client()?.fetch_index(index, store, &Transfer::new(task, &self.cancel))?)
    }

    /// Pushes an image whose blobs are in the store.
    pub(crate) fn push(
        &self,
        name: &Reference,
        image: &ImageToPush,
        store: &Store,
        task: &Task,
    ) -> Result<Pushed, RemoteError> {
        Ok(self.client()?.push_image(name, image, store, &Transfer::new(task, &self.cancel))?)
    }

    /// Asks a registry whether it accepts a credential.
    pub(crate) fn login(&self, host: &str, credential: &Credential) -> Result<(), RemoteError> {
        Ok(self.client()?.login(host, credential)?)
    }

    /// Stops transfers.
    pub(crate) fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// The client, if it may ask for `what`.
    fn client_for(&self, what: impl FnOnce() -> String) -> Result<Arc<Client>, RemoteError> {
        match self.is_offline {
            true => Err(RemoteError::Offline(what())),
            false => self.client(),
        }
    }

    fn client(&self) -> Result<Arc<Client>, RemoteError> {
        let mut running = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = running.as_ref() {
            return Ok(running.client.clone());
        }
        let hosts = self.settings.hosts.clone();
        let config = registry::Config {
            rules: registries_conf::read(&self.env)?,
            certificates: certificates::read(&self.env, &hosts),
            hosts,
            limits: self.settings.transfer.limits(),
            credentials: credentials(&self.env)?,
            proxies: registry::Proxies {
                http: self.proxy("HTTP_PROXY"),
                https: self.proxy("HTTPS_PROXY"),
                none_for: self.proxy("NO_PROXY"),
            },
        };
        let client = Arc::new(Client::new(config)?);
        let stopped = client.clone();
        let stop = self.cancel.on_cancel(move || stopped.stop());
        *running = Some(Running { client: client.clone(), _stop: stop });
        Ok(client)
    }

    fn proxy(&self, name: &str) -> Option<String> {
        let value = self.env.var(name).or_else(|| self.env.var(&name.to_lowercase()));
        value.map(str::to_owned)
    }

    fn watch<'a>(&'a self, advanced: &'a (dyn Fn(&Digest, u64) + Sync)) -> Watch<'a> {
        Watch { cancel: &self.cancel, advanced }
    }
}

/// The credentials in docker's settings, and those of podman: `$REGISTRY_AUTH_FILE` comes first, its other files last.
pub(crate) fn credentials(env: &Env) -> Result<Credentials, RemoteError> {
    let wrong = |path: &Path| {
        let path = path.display().to_string();
        move |source| RemoteError::Credentials { path, source }
    };
    let mut found = match env.docker_config().map(|folder| folder.join("config.json")) {
        Some(path) => Credentials::parse(&text_of(&path)?).map_err(wrong(&path))?,
        None => Credentials::default(),
    };
    if let Some(path) = env.var("REGISTRY_AUTH_FILE").map(|file| env.path(file)) {
        found = found.with_preferred(&text_of(&path)?).map_err(wrong(&path))?;
    }
    let lasting = env.user_config().map(|folder| folder.join("containers/auth.json"));
    for path in [Some(env.podman_auth()), lasting].into_iter().flatten() {
        found = found.with_fallback(&text_of(&path)?).map_err(wrong(&path))?;
    }
    Ok(found)
}

/// Where a login without a helper is written to.
pub(crate) fn credentials_file(env: &Env) -> Option<PathBuf> {
    env.docker_config().map(|folder| folder.join("config.json"))
}

/// Nothing if there is no such file.
fn text_of(path: &Path) -> Result<String, RemoteError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(source) => Err(RemoteError::Settings { path: path.display().to_string(), source }),
    }
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
    // What the file may be a link to is written, not the link.
    let path = folder.join("config.json");
    file.persist(path.canonicalize().unwrap_or(path)).map_err(|error| failed(error.error))?;
    Ok(())
}

/// How many more downloads may begin.
#[derive(Debug)]
struct Turns {
    left: Mutex<usize>,
    given_back: Condvar,
}

/// A download that may begin; others may once it is over.
struct Turn<'a>(&'a Turns);

impl Turns {
    fn new(count: usize) -> Turns {
        Turns { left: Mutex::new(count.max(1)), given_back: Condvar::new() }
    }

    fn take(&self) -> Turn<'_> {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let left = self.given_back.wait_while(left, |left| *left == 0);
        *left.unwrap_or_else(PoisonError::into_inner) -= 1;
        Turn(self)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.left.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.given_back.notify_one();
    }
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
