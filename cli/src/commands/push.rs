//! `dfc push`: sends images of the store to a registry.

use std::process::ExitCode;

use executor::Cancel;

use crate::args::build::ProgressMode;
use crate::args::image::PushArgs;
use crate::config::Config;
use crate::error::CliError;
use crate::images::remote::Remote;
use crate::images::{find, push};
use crate::interrupt::Interrupt;
use crate::open;
use crate::progress::Progress;
use crate::ui::Ui;

/// Runs the command; stops at the first image that cannot be sent.
pub(crate) fn run(args: &PushArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let names =
        args.images.iter().map(|text| find::reference(text)).collect::<Result<Vec<_>, _>>()?;
    let store = open::store(&ui.env)?;
    let cancel = Cancel::default();
    let _interrupt = Interrupt::listen(cancel.clone())?;
    let remote = Remote::new(&ui.env, Config::read(&ui.env)?.registry, cancel.clone());
    let mode = if args.quiet { ProgressMode::Quiet } else { ProgressMode::Auto };
    for name in &names {
        let progress = Progress::start(mode, &ui.env);
        let reporter = progress.reporter();
        let pushed = push::image(&store, &remote, name, &reporter);
        drop(reporter);
        progress.finish();
        if cancel.is_cancelled() {
            return Err(CliError::Interrupted);
        }
        let digest = pushed?;
        ui.line(format_args!("{}@{digest}", name.name()))?;
    }
    Ok(ExitCode::SUCCESS)
}
