//! `dfc save`: writes an archive.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use oci::Platform;
use store::Store;
use store::archive::{Archived, docker, oci as oci_archive};

use crate::args::image::{ArchiveFormat, SaveArgs};
use crate::deliver::write_file;
use crate::error::CliError;
use crate::images::find;
use crate::open;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(args: &SaveArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    if args.output.is_none() && ui.env.stdout_terminal {
        return Err(CliError::usage("the archive would go to the terminal")
            .help("name a file with -o, or redirect standard output"));
    }
    let store = open::store(&ui.env)?;
    let images = images(&store, &args.images)?;
    let write = |out: &mut dyn Write| -> Result<(), CliError> {
        match args.format {
            ArchiveFormat::Docker => docker::write(&store, &images, &Platform::host(), out)?,
            ArchiveFormat::Oci => oci_archive::write(&store, &images, out)?,
        }
        Ok(())
    };
    match &args.output {
        Some(file) => write_file(&ui.env.path(file), write)?,
        None => {
            let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
            write(&mut out)?;
            out.flush().map_err(|error| CliError::output(&error))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The images with the names they are saved under: those that were typed, none for one that was named by its id.
fn images(store: &Store, texts: &[String]) -> Result<Vec<Archived>, CliError> {
    let mut images: Vec<Archived> = Vec::new();
    for text in texts {
        let record = find::image(store, text)?;
        let typed = text.parse().ok().filter(|name| record.names.contains(name));
        let position = images.iter().position(|image| image.manifest == record.manifest);
        let names = match position {
            Some(position) => &mut images[position].names,
            None => {
                images.push(Archived { manifest: record.manifest, names: Vec::new() });
                &mut images.last_mut().expect("just pushed").names
            }
        };
        names.extend(typed);
    }
    Ok(images)
}
