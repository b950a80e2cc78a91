//! [`Reference`]: the name of an image with tag or digest, defaults filled in (distribution/reference).
//!
//! The grammar, from distribution/reference's `regexp.go` and `normalize.go`:
//!
//! ```text
//! reference  := [ domain "/" ] path [ ":" tag ] [ "@" digest ]
//! domain     := ( name { "." name } | "[" ipv6 "]" ) [ ":" digits ]
//! path       := component { "/" component }
//! component  := alnum { ( "." | "_" | "__" | "-"... ) alnum }         lower case
//! tag        := word { word | "." | "-" }                             at most 128
//! ```
//!
//! The first component is a domain only if it is `localhost`, or has a dot, a colon or an upper-case letter; all else
//! is of `docker.io`, whose one-word names stand for `library/NAME`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::{Digest, DigestError};

/// The registry of names that have none.
pub const DEFAULT_REGISTRY: &str = "docker.io";
/// The tag of names that have neither tag nor digest.
pub const DEFAULT_TAG: &str = "latest";
const OFFICIAL: &str = "library/";
const MAX_PATH: usize = 255;
const MAX_TAG: usize = 128;

/// `docker.io/library/python:2.7-slim`, taken apart. Invariant: valid by distribution/reference's grammar.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// `docker.io`, `localhost:5000`
    pub registry: String,
    /// `library/python`
    pub repository: String,
    /// `2.7-slim`; `None` only if there is a digest
    pub tag: Option<String>,
    /// The manifest's digest, if it was given
    pub digest: Option<Digest>,
}

/// Why a text names no image. The wording is distribution/reference's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Does not follow the grammar.
    #[error("invalid reference format")]
    Format,
    /// The repository has upper-case letters.
    #[error("invalid reference format: repository name ({0}) must be lowercase")]
    Uppercase(String),
    /// Would be valid in lower case.
    #[error("repository name must be lowercase")]
    MustBeLowercase,
    /// 64 hex digits, which name an image by its ID.
    #[error("invalid repository name ({0}), cannot specify 64-byte hexadecimal strings")]
    Identifier(String),
    /// A path of more than 255 characters.
    #[error("repository name must not be more than {MAX_PATH} characters")]
    TooLong,
    /// A digest of the right form for a reference that is none of its algorithm.
    #[error("{}", digest_wording(.0))]
    Digest(DigestError),
    /// A tag with other than letters, digits, `_`, `.`, `-`, or of more than 128 characters.
    #[error("invalid tag format")]
    Tag,
}

fn digest_wording(error: &DigestError) -> &'static str {
    match error {
        DigestError::Format(_) => "invalid checksum digest format",
        DigestError::Length(_) => "invalid checksum digest length",
        DigestError::Algorithm(_) => "unsupported digest algorithm",
    }
}

impl Reference {
    /// Parses a name as people write it and fills in registry, `library/` and, if there is neither tag nor digest, the
    /// tag `latest`.
    ///
    /// # Errors
    /// If it does not follow the grammar.
    pub fn parse(text: &str) -> Result<Reference, ReferenceError> {
        let mut reference = Reference::parse_untagged(text)?;
        if reference.tag.is_none() && reference.digest.is_none() {
            reference.tag = Some(DEFAULT_TAG.to_owned());
        }
        Ok(reference)
    }

    /// As [`Reference::parse`], but leaves a tag that is not there `None`: what names a repository, not an image.
    ///
    /// # Errors
    /// If it does not follow the grammar.
    pub fn parse_untagged(text: &str) -> Result<Reference, ReferenceError> {
        if text.len() == 64 && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(ReferenceError::Identifier(text.to_owned()));
        }
        let (registry, rest) = split_domain(text);
        let remote = rest.split(':').next().unwrap_or_default();
        if remote.to_lowercase() != remote {
            return Err(ReferenceError::Uppercase(remote.to_owned()));
        }
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => (rest.to_owned(), Some(digest)),
            None => (rest, None),
        };
        let (path, tag) = match rest.split_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (rest.as_str(), None),
        };
        let well_formed = is_path(path) && tag.is_none_or(is_tag) && digest.is_none_or(is_digest);
        if !well_formed || !is_domain(registry) {
            let first_is_upper = well_formed && is_path(&registry.to_lowercase());
            return Err(match first_is_upper && registry.to_lowercase() != registry {
                true => ReferenceError::MustBeLowercase,
                false => ReferenceError::Format,
            });
        }
        if path.len() > MAX_PATH {
            return Err(ReferenceError::TooLong);
        }
        Ok(Reference {
            registry: registry.to_owned(),
            repository: path.to_owned(),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::parse).transpose().map_err(ReferenceError::Digest)?,
        })
    }

    /// The name as Docker shows it: without `docker.io/` and `library/`.
    pub fn familiar(&self) -> String {
        let mut text = self.familiar_name();
        self.push_suffix(&mut text);
        text
    }

    /// [`Reference::familiar`] without tag and digest: the REPOSITORY column of a list of images.
    pub fn familiar_name(&self) -> String {
        if self.registry != DEFAULT_REGISTRY {
            return self.name();
        }
        let path = self.repository.as_str();
        match path.strip_prefix(OFFICIAL) {
            Some(official) if !official.contains('/') => official.to_owned(),
            Some(_) | None => path.to_owned(),
        }
    }

    /// Registry and repository, without tag and digest.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// The same repository with another tag and no digest.
    ///
    /// # Errors
    /// If the tag is none.
    pub fn with_tag(&self, tag: &str) -> Result<Reference, ReferenceError> {
        if !is_tag(tag) {
            return Err(ReferenceError::Tag);
        }
        Ok(Reference { tag: Some(tag.to_owned()), digest: None, ..self.clone() })
    }

    /// The same repository and tag, pinned to a digest.
    pub fn with_digest(&self, digest: Digest) -> Reference {
        Reference { digest: Some(digest), ..self.clone() }
    }

    /// What a registry is asked for: the digest, else the tag.
    pub fn selector(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => DEFAULT_TAG.to_owned(),
        }
    }

    fn push_suffix(&self, text: &mut String) {
        if let Some(tag) = &self.tag {
            text.push(':');
            text.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            text.push('@');
            text.push_str(&digest.to_string());
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.name();
        self.push_suffix(&mut text);
        f.write_str(&text)
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Reference, ReferenceError> {
        Reference::parse(text)
    }
}

impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Reference, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Reference::parse_untagged(&text).map_err(serde::de::Error::custom)
    }
}

/// Registry and the rest, with docker.io and library/ filled in.
fn split_domain(text: &str) -> (&str, String) {
    let (domain, rest) = match text.split_once('/') {
        None => (DEFAULT_REGISTRY, text),
        Some(("index.docker.io", rest)) => (DEFAULT_REGISTRY, rest),
        Some((first, rest))
            if first == "localhost"
                || first.contains(['.', ':'])
                || first.to_lowercase() != first =>
        {
            (first, rest)
        }
        Some(_) => (DEFAULT_REGISTRY, text),
    };
    match domain == DEFAULT_REGISTRY && !rest.contains('/') {
        true => (domain, format!("{OFFICIAL}{rest}")),
        false => (domain, rest.to_owned()),
    }
}

fn is_domain(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) => {
                let digit = |c: u8| c.is_ascii_hexdigit() || c == b':';
                if address.is_empty() || !address.bytes().all(digit) {
                    return false;
                }
                (None, if port.is_empty() { None } else { Some(port) })
            }
            None => return false,
        },
        None => match text.find(':') {
            Some(at) => (Some(&text[..at]), Some(&text[at..])),
            None => (Some(text), None),
        },
    };
    let is_port = |port: &str| {
        port.strip_prefix(':')
            .is_some_and(|port| !port.is_empty() && port.bytes().all(|c| c.is_ascii_digit()))
    };
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        let inner = |c: &u8| c.is_ascii_alphanumeric() || *c == b'-';
        !label.is_empty()
            && bytes.iter().all(inner)
            && bytes.first() != Some(&b'-')
            && bytes.last() != Some(&b'-')
    };
    host.is_none_or(|host| host.split('.').all(is_label)) && port.is_none_or(is_port)
}

fn is_path(text: &str) -> bool {
    text.split('/').all(is_component)
}

/// Alphanumeric runs with one `.`, one or two `_`, or any number of `-` between.
fn is_component(text: &str) -> bool {
    let is_alnum = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_separator = |run: &str| {
        matches!(run, "." | "_" | "__") || (!run.is_empty() && run.bytes().all(|c| c == b'-'))
    };
    let ends_well = |c: Option<char>| c.is_some_and(is_alnum);
    ends_well(text.chars().next())
        && ends_well(text.chars().next_back())
        && text.split(is_alnum).filter(|run| !run.is_empty()).all(is_separator)
}

fn is_tag(text: &str) -> bool {
    let is_word = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    text.len() <= MAX_TAG
        && text.bytes().next().is_some_and(is_word)
        && text.bytes().all(|c| is_word(c) || matches!(c, b'.' | b'-'))
}

/// The form a reference allows; whether the algorithm is known is checked later.
fn is_digest(text: &str) -> bool {
    let Some((algorithm, hex)) = text.split_once(':') else { return false };
    let is_part = |part: &str| {
        part.bytes().next().is_some_and(|c| c.is_ascii_alphabetic())
            && part.bytes().all(|c| c.is_ascii_alphanumeric())
    };
    algorithm.split(['-', '_', '+', '.']).all(is_part)
        && hex.len() >= 32
        && hex.bytes().all(|c| c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests;
