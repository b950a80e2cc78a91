//! Reads `/etc/passwd` and `/etc/group` of a tree.

use std::io::Read as _;

use store::{Kind, Store};

use crate::draft::Base;
use crate::error::Cause;
use crate::op::file::owner::Accounts;
use crate::tree::{Last, SourceTree as _, display, resolve_source};

/// As BuildKit has it.
const MAX_BYTES: u64 = 10 << 20;

/// Reads both files; one that is not there is `None`.
///
/// # Errors
/// One is no regular file, is larger than 10 MiB, or cannot be read.
pub(crate) fn read(base: &Base, store: &Store) -> Result<Accounts, Cause> {
    Ok(Accounts {
        passwd: read_one(base, store, b"etc/passwd")?,
        group: read_one(base, store, b"etc/group")?,
    })
}

fn read_one(base: &Base, store: &Store, path: &[u8]) -> Result<Option<Vec<u8>>, Cause> {
    let Ok(path) = resolve_source(base, path, Last::Follow) else { return Ok(None) };
    let Some(found) = base.get(&path)? else { return Ok(None) };
    let Kind::File { size, .. } = found.entry.kind else {
        return Err(Cause::file(format!("`/{}` is not a regular file", display(&path))));
    };
    if size > MAX_BYTES {
        return Err(Cause::file(format!("`/{}` has more than {MAX_BYTES} bytes", display(&path))));
    }
    let Some(content) = base.content_of(&path) else { return Ok(None) };
    let mut bytes = Vec::new();
    content
        .open(store)
        .and_then(|source| source.take(MAX_BYTES).read_to_end(&mut bytes))
        .map_err(|error| Cause::file(format!("cannot read `/{}`: {error}", display(&path))))?;
    Ok(Some(bytes))
}
