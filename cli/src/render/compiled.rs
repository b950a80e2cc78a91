//! A compiled file as JSON: one object a file. These types are the format; the compiler's own may change.

use std::collections::BTreeMap;

use compiler::op::{
    ExecOp, FileAction, FileOp, ImageOrigin, Mount, MountKind, MountOwner, Network, Op, Security,
    Sharing, SourceOp, Unpack,
};
use compiler::{BuildGraph, Compiled, Target};
use grammar::{Diagnostic, Severity, SourceFile};
use serde::Serialize;
use serde_json::{Value, json};

use crate::render::{human, json};

/// Changes when a field changes its meaning or goes.
const VERSION: u32 = 1;

/// A file: its image, its steps, or what is wrong with it. `parse_diagnostics` are what its parser said.
pub(crate) fn line(file: &str, parse_diagnostics: &[Diagnostic], compiled: &Compiled) -> String {
    // What the parser said of a word, the compiler may say again.
    let all = human::unique(parse_diagnostics.iter().chain(&compiled.diagnostics));
    let errors = all.into_iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let errors: Vec<Value> = errors.map(|error| error_json(error, &compiled.sources)).collect();
    let target = compiled.graph.as_ref().filter(|_| errors.is_empty()).and_then(|graph| {
        let target = graph.targets.first()?;
        Some((graph, target))
    });
    let value = match target {
        Some((graph, target)) => json!({
            "version": VERSION,
            "file": file,
            "ok": true,
            "image": image(target),
            "history": history(target),
            "steps": steps(graph),
            "errors": [],
        }),
        None => json!({ "version": VERSION, "file": file, "ok": false, "errors": errors }),
    };
    value.to_string()
}

/// An error; `line` to `end_line` are the lines of all its places in the Dockerfile.
fn error_json(error: &Diagnostic, sources: &[SourceFile]) -> Value {
    let mut value = json::diagnostic(error, sources);
    let Some(main) = sources.first() else { return value };
    let spans = || error.labels.iter().map(|it| it.span).filter(|it| it.source == main.id());
    let first = spans().map(|span| main.lines().line(span.start)).min();
    let last = spans().map(|span| main.lines().line(span.end.max(span.start + 1) - 1)).max();
    if let (Some(first), Some(last)) = (first, last) {
        value["line"] = json!(first);
        value["end_line"] = json!(last);
    }
    value
}

/// A file that cannot even be read.
pub(crate) fn unreadable(file: &str, reason: &str) -> String {
    let error = json!({ "code": "unreadable", "severity": "error", "message": reason });
    json!({ "version": VERSION, "file": file, "ok": false, "errors": [error] }).to_string()
}

fn image(target: &Target) -> Value {
    let config = &target.config;
    let mut value = serde_json::to_value(&config.config).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.insert("architecture".into(), json!(config.architecture));
        fields.insert("os".into(), json!(config.os));
        if let Some(variant) = &config.variant {
            fields.insert("variant".into(), json!(variant));
        }
        fields.insert("author".into(), json!(config.author.as_deref().unwrap_or_default()));
        // Says nothing: every CMD sets it.
        fields.remove("ArgsEscaped");
    }
    value
}

#[derive(Serialize)]
struct HistoryJson<'a> {
    created_by: &'a str,
    empty_layer: bool,
}

fn history(target: &Target) -> Value {
    let entries: Vec<HistoryJson<'_>> = target
        .config
        .history
        .iter()
        .map(|entry| HistoryJson {
            created_by: entry.created_by.strip_suffix(" # buildkit").unwrap_or(&entry.created_by),
            empty_layer: entry.empty_layer,
        })
        .collect();
    json!(entries)
}

/// The steps by kind. Files that a step needs, but that no instruction names (heredocs, scripts, folders of caches),
/// are listed once, however many steps need them.
fn steps(graph: &BuildGraph) -> Vec<Value> {
    let mut steps = Vec::new();
    let mut aids = BTreeMap::new();
    for (_, step) in graph.steps() {
        match &step.op {
            Op::Source(source) => {
                steps.extend(source_id(source).map(|id| json!({ "op": "source", "id": id })));
            }
            Op::Exec(op) => steps.push(exec(op, &mut aids)),
            Op::File(op) => file(op, &mut steps, &mut aids),
            // Seen in what it lays over what.
            Op::Merge => {}
        }
    }
    steps.extend(aids.into_values());
    steps
}

/// What a source is called; nothing for folders of this machine.
fn source_id(source: &SourceOp) -> Option<String> {
    match source {
        SourceOp::Image(image) => Some(match &image.origin {
            ImageOrigin::Registry => format!("docker-image://{}", image.reference),
            ImageOrigin::Layout(layout) => format!("oci-layout://{layout}"),
        }),
        SourceOp::Local { .. } => None,
        SourceOp::Http(http) => Some(http.url.to_string()),
        SourceOp::Git(git) => {
            let behind_scheme = git.url.as_str().split_once("://").map(|(_, rest)| rest.to_owned());
            let place = behind_scheme.unwrap_or_else(|| git.url.as_str().replacen(':', "/", 1));
            let place = place.split_once('@').map_or(place.as_str(), |(_, rest)| rest);
            let mut id = format!("git://{place}");
            if git.reference.is_some() || git.subdir.is_some() {
                id.push('#');
                id.push_str(git.reference.as_deref().unwrap_or_default());
            }
            if let Some(subdir) = &git.subdir {
                id.push(':');
                id.push_str(subdir);
            }
            Some(id)
        }
    }
}

#[derive(Serialize)]
struct ExecJson<'a> {
    op: &'a str,
    args: &'a [String],
    env: &'a [String],
    cwd: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    user: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    security: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    secret_env: Vec<(&'a str, &'a str, bool)>,
    mounts: Vec<MountJson<'a>>,
}

fn exec(op: &ExecOp, aids: &mut BTreeMap<String, Value>) -> Value {
    let secrets = op.secret_env.iter();
    json!(ExecJson {
        op: "exec",
        args: &op.args,
        env: &op.env,
        cwd: &op.cwd,
        user: &op.user,
        network: match op.network {
            Network::Default => None,
            Network::None => Some("none"),
            Network::Host => Some("host"),
        },
        security: match op.security {
            Security::Sandbox => None,
            Security::Insecure => Some("insecure"),
        },
        secret_env: secrets.map(|it| (it.id.as_str(), it.name.as_str(), it.required)).collect(),
        mounts: op.mounts.iter().map(|it| mount(it, aids)).collect(),
    })
}

#[derive(Serialize, Default)]
struct MountJson<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    target: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    readonly: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sharing: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    required: Option<bool>,
}

fn mount<'a>(mount: &'a Mount, aids: &mut BTreeMap<String, Value>) -> MountJson<'a> {
    let source = |source: &'a String| Some(source.as_str()).filter(|source| *source != "/");
    let of_kind = |kind| MountJson {
        kind,
        target: &mount.target,
        readonly: mount.readonly.then_some(true),
        ..MountJson::default()
    };
    match &mount.kind {
        MountKind::Bind { source: path } => MountJson { source: source(path), ..of_kind("bind") },
        MountKind::Cache { id, sharing, source: path, owner } => MountJson {
            id: Some(id),
            sharing: Some(match sharing {
                Sharing::Shared => "shared",
                Sharing::Private => "private",
                Sharing::Locked => "locked",
            }),
            source: match owner {
                Some(owner) => Some(cache_folder(owner, aids)),
                None => source(path),
            },
            ..of_kind("cache")
        },
        MountKind::Tmpfs { size } => MountJson { size: *size, ..of_kind("tmpfs") },
        MountKind::Secret { id, required, owner } => {
            MountJson { readonly: None, ..with_owner(of_kind("secret"), (id, *required, owner)) }
        }
        MountKind::Ssh { id, required, owner } => {
            with_owner(of_kind("ssh"), (id, *required, owner))
        }
        MountKind::Script { content } => {
            let name =
                mount.target.rsplit_once('/').map_or(mount.target.as_str(), |(_, name)| name);
            aid(aids, 0o755, &format!("/{name}"), content);
            let folder = &mount.target[..mount.target.len() - name.len()];
            MountJson { target: folder, source: Some("/"), ..of_kind("bind") }
        }
    }
}

/// The folder that a new cache with an owner starts from.
fn cache_folder(owner: &MountOwner, aids: &mut BTreeMap<String, Value>) -> &'static str {
    let MountOwner { uid, gid, mode } = owner;
    let step = json!({ "op": "mkdir", "path": "/cache", "owner": format!("{uid}:{gid}") });
    aids.insert(format!("cache {uid} {gid} {mode}"), step);
    "/cache"
}

fn with_owner<'a>(
    mount: MountJson<'a>,
    (id, required, owner): (&'a str, bool, &MountOwner),
) -> MountJson<'a> {
    MountJson {
        id: Some(id),
        uid: Some(owner.uid),
        gid: Some(owner.gid),
        mode: Some(owner.mode),
        required: Some(required),
        ..mount
    }
}

fn aid(aids: &mut BTreeMap<String, Value>, mode: u32, path: &str, data: &str) {
    let step = json!({ "op": "mkfile", "path": path, "data": data });
    aids.insert(format!("file {mode:o} {path} {data}"), step);
}

#[derive(Serialize)]
struct CopyJson<'a> {
    op: &'a str,
    source: String,
    dest: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chmod: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unpack: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    exclude: Vec<&'a str>,
}

fn file(op: &FileOp, steps: &mut Vec<Value>, aids: &mut BTreeMap<String, Value>) {
    for action in &op.actions {
        let step = match action {
            FileAction::Copy(copy) if copy.parents.is_some() => continue,
            FileAction::Copy(copy) => CopyJson {
                op: "copy",
                source: copy.source.clone(),
                dest: &copy.dest,
                owner: copy.owner.as_deref().map(owner),
                chmod: copy.chmod.as_deref().map(chmod),
                unpack: (copy.unpack == Unpack::Auto).then_some(true),
                exclude: copy.exclude.iter().map(String::as_str).collect(),
            },
            FileAction::Mkfile(file) => {
                let source = format!("/{}", file.name);
                aid(aids, 0o644, &source, &file.data);
                CopyJson {
                    op: "copy",
                    source,
                    dest: &file.dest,
                    owner: file.owner.as_deref().map(owner),
                    chmod: file.chmod.as_deref().map(chmod),
                    unpack: None,
                    exclude: Vec::new(),
                }
            }
            FileAction::Mkdir(mkdir) => {
                let mut step = json!({ "op": "mkdir", "path": mkdir.path });
                if let Some(user) = &mkdir.owner {
                    step["owner"] = json!(owner(user));
                }
                steps.push(step);
                continue;
            }
        };
        steps.push(json!(step));
    }
}

/// `root` is 0, and numbers lose leading zeros.
fn owner(text: &str) -> String {
    let id = |part: &str| match part {
        "root" | "" => "0".to_owned(),
        part => part.parse::<i32>().map_or_else(|_| part.to_owned(), |number| number.to_string()),
    };
    match text.split_once(':') {
        Some((user, group)) => format!("{}:{}", id(user), id(group)),
        None => id(text),
    }
}

/// Octal numbers lose leading zeros.
fn chmod(text: &str) -> String {
    u32::from_str_radix(text, 8).map_or_else(|_| text.to_owned(), |mode| format!("{mode:o}"))
}
