//! RUN.

mod heredoc;
mod mount;
mod size;

use grammar::Diagnostic;
use grammar::instruction::{CommandLine, Run};

use super::{Cx, name};
use crate::expand::Env;
use crate::graph::{Input, Role};
use crate::image::{self, Made};
use crate::op::{ExecOp, MountKind, Names, Network, Op, Security};
use mount::{Finished, Mounts};

/// What a variable takes up in the environment of a command beyond its text, in bytes.
const LINE_WEIGHT: usize = 40;

/// The host name that commands see if nobody says otherwise.
const HOSTNAME: &str = "buildkitsandbox";

pub(super) fn lower(cx: &mut Cx<'_, '_>, it: &Run) -> Result<(), Diagnostic> {
    let mut mounts = mount::lower(cx, it)?;
    let (args, remark) = args(cx, it, &mut mounts);
    if args.is_empty() {
        let span = cx.command.statement.span;
        return Err(Diagnostic::error("empty-command", "arguments are required", span)
            .help("name a program: `RUN [\"program\", \"argument\"]`"));
    }
    let security = security(cx, it)?;
    let network = network(cx, it)?;
    if let Some(device) = it.devices.first() {
        let message =
            "device feature is only supported in Dockerfile frontend 1.14.0-labs or later";
        return Err(Diagnostic::error("unsupported-device", message, device.text.span));
    }

    let env = cx.stage().tree.env.clone();
    let step_name = step_name(cx, &env, &mounts, remark.as_deref());
    let history = history(cx, &args, &env);
    let Finished { mounts, inputs: mount_inputs, secret_env, agent, mut words } = mounts.finish();
    let mut env_seen = env;
    if let Some(agent) = agent.filter(|_| env_seen.get("SSH_AUTH_SOCK").is_none()) {
        env_seen.set("SSH_AUTH_SOCK", &agent);
    }
    let options = cx.conversion.options;
    let hostname = cx.conversion.build_args.get("BUILDKIT_SANDBOX_HOSTNAME");
    let hostname = hostname.map_or(HOSTNAME, String::as_str).to_owned();
    let proxy_env = proxies(&cx.conversion.build_args);
    let tree = &cx.stage().tree;
    words.user = tree.user_word;
    let mut inputs: Vec<Input> =
        tree.step.map(|step| Input { step, role: Role::Base }).into_iter().collect();
    inputs.extend(mount_inputs);
    let op = ExecOp {
        args,
        env: env_seen.to_lines(),
        proxy_env,
        cwd: if tree.workdir.is_empty() { "/".into() } else { tree.workdir.clone() },
        user: tree.user.clone(),
        network,
        security,
        mounts,
        secret_env,
        extra_hosts: options.extra_hosts.clone(),
        hostname,
        devices: Vec::new(),
        ulimits: options.ulimits.clone(),
        shm_size: options.shm_size,
    };
    cx.spend(op.env.iter().map(|line| line.len() + LINE_WEIGHT).sum())?;
    let step = cx.add_step(Op::Exec(op), inputs, (step_name, words));
    cx.advance(step);
    cx.commit(history, Made::SignedLayer);
    Ok(())
}

/// Program and arguments; and what the step's name says of a heredoc.
fn args(cx: &mut Cx<'_, '_>, it: &Run, mounts: &mut Mounts) -> (Vec<String>, Option<String>) {
    let line = match &it.line {
        CommandLine::Exec(words) => {
            return (words.iter().map(|word| word.text.clone()).collect(), None);
        }
        CommandLine::Shell(line) => &line.text,
    };
    let image = &cx.stage().image;
    let windows = image.os == "windows";
    let (text, remark) = match heredoc::read(line, &cx.command.statement.heredocs) {
        heredoc::Command::Line(line) => (line, None),
        heredoc::Command::Body { name, body, remark } => match body.starts_with("#!") && !windows {
            true => (mounts.add_script(&name, body), Some(remark)),
            false => (body, Some(remark)),
        },
    };
    (image::with_shell(&cx.stage().image, &text), remark)
}

fn step_name(cx: &mut Cx<'_, '_>, env: &Env, mounts: &Mounts, remark: Option<&str>) -> String {
    let mut text = cx.command.statement.original.trim().to_owned();
    if let Some(remark) = remark {
        text.push_str(&format!(" ({remark})"));
    }
    let mut masked = env.clone();
    for secret in mounts.secret_names() {
        masked.set(secret, "****");
    }
    let text = name::expanded_command(&text, &masked, cx.conversion.file.dialect.escape);
    cx.step_name(&name::upper_case(&text), env)
}

/// `RUN |2 A=1 B= /bin/sh -c …`: the ARGs in scope, each once, before the command.
fn history(cx: &mut Cx<'_, '_>, args: &[String], env: &Env) -> String {
    let declared = cx.conversion.stages[cx.index].args.iter();
    let seen: Vec<String> = declared
        .map(|(name, value)| format!("{name}={}", env.get(name).or(value).unwrap_or_default()))
        .collect();
    let mut words = vec!["RUN".to_owned()];
    if !seen.is_empty() {
        words.push(format!("|{}", seen.len()));
        words.extend(seen);
    }
    words.extend_from_slice(args);
    words.join(" ")
}

fn security(cx: &mut Cx<'_, '_>, it: &Run) -> Result<Security, Diagnostic> {
    let Some(word) = &it.security else { return Ok(Security::Sandbox) };
    match word.text.as_str() {
        "sandbox" => Ok(Security::Sandbox),
        "insecure" if cx.conversion.options.allow_insecure => Ok(Security::Insecure),
        "insecure" => {
            let message = "security.insecure is not allowed";
            Err(Diagnostic::error("not-allowed", message, word.span)
                .help("trust this Dockerfile with `--allow security.insecure`"))
        }
        other => {
            let message = format!("security {other:?} is not valid");
            Err(Diagnostic::error("invalid-security", message, word.span)
                .help("`sandbox` or `insecure`"))
        }
    }
}

fn network(cx: &mut Cx<'_, '_>, it: &Run) -> Result<Network, Diagnostic> {
    let options = cx.conversion.options;
    let of_build = options.network.unwrap_or(Network::Default);
    let Some(word) = &it.network else { return Ok(of_build) };
    match word.text.as_str() {
        "default" => Ok(of_build),
        "none" => Ok(Network::None),
        "host" if options.allow_host_network => Ok(Network::Host),
        "host" => {
            let message = "network.host is not allowed";
            Err(Diagnostic::error("not-allowed", message, word.span)
                .help("trust this Dockerfile with `--allow network.host`"))
        }
        other => {
            let message = format!("invalid network mode {other:?}");
            Err(Diagnostic::error("invalid-network", message, word.span)
                .help("`default`, `none` or `host`"))
        }
    }
}

/// The proxy settings among the build arguments, each in upper and lower case.
fn proxies(build_args: &Names) -> Vec<String> {
    let mut lines = Vec::new();
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"] {
        let given = build_args.iter().rfind(|(key, _)| key.eq_ignore_ascii_case(name));
        if let Some((_, value)) = given.filter(|(_, value)| !value.is_empty()) {
            lines.push(format!("{name}={value}"));
            lines.push(format!("{}={value}", name.to_lowercase()));
        }
    }
    lines
}

/// Which mounts take a tree, and from where they are shown in what order: used by tests and by `mount`.
pub(super) fn rank(kind: &MountKind) -> u8 {
    match kind {
        MountKind::Bind { .. }
        | MountKind::Cache { .. }
        | MountKind::Tmpfs { .. }
        | MountKind::Script { .. } => 0,
        MountKind::Secret { .. } => 1,
        MountKind::Ssh { .. } => 2,
    }
}
