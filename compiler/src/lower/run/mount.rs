//! `RUN --mount`: fields to typed mounts, and where their trees come from.

mod fields;

use grammar::instruction::{Mount as Syntax, Run};
use grammar::{Diagnostic, Span};

use super::rank;
use crate::graph::{Input, Role, StepId};
use crate::lower::Cx;
use crate::op::{Mount, MountKind, MountOwner, SecretEnv, Sharing};
use crate::paths;
use fields::{Fields, Kind};

/// The mounts of one RUN.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    /// With the step whose tree they show.
    mounts: Vec<(Mount, Option<StepId>)>,
    secret_env: Vec<SecretEnv>,
    /// Where the first agent socket is.
    agent: Option<String>,
    /// How many agent sockets there are.
    agents: usize,
}

impl Mounts {
    /// Adds the script of a heredoc; gives the path to run.
    pub(super) fn add_script(&mut self, name: &str, content: String) -> String {
        let target = paths::join("/dev/pipes", name);
        let kind = MountKind::Script { content };
        self.mounts.push((Mount { target: target.clone(), readonly: true, kind }, None));
        target
    }

    /// The environment variables that hold secrets.
    pub(super) fn secret_names(&self) -> impl Iterator<Item = &str> {
        self.secret_env.iter().map(|secret| secret.name.as_str())
    }

    /// The mounts in the order they are mounted, their inputs, secrets in the environment, the agent's socket.
    pub(super) fn finish(self) -> (Vec<Mount>, Vec<Input>, Vec<SecretEnv>, Option<String>) {
        let Mounts { mut mounts, secret_env, agent, agents: _ } = self;
        // Trees by target, so that a folder comes before what is mounted in it; then secrets, then sockets.
        mounts.sort_by(|(a, _), (b, _)| {
            let order = rank(&a.kind).cmp(&rank(&b.kind));
            let by_target = if rank(&a.kind) == 0 { a.target.cmp(&b.target) } else { order };
            order.then(by_target)
        });
        let inputs = mounts.iter().enumerate().filter_map(|(index, (_, step))| {
            let number = u32::try_from(index).expect("few mounts");
            step.map(|step| Input { step, role: Role::Mount(number) })
        });
        let inputs = inputs.collect();
        (mounts.into_iter().map(|(mount, _)| mount).collect(), inputs, secret_env, agent)
    }
}

/// Lowers the mounts of a RUN.
pub(super) fn lower(cx: &mut Cx<'_, '_>, it: &Run) -> Result<Mounts, Diagnostic> {
    let mut fields = Vec::new();
    for syntax in &it.mounts {
        fields.push(Fields::read(cx, syntax)?);
    }
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
    mounts.mounts.push((Mount { target, readonly: fields.is_readonly(), kind }, step));
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
        "cannot mount from stage {:?} to {:?}, stage needs to be defined before current command",
        fields.from, fields.target
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
        let message = format!("invalid mount target {target:?}");
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
        mounts.secret_env.push(SecretEnv { id: id.clone(), name, required });
    }
    if let Some(target) = target {
        let kind = MountKind::Secret { id, required, owner };
        mounts.mounts.push((Mount { target, readonly: true, kind }, None));
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
    mounts.mounts.push((Mount { target, readonly: false, kind }, None));
    Ok(())
}
