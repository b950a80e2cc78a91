//! `dfc save`: writes an archive, or an OCI layout folder.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use oci::{Platform, Reference};
use store::Store;
use store::archive::{Archived, docker, oci as oci_archive};

use crate::args::image::{ArchiveFormat, SaveArgs};
use crate::deliver::write_file;
use crate::error::CliError;
use crate::images::select::has_tag;
use crate::images::{find, whole};
use crate::open;
use crate::options::graph::platform;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(args: &SaveArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    if args.output.is_none() && args.format == ArchiveFormat::OciDir {
        return Err(CliError::usage("--format oci-dir needs a folder").help("name it with -o"));
    }
    if args.output.is_none() && ui.env.stdout_terminal {
        return Err(CliError::usage("the archive would go to the terminal")
            .help("name a file with -o, or redirect standard output"));
    }
    let wanted = args.platform.as_deref().map(|text| platform("platform", text)).transpose()?;
    let store = open::store(&ui.env)?;
    let mut images = images(&store, &args.images)?;
    if let Some(wanted) = &wanted {
        for image in &mut images {
            if let Some(record) = store.image(&image.manifest)? {
                image.manifest = find::asked(&store, record, Some(wanted))?.manifest;
            }
        }
    }
    for image in &images {
        if let Some(record) = store.image(&image.manifest)? {
            whole::complete(&store, &image.names, &record, ui)?;
        }
    }
    let output = args.output.as_deref().map(|path| ui.env.path(path));
    if let Some(folder) = &output
        && (args.format == ArchiveFormat::OciDir || folder.is_dir())
    {
        if args.format == ArchiveFormat::Docker {
            return Err(CliError::usage(format!("`{}` is a folder", folder.display()))
                .help("name a file, or write an OCI layout with --format oci-dir"));
        }
        oci_archive::write_folder(&store, &images, folder)?;
        return Ok(ExitCode::SUCCESS);
    }
    let host = wanted.unwrap_or_else(Platform::host);
    let write = |out: &mut dyn Write| -> Result<(), CliError> {
        match args.format {
            ArchiveFormat::Docker => docker::write(&store, &images, &host, out)?,
            ArchiveFormat::Oci | ArchiveFormat::OciDir => oci_archive::write(&store, &images, out)?,
        }
        Ok(())
    };
    match &output {
        Some(file) => write_file(file, write)?,
        None => {
            let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
            write(&mut out)?;
            out.flush().map_err(|error| CliError::output(&error))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The images with the names they are saved under: those that were typed, all of a repository that was named without a
/// tag, none for one that was named by its id.
fn images(store: &Store, texts: &[String]) -> Result<Vec<Archived>, CliError> {
    let mut images: Vec<Archived> = Vec::new();
    for text in texts {
        let whole = match has_tag(text) {
            true => Vec::new(),
            false => repository(store, text)?,
        };
        if !whole.is_empty() {
            for (name, manifest) in whole {
                add(&mut images, &manifest, [name]);
            }
            continue;
        }
        let record = find::image(store, text)?;
        let typed = text.parse().ok().filter(|name| record.names.contains(name));
        add(&mut images, &record.manifest, typed);
    }
    Ok(images)
}

fn add(
    images: &mut Vec<Archived>,
    manifest: &oci::Digest,
    names: impl IntoIterator<Item = Reference>,
) {
    let position = images.iter().position(|image| image.manifest == *manifest);
    let position = position.unwrap_or_else(|| {
        images.push(Archived { manifest: *manifest, names: Vec::new() });
        images.len() - 1
    });
    for name in names {
        if !images[position].names.contains(&name) {
            images[position].names.push(name);
        }
    }
}

/// All names of a repository.
fn repository(store: &Store, text: &str) -> Result<Vec<(Reference, oci::Digest)>, CliError> {
    let Ok(wanted) = text.parse::<Reference>() else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for image in store.images()? {
        let names = image.names.into_iter().filter(|name| name.name() == wanted.name());
        found.extend(names.map(|name| (name, image.manifest)));
    }
    found.sort_by(|(one, _), (other, _)| one.tag.cmp(&other.tag));
    Ok(found)
}
