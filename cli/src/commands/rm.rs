//! `dfc rm`: removes names, and images that have none left. Their bytes go with the next `dfc prune`.

use std::process::ExitCode;

use oci::{Digest, Reference};
use store::{ImageRecord, Store};

use crate::args::image::RmArgs;
use crate::error::CliError;
use crate::images::find;
use crate::open;
use crate::ui::Ui;

/// Runs the command. What can be removed is, even if not everything can.
pub(crate) fn run(args: &RmArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let store = open::store_to_remove(&ui.env)?;
    let mut code = ExitCode::SUCCESS;
    for text in &args.images {
        match remove(&store, text, args.force) {
            Ok(Some(lines)) => ui.write(&lines)?,
            // As docker has it: --force is content if there is nothing.
            Ok(None) if args.force => {
                ui.fail(&find::none(text));
            }
            Ok(None) => code = ui.fail(&find::none(text)),
            Err(error) => code = ui.fail(&error),
        }
    }
    Ok(code)
}

/// Removes a name, or an image by its id; gives the lines that say so, or nothing if there is none.
fn remove(store: &Store, text: &str, force: bool) -> Result<Option<String>, CliError> {
    let named = match text.parse::<Reference>() {
        Ok(name) => {
            store.image_named(&name)?.filter(|_| name.digest.is_none()).map(|it| (name, it))
        }
        Err(_) => None,
    };
    if let Some((name, image)) = named {
        store.untag(&name)?;
        let mut lines = format!("Untagged: {}\n", name.familiar());
        delete(store, &image, false, &mut lines)?;
        return Ok(Some(lines));
    }
    let Some(image) = find::resolve(store, text)? else { return Ok(None) };
    if image.names.len() > 1 && !force {
        let names: Vec<String> = image.names.iter().map(Reference::familiar).collect();
        return Err(CliError::failed(format!(
            "image `{text}` has several names: {}",
            names.join(", ")
        ))
        .help("remove them one by one, or all with --force"));
    }
    if let Some(whole) = whole_of(store, &image)?
        && !force
    {
        let name = find::shown_name(&whole);
        return Err(CliError::failed(format!("image `{text}` is a part of `{name}`"))
            .help(format!("remove the whole with `dfc rm {name}`, or add --force")));
    }
    let mut lines = String::new();
    for name in &image.names {
        store.untag(name)?;
        lines.push_str(&format!("Untagged: {}\n", name.familiar()));
    }
    delete(store, &image, force, &mut lines)?;
    Ok(Some(lines))
}

/// Removes an image that has no name left, and of several platforms those that nothing else refers to.
fn delete(
    store: &Store,
    image: &ImageRecord,
    wanted_part: bool,
    lines: &mut String,
) -> Result<(), CliError> {
    if !store.remove_image(&image.manifest, wanted_part)? {
        return Ok(());
    }
    let id: Digest = image.config.unwrap_or(image.manifest);
    lines.push_str(&format!("Deleted: {id}\n"));
    for member in &image.members {
        if let Some(member) = store.image(member)? {
            delete(store, &member, false, lines)?;
        }
    }
    Ok(())
}

/// The image of several platforms that an image is part of.
fn whole_of(store: &Store, image: &ImageRecord) -> Result<Option<ImageRecord>, CliError> {
    let mut images = store.images()?.into_iter();
    Ok(images.find(|whole| whole.members.contains(&image.manifest)))
}
