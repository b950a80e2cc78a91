//! A cache in a folder: an OCI layout. What no entry of it needs any more is removed, so that it does not grow with
//! every build.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use executor::portable::CACHE_CONFIG;
use oci::manifest::{Descriptor, ImageIndex, Manifest, media_type};
use oci::{Digest, MAX_MANIFEST};
use rustix::fs::{FlockOperation, flock};
use store::Store;

use crate::error::CliError;

const TAG: &str = "org.opencontainers.image.ref.name";
const MARKER: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// Writes a cache under a tag.
///
/// # Errors
/// The folder cannot be written, or is something else.
pub(super) fn write(
    store: &Store,
    manifest: &Manifest,
    (folder, tag): (&Path, &str),
) -> Result<(), CliError> {
    let failed = |error: io::Error| {
        CliError::io(format_args!("cannot write the cache `{}`", folder.display()), &error)
    };
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).map_err(failed)?;
    // Two builds that write to one folder take turns.
    let lock = File::open(folder).map_err(failed)?;
    flock(&lock, FlockOperation::LockExclusive).map_err(|errno| failed(errno.into()))?;
    for blob in std::iter::once(&manifest.config).chain(&manifest.layers) {
        let path = blobs.join(blob.digest.hex());
        if fs::metadata(&path).is_ok_and(|it| it.len() == blob.size) {
            continue;
        }
        let mut content = store.checked_blob(&blob.digest)?;
        put(&path, &mut content).map_err(failed)?;
    }
    let bytes = manifest.to_json();
    let digest = Digest::of(&bytes);
    put(&blobs.join(digest.hex()), &mut bytes.as_slice()).map_err(failed)?;
    let mut entry = Descriptor::new(media_type::OCI_MANIFEST, digest, bytes.len() as u64);
    entry.annotations.insert(TAG.to_owned(), tag.to_owned());
    let index = with_entry(folder, entry).map_err(failed)?;
    put(&folder.join("oci-layout"), &mut &MARKER[..]).map_err(failed)?;
    put(&folder.join("index.json"), &mut index.to_json().as_slice()).map_err(failed)?;
    sweep(&blobs, &index).map_err(failed)
}

/// The entries that there are, with a new one in place of that with its tag.
fn with_entry(folder: &Path, entry: Descriptor) -> io::Result<ImageIndex> {
    let mut entries = match fs::read(folder.join("index.json")) {
        Ok(bytes) => serde_json::from_slice::<ImageIndex>(&bytes)?.manifests,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    entries.retain(|old| old.annotations.get(TAG) != entry.annotations.get(TAG));
    entries.push(entry);
    Ok(ImageIndex::oci(entries))
}

/// Writes a file whole or not at all.
fn put(path: &Path, content: &mut dyn io::Read) -> io::Result<()> {
    let folder = path.parent().expect("it is in a folder");
    let mut half = tempfile::Builder::new().prefix(".half-").tempfile_in(folder)?;
    io::copy(content, &mut half)?;
    half.flush()?;
    fs::set_permissions(half.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    half.persist(path).map(drop).map_err(|error| error.error)
}

/// Removes what no entry needs; nothing, if something in the folder is not ours.
fn sweep(blobs: &Path, index: &ImageIndex) -> io::Result<()> {
    let mut needed = BTreeSet::new();
    for entry in &index.manifests {
        let path = blobs.join(entry.digest.hex());
        if fs::metadata(&path)?.len() > MAX_MANIFEST {
            return Ok(());
        }
        let Ok(manifest) = serde_json::from_slice::<Manifest>(&fs::read(&path)?) else {
            return Ok(());
        };
        if manifest.config.media_type != CACHE_CONFIG {
            return Ok(());
        }
        needed.insert(entry.digest.hex());
        let parts = std::iter::once(&manifest.config).chain(&manifest.layers);
        needed.extend(parts.map(|blob| blob.digest.hex()));
    }
    for file in fs::read_dir(blobs)? {
        let file = file?;
        if !needed.contains(&*file.file_name().to_string_lossy()) {
            fs::remove_file(file.path())?;
        }
    }
    Ok(())
}
