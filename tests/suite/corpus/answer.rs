//! The lines that `dfc parse`, `dfc explain` and `dfc check` print, reduced to what is compared.

use serde_json::{Map, Value, json};

use super::{Answer, Answers, Aspect, Lines, is_empty, sorted};

/// Syntax and stages, from a line of `dfc parse`.
pub(super) fn of_parse(line: &Value) -> Answers {
    let list = |key: &str| line[key].as_array().cloned().unwrap_or_default();
    let instructions: Vec<_> = list("instructions").iter().map(instruction).collect();
    let directives: Vec<_> =
        list("directives").iter().map(|it| json!([it["name"], it["value"], it["line"]])).collect();
    let stages: Vec<_> = list("stages").iter().map(stage).collect();
    let args: Vec<_> = list("args").iter().map(|arg| json!([arg["key"], arg["value"]])).collect();
    let syntax = json!({
        "escape": line["escape"], "directives": directives, "instructions": instructions,
    });
    let stages = json!({"stages": stages, "args": args});
    Answers::from([
        (Aspect::Syntax, Answer { refused: refusal(line), value: syntax }),
        (Aspect::Stages, Answer { refused: refusal(line), value: stages }),
    ])
}

/// Image and steps, from a line of `dfc explain`.
pub(super) fn of_explain(line: &Value) -> Answers {
    let fields = line["image"].as_object().cloned().unwrap_or_default();
    let config: Map<_, _> = fields
        .into_iter()
        .filter(|(_, value)| !is_empty(value))
        .map(|(key, value)| match (key.as_str(), &value) {
            ("ExposedPorts" | "Volumes", Value::Object(set)) => {
                let mut names: Vec<_> = set.keys().cloned().collect();
                names.sort();
                (key, names.into())
            }
            _ => (key, value),
        })
        .collect();
    let history: Vec<_> = line["history"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| json!([entry["created_by"], entry["empty_layer"] == true]))
        .collect();
    let steps = line["steps"].as_array().cloned().unwrap_or_default();
    let image = json!({"config": config, "history": history});
    Answers::from([
        (Aspect::Image, Answer { refused: refusal(line), value: image }),
        (Aspect::Steps, Answer { refused: refusal(line), value: sorted(steps) }),
    ])
}

/// Findings of lint rules, from a line of `dfc check`.
pub(super) fn of_check(line: &Value) -> Answers {
    let found = line["warnings"].as_array().cloned().unwrap_or_default();
    let found = found
        .iter()
        .map(|it| json!([it["rule"], it["line"], it["end_line"], it["message"]]))
        .collect();
    Answers::from([(Aspect::Lint, Answer { refused: None, value: sorted(found) })])
}

fn instruction(line: &Value) -> Value {
    let list = |key: &str| line[key].as_array().cloned().unwrap_or_default();
    let mut out = json!({
        "keyword": line["keyword"], "flags": list("flags"), "args": list("args"),
        "json": line["json"] == true, "heredocs": list("heredocs"),
    });
    if let Some(start) = line.get("start") {
        out["start"] = start.clone();
        out["end"] = line["end"].clone();
    }
    if line["sub"].is_object() {
        out["sub"] = instruction(&line["sub"]);
        out["args"] = json!([]);
    }
    out
}

fn stage(stage: &Value) -> Value {
    let text = |key: &str| stage[key].as_str().unwrap_or_default().to_owned();
    json!([text("name"), stage["base"], text("platform"), stage["instructions"]])
}

fn refusal(line: &Value) -> Option<Lines> {
    let errors = line["errors"].as_array().cloned().unwrap_or_default();
    let lines = errors.iter().filter_map(|error| {
        let first = error["line"].as_i64()?;
        Some((first, error["end_line"].as_i64().unwrap_or(first)))
    });
    (line["ok"] != true).then(|| lines.collect())
}
