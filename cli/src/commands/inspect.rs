//! `dfc inspect`: prints images as JSON, in docker's form.

use std::process::ExitCode;

use oci::{Platform, Reference};
use serde_json::{Value, json};
use store::{ImageRecord, Store};

use crate::args::image::InspectArgs;
use crate::error::CliError;
use crate::images::find;
use crate::open;
use crate::ui::Ui;

/// Runs the command. What is found is printed, even if not everything is.
pub(crate) fn run(args: &InspectArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let store = open::store(&ui.env)?;
    let mut values = Vec::new();
    let mut code = ExitCode::SUCCESS;
    for text in &args.images {
        match find::image(&store, text).and_then(|record| value(&store, record)) {
            Ok(value) => values.push(value),
            Err(error) => code = ui.fail(&error),
        }
    }
    ui.line(format_args!("{:#}", Value::from(values)))?;
    Ok(code)
}

fn value(store: &Store, record: ImageRecord) -> Result<Value, CliError> {
    let index = record.clone();
    let record = find::member(store, record, &Platform::host())?;
    let (manifest, config) = find::documents(store, &record)?;
    let tags: Vec<String> = index.names.iter().map(Reference::familiar).collect();
    let digests: Vec<String> = index
        .names
        .iter()
        .map(|name| format!("{}@{}", name.familiar_name(), index.manifest))
        .collect();
    let mut value = json!({
        "Id": manifest.config.digest,
        "Digest": index.manifest,
        "MediaType": index.media_type,
        "RepoTags": tags,
        "RepoDigests": digests,
        "Created": config.created,
        "Author": config.author,
        "Architecture": config.architecture,
        "Variant": config.variant,
        "Os": config.os,
        "Size": record.size,
        "Config": config.config,
        "RootFS": { "Type": config.rootfs.kind, "Layers": config.rootfs.diff_ids },
        "Layers": manifest.layers,
    });
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    Ok(value)
}
