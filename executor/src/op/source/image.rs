//! The layers of an image: named, not fetched, until something looks into them.

use compiler::StepId;
use compiler::op::ImageSource;

use crate::env::OutsideError;
use crate::error::Cause;
use crate::op::source::at_hand;
use crate::run::{Cx, Made, Outcome};
use crate::snapshot::{Layer, Snapshot};

/// Names the layers.
///
/// # Errors
/// Config and manifest do not fit, or the manifest is not known.
pub(super) fn run(cx: &Cx<'_>, id: StepId, image: &ImageSource) -> Result<Outcome, Cause> {
    let blobs = if image.diff_ids.is_empty() { Vec::new() } else { cx.env.images.layers(image)? };
    if blobs.len() != image.diff_ids.len() {
        return Err(Cause::Outside(OutsideError {
            message: format!(
                "the image `{}` is broken: its config names {} layers, its manifest {}",
                image.reference,
                image.diff_ids.len(),
                blobs.len()
            ),
            help: None,
        }));
    }
    let mut layers = Vec::with_capacity(blobs.len());
    for (diff_id, blob) in image.diff_ids.iter().zip(blobs) {
        let layer = cx.remote.declare(cx, image, *diff_id, blob)?;
        if cx.needs.files(id) {
            cx.remote.need_files(layer);
        }
        layers.push(Layer { id: layer, digest: *diff_id.as_bytes(), created: 0 });
    }
    Ok(at_hand(Made::Layers(Snapshot { layers }), Vec::new()))
}
