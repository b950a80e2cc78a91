//! `dfc logout`: forgets the name and password for a registry.

use std::process::ExitCode;

use super::login::target;
use crate::args::registry::LogoutArgs;
use crate::error::CliError;
use crate::images::remote;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(args: &LogoutArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let target = target(&args.host)?;
    let known = remote::credentials(&ui.env)?;
    let forgotten = known.forget(&target).map_err(|error| CliError::caused(&error))?;
    if let Some(text) = &forgotten.text {
        remote::write_credentials(&ui.env, text)?;
    }
    match forgotten.was_known {
        true => ui.note(format_args!("Removed the login for {target}.")),
        false => ui.note(format_args!("Not logged in to {target}.")),
    }
    // Files of podman's are read, and never written.
    let (host, namespace) = target.split_once('/').unwrap_or((&target, ""));
    let left = remote::credentials(&ui.env)?.find(host, namespace);
    if left.map_err(|error| CliError::caused(&error))?.is_some() {
        ui.note(format_args!(
            "warning: a login of another program still counts for {target}: try `podman logout {target}`"
        ));
    }
    Ok(ExitCode::SUCCESS)
}
