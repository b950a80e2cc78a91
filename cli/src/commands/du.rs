//! `dfc du`: what images, results of steps and cache mounts take on disk.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::SystemTime;

use oci::{Digest, Reference};
use serde_json::{Value, json};
use store::{ImageRecord, Usage};

use crate::args::image::DuArgs;
use crate::error::CliError;
use crate::images::select::Catalog;
use crate::open;
use crate::options::size::show;
use crate::render::listing::{Format, Head};
use crate::render::time;
use crate::ui::Ui;

const KINDS: [Head; 5] = [
    ("Active", "ACTIVE"),
    ("Reclaimable", "RECLAIMABLE"),
    ("Size", "SIZE"),
    ("TotalCount", "TOTAL"),
    ("Type", "TYPE"),
];

const IMAGES: [Head; 7] = [
    ("CreatedSince", "CREATED"),
    ("ID", "IMAGE ID"),
    ("Repository", "REPOSITORY"),
    ("SharedSize", "SHARED SIZE"),
    ("Size", "SIZE"),
    ("Tag", "TAG"),
    ("UniqueSize", "UNIQUE SIZE"),
];

const MOUNTS: [Head; 3] = [("Changed", "CHANGED"), ("ID", "CACHE ID"), ("Size", "SIZE")];

/// Runs the command.
pub(crate) fn run(args: &DuArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let format = Format::parse(args.format.as_deref())?;
    let store = open::store(&ui.env)?;
    let usage = store.usage()?;
    let kinds = kinds(&usage);
    if !args.verbose {
        let usual = ["Type", "TotalCount", "Active", "Size", "Reclaimable"];
        ui.write(&format.show(&kinds, &KINDS, &usual)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let now = time::now(SystemTime::now());
    let images = images(&usage, &Catalog::read(&store)?, now);
    let mounts = mounts(&usage, now);
    if matches!(format, Format::Json) {
        ui.line(json!({ "Images": images, "CacheMounts": mounts, "Summary": kinds }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let usual = ["Repository", "Tag", "ID", "CreatedSince", "Size", "SharedSize", "UniqueSize"];
    let mut text = format!("Images:\n\n{}", Format::Usual.show(&images, &IMAGES, &usual)?);
    text.push_str(&format!(
        "\nCache mounts:\n\n{}",
        Format::Usual.show(&mounts, &MOUNTS, &["ID", "Changed", "Size"])?
    ));
    let usual = ["Type", "TotalCount", "Active", "Size", "Reclaimable"];
    text.push_str(&format!("\nTogether:\n\n{}", Format::Usual.show(&kinds, &KINDS, &usual)?));
    ui.write(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn kinds(usage: &Usage) -> Vec<Value> {
    let row = |kind: &str, counts: (usize, usize), bytes: u64, free: u64| {
        let percent = free.saturating_mul(100).checked_div(bytes).unwrap_or(0);
        json!({
            "Active": counts.1.to_string(),
            "Reclaimable": format!("{} ({percent}%)", show(free)),
            "Size": show(bytes),
            "TotalCount": counts.0.to_string(),
            "Type": kind,
        })
    };
    let named = usage.images.len();
    let mounts = usage.mounts.len();
    let steps = (usage.steps, usage.steps_in_images);
    vec![
        row("Images", (named, usage.named), usage.held, usage.held_unnamed),
        row("Build Cache", steps, usage.cache, usage.cache),
        row("Cache Mounts", (mounts, 0), usage.caches(), usage.caches()),
        row("Other", (1, 1), usage.other, 0),
    ]
}

fn images(usage: &Usage, catalog: &Catalog, now: i64) -> Vec<Value> {
    let known: BTreeMap<Digest, &ImageRecord> =
        catalog.images.iter().map(|image| (image.manifest, image)).collect();
    let mut rows = Vec::new();
    for used in &usage.images {
        let Some(image) = known.get(&used.manifest) else { continue };
        let created = image.created.as_deref().and_then(time::seconds);
        let row = |name: Option<&Reference>| {
            let none = || "<none>".to_owned();
            json!({
                "CreatedSince": created.map_or("N/A".to_owned(), |created| time::ago(created, now)),
                "ID": image.config.unwrap_or(image.manifest).short(),
                "Repository": name.map_or_else(none, Reference::familiar_name),
                "SharedSize": show(used.shared),
                "Size": show(used.shared + used.own),
                "Tag": name.and_then(|name| name.tag.clone()).unwrap_or_else(none),
                "UniqueSize": show(used.own),
            })
        };
        match image.names.as_slice() {
            [] => rows.push(row(None)),
            names => rows.extend(names.iter().map(|name| row(Some(name)))),
        }
    }
    rows
}

fn mounts(usage: &Usage, now: i64) -> Vec<Value> {
    let mounts = usage.mounts.iter().map(|mount| {
        json!({
            "Changed": time::ago(mount.changed, now),
            "ID": mount.key,
            "Size": show(mount.bytes),
        })
    });
    mounts.collect()
}
