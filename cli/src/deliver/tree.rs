//! `type=local` and `type=tar`: the tree of an image as files, or as one tar.

use std::fs;
use std::io;
use std::path::Path;

use executor::{BuiltImage, BuiltLayer};
use store::{Flat, LayOut, LayerId, Store};

use super::{Delivery, archive, folder};
use crate::error::CliError;
use crate::options::output::Dest;

/// Writes the tree of each image into a folder; several platforms get a folder each.
pub(super) fn folder(
    images: &[BuiltImage],
    dest: &Path,
    delivery: &Delivery<'_>,
) -> Result<(), CliError> {
    let dest = delivery.env.path(dest);
    let task = delivery.reporter.task("exporting to client directory");
    for image in images {
        let flat = flat(image, delivery.store)?;
        let dest = match images.len() {
            1 => dest.clone(),
            _ => dest.join(image.platform.to_string().replace('/', "_")),
        };
        fs::create_dir_all(&dest).map_err(|error| cannot_write(&dest, &error))?;
        folder::write(&flat, &dest)?;
    }
    task.done();
    Ok(())
}

/// Writes the tree as a tar.
pub(super) fn tar(
    images: &[BuiltImage],
    dest: &Dest,
    delivery: &Delivery<'_>,
) -> Result<(), CliError> {
    let [image] = images else {
        return Err(CliError::usage("--output type=tar takes one platform only")
            .help("type=local makes a folder for each"));
    };
    let task = delivery.reporter.task("sending tarball");
    let flat = flat(image, delivery.store)?;
    archive::write(dest, delivery, |out| Ok(flat.write_tar(delivery.epoch, out)?))?;
    task.done();
    Ok(())
}

fn flat(image: &BuiltImage, store: &Store) -> Result<Flat, CliError> {
    let layers = image.layers.iter().map(|layer| layer_id(layer, store));
    Ok(store.flatten(&layers.collect::<Result<Vec<_>, _>>()?)?)
}

/// The layer in the store, with its index.
fn layer_id(layer: &BuiltLayer, store: &Store) -> Result<LayerId, CliError> {
    match (layer.id, &layer.blob, &layer.diff_id) {
        (Some(id), ..) => Ok(id),
        (None, Some(blob), Some(diff_id)) => {
            Ok(store.import_layer(&blob.digest, diff_id, LayOut::No)?)
        }
        (None, ..) => Err(CliError::failed("a layer of the base image was never fetched")),
    }
}

/// A file of the user's that cannot be written.
pub(super) fn cannot_write(path: &Path, error: &io::Error) -> CliError {
    CliError::io(format_args!("cannot write `{}`", path.display()), error)
}
