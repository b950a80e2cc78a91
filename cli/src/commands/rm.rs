//! `dfc rm`: removes names, and images that have none left. Their bytes go with the next `dfc prune`.

use std::process::ExitCode;

use oci::Reference;
use store::Store;

use crate::args::image::RmArgs;
use crate::error::CliError;
use crate::images::find;
use crate::open;
use crate::ui::Ui;

/// Runs the command. What can be removed is, even if not everything can.
pub(crate) fn run(args: &RmArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let store = open::store(&ui.env)?;
    let mut code = ExitCode::SUCCESS;
    for text in &args.images {
        match remove(&store, text, args.force) {
            Ok(lines) => ui.write(&lines)?,
            Err(error) => code = ui.fail(&error),
        }
    }
    Ok(code)
}

/// Removes a name, or an image by its id; gives the lines that say so.
fn remove(store: &Store, text: &str, force: bool) -> Result<String, CliError> {
    let named = match text.parse::<Reference>() {
        Ok(name) => {
            store.image_named(&name)?.filter(|_| name.digest.is_none()).map(|it| (name, it))
        }
        Err(_) => None,
    };
    if let Some((name, image)) = named {
        store.untag(&name)?;
        let mut lines = format!("Untagged: {}\n", name.familiar());
        if image.names.len() <= 1 && store.remove_image(&image.manifest)? {
            lines.push_str(&format!("Deleted: {}\n", image.config.unwrap_or(image.manifest)));
        }
        return Ok(lines);
    }
    let image = find::image(store, text)?;
    if image.names.len() > 1 && !force {
        let names: Vec<String> = image.names.iter().map(Reference::familiar).collect();
        return Err(CliError::failed(format!(
            "image `{text}` has several names: {}",
            names.join(", ")
        ))
        .help("remove them one by one, or all with --force"));
    }
    let mut lines = String::new();
    for name in &image.names {
        store.untag(name)?;
        lines.push_str(&format!("Untagged: {}\n", name.familiar()));
    }
    store.remove_image(&image.manifest)?;
    lines.push_str(&format!("Deleted: {}\n", image.config.unwrap_or(image.manifest)));
    Ok(lines)
}
