//! `dfc history`: how an image came to be, the last step first.

use std::process::ExitCode;
use std::time::SystemTime;

use oci::manifest::Manifest;
use oci::{ImageConfig, Platform};
use serde_json::{Value, json};
use store::Store;

use crate::args::image::{HistoryArgs, TableFormat};
use crate::error::CliError;
use crate::images::find;
use crate::open;
use crate::options::size;
use crate::render::table::{Table, shorten};
use crate::render::time;
use crate::ui::Ui;

/// How much of an instruction is shown.
const SHORT: usize = 45;

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
    let store = open::store(&ui.env)?;
    let record = find::image(&store, &args.image)?;
    let record = find::member(&store, record, &Platform::host())?;
    let (manifest, config) = find::documents(&store, &record)?;
    let lines = lines(&store, &manifest, &config)?;
    match args.format {
        TableFormat::Table => {
            let id = manifest.config.digest.short();
            ui.write(&table(&lines, &id, args))?;
        }
        TableFormat::Json => {
            for line in &lines {
                ui.line(line_json(line))?;
            }
        }
    }
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

fn table(lines: &[Line], id: &str, args: &HistoryArgs) -> String {
    let now = time::now(SystemTime::now());
    let mut table = Table::new(&["IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT"]);
    for (position, line) in lines.iter().enumerate() {
        let created = line.created.as_deref().and_then(time::seconds);
        table.row(vec![
            if position == 0 { id.to_owned() } else { "<missing>".to_owned() },
            created.map_or_else(|| "N/A".to_owned(), |created| time::ago(created, now)),
            shorten(&line.by, if args.no_trunc { usize::MAX } else { SHORT }),
            size::show(line.size),
            line.comment.clone(),
        ]);
    }
    table.text()
}

fn line_json(line: &Line) -> Value {
    json!({
        "created": line.created, "created_by": line.by, "size": line.size,
        "comment": line.comment, "diff_id": line.diff_id,
    })
}
