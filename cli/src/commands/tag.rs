//! `dfc tag`: gives an image a further name.

use std::process::ExitCode;

use crate::args::image::TagArgs;
use crate::error::CliError;
use crate::images::find;
use crate::open;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(args: &TagArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let name = find::reference(&args.name)?;
    if name.digest.is_some() {
        return Err(CliError::usage(format!("`{}`: a digest cannot be given", args.name)));
    }
    let store = open::store(&ui.env)?;
    let image = find::image(&store, &args.image)?;
    store.tag(&name, &image.manifest)?;
    Ok(ExitCode::SUCCESS)
}
