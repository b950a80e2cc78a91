//! Layers, config and history to an image: what was not known before the layers were.

use compiler::op::SourceOp;
use compiler::{Op, Role, StepId, Target};
use oci::manifest::{Compression, Descriptor, Manifest, media_type};
use oci::{History, ImageConfig};
use store::LayerId;

use crate::build::{Outcomes, Packs, done_steps};
use crate::env::Deliver;
use crate::error::Cause;
use crate::export;
use crate::image::{BuiltImage, BuiltLayer};
use crate::op::source::snapshot;
use crate::portable::INLINE_FIELD;
use crate::run::Cx;
use crate::snapshot::{Layer, Snapshot};
use crate::time::rfc3339;

/// Puts a target's image together and its config and manifest into the store.
///
/// # Errors
/// The store cannot be written.
pub(crate) fn assemble(
    cx: &Cx<'_>,
    target: &Target,
    outcomes: &Outcomes,
    packs: &Packs,
) -> Result<BuiltImage, Cause> {
    let tree = match target.step {
        None => Snapshot::default(),
        Some(step) => {
            let outcome = outcomes[step.index()].as_ref().expect("all steps are done");
            let mut tree = snapshot(cx, step, outcome)?;
            for layer in &mut tree.layers {
                *layer = cx.replaced.of(*layer);
            }
            if cx.env.settings.deliver == Deliver::Trees {
                cx.remote.bring(cx, &tree)?;
            }
            tree
        }
    };
    let layers: Vec<BuiltLayer> =
        tree.layers.iter().map(|layer| built_layer(cx, layer, packs)).collect();
    let mut config = target.config.clone();
    config.rootfs.diff_ids = layers.iter().filter_map(|layer| layer.diff_id).collect();
    match_layers(cx, target, &mut config, tree.layers.len());
    fill_in_times(cx, &mut config, &tree);
    if cx.env.settings.inline_cache {
        let epoch = |id: &LayerId| match packs.get(id) {
            Some(packed) => packed.epoch,
            None => cx.remote.elsewhere(*id).and_then(|it| it.epoch),
        };
        let of = |layer: &BuiltLayer| Some((layer.id?, (layer.diff_id?, epoch(&layer.id?))));
        let diff_ids = layers.iter().filter_map(of).collect();
        let portable = export::inline(cx.env.store, &done_steps(cx), &diff_ids)?;
        config.other.insert(INLINE_FIELD.to_owned(), portable.to_value());
    }
    let manifest = match cx.env.settings.deliver {
        Deliver::Trees | Deliver::Nothing => None,
        Deliver::Blobs | Deliver::NewBlobs => Some(put_manifest(cx, &config, &layers)?),
    };
    Ok(BuiltImage { platform: target.platform.clone(), config, layers, manifest })
}

fn built_layer(cx: &Cx<'_>, layer: &Layer, packs: &Packs) -> BuiltLayer {
    let id = Some(layer.id);
    if let Some(packed) = packs.get(&layer.id) {
        let blob = Descriptor {
            media_type: layer_type(packed.compression).to_owned(),
            digest: packed.blob,
            size: packed.size,
            platform: None,
            annotations: Default::default(),
        };
        return BuiltLayer { id, diff_id: Some(packed.diff_id), blob: Some(blob) };
    }
    match cx.remote.blob(layer.id) {
        Some((diff_id, blob)) => {
            let media_type = oci_type(&blob.media_type).to_owned();
            let blob = Descriptor { media_type, ..blob };
            BuiltLayer { id, diff_id: Some(diff_id), blob: Some(blob) }
        }
        None => BuiltLayer { id, diff_id: None, blob: None },
    }
}

fn layer_type(compression: Compression) -> &'static str {
    match compression {
        Compression::None => media_type::OCI_LAYER,
        Compression::Gzip => media_type::OCI_LAYER_GZIP,
        Compression::Zstd => media_type::OCI_LAYER_ZSTD,
    }
}

/// A base image may come with Docker's names for the same bytes.
fn oci_type(media: &str) -> &str {
    match media {
        media_type::DOCKER_LAYER_GZIP => media_type::OCI_LAYER_GZIP,
        "application/vnd.docker.image.rootfs.diff.tar" => media_type::OCI_LAYER,
        other => other,
    }
}

fn put_manifest(
    cx: &Cx<'_>,
    config: &ImageConfig,
    layers: &[BuiltLayer],
) -> Result<(Descriptor, Manifest), Cause> {
    let store = cx.env.store;
    let bytes = serde_json::to_vec(config).expect("a config is always JSON");
    let plain = |media: &str, digest, size| Descriptor {
        media_type: media.to_owned(),
        digest,
        size,
        platform: None,
        annotations: Default::default(),
    };
    let config = plain(media_type::OCI_CONFIG, store.put_blob(&bytes)?, bytes.len() as u64);
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media_type::OCI_MANIFEST.to_owned()),
        config,
        layers: layers.iter().filter_map(|layer| layer.blob.clone()).collect(),
        annotations: Default::default(),
    };
    let bytes = serde_json::to_vec(&manifest).expect("a manifest is always JSON");
    let digest = store.put_manifest(&bytes, media_type::OCI_MANIFEST)?;
    Ok((plain(media_type::OCI_MANIFEST, digest, bytes.len() as u64), manifest))
}

/// Every history entry gets the time its layer was made; one without a layer that of the entry before, and before the
/// first new layer that of this layer. The image is as old as the last. No time is made up: an image without any layer
/// has none, and one made wholly from the cache is the same image.
fn fill_in_times(cx: &Cx<'_>, config: &mut ImageConfig, tree: &Snapshot) {
    let epoch = cx.graph.epoch.map(rfc3339);
    let mut layers = tree.layers.iter();
    for entry in &mut config.history {
        let layer = if entry.empty_layer { None } else { layers.next() };
        if entry.created.is_none() {
            let made = layer.filter(|layer| layer.created != 0).map(|layer| layer.created);
            entry.created = epoch.clone().or(made.map(rfc3339));
        }
    }
    let open = config.history.iter().position(|entry| entry.created.is_none());
    let (known, rest) = config.history.split_at(open.unwrap_or(config.history.len()));
    let first_new = rest.iter().find_map(|entry| entry.created.clone());
    let mut last = first_new.or_else(|| known.last().and_then(|entry| entry.created.clone()));
    for entry in config.history.iter_mut().skip(open.unwrap_or(usize::MAX)) {
        match &entry.created {
            Some(created) => last = Some(created.clone()),
            None => entry.created.clone_from(&last),
        }
    }
    let created = config.history.iter().rev().find_map(|entry| entry.created.clone());
    config.created = epoch.or(created);
}

/// What BuildKit calls the layer of a step.
fn description(cx: &Cx<'_>, id: StepId) -> String {
    let step = cx.graph.step(id);
    match &step.op {
        Op::Source(SourceOp::Local { name }) => format!("local source for {name}"),
        Op::Source(SourceOp::Http(http)) => format!("http url {}", http.url),
        Op::Source(SourceOp::Git(git)) => {
            let reference = git.reference.as_deref().unwrap_or_default();
            format!("git snapshot for {}#{reference}", git.url)
        }
        Op::Exec(exec) => format!("mount / from exec {}", exec.args.join(" ")),
        Op::Source(SourceOp::Image(_)) | Op::File(_) => step.name.clone(),
        Op::Merge => match cx.graph.input(id, Role::Upper(0)) {
            Some(upper) => description(cx, upper),
            None => step.name.clone(),
        },
    }
}

/// As many entries with a layer as there are layers: base images are not always made so, and a base that is a folder has
/// no history of its own.
fn match_layers(cx: &Cx<'_>, target: &Target, config: &mut ImageConfig, layers: usize) {
    let told = config.history.iter().filter(|entry| !entry.empty_layer).count();
    let below = layers.saturating_sub(target.layers.len());
    for number in told..layers {
        // BuildKit describes the layer at the entry's position, which need not be the one that has no entry.
        let step = number.checked_sub(below).and_then(|number| target.layers.get(number));
        config.history.push(History {
            created_by: step.map(|step| description(cx, *step)).unwrap_or_default(),
            comment: Some("buildkit.exporter.image.v0".to_owned()),
            ..History::default()
        });
    }
    let mut extra = told.saturating_sub(layers);
    config.history.retain(|entry| {
        let drop = extra > 0 && !entry.empty_layer;
        extra -= usize::from(drop);
        !drop
    });
}
