//! The client against a small registry in this process, with all that can go wrong.

use std::cell::RefCell;
use std::io::{self, Write};
use std::time::Duration;

use oci::manifest::media_type;
use oci::{Descriptor, Digest, ImageConfig, ImageIndex, Manifest, Platform, Reference};

use crate::client::Sink;
use crate::progress::Quiet;
use crate::settings::{Config, HostSettings, Limits};
use crate::{Client, Credentials, RegistryError};

mod debian;
mod login;
mod pull;
mod push;
mod server;
mod upload;

use server::{Answer, Asked, Server};

const LAYER: &[u8] = b"not really a tar";

/// An image of one layer, and what a registry serves for it.
struct Image {
    layer: Vec<u8>,
    config: Vec<u8>,
    manifest: Vec<u8>,
}

impl Image {
    fn new(layer: &[u8]) -> Image {
        let mut config = ImageConfig {
            architecture: "amd64".to_owned(),
            os: "linux".to_owned(),
            ..ImageConfig::default()
        };
        config.rootfs.diff_ids.push(Digest::of(layer));
        let config = config.to_json();
        let manifest = Manifest::oci(
            descriptor(media_type::OCI_CONFIG, &config),
            vec![descriptor(media_type::OCI_LAYER, layer)],
        );
        Image { layer: layer.to_vec(), config, manifest: manifest.to_json() }
    }

    /// What stands at a path of the repository `a`.
    fn serve(&self, path: &str) -> Answer {
        let digest = |bytes: &[u8]| Digest::of(bytes).to_string();
        let name = path.rsplit('/').next().unwrap_or_default();
        match path {
            "/v2/" => Answer::ok(b"{}"),
            _ if path.starts_with("/v2/a/manifests/")
                && ["latest", &digest(&self.manifest)].contains(&name) =>
            {
                Answer::ok(&self.manifest).with("content-type", media_type::OCI_MANIFEST)
            }
            _ if path == format!("/v2/a/blobs/{}", digest(&self.config)) => {
                Answer::ok(&self.config)
            }
            _ if path == format!("/v2/a/blobs/{}", digest(&self.layer)) => Answer::ok(&self.layer),
            _ => Answer::of(404),
        }
    }

    fn layer_descriptor(&self) -> Descriptor {
        descriptor(media_type::OCI_LAYER, &self.layer)
    }
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Descriptor {
    Descriptor::new(media_type, Digest::of(bytes), bytes.len() as u64)
}

fn config() -> Config {
    let limits = Limits {
        connect: Duration::from_secs(5),
        stall: Duration::from_millis(400),
        document: Duration::from_secs(2),
        attempts: 4,
        pause: Duration::from_millis(4),
        longest_pause: Duration::from_secs(2),
        downloads: 3,
        uploads: 3,
    };
    Config { limits, ..Config::default() }
}

fn client() -> Client {
    Client::new(config()).unwrap()
}

fn client_for(credentials: &str) -> Client {
    let credentials = Credentials::parse(credentials).unwrap();
    Client::new(Config { credentials, ..config() }).unwrap()
}

fn amd64() -> Platform {
    Platform::linux("amd64")
}

/// Fetches a blob of the repository `a` into memory.
fn fetch(client: &Client, server: &Server, blob: &Descriptor) -> Result<Vec<u8>, RegistryError> {
    let target = RefCell::new(Vec::new());
    let begin = || Ok(Memory { bytes: Vec::new(), target: &target });
    client.fetch_with(&server.image("a"), blob, &Quiet, begin)?;
    Ok(target.into_inner())
}

/// Hands its bytes over once they are checked.
struct Memory<'a> {
    bytes: Vec<u8>,
    target: &'a RefCell<Vec<u8>>,
}

impl Write for Memory<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Memory<'_> {
    fn finish(self, host: &str, digest: &Digest) -> Result<(), RegistryError> {
        let found = Digest::of(&self.bytes);
        if found != *digest {
            let (host, what) = (host.to_owned(), "blob".to_owned());
            return Err(RegistryError::WrongDigest { host, what, expected: *digest, found });
        }
        *self.target.borrow_mut() = self.bytes;
        Ok(())
    }
}
