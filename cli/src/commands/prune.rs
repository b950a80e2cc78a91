//! `dfc prune`: makes room.

use std::collections::BTreeMap;
use std::io;
use std::process::ExitCode;

use oci::Digest;
use store::PrunePolicy;

use crate::args::image::PruneArgs;
use crate::error::CliError;
use crate::open;
use crate::options::size;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(args: &PruneArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let keep_storage =
        args.keep_storage.as_deref().map(|text| size::parse("keep-storage", text)).transpose()?;
    let what = match args.all {
        true => "images without a name, results of steps that are in no image, and cache mounts",
        false => "images without a name, and results of steps that are in no image",
    };
    if !args.force && !confirmed(what, ui)? {
        return Ok(ExitCode::SUCCESS);
    }
    let store = open::store(&ui.env)?;
    let policy = PrunePolicy { unused_since: None, keep_storage, untagged: true, caches: args.all };
    // Images are told by the ids that `dfc images` shows.
    let ids: BTreeMap<Digest, Digest> = store
        .images()?
        .into_iter()
        .filter_map(|image| Some((image.manifest, image.config?)))
        .collect();
    let pruned = store.prune(&policy)?;
    for image in &pruned.images {
        ui.line(format_args!("Deleted: {}", ids.get(image).unwrap_or(image)))?;
    }
    ui.line(format_args!(
        "Removed {}, {} and {}; {} freed.",
        count(pruned.layers, "layer"),
        count(pruned.blobs, "blob"),
        count(pruned.records, "step result"),
        size::show(pruned.bytes)
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// "1 layer", "2 layers".
fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Asks on a terminal; elsewhere --force must be given.
fn confirmed(what: &str, ui: &mut Ui) -> Result<bool, CliError> {
    if !ui.env.stdin_terminal {
        return Err(CliError::usage("prune removes things and cannot ask here").help("add --force"));
    }
    ui.note(format_args!("This removes {what}. Go on? [y/N]"));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|error| CliError::failed(error.to_string()))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
