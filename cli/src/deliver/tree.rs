//! `type=local` and `type=tar`: the tree of an image as files, or as one tar.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use executor::{BuiltImage, BuiltLayer};
use oci::manifest::Compression;
use store::layer::index::join;
use store::{Entry, Keep, Kind, LayOut, LayerId, LayerIndex, Place, Source, Store, TreeView};

use super::{Delivery, archive, folder};
use crate::error::CliError;
use crate::options::output::Dest;

/// The trees of all layers of an image as one, with the places of the contents.
pub(super) struct Merged {
    layers: Vec<LayerId>,
    /// In tree order, without the root.
    pub(super) entries: Vec<Entry>,
    /// Where the content of the file at a position is.
    contents: BTreeMap<usize, Place>,
}

/// Writes the tree of each image into a folder; several platforms get a folder each.
pub(super) fn folder(
    images: &[BuiltImage],
    dest: &Path,
    delivery: &Delivery<'_>,
) -> Result<(), CliError> {
    let dest = delivery.env.path(dest);
    let task = delivery.reporter.task("exporting to client directory");
    for image in images {
        let merged = Merged::of(image, delivery.store)?;
        let dest = match images.len() {
            1 => dest.clone(),
            _ => dest.join(platform_folder(image)),
        };
        fs::create_dir_all(&dest).map_err(|error| cannot_write(&dest, &error))?;
        folder::write(&merged, delivery.store, &dest)?;
    }
    task.done();
    Ok(())
}

/// Writes the trees as one tar.
pub(super) fn tar(
    images: &[BuiltImage],
    dest: &Dest,
    delivery: &Delivery<'_>,
) -> Result<(), CliError> {
    let task = delivery.reporter.task("sending tarball");
    let merged = match images {
        [image] => Merged::of(image, delivery.store)?,
        _ => Merged::of_several(images, delivery.store)?,
    };
    let keep = Keep::Packed { compression: Compression::None, epoch: None };
    let source = |position: usize, _: &Entry| -> io::Result<Source> {
        Ok(Source::File(merged.open(position, delivery.store).map_err(io::Error::other)?))
    };
    let index = LayerIndex::new(merged.entries.clone())
        .map_err(|error| CliError::failed(format!("the image's tree is broken: {error}")))?;
    let id = delivery.store.add_sourced(index, &source, keep)?;
    let packed = delivery.store.pack(id, Compression::None, None)?;
    let mut blob = delivery.store.open_blob(&packed.blob)?;
    archive::write(dest, delivery, |out| {
        io::copy(&mut blob, out).map(drop).map_err(|error| CliError::output(&error))
    })?;
    task.done();
    Ok(())
}

impl Merged {
    /// Merges the layers of an image.
    fn of(image: &BuiltImage, store: &Store) -> Result<Merged, CliError> {
        let layers = image
            .layers
            .iter()
            .map(|layer| layer_id(layer, store))
            .collect::<Result<Vec<_>, _>>()?;
        let view = store.view(&layers)?;
        let mut merged = Merged { layers, entries: Vec::new(), contents: BTreeMap::new() };
        merged.add(&view, b"");
        Ok(merged)
    }

    /// Merges images of several platforms, each in a folder of its own.
    fn of_several(images: &[BuiltImage], store: &Store) -> Result<Merged, CliError> {
        let mut all = Merged { layers: Vec::new(), entries: Vec::new(), contents: BTreeMap::new() };
        let mut sorted: Vec<(String, &BuiltImage)> =
            images.iter().map(|image| (platform_folder(image), image)).collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, image) in sorted {
            let merged = Merged::of(image, store)?;
            let (first_layer, first) = (all.layers.len(), all.entries.len() + 1);
            all.entries.push(Entry { path: name.clone().into_bytes(), ..Entry::IMPLICIT_DIR });
            all.layers.extend(merged.layers);
            for mut entry in merged.entries {
                entry.path = join(name.as_bytes(), &entry.path);
                if let Kind::Hardlink { target } = &mut entry.kind {
                    *target = join(name.as_bytes(), target);
                }
                all.entries.push(entry);
            }
            for (position, place) in merged.contents {
                let place = Place { layer: place.layer + first_layer, ..place };
                all.contents.insert(position + first, place);
            }
        }
        Ok(all)
    }

    fn add(&mut self, view: &TreeView, root: &[u8]) {
        let mut first: BTreeMap<Place, Vec<u8>> = BTreeMap::new();
        view.walk(root, &mut |path, node| {
            let mut entry = Entry { path: path.to_vec(), ..node.entry.clone() };
            if let Some(content) = view.content(node) {
                // Names of one file: the first one holds the content.
                match first.get(&content.at) {
                    Some(target) => entry.kind = Kind::Hardlink { target: target.clone() },
                    None => {
                        let (size, digest) = (content.size, content.digest);
                        entry.kind = Kind::File { size, digest };
                        first.insert(content.at, path.to_vec());
                        self.contents.insert(self.entries.len(), content.at);
                    }
                }
            }
            if let Kind::Dir { opaque } = &mut entry.kind {
                *opaque = false;
            }
            self.entries.push(entry);
        });
    }

    /// Opens the content of the file at a position.
    pub(super) fn open(
        &self,
        position: usize,
        store: &Store,
    ) -> Result<fs::File, store::StoreError> {
        let place = self.contents[&position];
        store.open_file(self.layers[place.layer], place.position)
    }
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

fn platform_folder(image: &BuiltImage) -> String {
    image.platform.to_string().replace('/', "_")
}

/// A file of the user's that cannot be written.
pub(super) fn cannot_write(path: &Path, error: &io::Error) -> CliError {
    CliError::failed(format!("cannot write `{}`: {error}", path.display()))
}
