//! Images over HTTP: the OCI distribution protocol, blocking.
//!
//! ```text
//! Client --resolve--> RemoteImage --fetch_layers--> store            pull
//!    |  <---push_image--- store                                      push
//!    |
//!    +-- endpoint   which host to ask, over which link (mirrors, loopback, insecure)
//!    +-- auth       401 -> challenge -> token or basic, remembered per host and scope
//!    +-- retry      429, 5xx and broken connections, bounded, honoring Retry-After
//!    +-- transport  one exchange: timeouts, redirects (which lose the authorization at another host)
//! ```
//!
//! Invariants: bytes asked for by digest are checked against it before anyone sees them; what is read into memory is
//! bounded; a broken download goes on where it stopped; no credential is in an error, or goes to a host it is not for.
//!
//! ureq with this thin client stands here, and not oci-client: the latter is asynchronous (a second scheduler beside
//! rayon), and has neither resume nor mirrors.

#![forbid(unsafe_code)]

mod auth;
mod client;
mod credentials;
mod endpoint;
mod error;
mod progress;
mod retry;
mod settings;
mod transport;
mod uri;

#[cfg(test)]
mod tests;

pub use client::Client;
pub use client::get::{FileAsk, FileReply};
pub use client::index::{RemoteIndex, RemoteManifest};
pub use client::push::{BlobSource, ImageToPush, Pushed};
pub use client::resolve::RemoteImage;
pub use credentials::{Credential, CredentialError, Credentials, Forgotten};
pub use error::RegistryError;
pub use progress::{Progress, Quiet};
pub use settings::{
    Certificates, Config, HostSettings, Hosts, Limits, Mirror, Proxies, Rule, Serves,
};
