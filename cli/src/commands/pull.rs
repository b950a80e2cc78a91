//! `dfc pull`: gets images from a registry.

use std::process::ExitCode;

use executor::Cancel;
use oci::Platform;

use crate::args::build::ProgressMode;
use crate::args::image::PullArgs;
use crate::config::Config;
use crate::error::CliError;
use crate::images::remote::Remote;
use crate::images::{find, pull};
use crate::open;
use crate::options::graph::{default_platform, platform};
use crate::progress::Progress;
use crate::ui::Ui;

/// Runs the command; stops at the first image that cannot be had.
pub(crate) fn run(args: &PullArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let platform = match &args.platform {
        Some(text) => platform("platform", text)?,
        None => default_platform(&ui.env)?.unwrap_or_else(Platform::host),
    };
    let names =
        args.images.iter().map(|text| find::reference(text)).collect::<Result<Vec<_>, _>>()?;
    let store = open::store(&ui.env)?;
    let remote = Remote::new(&ui.env, Config::read(&ui.env)?.registry, Cancel::default());
    let mode = if args.quiet { ProgressMode::Quiet } else { ProgressMode::Auto };
    for name in &names {
        let progress = Progress::start(mode, &ui.env);
        let reporter = progress.reporter();
        let pulled = pull::image(&store, &remote, name, &platform, &reporter);
        drop(reporter);
        progress.finish();
        let image = pulled?;
        if !args.quiet {
            ui.note(format_args!("Digest: {}", image.manifest));
        }
        ui.line(name)?;
    }
    Ok(ExitCode::SUCCESS)
}
