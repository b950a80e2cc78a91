//! `dfc images`: lists images.

use std::process::ExitCode;
use std::time::SystemTime;

use oci::{Digest, Reference};
use serde_json::{Map, Value, json};
use store::{ImageRecord, Store};

use crate::args::image::ImagesArgs;
use crate::error::CliError;
use crate::images::select::{self, Catalog, Filters};
use crate::images::sharing;
use crate::open;
use crate::options::size;
use crate::render::listing::{Format, Head};
use crate::render::{image_tree, time};
use crate::ui::Ui;

const FILTERS: [&str; 7] = ["reference", "label", "label!", "dangling", "before", "since", "until"];

/// What rows have, in the order of their JSON.
const HEADS: [Head; 15] = [
    ("Bytes", "BYTES"),
    ("Containers", "CONTAINERS"),
    ("CreatedAt", "CREATED AT"),
    ("CreatedSince", "CREATED"),
    ("Digest", "DIGEST"),
    ("ID", "IMAGE ID"),
    ("Labels", "LABELS"),
    ("Name", "NAME"),
    ("Platform", "PLATFORM"),
    ("Repository", "REPOSITORY"),
    ("SharedSize", "SHARED SIZE"),
    ("Size", "SIZE"),
    ("Tag", "TAG"),
    ("UniqueSize", "UNIQUE SIZE"),
    ("VirtualSize", "VIRTUAL SIZE"),
];

/// A line: an image under one of its names.
type Row<'a> = (Option<&'a Reference>, &'a ImageRecord);

/// Runs the command.
pub(crate) fn run(args: &ImagesArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let format = Format::parse(args.format.as_deref())?;
    let store = open::store(&ui.env)?;
    let now = time::now(SystemTime::now());
    let mut filters = Filters::parse(&args.filters, &FILTERS, &store, now)?;
    if let Some(name) = &args.name {
        filters.name(name);
    }
    let catalog = Catalog::read(&store)?;
    let mut rows: Vec<Row<'_>> = Vec::new();
    for image in &catalog.images {
        // The images of one platform are shown by the one that they are part of.
        let is_part = image.names.is_empty() && catalog.is_member(image);
        let is_hidden = is_part && !args.all && !args.tree && !args.dot;
        let is_no_image = is_part && catalog.is_attestation(image);
        if is_hidden || is_no_image || !filters.wants(image, &catalog, &store) {
            continue;
        }
        rows.extend(image.names.iter().map(|name| (Some(name), image)));
        if image.names.is_empty() {
            rows.push((None, image));
        }
    }
    rows.retain(|(name, image)| filters.wants_name(*name, &image.manifest));
    if args.tree || args.dot {
        return tree(&rows, args, &store, ui);
    }
    if args.quiet {
        let mut ids: Vec<String> = rows.iter().map(|(_, image)| id(image, args)).collect();
        ids.dedup();
        ui.write(&ids.iter().map(|id| format!("{id}\n")).collect::<String>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let with_labels = format.mentions("Labels");
    let rows: Vec<Value> = rows
        .iter()
        .map(|(name, image)| {
            let labels = if with_labels { json!(select::labels(&store, image)) } else { json!({}) };
            row(*name, image, (labels, now), args)
        })
        .collect();
    let usual: &[&str] = match args.digests {
        true => &["Repository", "Tag", "Digest", "ID", "CreatedSince", "Size"],
        false => &["Repository", "Tag", "ID", "CreatedSince", "Size"],
    };
    ui.write(&format.show(&rows, &HEADS, usual)?)?;
    Ok(ExitCode::SUCCESS)
}

fn row(
    name: Option<&Reference>,
    image: &ImageRecord,
    (labels, now): (Value, i64),
    args: &ImagesArgs,
) -> Value {
    let none = || "<none>".to_owned();
    let created = image.created.as_deref().and_then(time::seconds);
    let size = size::show(image.size);
    let mut fields = Map::new();
    for (field, _) in HEADS {
        let value: Value = match field {
            "Bytes" => image.size.into(),
            "CreatedAt" => created.map_or("N/A".to_owned(), time::stamp).into(),
            "CreatedSince" => {
                created.map_or("N/A".to_owned(), |created| time::ago(created, now)).into()
            }
            "Digest" => image.manifest.to_string().into(),
            "ID" => id(image, args).into(),
            "Labels" => labels.clone(),
            "Name" => name.map_or_else(none, Reference::familiar).into(),
            "Platform" => {
                image.platform.as_ref().map(ToString::to_string).unwrap_or_default().into()
            }
            "Repository" => name.map_or_else(none, Reference::familiar_name).into(),
            "Size" | "VirtualSize" => size.clone().into(),
            "Tag" => name.and_then(|name| name.tag.clone()).unwrap_or_else(none).into(),
            // As docker has it without counting: there are no containers, and `dfc du` tells what is shared.
            _ => "N/A".into(),
        };
        fields.insert(field.to_owned(), value);
    }
    Value::Object(fields)
}

fn id(image: &ImageRecord, args: &ImagesArgs) -> String {
    let id: Digest = image.config.unwrap_or(image.manifest);
    if args.no_trunc { id.to_string() } else { id.short() }
}

/// `--tree` and `--dot`.
fn tree(
    rows: &[Row<'_>],
    args: &ImagesArgs,
    store: &Store,
    ui: &mut Ui,
) -> Result<ExitCode, CliError> {
    let mut images: Vec<&ImageRecord> = rows.iter().map(|(_, image)| *image).collect();
    images.dedup_by_key(|image| image.manifest);
    let stacks = sharing::stacks(store, &images);
    let text = match args.dot {
        true => image_tree::dot(&stacks),
        false => image_tree::text(&stacks, args.no_trunc),
    };
    ui.write(&text)?;
    Ok(ExitCode::SUCCESS)
}
