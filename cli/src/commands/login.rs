//! `dfc login`: keeps a name and password for a registry, where docker keeps them.

use std::io::{self, BufRead, Read};
use std::process::ExitCode;

use executor::Cancel;
use registry::Credential;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use crate::args::registry::LoginArgs;
use crate::config::Config;
use crate::error::CliError;
use crate::images::remote::{self, Remote};
use crate::ui::Ui;

/// The longest password that is read.
const MAX_PASSWORD: u64 = 64 << 10;

/// Runs the command. The registry is asked first, so that nothing wrong is kept.
pub(crate) fn run(args: &LoginArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let (name, password) = match (&args.username, args.password_stdin) {
        (Some(name), true) => (name.clone(), from_stdin()?),
        (None, true) => {
            return Err(CliError::usage("--password-stdin needs --username"));
        }
        (name, false) => {
            if !ui.env.stdin_terminal {
                return Err(CliError::usage("there is no terminal to ask for the password")
                    .help("give it with --username NAME --password-stdin"));
            }
            let name = match name {
                Some(name) => name.clone(),
                None => ask("Username: ", Echo::On, ui)?,
            };
            (name, ask("Password: ", Echo::Off, ui)?)
        }
    };
    let credential = Credential::Password { name, password };
    let remote = Remote::new(&ui.env, Config::read(&ui.env)?.registry, Cancel::default());
    remote.login(&args.host, &credential)?;
    let known = remote::credentials(&ui.env)?;
    let text = known.keep(&args.host, &credential).map_err(|error| CliError::caused(&error))?;
    if let Some(text) = text {
        remote::write_credentials(&ui.env, &text)?;
    }
    ui.note(format_args!("Logged in to {}.", args.host));
    Ok(ExitCode::SUCCESS)
}

/// Whether what is typed is seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Echo {
    On,
    Off,
}

fn from_stdin() -> Result<String, CliError> {
    let mut text = String::new();
    io::stdin()
        .lock()
        .take(MAX_PASSWORD)
        .read_to_string(&mut text)
        .map_err(|error| CliError::io("cannot read the password from standard input", &error))?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

fn ask(question: &str, echo: Echo, ui: &mut Ui) -> Result<String, CliError> {
    let failed = |error: io::Error| CliError::io("cannot ask", &error);
    ui.prompt(question);
    let stdin = rustix::stdio::stdin();
    let before = tcgetattr(stdin).map_err(|error| failed(error.into()))?;
    if echo == Echo::Off {
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(stdin, OptionalActions::Now, &silent).map_err(|error| failed(error.into()))?;
    }
    let mut text = String::new();
    let read = io::stdin().lock().read_line(&mut text);
    if echo == Echo::Off {
        tcsetattr(stdin, OptionalActions::Now, &before).map_err(|error| failed(error.into()))?;
        ui.note("");
    }
    read.map_err(failed)?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}
