//! Which layers images have in common.

use std::collections::BTreeMap;

use oci::{Digest, Reference};
use store::{ImageRecord, Store};

use super::find;

/// An image as a stack of layers.
#[derive(Debug, Clone)]
pub(crate) struct Stack {
    /// Its id.
    pub(crate) id: Digest,
    /// Its names; of an image of one platform those of the whole, with the platform.
    pub(crate) names: Vec<String>,
    /// Its layers, bottom first: the digest of each as a tar, and the size of its blob.
    pub(crate) layers: Vec<(Digest, u64)>,
}

/// The images whose documents can be read, as stacks. Those of several platforms stand for themselves through their
/// members.
pub(crate) fn stacks(store: &Store, images: &[&ImageRecord]) -> Vec<Stack> {
    let mut wholes: BTreeMap<Digest, Vec<&Reference>> = BTreeMap::new();
    for image in images {
        for member in &image.members {
            wholes.entry(*member).or_default().extend(&image.names);
        }
    }
    let mut stacks = Vec::new();
    for image in images.iter().filter(|image| image.members.is_empty()) {
        let Ok((manifest, config)) = find::documents(store, image) else { continue };
        let layers = config.rootfs.diff_ids.iter().copied();
        let layers = layers.zip(manifest.layers.iter().map(|layer| layer.size)).collect();
        let mut names: Vec<String> = image.names.iter().map(Reference::familiar).collect();
        for whole in wholes.get(&image.manifest).into_iter().flatten() {
            names.push(format!("{} {}", whole.familiar(), config.platform()));
        }
        stacks.push(Stack { id: manifest.config.digest, names, layers });
    }
    stacks
}
