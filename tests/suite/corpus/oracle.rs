//! The lines of `oracle.jsonl` (what BuildKit says of a file) turned into dfc's own terms.
//!
//! In those lines a key that is absent means false, empty, zero or null. `parse` is BuildKit's parser,
//! `instr` its typed instructions, `llb` its compiler, `lint` its lint rules, each with an `err` where it refuses the file.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use libtest_mimic::Failed;
use serde_json::{Map, Value, json};

use super::{Aspect, Wanted, is_empty, sorted};
use crate::image::text;

/// What BuildKit says of a file; an aspect that it says nothing of is left out.
type Aspects = BTreeMap<Aspect, Wanted>;

/// What BuildKit says of each file of a corpus.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, Aspects>, Failed> {
    let lines = fs::read_to_string(path)?;
    let mut files = BTreeMap::new();
    for line in lines.lines() {
        let entry: Value = serde_json::from_str(line)?;
        // `lossy`: the file holds bytes that JSON cannot carry.
        if entry["lossy"] != true {
            files.insert(text(&entry["file"]), aspects(&entry));
        }
    }
    Ok(files)
}

fn aspects(entry: &Value) -> Aspects {
    let (parse, instr, llb) = (&entry["parse"], &entry["instr"], &entry["llb"]);
    let mut found = Aspects::new();
    let syntax = if parse["ok"] == true { Wanted::Value(syntax(parse)) } else { refused(parse) };
    found.insert(Aspect::Syntax, syntax);
    let stages = if instr["ok"] == true {
        Wanted::Value(stages(instr))
    } else {
        first_refusal(&[parse, instr]).unwrap_or(Wanted::Refused(Vec::new()))
    };
    found.insert(Aspect::Stages, stages);
    // `unstable`: what BuildKit says of the file is not the same each time.
    let unstable = entry["unstable"].as_array().is_some_and(|parts| parts.contains(&"llb".into()));
    if unstable {
        return found;
    }
    if llb["ok"] == true {
        found.insert(Aspect::Image, Wanted::Value(image(&llb["image"])));
        if let Some(warnings) = entry["lint"].as_array() {
            found.insert(Aspect::Lint, Wanted::Value(lint(warnings)));
        }
        if let Some(ops) = llb["ops"].as_array() {
            found.insert(Aspect::Steps, Wanted::Value(steps(ops)));
        }
    } else if let Some(refusal) = first_refusal(&[llb, parse, instr]) {
        found.insert(Aspect::Image, refusal);
    }
    found
}

/// Rule, first and last line, message.
fn lint(warnings: &[Value]) -> Value {
    let warning = |it: &Value| json!([it["rule"], it["loc"][0], it["loc"][1], it["msg"]]);
    sorted(warnings.iter().map(warning).collect())
}

fn first_refusal(parts: &[&Value]) -> Option<Wanted> {
    parts.iter().find(|part| part["err"].is_object()).map(|part| refused(part))
}

fn refused(part: &Value) -> Wanted {
    let pairs = part["err"]["loc"].as_array().cloned().unwrap_or_default();
    let line = |value: &Value| value.as_i64().unwrap_or_default();
    Wanted::Refused(pairs.iter().map(|pair| (line(&pair[0]), line(&pair[1]))).collect())
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn syntax(parse: &Value) -> Value {
    let directives: Vec<_> = list(&parse["directives"])
        .iter()
        .map(|it| json!([it["name"], it["value"], it["line"]]))
        .collect();
    let instructions: Vec<_> = list(&parse["nodes"]).iter().map(instruction).collect();
    json!({"escape": parse["escape"], "directives": directives, "instructions": instructions})
}

fn instruction(node: &Value) -> Value {
    let mut args = list(&node["args"]);
    let json_form = node["json"] == true;
    if !json_form && (node["cmd"] == "env" || node["cmd"] == "label") {
        // The separator stands in every third place.
        args = args.into_iter().enumerate().filter(|(at, _)| at % 3 != 2).map(|it| it.1).collect();
    }
    let mut out = json!({
        "keyword": node["cmd"], "flags": list(&node["flags"]), "args": args,
        "json": json_form, "heredocs": list(&node["heredocs"]),
    });
    if let Some(start) = node.get("start") {
        out["start"] = start.clone();
        out["end"] = node["end"].clone();
    }
    if node["sub"].is_object() {
        out["sub"] = instruction(&node["sub"]);
        out["args"] = json!([]);
    }
    out
}

fn stages(instr: &Value) -> Value {
    let stages: Vec<_> = list(&instr["stages"])
        .iter()
        .map(|stage| json!([stage["name"], stage["base"], text(&stage["platform"]), stage["n"]]))
        .collect();
    let args: Vec<_> =
        list(&instr["meta_args"]).iter().map(|arg| json!([arg["key"], arg["value"]])).collect();
    json!({"stages": stages, "args": args})
}

fn image(image: &Value) -> Value {
    let fields = image.as_object().cloned().unwrap_or_default();
    let own = |key: &str| key != "ArgsEscaped" && key != "History";
    let config: Map<_, _> =
        fields.into_iter().filter(|(key, value)| own(key) && !is_empty(value)).collect();
    let history: Vec<_> = list(&image["History"])
        .iter()
        .map(|entry| {
            let created_by = text(&entry[0]);
            json!([created_by.strip_suffix(" # buildkit").unwrap_or(&created_by), entry[1]])
        })
        .collect();
    json!({"config": config, "history": history})
}

fn steps(ops: &[Value]) -> Value {
    let mut steps = Vec::new();
    for op in ops {
        if op["exec"].is_object() {
            steps.push(exec(&op["exec"]));
        }
        steps.extend(list(&op["file"]).iter().filter_map(file_action));
        let id = text(&op["source"]["id"]);
        if op["source"].is_object() && !id.starts_with("local://") {
            steps.push(json!({"op": "source", "id": id}));
        }
    }
    sorted(steps)
}

fn exec(exec: &Value) -> Value {
    let mounts: Vec<_> =
        list(&exec["mounts"]).iter().filter(|mount| mount["dest"] != "/").map(mount).collect();
    let mut step = json!({
        "op": "exec", "args": exec["args"], "env": exec["env"], "cwd": exec["cwd"],
        "mounts": mounts,
    });
    if !is_empty(&exec["user"]) {
        step["user"] = exec["user"].clone();
    }
    for key in ["network", "security"] {
        if !is_empty(&exec[key]) {
            step[key] = text(&exec[key]).to_lowercase().into();
        }
    }
    if !is_empty(&exec["secretenv"]) {
        step["secret_env"] = list(&exec["secretenv"])
            .iter()
            .map(|it| json!([it["id"], it["name"], it["optional"] != true]))
            .collect();
    }
    step
}

fn mount(mount: &Value) -> Value {
    let kind = match mount["type"].as_str() {
        Some(kind) => kind.to_lowercase(),
        None => "bind".to_owned(),
    };
    let mut out = json!({"type": kind, "target": mount["dest"]});
    if mount["ro"] == true {
        out["readonly"] = true.into();
    }
    if !is_empty(&mount["sel"]) && kind != "secret" {
        out["source"] = mount["sel"].clone();
    }
    if let Some([id, sharing]) = mount["cache"].as_array().map(Vec::as_slice) {
        let id = text(id);
        out["id"] = id.strip_prefix('/').unwrap_or(&id).into();
        out["sharing"] = text(sharing).to_lowercase().into();
    }
    if mount["tmpfs_size"].as_i64().is_some_and(|size| size != 0) {
        out["size"] = mount["tmpfs_size"].clone();
    }
    for kind in ["secret", "ssh"] {
        let Some(lent) = mount[kind].as_object() else { continue };
        for key in ["id", "uid", "gid", "mode"] {
            out[key] = lent.get(key).cloned().unwrap_or_default();
        }
        out["required"] = (mount[kind]["optional"] != true).into();
    }
    out
}

/// A file operation; `None` for a copy with `--parents`, which BuildKit says in its own way.
fn file_action(action: &Value) -> Option<Value> {
    let owner = owner(&text(&action["owner"]));
    let mut step = match action["a"].as_str()? {
        "copy" if is_empty(&action["include"]) => {
            let mut step = json!({"op": "copy", "source": action["src"], "dest": action["dest"]});
            let mode = action["mode"].as_i64().unwrap_or(-1);
            if !is_empty(&action["mode_str"]) {
                step["chmod"] = action["mode_str"].clone();
            } else if mode >= 0 {
                step["chmod"] = format!("{mode:o}").into();
            }
            if action["unpack"] == true {
                step["unpack"] = true.into();
            }
            if !is_empty(&action["exclude"]) {
                step["exclude"] = action["exclude"].clone();
            }
            step
        }
        "mkdir" => json!({"op": "mkdir", "path": action["path"]}),
        "mkfile" => {
            return Some(
                json!({"op": "mkfile", "path": action["path"], "data": text(&action["data"])}),
            );
        }
        _ => return None,
    };
    if !owner.is_empty() {
        step["owner"] = owner.into();
    }
    Some(step)
}

/// `1:2` for `id:1/id:2`, `app` for `name:app@3`.
fn owner(text: &str) -> String {
    let part = |part: &str| {
        let name = part.split_once(':').map_or(part, |(_, name)| name);
        name.split('@').next().unwrap_or_default().to_owned()
    };
    let parts: Vec<_> = text.split('/').map(part).filter(|part| !part.is_empty()).collect();
    parts.join(":")
}
