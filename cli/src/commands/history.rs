//! `dfc history`: how an image came to be, the last step first.

use std::process::ExitCode;
use std::time::SystemTime;

use oci::ImageConfig;
use oci::manifest::Manifest;
use serde_json::{Value, json};
use store::Store;

use crate::args::image::HistoryArgs;
use crate::error::CliError;
use crate::images::find;
use crate::open;
use crate::options::graph::platform;
use crate::options::size;
use crate::render::listing::{Format, Head};
use crate::render::table::shorten;
use crate::render::time;
use crate::ui::Ui;

/// How much of an instruction is shown.
const SHORT: usize = 45;

const HEADS: [Head; 7] = [
    ("Comment", "COMMENT"),
    ("CreatedAt", "CREATED AT"),
    ("CreatedBy", "CREATED BY"),
    ("CreatedSince", "CREATED"),
    ("DiffID", "DIFF ID"),
    ("ID", "IMAGE"),
    ("Size", "SIZE"),
];

/// A line of the history.
struct Line {
    created: Option<String>,
    by: String,
    size: u64,
    comment: String,
    diff_id: Option<oci::Digest>,
}

/// Runs the command.
pub(crate) fn run(args: &HistoryArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let format = Format::parse(args.format.as_deref())?;
    let wanted = args.platform.as_deref().map(|text| platform("platform", text)).transpose()?;
    let store = open::store(&ui.env)?;
    let record = find::image(&store, &args.image)?;
    let record = find::asked(&store, record, wanted.as_ref())?;
    let (manifest, config) = find::documents(&store, &record)?;
    let lines = lines(&store, &manifest, &config)?;
    let id = manifest.config.digest;
    let id = if args.no_trunc { id.to_string() } else { id.short() };
    let now = time::now(SystemTime::now());
    let row = |(position, line): (usize, &Line)| {
        row(line, if position == 0 { &id } else { "<missing>" }, now, args)
    };
    let rows: Vec<Value> = lines.iter().enumerate().map(row).collect();
    if args.quiet {
        let ids = rows.iter().filter_map(|row| row["ID"].as_str());
        ui.write(&ids.map(|id| format!("{id}\n")).collect::<String>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let created = if args.human { "CreatedSince" } else { "CreatedAt" };
    let usual = ["ID", created, "CreatedBy", "Size", "Comment"];
    ui.write(&format.show(&rows, &HEADS, &usual)?)?;
    Ok(ExitCode::SUCCESS)
}

fn lines(store: &Store, manifest: &Manifest, config: &ImageConfig) -> Result<Vec<Line>, CliError> {
    let mut layers = config.rootfs.diff_ids.iter().zip(&manifest.layers);
    let mut lines = Vec::new();
    for entry in &config.history {
        let layer = if entry.empty_layer { None } else { layers.next() };
        let size = match layer {
            None => 0,
            Some((diff_id, blob)) => match store.layer_by_diff_id(diff_id)? {
                Some(id) => store.layer(id)?.size,
                None => blob.size,
            },
        };
        lines.push(Line {
            created: entry.created.clone(),
            by: entry.created_by.clone(),
            size,
            comment: entry.comment.clone().unwrap_or_default(),
            diff_id: layer.map(|(diff_id, _)| *diff_id),
        });
    }
    lines.reverse();
    Ok(lines)
}

fn row(line: &Line, id: &str, now: i64, args: &HistoryArgs) -> Value {
    let created = line.created.as_deref().and_then(time::seconds);
    let or_not = |text: Option<String>| text.unwrap_or_else(|| "N/A".to_owned());
    let most = if args.no_trunc { usize::MAX } else { SHORT };
    json!({
        "Comment": line.comment,
        "CreatedAt": or_not(created.map(time::rfc3339)),
        "CreatedBy": shorten(&line.by, most),
        "CreatedSince": or_not(created.map(|created| time::ago(created, now))),
        "DiffID": line.diff_id,
        "ID": id,
        "Size": if args.human { size::show(line.size) } else { line.size.to_string() },
    })
}
