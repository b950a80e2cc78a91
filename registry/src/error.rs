//! [`RegistryError`]: why a registry did not do what it was asked, and what to do about it.

use oci::manifest::DocumentError;
use oci::{Digest, Platform};

use crate::credentials::CredentialError;

/// Why a registry did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The registry does not have it.
    #[error("`{what}` was not found on {host}; check the name and the tag")]
    NotFound {
        /// The image or blob.
        what: String,
        /// The registry.
        host: String,
    },
    /// No image for the platform.
    #[error("`{what}` has no image for {platform}; there are {}", list(available))]
    NoPlatform {
        /// The image.
        what: String,
        /// The platform that was wanted.
        platform: Box<Platform>,
        /// What there is.
        available: Vec<Platform>,
    },
    /// The registry wants to know who asks, or does not accept who does.
    #[error(
        "{host} refused access to `{what}`{}; it may not exist, or needs `dfc login {host}`",
        because(detail)
    )]
    Unauthorized {
        /// The registry.
        host: String,
        /// The image or blob.
        what: String,
        /// What the registry says; may be empty.
        detail: String,
    },
    /// Name and password are not accepted.
    #[error("{host} did not accept name and password{}; run `dfc login {host}`", because(detail))]
    BadLogin {
        /// The registry.
        host: String,
        /// What the registry says; may be empty.
        detail: String,
    },
    /// Too many requests.
    #[error(
        "{host} limits requests{}; try again in {seconds} seconds, or use `dfc login {host}` for a higher limit",
        because(detail)
    )]
    RateLimited {
        /// The registry.
        host: String,
        /// How long to wait.
        seconds: u64,
        /// What the registry says; may be empty.
        detail: String,
    },
    /// No connection, or it broke, or it fell silent.
    #[error("cannot reach {host}: {detail}; check the network, the name and the proxy")]
    Unreachable {
        /// The registry.
        host: String,
        /// Why not.
        detail: String,
    },
    /// No trust in the connection.
    #[error(
        "no secure connection to {host}: {detail}; name its certificate authority by `ca` in config.toml or as \
         /etc/docker/certs.d/{host}/ca.crt, or set `insecure = true` for it"
    )]
    Tls {
        /// The registry.
        host: String,
        /// Why not.
        detail: String,
    },
    /// The certificates that the settings name for a host are of no use.
    #[error("cannot use the certificates for {host}: {detail}")]
    Certificates {
        /// The registry.
        host: String,
        /// What is wrong with them.
        detail: String,
    },
    /// registries.conf forbids it.
    #[error("`{what}` is blocked: registries.conf has `blocked = true` for {prefix}")]
    Blocked {
        /// The image.
        what: String,
        /// Whose images are blocked.
        prefix: String,
    },
    /// More images in an index than anyone means.
    #[error(
        "`{what}` lists more than {limit} images; get one of them by its digest or with --platform"
    )]
    TooMany {
        /// The image.
        what: String,
        /// The most that are fetched.
        limit: usize,
    },
    /// The bytes are not those that were named.
    #[error("{host} sent wrong bytes for `{what}`: expected {expected}, got {found}")]
    WrongDigest {
        /// The registry.
        host: String,
        /// The image or blob.
        what: String,
        /// What was asked for.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// More or fewer bytes than the manifest says.
    #[error("{host} sent {found} bytes for `{what}`, and {expected} were expected")]
    WrongSize {
        /// The registry.
        host: String,
        /// The image or blob.
        what: String,
        /// By the manifest.
        expected: u64,
        /// What came, or was announced.
        found: u64,
    },
    /// A document that is too long to be true.
    #[error("{host} sent more than {limit} bytes for `{what}`")]
    TooBig {
        /// The registry.
        host: String,
        /// What was asked for.
        what: String,
        /// The most that is read.
        limit: u64,
    },
    /// Any other refusal.
    #[error("{host} answered {status} for `{what}`{}", because(detail))]
    Status {
        /// The registry.
        host: String,
        /// What was asked for.
        what: String,
        /// HTTP's number.
        status: u16,
        /// What the registry says; may be empty.
        detail: String,
    },
    /// An answer that does not follow the protocol.
    #[error("{host} gave an answer that makes no sense for `{what}`: {detail}")]
    Protocol {
        /// The registry.
        host: String,
        /// What was asked for.
        what: String,
        /// What is wrong with it.
        detail: String,
    },
    /// No manifest of an image.
    #[error("`{what}`: {source}")]
    Document {
        /// The image.
        what: String,
        /// What is wrong with it.
        source: DocumentError,
    },
    /// No config of an image.
    #[error("`{what}`: {source}")]
    Config {
        /// The image.
        what: String,
        /// What is wrong with it.
        source: oci::config::ConfigError,
    },
    /// Credentials cannot be had.
    #[error("{0}")]
    Credentials(#[from] CredentialError),
    /// The store cannot take or give the bytes.
    #[error("{0}")]
    Store(#[from] store::StoreError),
    /// A file to push cannot be read.
    #[error("cannot read the blob {digest}: {source}")]
    Read {
        /// The blob.
        digest: Digest,
        /// Why not.
        source: std::io::Error,
    },
    /// Bytes cannot be put away.
    #[error("cannot write the blob {digest}: {source}")]
    Write {
        /// The blob.
        digest: Digest,
        /// Why not.
        source: std::io::Error,
    },
    /// A download cannot be put away.
    #[error("cannot write what comes from `{what}`: {source}")]
    WriteFile {
        /// The URL.
        what: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A mirror or proxy in the settings that is no address.
    #[error("`{0}` in the settings is not the address of a host")]
    Address(String),
    /// The user, or another transfer's failure, ended it.
    #[error("cancelled")]
    Cancelled,
}

impl RegistryError {
    /// Whether the registry could not be asked, or had no time: what it would have said is not known.
    pub fn is_unavailable(&self) -> bool {
        match self {
            RegistryError::Unreachable { .. } | RegistryError::RateLimited { .. } => true,
            RegistryError::Status { status, .. } => *status >= 500,
            RegistryError::NotFound { .. }
            | RegistryError::NoPlatform { .. }
            | RegistryError::Unauthorized { .. }
            | RegistryError::BadLogin { .. }
            | RegistryError::Tls { .. }
            | RegistryError::Certificates { .. }
            | RegistryError::Blocked { .. }
            | RegistryError::TooMany { .. }
            | RegistryError::WrongDigest { .. }
            | RegistryError::WrongSize { .. }
            | RegistryError::TooBig { .. }
            | RegistryError::Protocol { .. }
            | RegistryError::Document { .. }
            | RegistryError::Config { .. }
            | RegistryError::Credentials(_)
            | RegistryError::Store(_)
            | RegistryError::Read { .. }
            | RegistryError::Write { .. }
            | RegistryError::WriteFile { .. }
            | RegistryError::Address(_)
            | RegistryError::Cancelled => false,
        }
    }

    /// Whether a second try, or a mirror's upstream, may do better.
    pub(crate) fn is_worth_another_host(&self) -> bool {
        !matches!(
            self,
            RegistryError::Cancelled | RegistryError::Store(_) | RegistryError::Write { .. }
        )
    }
}

fn because(detail: &str) -> String {
    match detail {
        "" => String::new(),
        detail => format!(" ({detail})"),
    }
}

fn list(platforms: &[Platform]) -> String {
    let names: Vec<String> = platforms.iter().map(ToString::to_string).collect();
    match names.is_empty() {
        true => "none".to_owned(),
        false => names.join(", "),
    }
}
