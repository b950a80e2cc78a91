//! `dfc push`: sends images of the store to a registry.

use std::process::ExitCode;

use executor::Cancel;
use registry::Pushed;

use crate::args::build::ProgressMode;
use crate::args::registry::PushArgs;
use crate::config::Config;
use crate::error::CliError;
use crate::images::remote::Remote;
use crate::images::{find, push};
use crate::interrupt::Interrupt;
use crate::open;
use crate::options::graph::platform;
use crate::progress::{Doing, Progress};
use crate::ui::Ui;

/// Runs the command; stops at the first image that cannot be sent.
pub(crate) fn run(args: &PushArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let platform = args.platform.as_deref().map(|text| platform("platform", text)).transpose()?;
    let store = open::store(&ui.env)?;
    let mut names = Vec::new();
    for text in &args.images {
        let name = find::reference(text)?;
        match (args.all_tags, find::says_which(text)) {
            (true, true) => {
                let text = format!("`{text}` names one image, and --all-tags all");
                return Err(CliError::usage(text).help("leave out the tag, or --all-tags"));
            }
            (true, false) => names.extend(push::tags(&store, &name)?),
            (false, says_which) => {
                if !says_which && !args.quiet {
                    ui.note("Using default tag: latest");
                }
                names.push(name);
            }
        }
    }
    let cancel = Cancel::default();
    let _interrupt = Interrupt::listen(cancel.clone())?;
    let mut settings = Config::read(&ui.env)?.registry;
    settings.transfer.uploads = args.max_concurrent_uploads.or(settings.transfer.uploads);
    let remote = Remote::new(&ui.env, settings, cancel.clone());
    let mode = if args.quiet { ProgressMode::Quiet } else { ProgressMode::Auto };
    for name in &names {
        let progress = Progress::start(Doing::Pushing, mode, &ui.env, &cancel);
        let pushed = push::push(&store, &remote, name, platform.as_ref(), &progress.reporter());
        progress.finish();
        if cancel.is_cancelled() {
            return Err(CliError::Interrupted);
        }
        let Pushed { digest, size } = pushed?;
        if let (Some(tag), false) = (&name.tag, args.quiet) {
            ui.note(format_args!("{tag}: digest: {digest} size: {size}"));
        }
        ui.line(format_args!("{}@{digest}", name.name()))?;
    }
    Ok(ExitCode::SUCCESS)
}
