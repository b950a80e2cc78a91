//! `dfc load`: reads images from an archive, or from an OCI layout folder.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::process::ExitCode;

use oci::{Digest, Platform, Reference};
use store::archive::Loaded;
use store::{ImageRecord, Store};

use crate::args::image::LoadArgs;
use crate::error::CliError;
use crate::images::member_for;
use crate::open;
use crate::options::graph::platform;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(args: &LoadArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    if args.input.is_none() && ui.env.stdin_terminal {
        return Err(CliError::usage("there is no archive on standard input")
            .help("name a file with -i, or redirect standard input"));
    }
    let wanted = args.platform.as_deref().map(|text| platform("platform", text)).transpose()?;
    let store = open::store(&ui.env)?;
    let before: BTreeSet<Digest> = store.images()?.iter().map(|image| image.manifest).collect();
    let loaded = load(args, wanted.as_ref(), &before, &store, ui);
    let kept: Option<Vec<Digest>> = match &loaded {
        Ok(images) if wanted.is_some() => Some(images.iter().map(|(image, _)| *image).collect()),
        Ok(_) => None,
        Err(_) => Some(Vec::new()),
    };
    if let Some(kept) = kept {
        // What is not taken back now goes with the next prune.
        let _ = store.take_back(&kept);
    }
    for (manifest, image) in loaded? {
        name(&store, &manifest, &image, args.quiet, ui)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads the images, and leaves of each the one for the wanted platform.
fn load(
    args: &LoadArgs,
    wanted: Option<&Platform>,
    before: &BTreeSet<Digest>,
    store: &Store,
    ui: &Ui,
) -> Result<Vec<(Digest, Loaded)>, CliError> {
    let all = match &args.input {
        None => store::archive::read(store, io::stdin())?,
        Some(file) => {
            let path = ui.env.path(file);
            let doing = || format!("cannot read `{}`", path.display());
            if path.is_dir() {
                store::archive::read_folder(store, &path)?
            } else {
                let file = File::open(&path).map_err(|error| CliError::io(doing(), &error))?;
                store::archive::read(store, file)?
            }
        }
    };
    let Some(wanted) = wanted else { return Ok(all) };
    let chosen: Vec<(Digest, Loaded)> =
        all.iter().map(|image| only(store, image, wanted)).collect::<Result<_, _>>()?;
    let mut kept = before.clone();
    kept.extend(chosen.iter().map(|(manifest, _)| *manifest));
    for (manifest, _) in &all {
        leave(store, manifest, &kept)?;
    }
    Ok(chosen)
}

/// Gives an image its names, and says so.
fn name(
    store: &Store,
    manifest: &Digest,
    image: &Loaded,
    quiet: bool,
    ui: &mut Ui,
) -> Result<(), CliError> {
    for name in &image.names {
        let before = store.image_named(name)?.filter(|it| it.manifest != *manifest);
        store.tag(name, manifest)?;
        if let Some(before) = before {
            replaced(store, &before, (name, manifest), quiet, ui)?;
        }
        let name = name.familiar();
        ui.line(if quiet { name } else { format!("Loaded image: {name}") })?;
    }
    if !image.names.is_empty() {
        return Ok(());
    }
    let config = store.image(manifest)?.and_then(|record| record.config);
    let id = config.unwrap_or(*manifest);
    ui.line(if quiet { id.to_string() } else { format!("Loaded image ID: {id}") })?;
    if let (Some(tag), false) = (image.tags.first(), quiet) {
        let short = id.short();
        ui.note(format_args!(
            "it has the tag `{tag}` in the archive, and no repository: name it with `dfc tag {short} NAME:{tag}`"
        ));
    }
    Ok(())
}

/// The image for one platform under the names of all.
fn only(
    store: &Store,
    (manifest, image): &(Digest, Loaded),
    wanted: &Platform,
) -> Result<(Digest, Loaded), CliError> {
    let record = store.image(manifest)?;
    let found = record.map(|record| member_for(store, record, wanted)).transpose()?.flatten();
    let found = found.ok_or_else(|| {
        let name = image.names.first().map_or_else(|| manifest.short(), Reference::familiar);
        CliError::failed(format!("`{name}` of the archive is not for {wanted}"))
    })?;
    Ok((found.manifest, image.clone()))
}

/// Removes an image of the archive that is not wanted, with those that it consists of. What was there before stays.
fn leave(store: &Store, manifest: &Digest, kept: &BTreeSet<Digest>) -> Result<(), CliError> {
    let Some(record) = store.image(manifest)? else { return Ok(()) };
    if !kept.contains(manifest) {
        store.remove_image(manifest, false)?;
    }
    record.members.iter().try_for_each(|member| leave(store, member, kept))
}

/// An image lost a name to one that was loaded. The same image in another packing goes with its last name.
fn replaced(
    store: &Store,
    before: &ImageRecord,
    (name, by): (&Reference, &Digest),
    quiet: bool,
    ui: &mut Ui,
) -> Result<(), CliError> {
    let same =
        before.config.is_some() && store.image(by)?.is_some_and(|it| it.config == before.config);
    if !same && !quiet {
        let id = before.config.unwrap_or(before.manifest);
        ui.note(format_args!("{} was the name of {id} before", name.familiar()));
    }
    if same {
        store.remove_image(&before.manifest, false)?;
    }
    Ok(())
}
