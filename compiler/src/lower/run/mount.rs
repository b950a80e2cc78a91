//! `RUN --mount`: fields to typed mounts, and where their trees come from.

mod fields;

use grammar::instruction::{Mount as Syntax, Run};
use grammar::{Diagnostic, Span, quoted};

use super::rank;
use crate::graph::{Input, Role, StepId, Words};
use crate::lower::Cx;
use crate::op::{Mount, MountKind, MountOwner, SecretEnv, Sharing};
use crate::paths;
use fields::{Fields, Kind};

/// The mounts of one RUN.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    mounts: Vec<Added>,
    /// With the place of the flag.
    secret_env: Vec<(SecretEnv, Span)>,
    /// Where the first agent socket is.
    agent: Option<String>,
    /// How many agent sockets there are.
    agents: usize,
}

#[derive(Debug)]
struct Added {
    mount: Mount,
    /// The step whose tree it shows.
    step: Option<StepId>,
    /// The place of the flag.
    span: Option<Span>,
}

/// What a command gets of its mounts.
#[derive(Debug)]
pub(super) struct Finished {
    /// In the order they are mounted.
    pub(super) mounts: Vec<Mount>,
    /// The trees that they show.
    pub(super) inputs: Vec<Input>,
    /// Secrets in the environment.
    pub(super) secret_env: Vec<SecretEnv>,
    /// The agent's socket.
    pub(super) agent: Option<String>,
    /// Where the mounts and secrets are written.
    pub(super) words: Words,
}

impl Mounts {
    /// Adds the script of a heredoc; gives the path to run.
    pub(super) fn add_script(&mut self, name: &str, content: String) -> String {
        let target = paths::join("/dev/pipes", name);
        let kind = MountKind::Script { content };
        let mount = Mount { target: target.clone(), readonly: true, kind };
        self.mounts.push(Added { mount, step: None, span: None });
        target
    }

    /// The environment variables that hold secrets.
    pub(super) fn secret_names(&self) -> impl Iterator<Item = &str> {
        self.secret_env.iter().map(|(secret, _)| secret.name.as_str())
    }

    /// The mounts in order, and what belongs to them.
    pub(super) fn finish(self) -> Finished {
        let Mounts { mut mounts, secret_env, agent, agents: _ } = self;
        // Trees by target, so that a folder comes before what is mounted in it; then secrets, then sockets.
        mounts.sort_by(|a, b| {
            let (a, b) = (&a.mount, &b.mount);
            let order = rank(&a.kind).cmp(&rank(&b.kind));
            let by_target = if rank(&a.kind) == 0 { a.target.cmp(&b.target) } else { order };
            order.then(by_target)
        });
        let inputs = mounts.iter().enumerate().filter_map(|(index, added)| {
            let number = u32::try_from(index).expect("few mounts");
            added.step.map(|step| Input { step, role: Role::Mount(number) })
        });
        let inputs = inputs.collect();
        let parts = mounts.iter().map(|added| added.span).collect();
        let (secret_env, secret_spans) = secret_env.into_iter().unzip();
        Finished {
            mounts: mounts.into_iter().map(|added| added.mount).collect(),
            inputs,
            secret_env,
            agent,
            words: Words { parts, secret_env: secret_spans, ..Words::default() },
        }
    }
}

/// Lowers the mounts of a RUN.
pub(super) fn lower(cx: &mut Cx<'_, '_>, it: &Run) -> Result<Mounts, Diagnostic> {
    let mut fields = Vec::new();
    let mut mistakes = Vec::new();
    for syntax in &it.mounts {
        fields.extend(Fields::read(cx, syntax, &mut mistakes));
    }
    cx.fail(mistakes)?;
    let mut mounts = Mounts::default();
    for (index, (fields, syntax)) in fields.into_iter().zip(&it.mounts).enumerate() {
        add(cx, &mut mounts, index, fields, syntax)?;
    }
    Ok(mounts)
}

fn add(
    cx: &mut Cx<'_, '_>,
    mounts: &mut Mounts,
    index: usize,
    fields: Fields,
    syntax: &Syntax,
) -> Result<(), Diagnostic> {
    let span = syntax.text.span;
    let tree = source_tree(cx, index, &fields, span)?;
    match fields.kind {
        Kind::Secret => return add_secret(mounts, fields, span),
        Kind::Ssh => return add_agent(mounts, fields, span),
        Kind::Bind | Kind::Cache | Kind::Tmpfs => {}
    }
    let target = target(cx, &fields, span)?;
    let source = paths::join("/", &fields.source);
    let kind = match fields.kind {
        Kind::Tmpfs => MountKind::Tmpfs { size: fields.size.filter(|size| *size > 0) },
        Kind::Cache => {
            let owner = (source == "/").then(|| fields.owner(0o755)).flatten();
            let name = match fields.id.is_empty() {
                true => paths::clean(&fields.target),
                false => fields.id.clone(),
            };
            let id = match cx.conversion.build_args.get("BUILDKIT_CACHE_MOUNT_NS") {
                Some(namespace) if !namespace.is_empty() => format!("{namespace}/{name}"),
                Some(_) | None => name,
            };
            let sharing = fields.sharing.unwrap_or(Sharing::Shared);
            MountKind::Cache { id, sharing, source, owner }
        }
        Kind::Bind | Kind::Secret | Kind::Ssh => MountKind::Bind { source },
    };
    let step = match fields.kind {
        Kind::Tmpfs | Kind::Secret | Kind::Ssh => None,
        Kind::Cache if fields.from.is_empty() => None,
        Kind::Bind | Kind::Cache => match tree {
            Some(step) => step,
            None => Some(cx.context_step()),
        },
    };
    let mount = Mount { target, readonly: fields.is_readonly(), kind };
    mounts.mounts.push(Added { mount, step, span: Some(span) });
    Ok(())
}

/// The tree of `from=`; the outer `None` for the build context.
fn source_tree(
    cx: &mut Cx<'_, '_>,
    index: usize,
    fields: &Fields,
    span: Span,
) -> Result<Option<Option<StepId>>, Diagnostic> {
    if fields.from.is_empty() {
        return Ok(None);
    }
    let source = &cx.conversion.stages[cx.command.sources[index]];
    if source.dispatched {
        return Ok(Some(source.tree.step));
    }
    let message = format!(
        "cannot mount from stage {} to {}, stage needs to be defined before current command",
        quoted(&fields.from),
        quoted(&fields.target)
    );
    Err(Diagnostic::error("stage-order", message, fields.from_span.unwrap_or(span))
        .also(source.from_span, "it is defined here")
        .help("move that stage above this one"))
}

fn target(cx: &mut Cx<'_, '_>, fields: &Fields, span: Span) -> Result<String, Diagnostic> {
    let target = match fields.target.starts_with('/') {
        true => fields.target.clone(),
        false => paths::join(&paths::absolute("/", &cx.stage().tree.workdir), &fields.target),
    };
    if target == "/" {
        let message = format!("invalid mount target {}", quoted(&target));
        return Err(Diagnostic::error(
            "invalid-mount",
            message,
            fields.target_span.unwrap_or(span),
        )
        .help("mount onto a folder, such as `target=/src`"));
    }
    Ok(target)
}

fn add_secret(mounts: &mut Mounts, fields: Fields, span: Span) -> Result<(), Diagnostic> {
    let owner = fields.owner(0o400).unwrap_or(MountOwner { uid: 0, gid: 0, mode: 0o400 });
    let id = match (fields.source.is_empty(), fields.id.is_empty()) {
        (false, _) => fields.source,
        (true, false) => fields.id,
        (true, true) if fields.target.is_empty() => {
            let message = "one of source, target required";
            return Err(Diagnostic::error("invalid-mount", message, span));
        }
        (true, true) => paths::base(&fields.target).to_owned(),
    };
    let target = match (fields.target.is_empty(), &fields.env) {
        (false, _) => Some(fields.target),
        (true, Some(_)) => None,
        (true, None) => Some(format!("/run/secrets/{}", paths::base(&id))),
    };
    let required = fields.required;
    if let Some(name) = fields.env {
        mounts.secret_env.push((SecretEnv { id: id.clone(), name, required }, span));
    }
    if let Some(target) = target {
        let kind = MountKind::Secret { id, required, owner };
        let mount = Mount { target, readonly: true, kind };
        mounts.mounts.push(Added { mount, step: None, span: Some(span) });
    }
    Ok(())
}

fn add_agent(mounts: &mut Mounts, fields: Fields, span: Span) -> Result<(), Diagnostic> {
    if !fields.source.is_empty() {
        let message = "ssh does not support source";
        return Err(Diagnostic::error("invalid-mount", message, span));
    }
    let owner = fields.owner(0o600).unwrap_or(MountOwner { uid: 0, gid: 0, mode: 0o600 });
    let target = match fields.target.is_empty() {
        true => format!("/run/buildkit/ssh_agent.{}", mounts.agents),
        false => fields.target,
    };
    mounts.agents += 1;
    mounts.agent.get_or_insert_with(|| target.clone());
    let kind = MountKind::Ssh { id: fields.id, required: fields.required, owner };
    let mount = Mount { target, readonly: false, kind };
    mounts.mounts.push(Added { mount, step: None, span: Some(span) });
    Ok(())
}
