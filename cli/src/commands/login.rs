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
    let target = target(&args.host)?;
    let (host, namespace) = target.split_once('/').unwrap_or((&target, ""));
    let known = remote::credentials(&ui.env)?;
    let remote = Remote::new(&ui.env, Config::read(&ui.env)?.registry, Cancel::default());
    if args.username.is_none() && args.password.is_none() && !args.password_stdin {
        let credential = known.find(host, namespace).map_err(|error| CliError::caused(&error))?;
        if let Some(credential) = credential {
            ui.note(format_args!("Logging in with what is kept for {target}."));
            match remote.login(host, &credential) {
                Ok(()) => return succeeded(ui),
                Err(error) => ui.note(format_args!("That did not work: {error}")),
            }
        }
    }
    let credential = asked(args, ui)?;
    remote.login(host, &credential)?;
    let text = known.keep(&target, &credential).map_err(|error| CliError::caused(&error))?;
    if let Some(text) = text {
        remote::write_credentials(&ui.env, &text)?;
    }
    if known.helper(&target).is_none()
        && let Some(file) = remote::credentials_file(&ui.env)
    {
        ui.note(format_args!(
            "warning: the password is kept unencrypted in `{}`; name a credential helper there (`credsStore`) to \
             have it elsewhere",
            file.display()
        ));
    }
    succeeded(ui)
}

fn succeeded(ui: &mut Ui) -> Result<ExitCode, CliError> {
    ui.line("Login Succeeded")?;
    Ok(ExitCode::SUCCESS)
}

/// `HOST[:PORT][/NAMESPACE]` of what was typed, which may be the address of a registry.
///
/// # Errors
/// It is neither.
pub(super) fn target(text: &str) -> Result<String, CliError> {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest).trim_end_matches('/');
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    if host.is_empty() || !host.chars().all(is_host) {
        return Err(CliError::usage(format!("`{text}` is no registry"))
            .help("write its host, such as registry.example.org:5000"));
    }
    let host = match host {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        other => other,
    };
    match path {
        "" | "v1" | "v2" => Ok(host.to_owned()),
        path => Ok(format!("{host}/{path}")),
    }
}

/// Name and password, from the command line, standard input or the terminal.
fn asked(args: &LoginArgs, ui: &mut Ui) -> Result<Credential, CliError> {
    let (name, password) = match (&args.username, &args.password, args.password_stdin) {
        (Some(name), _, true) => (name.clone(), from_stdin()?),
        (None, _, true) => {
            return Err(CliError::usage("--password-stdin needs --username"));
        }
        (Some(name), Some(password), false) => {
            ui.note("warning: --password shows the password to others on this machine; use --password-stdin");
            (name.clone(), password.clone())
        }
        (name, password, false) => {
            if !ui.env.stdin_terminal {
                return Err(CliError::usage("there is no terminal to ask for name and password")
                    .help("give them with --username NAME --password-stdin"));
            }
            let name = match name {
                Some(name) => name.clone(),
                None => ask("Username: ", Echo::On, ui)?,
            };
            let password = match password {
                Some(password) => password.clone(),
                None => ask("Password: ", Echo::Off, ui)?,
            };
            (name, password)
        }
    };
    if name.is_empty() || password.is_empty() {
        return Err(CliError::usage("the name and the password must not be empty"));
    }
    Ok(Credential::Password { name, password })
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
