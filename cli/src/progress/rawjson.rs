//! JSON lines in the form of BuildKit's `--progress=rawjson`: vertexes, statuses and logs.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use executor::Stream;
use oci::Digest;
use serde_json::{Value, json};

use super::parts::{News, Parts};
use super::{Counts, ItemId, Outcome, Printer, Update, What};

/// So often it is told at most how far a part is.
const RHYTHM: Duration = Duration::from_millis(100);

/// Prints a JSON object a line to standard error.
#[derive(Debug, Default)]
pub(super) struct RawJson {
    items: BTreeMap<ItemId, Item>,
}

#[derive(Debug)]
struct Item {
    digest: Digest,
    name: String,
    started: String,
    parts: Parts,
}

impl RawJson {
    fn value(&mut self, update: &Update) -> Option<Value> {
        let time = rfc3339(update.time);
        if let What::Begin { name } = &update.what {
            // Names a line of progress and nothing else, so any digest that is the item's own will do.
            let digest = Digest::of(format!("{}\n{name}", update.item).as_bytes());
            let parts = Parts::default();
            let item = Item { digest, name: name.clone(), started: time, parts };
            let vertex = json!({ "digest": digest, "name": item.name, "started": item.started });
            self.items.insert(update.item, item);
            return Some(json!({ "vertexes": [vertex] }));
        }
        let item = self.items.get_mut(&update.item)?;
        Some(match &update.what {
            What::Begin { .. } => unreachable!("handled above"),
            What::Log { stream, bytes } => {
                let stream = match stream {
                    Stream::Stdout => 1,
                    Stream::Stderr => 2,
                };
                json!({ "logs": [{
                    "vertex": item.digest, "stream": stream, "data": STANDARD.encode(bytes),
                    "timestamp": time,
                }] })
            }
            What::Progress { part, done, total } => {
                if let News::On(it) = item.parts.advance(part, update.at, (*done, *total))
                    && !it.is_due(update.at, Duration::ZERO, RHYTHM)
                {
                    return None;
                }
                let mut status = json!({
                    "id": part, "vertex": item.digest, "current": done, "timestamp": time,
                    "started": item.started,
                });
                if let Some(total) = total {
                    status["total"] = json!(total);
                }
                if total.is_some_and(|total| *done >= total) {
                    status["completed"] = json!(time);
                }
                json!({ "statuses": [status] })
            }
            What::Notice { text } => json!({ "logs": [{
                "vertex": item.digest, "stream": 2, "data": STANDARD.encode(format!("{text}\n")),
                "timestamp": time,
            }] }),
            What::End { outcome, why, .. } => {
                let mut vertex = json!({
                    "digest": item.digest, "name": item.name, "started": item.started,
                    "completed": time,
                });
                match outcome {
                    Outcome::Done => {}
                    Outcome::Cached => vertex["cached"] = json!(true),
                    Outcome::Failed => vertex["error"] = json!(why.as_deref().unwrap_or("failed")),
                    Outcome::Stopped => vertex["error"] = json!("canceled"),
                }
                json!({ "vertexes": [vertex] })
            }
        })
    }
}

impl Printer for RawJson {
    fn update(&mut self, update: &Update) {
        if let Some(value) = self.value(update) {
            let _ = writeln!(io::stderr().lock(), "{value}");
        }
    }

    fn finish(&mut self, _: Counts) {}
}

fn rfc3339(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).map(|time| time.to_string()).unwrap_or_default()
}
