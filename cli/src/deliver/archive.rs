//! `type=oci` and `type=docker`: archives of images.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use oci::manifest::Descriptor;
use oci::{Platform, Reference};
use store::archive::Archived;

use super::Delivery;
use crate::error::CliError;
use crate::options::output::{Archive, Dest};

/// An OCI layout, as an archive or a folder.
pub(super) fn oci(
    archive: &Archive,
    image: &Descriptor,
    delivery: &Delivery<'_>,
) -> Result<(), CliError> {
    let archived = Archived { manifest: image.digest, names: all_names(archive, delivery)? };
    let task = delivery.reporter.task("exporting to oci image format");
    if let (true, Dest::File(folder)) = (archive.folder, &archive.dest) {
        let folder = delivery.env.path(folder);
        store::archive::oci::write_folder(delivery.store, &[archived], &folder)?;
    } else {
        write(&archive.dest, delivery, |out| {
            Ok(store::archive::oci::write(delivery.store, &[archived], out)?)
        })?;
    }
    task.done();
    Ok(())
}

/// What `docker load` reads.
pub(super) fn docker(
    archive: &Archive,
    image: &Descriptor,
    delivery: &Delivery<'_>,
) -> Result<(), CliError> {
    let archived = Archived { manifest: image.digest, names: all_names(archive, delivery)? };
    let task = delivery.reporter.task("exporting to docker image format");
    write(&archive.dest, delivery, |out| {
        Ok(store::archive::docker::write(delivery.store, &[archived], &Platform::host(), out)?)
    })?;
    task.done();
    Ok(())
}

/// Gives `produce` a place for its bytes. A file appears under its name only when it is complete.
pub(super) fn write(
    dest: &Dest,
    delivery: &Delivery<'_>,
    produce: impl FnOnce(&mut dyn Write) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let path = match dest {
        Dest::File(path) => delivery.env.path(path),
        Dest::Stdout => {
            let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
            produce(&mut out)?;
            return out.flush().map_err(|error| CliError::output(&error));
        }
    };
    write_file(&path, produce)
}

/// Writes a file beside its destination and renames it. What is no plain file (a pipe, /dev/null) is written as it is.
pub(crate) fn write_file(
    path: &Path,
    produce: impl FnOnce(&mut dyn Write) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let failed =
        |error: io::Error| CliError::io(format_args!("cannot write `{}`", path.display()), &error);
    if path.symlink_metadata().is_ok_and(|data| !data.is_file()) {
        let mut out = BufWriter::new(File::create(path).map_err(failed)?);
        produce(&mut out)?;
        return out.flush().map_err(failed);
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder).map_err(failed)?;
    let temporary = tempfile::Builder::new()
        .prefix(".dfc-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(folder)
        .map_err(failed)?;
    let mut out = BufWriter::with_capacity(1 << 16, temporary);
    produce(&mut out)?;
    let temporary = out.into_inner().map_err(|error| failed(error.into_error()))?;
    temporary.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// The names of `--tag`, then those of `name=`.
fn all_names(archive: &Archive, delivery: &Delivery<'_>) -> Result<Vec<Reference>, CliError> {
    let mut names = delivery.names.to_vec();
    for name in &archive.names {
        let name = name
            .parse()
            .map_err(|error| CliError::usage(format!("--output name=`{name}`: {error}")))?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}
