//! `dfc inspect`: prints images as JSON, in docker's form.

use std::process::ExitCode;

use oci::manifest::Manifest;
use oci::{ContainerConfig, ImageConfig, Platform, Reference};
use serde_json::{Value, json};
use store::{ImageRecord, Store};

use crate::args::image::InspectArgs;
use crate::error::CliError;
use crate::images::find;
use crate::open;
use crate::options::graph::platform;
use crate::render::listing;
use crate::ui::Ui;

/// Runs the command. What is found is printed, even if not everything is.
pub(crate) fn run(args: &InspectArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let template = match args.format.as_deref() {
        None | Some("" | "json") => None,
        Some(text) => Some(listing::template_of(text)?),
    };
    let wanted = args.platform.as_deref().map(|text| platform("platform", text)).transpose()?;
    let store = open::store(&ui.env)?;
    let mut values = Vec::new();
    let mut errors = Vec::new();
    for text in &args.images {
        match find::image(&store, text).and_then(|record| value(&store, record, wanted.as_ref())) {
            Ok(value) => values.push(value),
            Err(error) => errors.push(error),
        }
    }
    match (&template, args.format.is_some()) {
        (Some(template), _) => {
            for value in &values {
                ui.line(listing::render(template, value)?)?;
            }
        }
        // As docker has it: `--format json` is one line.
        (None, true) => ui.line(Value::from(values))?,
        (None, false) => ui.line(format_args!("{:#}", Value::from(values)))?,
    }
    let mut code = ExitCode::SUCCESS;
    for error in &errors {
        code = ui.fail(error);
    }
    Ok(code)
}

fn value(
    store: &Store,
    record: ImageRecord,
    platform: Option<&Platform>,
) -> Result<Value, CliError> {
    let index = record.clone();
    let record = find::asked(store, record, platform)?;
    let (manifest, config) = find::documents(store, &record)?;
    Ok(shape(&index, &record, &manifest, &config, store.blob_size(&index.manifest).unwrap_or(0)))
}

/// Docker's fields in docker's order, then ours.
fn shape(
    index: &ImageRecord,
    record: &ImageRecord,
    manifest: &Manifest,
    config: &ImageConfig,
    size: u64,
) -> Value {
    let tags: Vec<String> = index.names.iter().map(Reference::familiar).collect();
    let mut digests: Vec<String> = index
        .names
        .iter()
        .map(|name| format!("{}@{}", name.familiar_name(), index.manifest))
        .collect();
    digests.dedup();
    let other = |name: &str| config.other.get(name).cloned().unwrap_or_else(|| "".into());
    let comment = config.history.last().and_then(|entry| entry.comment.clone());
    let mut value = json!({
        "Id": manifest.config.digest,
        "RepoTags": tags,
        "RepoDigests": digests,
        "Parent": "",
        "Comment": comment.unwrap_or_default(),
        "Created": config.created.clone().unwrap_or_default(),
        "Container": other("container"),
        "ContainerConfig": container_config(&ContainerConfig::default()),
        "DockerVersion": other("docker_version"),
        "Author": config.author.clone().unwrap_or_default(),
        "Config": container_config(&config.config),
        "Architecture": config.architecture,
        "Variant": config.variant,
        "Os": config.os,
        "OsVersion": config.os_version,
        "Size": record.size,
        "VirtualSize": record.size,
        "GraphDriver": { "Data": null, "Name": "dfc" },
        "RootFS": { "Type": config.rootfs.kind, "Layers": config.rootfs.diff_ids },
        "Metadata": { "LastTagTime": "0001-01-01T00:00:00Z" },
        "Descriptor": { "mediaType": index.media_type, "digest": index.manifest, "size": size },
        "Digest": index.manifest,
        "MediaType": index.media_type,
        "Platform": config.platform().to_string(),
        "Layers": manifest.layers,
    });
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    value
}

/// The fields that docker always has, then those that say something.
fn container_config(config: &ContainerConfig) -> Value {
    let said = serde_json::to_value(config).expect("a config has a form in JSON");
    let mut value = json!({
        "Hostname": "", "Domainname": "", "User": "", "AttachStdin": false, "AttachStdout": false,
        "AttachStderr": false, "Tty": false, "OpenStdin": false, "StdinOnce": false, "Env": null,
        "Cmd": null, "Image": "", "Volumes": null, "WorkingDir": "", "Entrypoint": null, "OnBuild": null,
        "Labels": null,
    });
    if let (Some(fields), Value::Object(said)) = (value.as_object_mut(), said) {
        fields.extend(said.into_iter().filter(|(_, value)| !value.is_null()));
    }
    value
}
