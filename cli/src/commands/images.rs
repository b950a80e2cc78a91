//! `dfc images`: lists images.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::SystemTime;

use oci::{Digest, Reference};
use serde_json::json;
use store::ImageRecord;

use crate::args::image::{ImagesArgs, TableFormat};
use crate::error::CliError;
use crate::images::find;
use crate::open;
use crate::options::size;
use crate::render::table::Table;
use crate::render::time;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(args: &ImagesArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let wanted = match &args.name {
        Some(text) => Some((find::reference(text)?, has_tag(text))),
        None => None,
    };
    let store = open::store(&ui.env)?;
    let mut images = store.images()?;
    add_members_up(&mut images);
    let mut rows: Vec<(Option<&Reference>, &ImageRecord)> = Vec::new();
    for image in &images {
        rows.extend(image.names.iter().map(|name| (Some(name), image)));
        // Members of an index have no names of their own, and are shown by it.
        if image.names.is_empty() && !images.iter().any(|it| it.members.contains(&image.manifest)) {
            rows.push((None, image));
        }
    }
    if let Some((wanted, with_tag)) = &wanted {
        rows.retain(|(name, _)| {
            name.is_some_and(|name| {
                name.name() == wanted.name() && (!with_tag || name.tag == wanted.tag)
            })
        });
    }
    if args.quiet {
        let mut ids: Vec<String> = rows.iter().map(|(_, image)| id(image, args)).collect();
        ids.dedup();
        for id in ids {
            ui.line(id)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    match args.format {
        TableFormat::Table => ui.write(&table(&rows, args))?,
        TableFormat::Json => {
            for (name, image) in &rows {
                ui.line(row_json(*name, image))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether a name says its tag; a `:` further ahead is that of a port.
fn has_tag(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|last| last.contains(':'))
}

/// Gives an image of several platforms the size of all of them together, and the time of the newest.
fn add_members_up(images: &mut [ImageRecord]) {
    let single: BTreeMap<Digest, (u64, Option<String>)> =
        images.iter().map(|image| (image.manifest, (image.size, image.created.clone()))).collect();
    for image in images.iter_mut().filter(|image| !image.members.is_empty()) {
        let members = image.members.iter().filter_map(|member| single.get(member));
        image.size = members.clone().map(|(size, _)| size).sum();
        let created = members.filter_map(|(_, created)| created.clone());
        image.created = created.max_by_key(|created| time::seconds(created));
    }
}

fn table(rows: &[(Option<&Reference>, &ImageRecord)], args: &ImagesArgs) -> String {
    let now = time::now(SystemTime::now());
    let mut head = vec!["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"];
    if args.digests {
        head.insert(2, "DIGEST");
    }
    let mut table = Table::new(&head);
    for (name, image) in rows {
        let none = || "<none>".to_owned();
        let mut row = vec![
            name.map_or_else(none, Reference::familiar_name),
            name.and_then(|name| name.tag.clone()).unwrap_or_else(none),
            id(image, args),
            created(image, now),
            size::show(image.size),
        ];
        if args.digests {
            row.insert(2, image.manifest.to_string());
        }
        table.row(row);
    }
    table.text()
}

fn created(image: &ImageRecord, now: i64) -> String {
    match image.created.as_deref().and_then(time::seconds) {
        Some(created) => time::ago(created, now),
        None => "N/A".into(),
    }
}

fn id(image: &ImageRecord, args: &ImagesArgs) -> String {
    let id: Digest = image.config.unwrap_or(image.manifest);
    if args.no_trunc { id.to_string() } else { id.short() }
}

fn row_json(name: Option<&Reference>, image: &ImageRecord) -> serde_json::Value {
    json!({
        "repository": name.map(Reference::familiar_name),
        "tag": name.and_then(|name| name.tag.clone()),
        "id": image.config.unwrap_or(image.manifest),
        "digest": image.manifest,
        "platform": image.platform.as_ref().map(ToString::to_string),
        "created": image.created,
        "size": image.size,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_no_tag() {
        assert!(!has_tag("localhost:5000/app") && has_tag("localhost:5000/app:1"));
    }
}
