//! `dfc run`: runs a command in an image, in the same sandbox as RUN. What it changes is thrown away, or with `--commit`
//! becomes an image.

mod commit;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use executor::Cancel;
use oci::{ImageConfig, Platform};
use sandbox::{SandboxError, Spec, Stdio, Tree, Upper};
use store::{ImageRecord, Store};

use crate::args::build::{NetworkMode, ProgressMode};
use crate::args::run::RunArgs;
use crate::config::Config;
use crate::env::Env;
use crate::error::CliError;
use crate::images::remote::Remote;
use crate::images::{find, layers, pull, whole};
use crate::interrupt::Interrupt;
use crate::open;
use crate::progress::{Doing, Progress};
use crate::terminal::Terminal;
use crate::ui::Ui;

/// What PATH is where the image does not say.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// docker's status for a command that could not even be tried.
const NOT_TRIED: u8 = 125;

/// Runs the command; ends with the exit status of what was run, or 125, 126 and 127 as docker does.
pub(crate) fn run(args: &RunArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    // 1 would be taken for the command's own status.
    in_image(args, ui).map_err(|error| match error {
        CliError::Failed { message, help } => {
            CliError::NotStarted { message, help, status: NOT_TRIED }
        }
        other => other,
    })
}

fn in_image(args: &RunArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    if args.tty && !ui.env.stdin_terminal {
        return Err(
            CliError::usage("--tty needs a terminal on standard input").help("leave out -t")
        );
    }
    let commit = args.commit.is_some().then(|| commit::Commit::read(args, &ui.env)).transpose()?;
    let store = open::store(&ui.env)?;
    let record = image(&store, args, ui)?;
    let names = record.names.clone();
    let record = find::member(&store, record, &Platform::host())?;
    whole::complete(&store, &names, &record, ui)?;
    let (manifest, config) = find::documents(&store, &record)?;
    let (layers, lowers) = layers::laid_out(&store, &manifest, &config)?;

    // The folder goes with this value, and what the command changed with it.
    let scratch = store.new_folder()?;
    let root =
        Tree::Overlay { lowers, upper: Some(Upper { folder: scratch.fs(), work: scratch.work() }) };
    let mut spec = spec(args, &config, root, &ui.env)?;
    let user = args.user.as_deref().unwrap_or(&config.config.user);
    let account =
        executor::account(&store, &layers, user).map_err(|error| CliError::caused(&error))?;
    spec.user = sandbox::User { uid: account.uid, gid: account.gid, groups: account.groups };
    if !spec.env.iter().any(|var| var.as_encoded_bytes().starts_with(b"HOME=")) {
        spec.env.push(format!("HOME={}", account.home).into());
    }
    let command = spec.args.clone();
    let code = execute(spec, args.tty)?;
    match commit {
        // The status of an interactive shell is that of whatever was typed last.
        Some(_) if code != 0 && !args.tty => {
            ui.note(format_args!("no image was made: the command ended with status {code}"));
        }
        Some(commit) => {
            let base = commit::Base { manifest: &manifest, config: &config, layers: &layers };
            let id = commit.put(&store, scratch, &base, &command)?;
            ui.note(format_args!("Committed {}: {id}", commit.name.familiar()));
        }
        None => drop(scratch),
    }
    Ok(ExitCode::from(code))
}

/// The image from the store, or from a registry if it is not there.
fn image(store: &Store, args: &RunArgs, ui: &mut Ui) -> Result<ImageRecord, CliError> {
    if let Some(record) = store.resolve(&args.image)? {
        return Ok(record);
    }
    let name = find::reference(&args.image)?;
    let cancel = Cancel::default();
    let _interrupt = Interrupt::listen(cancel.clone())?;
    let remote = Remote::new(&ui.env, Config::read(&ui.env)?.registry, cancel.clone());
    let progress = Progress::start(Doing::Pulling, ProgressMode::Auto, &ui.env, &cancel);
    let pulled = pull::image(store, &remote, &name, &Platform::host(), &progress.reporter());
    progress.finish();
    if cancel.is_cancelled() { Err(CliError::Interrupted) } else { pulled }
}

/// What the flags and the image's config say, but for the user.
fn spec(args: &RunArgs, config: &ImageConfig, root: Tree, env: &Env) -> Result<Spec, CliError> {
    let config = &config.config;
    let entrypoint = match args.entrypoint.as_deref() {
        Some("") => Vec::new(),
        Some(program) => vec![program.to_owned()],
        None => config.entrypoint.clone().unwrap_or_default(),
    };
    // As docker has it: CMD belongs to the image's own ENTRYPOINT.
    let command = match (args.command.is_empty(), &args.entrypoint) {
        (true, None) => config.cmd.clone().unwrap_or_default(),
        (true, Some(_)) => Vec::new(),
        (false, _) => args.command.clone(),
    };
    let words: Vec<_> = entrypoint.into_iter().chain(command).map(Into::into).collect();
    if words.is_empty() {
        return Err(CliError::usage(format!("image `{}` has no CMD", args.image))
            .help("name the command behind the image"));
    }
    let mut spec = Spec::new(root, words);
    spec.env = variables(args, &config.env, env).into_iter().map(Into::into).collect();
    let folder = args.workdir.as_deref().unwrap_or(&config.working_dir);
    spec.cwd = PathBuf::from("/").join(folder);
    spec.hostname = "dfc".into();
    spec.network = match args.network.unwrap_or(NetworkMode::Default) {
        NetworkMode::Default | NetworkMode::Host => sandbox::Network::Host,
        NetworkMode::None => sandbox::Network::None,
    };
    spec.hosts = Some("127.0.0.1\tlocalhost dfc\n::1\tlocalhost ip6-localhost\n".into());
    spec.resolv_conf = std::fs::read_to_string("/etc/resolv.conf").ok();
    Ok(spec)
}

/// The image's variables, then those of `-e`; the last of a name counts.
fn variables(args: &RunArgs, image: &[String], env: &Env) -> Vec<String> {
    let mut variables: Vec<String> = vec![PATH.to_owned()];
    let mut positions = BTreeMap::from([("PATH".to_owned(), 0)]);
    let typed = args.env.iter().filter_map(|text| match text.contains('=') {
        true => Some(text.clone()),
        false => env.vars.get(text).map(|value| format!("{text}={value}")),
    });
    let terminal = args.tty.then(|| format!("TERM={}", env.var("TERM").unwrap_or("xterm")));
    for text in terminal.into_iter().chain(image.iter().cloned()).chain(typed) {
        let name = text.split('=').next().unwrap_or_default().to_owned();
        match positions.get(&name) {
            Some(position) => variables[*position] = text,
            None => {
                positions.insert(name, variables.len());
                variables.push(text);
            }
        }
    }
    variables
}

fn not_started(error: &SandboxError) -> CliError {
    let status = match error {
        SandboxError::ProgramNotFound { .. } => 127,
        SandboxError::ProgramNotStarted { .. } => 126,
        SandboxError::Setup { .. }
        | SandboxError::NotPermitted { .. }
        | SandboxError::Limit { .. }
        | SandboxError::UnknownRlimit { .. }
        | SandboxError::Invalid { .. }
        | SandboxError::NoSubordinateIds { .. }
        | SandboxError::MissingProgram { .. }
        | SandboxError::Io { .. } => NOT_TRIED,
    };
    CliError::NotStarted { message: CliError::caused(error).to_string(), help: None, status }
}

/// Runs it to its end. The first Ctrl-C or SIGTERM gives it a second, then it is killed.
fn execute(mut spec: Spec, tty: bool) -> Result<u8, CliError> {
    let mut terminal = None;
    if tty {
        let (ours, theirs) =
            Terminal::open().map_err(|error| CliError::io("cannot make a terminal", &error))?;
        terminal = Some(ours);
        spec.stdio = Stdio::Terminal(theirs);
    } else {
        spec.stdio = Stdio::Inherit;
    }
    let cancel = Cancel::default();
    let _interrupt = Interrupt::listen(cancel.clone())?;
    let mut running = sandbox::spawn(&spec).map_err(|error| not_started(&error))?;
    // Our copy of the command's side of the terminal: its output only ends when all are closed.
    drop(spec);
    let killer = running.killer();
    let _guard = cancel.on_cancel(move || {
        let killer = killer.clone();
        thread::spawn(move || {
            thread::sleep(Duration::from_secs(1));
            killer.kill();
        });
    });
    let exit = running.wait().map_err(|error| CliError::caused(&error))?;
    drop(running);
    drop(terminal);
    if cancel.is_cancelled() {
        return Err(CliError::Interrupted);
    }
    Ok(u8::try_from(exit.status.number()).unwrap_or(u8::MAX))
}
