//! Entries for tests.

use super::index::{Entry, FileDigest, Kind};

pub(crate) fn dir(path: &str) -> Entry {
    Entry { path: path.into(), ..Entry::IMPLICIT_DIR }
}

pub(crate) fn entry(path: &str, kind: Kind) -> Entry {
    Entry { path: path.into(), kind, mode: 0o644, ..Entry::IMPLICIT_DIR }
}

pub(crate) fn file(path: &str, content: &[u8]) -> Entry {
    let digest = FileDigest(blake3::hash(content).into());
    entry(path, Kind::File { size: content.len() as u64, digest })
}

pub(crate) fn symlink(path: &str, target: &str) -> Entry {
    Entry { mode: 0o777, ..entry(path, Kind::Symlink { target: target.into() }) }
}

pub(crate) fn hardlink(path: &str, target: &str) -> Entry {
    entry(path, Kind::Hardlink { target: target.into() })
}

pub(crate) fn whiteout(path: &str) -> Entry {
    entry(path, Kind::Whiteout)
}
