//! `dfc export`: the tree of an image as a tar, its layers laid over each other.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use store::LayOut;

use crate::args::image::ExportArgs;
use crate::deliver::write_file;
use crate::error::CliError;
use crate::images::{find, layers, whole};
use crate::open;
use crate::options::graph::platform;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(args: &ExportArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    if args.output.is_none() && ui.env.stdout_terminal {
        return Err(CliError::usage("the archive would go to the terminal")
            .help("name a file with -o, or redirect standard output"));
    }
    let wanted = args.platform.as_deref().map(|text| platform("platform", text)).transpose()?;
    let store = open::store(&ui.env)?;
    let record = find::image(&store, &args.image)?;
    let names = record.names.clone();
    let record = find::asked(&store, record, wanted.as_ref())?;
    whole::complete(&store, &names, &record, ui)?;
    let (manifest, config) = find::documents(&store, &record)?;
    let layers = layers::of(&store, &manifest, &config, LayOut::No)?;
    let tree = store.flatten(&layers)?;
    match &args.output {
        Some(file) => write_file(&ui.env.path(file), |out| Ok(tree.write_tar(None, out)?))?,
        None => {
            let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
            tree.write_tar(None, &mut out)?;
            out.flush().map_err(|error| CliError::output(&error))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
