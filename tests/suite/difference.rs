//! Where two JSON values differ, readably.

use serde_json::Value;

/// The longest piece of a value that a line shows.
const SHOWN: usize = 200;

/// A line for each place where `got` is not what is wanted.
pub(crate) fn differences(want: &Value, got: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(want, got, "", &mut found);
    found
}

fn walk(want: &Value, got: &Value, at: &str, found: &mut Vec<String>) {
    match (want, got) {
        (Value::Object(wanted), Value::Object(gotten)) => {
            let mut keys: Vec<_> = wanted.keys().chain(gotten.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let at = format!("{at}/{key}");
                match (wanted.get(key), gotten.get(key)) {
                    (Some(want), Some(got)) => walk(want, got, &at, found),
                    (Some(want), None) => {
                        found.push(format!("{at}: missing, want {}", short(want)));
                    }
                    (None, got) => {
                        let got = short(got.unwrap_or(&Value::Null));
                        found.push(format!("{at}: not expected, got {got}"));
                    }
                }
            }
        }
        (Value::Array(wanted), Value::Array(gotten)) => {
            for (place, (want, got)) in wanted.iter().zip(gotten).enumerate() {
                walk(want, got, &format!("{at}[{place}]"), found);
            }
            if wanted.len() != gotten.len() {
                let (longer, verb) = if wanted.len() < gotten.len() {
                    (gotten, "not expected")
                } else {
                    (wanted, "missing")
                };
                let odd = short(&longer[wanted.len().min(gotten.len())]);
                let (want, got) = (wanted.len(), gotten.len());
                found.push(format!("{at}: want {want} items, got {got}; first {verb} {odd}"));
            }
        }
        _ if want == got => {}
        _ => found.push(format!("{at}: want {}, got {}", short(want), short(got))),
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
