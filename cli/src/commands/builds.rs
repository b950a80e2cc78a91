//! `dfc builds`: the builds of the past, the last one first.

use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use oci::Digest;
use serde_json::{Value, json};
use store::BuildRecord;

use crate::args::image::BuildsArgs;
use crate::env::Env;
use crate::error::CliError;
use crate::open;
use crate::render::listing::{Format, Head};
use crate::render::table::shorten;
use crate::render::time;
use crate::ui::Ui;

const HEADS: [Head; 11] = [
    ("Cached", "CACHED"),
    ("CreatedAt", "BEGAN AT"),
    ("CreatedSince", "BEGAN"),
    ("Duration", "DURATION"),
    ("File", "DOCKERFILE"),
    ("Image", "IMAGE ID"),
    ("Names", "NAMES"),
    ("Result", "RESULT"),
    ("Seconds", "SECONDS"),
    ("Steps", "STEPS"),
    ("Target", "TARGET"),
];

const USUAL: [&str; 9] =
    ["CreatedSince", "File", "Target", "Duration", "Steps", "Cached", "Image", "Names", "Result"];

/// How much of an error the table shows.
const SHORT: usize = 60;

/// Runs the command.
pub(crate) fn run(args: &BuildsArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let format = Format::parse(args.format.as_deref())?;
    let store = open::store(&ui.env)?;
    let now = time::now(SystemTime::now());
    let builds = store.builds(args.last)?;
    let short = matches!(format, Format::Usual) && !args.no_trunc;
    let rows: Vec<Value> = builds.iter().map(|build| row(build, now, short, &ui.env)).collect();
    ui.write(&format.show(&rows, &HEADS, &USUAL)?)?;
    Ok(ExitCode::SUCCESS)
}

fn row(build: &BuildRecord, now: i64, short: bool, env: &Env) -> Value {
    let detail: Value = serde_json::from_str(&build.detail).unwrap_or_default();
    let image = detail["image"].as_str().unwrap_or_default();
    let image = match image.parse::<Digest>() {
        Ok(digest) if short => digest.short(),
        Ok(_) | Err(_) => image.to_owned(),
    };
    let names = detail["names"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
    // A file below the folder that dfc was called in is shown as one would type it.
    let file = Path::new(&build.project).strip_prefix(&env.cwd);
    let file = file.map_or(build.project.clone(), |file| file.display().to_string());
    let most = if short { SHORT } else { usize::MAX };
    json!({
        "Cached": detail["cached"].as_u64().unwrap_or(0),
        "CreatedAt": time::rfc3339(build.started),
        "CreatedSince": time::ago(build.started, now),
        "Duration": time::duration(build.duration),
        "File": file,
        "Image": image,
        "Names": names.join(", "),
        "Result": shorten(&build.outcome, most),
        "Seconds": build.duration.as_secs_f64(),
        "Steps": detail["steps"].as_u64().unwrap_or(0),
        "Target": build.target,
    })
}
