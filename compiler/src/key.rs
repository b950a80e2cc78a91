//! Keys of steps: when is a step the same step again?
//!
//! A **definition** says what a step is, and is known before anything runs. A **content** record adds what the step
//! works on: the result digests of its inputs and, for what it copies, the digest of every file. Each is a
//! [`KeyRecord`]: named components in order. The record is kept, so that two of them can be compared
//! ([`crate::reason`]); its [`CacheKey`] is blake3 over version and components, each framed by its length.
//!
//! | component              | definition of                | why                                                   |
//! | ---------------------- | ---------------------------- | ----------------------------------------------------- |
//! | `op`                   | all                          |                                                       |
//! | `platform`             | exec                         | a command may ask for it; copies are the same on all  |
//! | `layer N`              | image                        | diff ids say all of its tree; its name says nothing   |
//! | `reference`, `platform` | image not looked up         | all that is known of it                               |
//! | `context`              | local                        | which folder; its files come with the content         |
//! | `url`, `file name`, `checksum`, `reference`, `subdir`, … | download, git | what is fetched                    |
//! | `arg N`, `cwd`, `user` | exec                         |                                                       |
//! | `env NAME`             | exec                         | ENV and ARG values that the step can see, no others   |
//! | `network`, `security`, `hostname`, `host N`, `ulimit N`, `shm size`, `device N` | exec | the command sees them |
//! | `mount N …`            | exec                         | where, what, how; not what a cache holds              |
//! | `secret env N …`       | exec                         | which secret, never its value                         |
//! | `action N …`           | file                         | source, destination, owner, mode, patterns, content   |
//! | `on scratch`           | file                         | `--link` makes another layer                          |
//!
//! | component              | content                                                                              |
//! | ---------------------- | ------------------------------------------------------------------------------------ |
//! | `definition`           | the definition's key                                                                 |
//! | `base`                 | result digest of the tree it starts from                                             |
//! | `source N`, `mount N`, `upper N` | digest of what it takes from that input: a selection, or the whole tree    |
//! | `source N file PATH`   | digest of one file of the selection, with its mode                                   |
//!
//! Never in a key: names for people, spans, stages, the number of jobs, modification times, absolute paths of this
//! machine, proxy settings, values of secrets, contents, ids and sharing of cache mounts.

mod define;

use std::fmt;
use std::str::FromStr;

use oci::Platform;

use crate::graph::Role;
use crate::op::Op;

/// Goes up when a key means something else than before; records of other versions never match.
pub const VERSION: u32 = 1;

/// blake3 over a [`KeyRecord`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CacheKey([u8; 32]);

/// Why a text is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no key: a key has 64 hex digits")]
pub struct KeyError(String);

impl CacheKey {
    /// Wraps the bytes of a key.
    pub fn from_bytes(bytes: [u8; 32]) -> CacheKey {
        CacheKey(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CacheKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<CacheKey, KeyError> {
        let hash = blake3::Hash::from_hex(text).map_err(|_| KeyError(text.to_owned()))?;
        Ok(CacheKey(*hash.as_bytes()))
    }
}

/// The pre-image of a key: what it was made of, by name. Names are unique.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// [`VERSION`] of who made it.
    pub version: u32,
    /// Name and value of each component, in the order they were hashed.
    pub components: Vec<(String, String)>,
}

impl KeyRecord {
    /// A record of this version without components.
    fn new() -> KeyRecord {
        KeyRecord { version: VERSION, components: Vec::new() }
    }

    /// Hashes the record.
    pub fn key(&self) -> CacheKey {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"dfc key");
        hasher.update(&self.version.to_le_bytes());
        hasher.update(&(self.components.len() as u64).to_le_bytes());
        for (name, value) in &self.components {
            for part in [name, value] {
                hasher.update(&(part.len() as u64).to_le_bytes());
                hasher.update(part.as_bytes());
            }
        }
        CacheKey(*hasher.finalize().as_bytes())
    }

    /// The value of a component.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.components.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.components.push((name.into(), value.into()));
    }

    /// Adds a component only if there is something to say: nothing and empty must mean the same.
    fn add_some(&mut self, name: impl Into<String>, value: Option<&String>) {
        if let Some(value) = value {
            self.add(name, value.as_str());
        }
    }
}

/// What a step is: its definition record. The inputs are not in it.
pub fn definition(op: &Op, platform: &Platform) -> KeyRecord {
    define::record(op, platform)
}

/// What a step takes from one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentInput {
    /// What the input is to the step.
    pub role: Role,
    /// Digest of the whole tree, or of the part of it that the step takes.
    pub digest: String,
    /// The files of that part: path in the input, digest of content, mode and owner. Empty where the step takes the
    /// whole tree.
    pub files: Vec<(String, String)>,
}

/// What a step works on: the record over its definition and its inputs, in any order.
pub fn content(definition: &CacheKey, inputs: &[ContentInput]) -> KeyRecord {
    let mut record = KeyRecord::new();
    record.add("definition", definition.to_string());
    let mut inputs: Vec<&ContentInput> = inputs.iter().collect();
    inputs.sort_by_key(|input| input.role);
    for ContentInput { role, digest, files } in inputs {
        let name = role_name(*role);
        let mut files: Vec<&(String, String)> = files.iter().collect();
        files.sort();
        for (path, digest) in files {
            record.add(format!("{name} file {path}"), digest.as_str());
        }
        record.add(name, digest.as_str());
    }
    record
}

/// How components call an input: `base`, `source 0`, `mount 1`, `upper 0`.
pub fn role_name(role: Role) -> String {
    match role {
        Role::Base => "base".into(),
        Role::Source(number) => format!("source {number}"),
        Role::Mount(number) => format!("mount {number}"),
        Role::Upper(number) => format!("upper {number}"),
    }
}

#[cfg(test)]
mod tests;
