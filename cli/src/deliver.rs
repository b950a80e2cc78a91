//! Where a built image goes: the store, archives, folders, a running docker or podman.
//!
//! Files are written beside their destination and renamed, so that nobody finds half of one.

mod archive;
pub(crate) mod elsewhere;
mod engine;
mod folder;
mod tree;

pub(crate) use archive::write_file;

use executor::{BuiltImage, Import};
use oci::manifest::{Descriptor, ImageIndex, Manifest, media_type};
use oci::{Digest, Reference};
use serde_json::{Value, json};
use store::Store;

use crate::env::Env;
use crate::error::CliError;
use crate::images::remote::Remote;
use crate::images::{ImageSources, push};
use crate::options::output::{Output, Outputs};
use crate::progress::Reporter;

/// What delivering works with.
#[derive(Debug)]
pub(crate) struct Delivery<'a> {
    /// Where the image is.
    pub(crate) store: &'a Store,
    /// Where it goes.
    pub(crate) outputs: &'a Outputs,
    /// What it is called (`--tag`).
    pub(crate) names: &'a [Reference],
    /// The bases of what was built, and the caches of other machines that it took from.
    pub(crate) images: &'a ImageSources<'a>,
    pub(crate) imports: &'a [Import<'a>],
    /// Where a push goes.
    pub(crate) remote: &'a Remote,
    /// What paths are relative to.
    pub(crate) env: &'a Env,
    /// No time in what is written is later (seconds since 1970).
    pub(crate) epoch: Option<i64>,
    /// Is told what happens.
    pub(crate) reporter: &'a Reporter,
}

/// How the result is called.
#[derive(Debug)]
pub(crate) struct Delivered {
    /// The image's id: the digest of its config, or of the index of several; `None` if only trees were asked for.
    pub(crate) id: Option<Digest>,
    /// What `--metadata-file` says.
    pub(crate) metadata: Value,
}

/// Hands the images, one for each platform, to all outputs.
///
/// # Errors
/// The first output that cannot be written.
pub(crate) fn deliver(
    images: &[BuiltImage],
    delivery: &Delivery<'_>,
) -> Result<Delivered, CliError> {
    let root = match delivery.outputs.wants_image() {
        true => Some(root_manifest(images, delivery.store)?),
        false => None,
    };
    for output in &delivery.outputs.all {
        match (output, &root) {
            (Output::Oci(archive), Some(root)) => {
                archive::oci(archive, &root.descriptor, delivery)?;
            }
            (Output::Docker(archive), Some(root)) => {
                archive::docker(archive, &root.descriptor, delivery)?;
            }
            (Output::Image, Some(root)) => name(root, delivery)?,
            (Output::Tar(dest), _) => tree::tar(images, dest, delivery)?,
            (Output::Local(folder), _) => tree::folder(images, folder, delivery)?,
            (Output::Oci(_) | Output::Docker(_) | Output::Image, None) => {
                unreachable!("such an output wants an image")
            }
        }
    }
    if let (true, Some(root)) = (delivery.outputs.load, &root) {
        engine::load(&root.descriptor, delivery)?;
    }
    if delivery.outputs.push {
        // The store has the names by now: a push has an image output.
        let Delivery { store, remote, reporter, .. } = delivery;
        let elsewhere = elsewhere::of(images, delivery)?;
        for name in delivery.names {
            push::image(store, remote, name, &elsewhere, reporter)?;
        }
    }
    Ok(Delivered {
        id: root.as_ref().map(|root| root.id),
        metadata: root.as_ref().map_or_else(|| json!({}), |root| metadata(root, delivery.names)),
    })
}

/// The manifest that stands for the whole result.
#[derive(Debug)]
struct Root {
    descriptor: Descriptor,
    id: Digest,
}

/// The one manifest, or an index of those of several platforms; known to the store as an image from here on.
fn root_manifest(images: &[BuiltImage], store: &Store) -> Result<Root, CliError> {
    let mut descriptors = Vec::new();
    let mut id = None;
    for image in images {
        let (descriptor, manifest): &(Descriptor, Manifest) =
            image.manifest.as_ref().expect("asked of the executor by Deliver::Blobs");
        store.put_manifest(&store.read_blob(&descriptor.digest)?, &descriptor.media_type)?;
        id = Some(manifest.config.digest);
        let mut descriptor = descriptor.clone();
        descriptor.platform.get_or_insert_with(|| image.platform.clone());
        descriptors.push(descriptor);
    }
    if let ([descriptor], Some(id)) = (descriptors.as_slice(), id) {
        return Ok(Root { descriptor: descriptor.clone(), id });
    }
    let bytes = ImageIndex::oci(descriptors).to_json();
    let digest = store.put_manifest(&bytes, media_type::OCI_INDEX)?;
    let descriptor = Descriptor::new(media_type::OCI_INDEX, digest, bytes.len() as u64);
    Ok(Root { descriptor, id: digest })
}

/// Gives the image its names in the store.
fn name(root: &Root, delivery: &Delivery<'_>) -> Result<(), CliError> {
    let task = delivery.reporter.task("exporting to the local store");
    task.line(&format!("image {}", root.id));
    for name in delivery.names {
        delivery.store.tag(name, &root.descriptor.digest)?;
        task.line(&format!("naming to {name}"));
    }
    task.done();
    Ok(())
}

/// In the form of `docker buildx build --metadata-file`.
fn metadata(root: &Root, names: &[Reference]) -> Value {
    let mut value = json!({
        "containerimage.config.digest": root.id,
        "containerimage.descriptor": root.descriptor,
        "containerimage.digest": root.descriptor.digest,
    });
    if !names.is_empty() {
        let names: Vec<String> = names.iter().map(Reference::to_string).collect();
        value["image.name"] = json!(names.join(","));
    }
    value
}
