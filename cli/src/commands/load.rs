//! `dfc load`: reads images from an archive.

use std::fs::File;
use std::io;
use std::process::ExitCode;

use crate::args::image::LoadArgs;
use crate::error::CliError;
use crate::open;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(args: &LoadArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    if args.input.is_none() && ui.env.stdin_terminal {
        return Err(CliError::usage("there is no archive on standard input")
            .help("name a file with -i, or redirect standard input"));
    }
    let store = open::store(&ui.env)?;
    let images = match &args.input {
        None => store::archive::read(&store, io::stdin())?,
        Some(file) => {
            let path = ui.env.path(file);
            let doing = || format!("cannot read `{}`", path.display());
            if path.is_dir() {
                return Err(CliError::failed(format!("{}: it is a folder", doing())).help(
                    "a build takes an image from a layout folder with --build-context NAME=oci-layout://FOLDER",
                ));
            }
            store::archive::read(
                &store,
                File::open(&path).map_err(|error| CliError::io(doing(), &error))?,
            )?
        }
    };
    for image in images {
        for name in &image.names {
            store.tag(name, &image.manifest)?;
            let name = name.familiar();
            ui.line(if args.quiet { name } else { format!("Loaded image: {name}") })?;
        }
        if image.names.is_empty() {
            let config = store.image(&image.manifest)?.and_then(|record| record.config);
            let id = config.unwrap_or(image.manifest);
            ui.line(if args.quiet { id.to_string() } else { format!("Loaded image ID: {id}") })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
