//! `dfc load`: reads images from an archive, or from a folder with an OCI layout.

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
        None => store::archive::read(&store, &mut io::stdin().lock())?,
        Some(file) => {
            let path = ui.env.path(file);
            if path.is_dir() {
                store::archive::oci::read_folder(&store, &path)?
            } else {
                let mut file = File::open(&path).map_err(|error| {
                    CliError::failed(format!("cannot read `{}`: {error}", path.display()))
                })?;
                store::archive::read(&store, &mut file)?
            }
        }
    };
    for image in images {
        for name in &image.names {
            let name = name.familiar();
            ui.line(if args.quiet { name } else { format!("Loaded image: {name}") })?;
        }
        if image.names.is_empty() {
            let id = image.config.unwrap_or(image.manifest);
            ui.line(if args.quiet { id.to_string() } else { format!("Loaded image ID: {id}") })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
