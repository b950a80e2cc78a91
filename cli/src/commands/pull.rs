//! `dfc pull`: gets images from a registry.

use std::process::ExitCode;

use executor::Cancel;
use oci::{Platform, Reference};
use store::Store;

use crate::args::build::ProgressMode;
use crate::args::registry::PullArgs;
use crate::config::Config;
use crate::error::CliError;
use crate::images::pull::{self, Pulled, Wanted};
use crate::images::remote::Remote;
use crate::images::{find, is_for};
use crate::interrupt::Interrupt;
use crate::open;
use crate::options::graph::{default_platform, platform};
use crate::progress::{Doing, Progress};
use crate::ui::Ui;

/// Runs the command; stops at the first image that cannot be had.
pub(crate) fn run(args: &PullArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let wanted = match (&args.platform, args.all_platforms) {
        (_, true) => Wanted::All,
        (Some(text), false) => Wanted::Platform(platform("platform", text)?),
        (None, false) => {
            Wanted::Platform(default_platform(&ui.env)?.unwrap_or_else(Platform::host))
        }
    };
    let mut names = Vec::new();
    for text in &args.images {
        let name = find::reference(text)?;
        if args.all_tags && find::says_which(text) {
            return Err(CliError::usage(format!("`{text}` names one image, and --all-tags all"))
                .help("leave out the tag, or --all-tags"));
        }
        if !args.all_tags && !find::says_which(text) && !args.quiet {
            ui.note("Using default tag: latest");
        }
        names.push(name);
    }
    let store = open::store(&ui.env)?;
    let mut settings = Config::read(&ui.env)?.registry;
    settings.transfer.downloads = args.max_concurrent_downloads.or(settings.transfer.downloads);
    let cancel = Cancel::default();
    let _interrupt = Interrupt::listen(cancel.clone())?;
    let remote = Remote::new(&ui.env, settings, cancel.clone());
    let stopped = |error| if cancel.is_cancelled() { CliError::Interrupted } else { error };
    for name in names {
        let tags =
            if args.all_tags { all_tags(&remote, &name).map_err(stopped)? } else { vec![name] };
        for name in tags {
            let pulled = one(&store, &remote, &name, &wanted, args.quiet, ui).map_err(stopped)?;
            if !args.quiet {
                ui.note(format_args!("Digest: {}", pulled.root));
                let name = name.familiar();
                if let (Wanted::Platform(wanted), Some(found)) = (&wanted, &pulled.record.platform)
                    && !is_for(found, wanted)
                {
                    ui.note(format_args!("warning: {name} is for {found}, not for {wanted}"));
                }
                ui.note(match pulled.is_new {
                    true => format!("Status: Downloaded newer image for {name}"),
                    false => format!("Status: Image is up to date for {name}"),
                });
            }
            ui.line(&name)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn one(
    store: &Store,
    remote: &Remote,
    name: &Reference,
    wanted: &Wanted,
    quiet: bool,
    ui: &Ui,
) -> Result<Pulled, CliError> {
    let mode = if quiet { ProgressMode::Quiet } else { ProgressMode::Auto };
    let progress = Progress::start(Doing::Pulling, mode, &ui.env, remote.cancel());
    pull::pull(store, remote, name, wanted, &progress.reporter())
}

/// A name for each tag that the registry has.
fn all_tags(remote: &Remote, name: &Reference) -> Result<Vec<Reference>, CliError> {
    let failed =
        |why: String| CliError::failed(format!("cannot pull {}: {why}", name.familiar_name()));
    let tags = remote.tags(name).map_err(|error| failed(error.to_string()))?;
    if tags.is_empty() {
        return Err(failed("the registry has no tags of it".to_owned()));
    }
    let named = tags.iter().map(|tag| name.with_tag(tag));
    named.collect::<Result<_, _>>().map_err(|error| failed(error.to_string()))
}
