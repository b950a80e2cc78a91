//! RUN: a command over the tree of its base, with mounts; what it changed is a layer.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use compiler::op::{ExecOp, MountKind, Network, Security};
use compiler::{Role, StepId, Words};
use sandbox::{ExitStatus, Spec, Tree, Upper, User};
use store::{Folder, ScanOptions, Stamps};

use crate::cache::InputKey;
use crate::context::Disk;
use crate::error::Cause;
use crate::op::file::digest::digest;
use crate::op::file::select::select_all;
use crate::op::file::{accounts, owner};
use crate::op::source::{context_layer, context_selection, snapshot};
use crate::run::{Cached, Cx, Inputs, Made, NewLayer};
use crate::snapshot::Snapshot;
use crate::status::Event;
use crate::tree::clean;

mod mounts;
pub(crate) mod runner;
mod tail;

use tail::Tail;

/// A command whose inputs are done.
pub(crate) struct ExecStep<'a> {
    id: StepId,
    base_step: StepId,
    op: &'a ExecOp,
    /// The tree it runs in.
    pub(crate) base: Snapshot,
    mounts: Vec<Option<MountInput>>,
}

/// The tree that a mount shows something of.
struct MountInput {
    step: StepId,
    tree: MountTree,
}

enum MountTree {
    /// A context: what is mounted of it becomes a layer.
    Disk(Arc<Disk>),
    Layers(Snapshot),
}

impl<'a> ExecStep<'a> {
    /// Takes the inputs.
    ///
    /// # Errors
    /// The base is a context that cannot be read.
    pub(crate) fn new(
        cx: &Cx<'_>,
        id: StepId,
        op: &'a ExecOp,
        inputs: &Inputs,
    ) -> Result<ExecStep<'a>, Cause> {
        let (base_step, base) = match inputs.get(&Role::Base) {
            Some((step, outcome)) => (*step, snapshot(cx, *step, outcome)?),
            None => (id, Snapshot::default()),
        };
        let mounts = (0..op.mounts.len())
            .map(|number| {
                inputs.get(&mount_role(number)).map(|(step, outcome)| MountInput {
                    step: *step,
                    tree: match &outcome.made {
                        Made::Context(disk) => MountTree::Disk(Arc::clone(disk)),
                        Made::Layers(snapshot) => MountTree::Layers(snapshot.clone()),
                    },
                })
            })
            .collect();
        Ok(ExecStep { id, base_step, op, base, mounts })
    }

    fn base_key(&self) -> InputKey {
        InputKey::whole(Role::Base, self.base_step, &self.base.digest())
    }

    /// The mounts whose trees are part of the key, each with its path. What a cache holds, or starts from, is not.
    fn keyed(&self) -> impl Iterator<Item = (usize, &str, &MountInput)> {
        self.op.mounts.iter().zip(&self.mounts).enumerate().filter_map(
            |(number, (mount, input))| match &mount.kind {
                MountKind::Bind { source } => Some((number, source.as_str(), input.as_ref()?)),
                MountKind::Cache { .. }
                | MountKind::Tmpfs { .. }
                | MountKind::Secret { .. }
                | MountKind::Ssh { .. }
                | MountKind::Script { .. } => None,
            },
        )
    }

    /// Where the mounts are written.
    fn words<'c>(&self, cx: &Cx<'c>) -> &'c Words {
        &cx.graph.step(self.id).words
    }

    fn command(&self) -> String {
        self.op.args.join(" ")
    }
}

impl Cached for ExecStep<'_> {
    fn quick(&self) -> Option<Vec<InputKey>> {
        let mut keys = vec![self.base_key()];
        for (number, _, input) in self.keyed() {
            match &input.tree {
                MountTree::Disk(_) => return None,
                MountTree::Layers(tree) => {
                    keys.push(InputKey::whole(mount_role(number), input.step, &tree.digest()));
                }
            }
        }
        Some(keys)
    }

    fn exact(&mut self, cx: &Cx<'_>) -> Result<Vec<InputKey>, Cause> {
        let mut keys = vec![self.base_key()];
        for (number, source, input) in self.keyed() {
            let role = mount_role(number);
            let path = clean(source);
            keys.push(match &input.tree {
                MountTree::Disk(disk) => {
                    let part = context_selection(cx, disk, &path)
                        .map_err(|cause| cause.at(self.words(cx).part(number)))?;
                    InputKey::part(role, input.step, part.selected)
                }
                MountTree::Layers(tree) if path.is_empty() => {
                    InputKey::whole(role, input.step, &tree.digest())
                }
                MountTree::Layers(tree) => {
                    let base = cx.base(tree)?;
                    let selection = select_all(&base, &path)
                        .map_err(|cause| cause.at(self.words(cx).part(number)))?;
                    let mut selected = digest(&selection, true);
                    // Of a whole folder of a stage the digest says enough.
                    selected.files.clear();
                    InputKey::part(role, input.step, selected)
                }
            });
        }
        Ok(keys)
    }

    fn run(&mut self, cx: &Cx<'_>) -> Result<NewLayer, Cause> {
        if let Some(device) = self.op.devices.first() {
            return Err(Cause::Exec(format!("the device `{device}` cannot be given to a RUN")));
        }
        let store = cx.env.store;
        let base = cx.base(&self.base)?;
        let accounts = accounts::read(&base, store)?;
        let process = owner::for_process(&self.op.user, &accounts)
            .map_err(|cause| cause.at(self.words(cx).user))?;
        let folder = store.new_folder()?;
        let mut copied = Stamps::default();
        let root = if cx.can_overlay() {
            let upper = Upper { folder: folder.fs(), work: folder.work() };
            Tree::Overlay {
                lowers: store.lay_out_chain(&base.visible_layers())?,
                upper: Some(upper),
            }
        } else {
            store.write_flat(&store.flatten_unlinked(&base.layers)?, &folder.fs())?;
            copied = Stamps::of(&folder.fs())?;
            Tree::Folder(folder.fs())
        };
        let prepared = mounts::prepare(cx, (self.op, cx.graph.step(self.id)), &self.mounts)?;
        let mut spec = Spec::new(root, self.op.args.iter().map(OsString::from).collect());
        spec.env = self.environment(cx, &process.home)?;
        spec.cwd = PathBuf::from(&self.op.cwd);
        spec.user = User { uid: process.owner.uid, gid: process.owner.gid, groups: process.groups };
        spec.hostname.clone_from(&self.op.hostname);
        spec.network = match self.op.network {
            Network::Default | Network::Host => sandbox::Network::Host,
            Network::None => sandbox::Network::None,
        };
        spec.security = match self.op.security {
            Security::Sandbox => sandbox::Security::Sandbox,
            Security::Insecure => sandbox::Security::Insecure,
        };
        spec.hosts = Some(hosts(self.op));
        spec.resolv_conf = Some(resolv_conf(cx));
        spec.mounts = prepared.mounts;
        spec.shm_size = self.op.shm_size.unwrap_or(sandbox::DEFAULT_SHM_SIZE);
        spec.rlimits = self.rlimits();
        spec.limits = cx.env.settings.limits.clone();
        self.execute(cx, &spec)?;
        drop(prepared.kept);
        self.scan(cx, folder, &base, &copied)
    }
}

impl ExecStep<'_> {
    fn execute(&self, cx: &Cx<'_>, spec: &Spec) -> Result<(), Cause> {
        let mut tail = Tail::default();
        let step = self.id;
        let mut log = |stream, bytes: &[u8]| {
            tail.add(bytes);
            cx.tell(Event::Log { step, stream, bytes: bytes.to_vec() });
        };
        let exit = cx.runner.run(spec, &cx.stop, &mut log);
        cx.check()?;
        let exit = exit.map_err(|source| Cause::NotStarted {
            command: self.command(),
            source: Box::new(source),
            foreign: foreign(&cx.graph.step(step).platform).map(Box::new),
        })?;
        match exit.status {
            ExitStatus::Code(0) => Ok(()),
            status @ (ExitStatus::Code(_) | ExitStatus::Signal(_)) => Err(Cause::ExitCode {
                command: self.command(),
                code: status.number(),
                tail: tail.into_lines(),
                out_of_memory: exit.out_of_memory,
            }),
        }
    }

    fn scan(
        &self,
        cx: &Cx<'_>,
        folder: Folder,
        base: &crate::draft::Base,
        copied: &Stamps,
    ) -> Result<NewLayer, Cause> {
        let (store, options) = (cx.env.store, ScanOptions::default());
        Ok(if cx.can_overlay() {
            let index = store.scan_upper(&folder.fs(), Some(&base.view), &options)?;
            NewLayer::Upper(folder, index)
        } else {
            let index = store.scan_against(&folder.fs(), (&base.view, copied), &options)?;
            NewLayer::Tree(folder, index)
        })
    }

    /// The environment of the image and the ARGs, the proxies, the secrets, and HOME.
    fn environment(&self, cx: &Cx<'_>, home: &str) -> Result<Vec<OsString>, Cause> {
        let op = self.op;
        let mut env: Vec<OsString> = op.env.iter().map(OsString::from).collect();
        let mut add = |name: &str, value: &[u8]| {
            let start = format!("{name}=");
            env.retain(|known| !known.as_encoded_bytes().starts_with(start.as_bytes()));
            env.push(os_string([start.as_bytes(), value].concat()));
        };
        for pair in &op.proxy_env {
            if let Some((name, value)) = pair.split_once('=') {
                add(name, value.as_bytes());
            }
        }
        for (number, secret) in op.secret_env.iter().enumerate() {
            let value = cx.env.secrets.secret(&secret.id)?;
            if value.is_none() && secret.required {
                let span = self.words(cx).secret_env.get(number).copied();
                return Err(Cause::SecretMissing { id: secret.id.clone(), span });
            }
            add(&secret.name, &value.unwrap_or_default());
        }
        let has = |name: &str| op.env.iter().any(|pair| pair.starts_with(name));
        if !has("HOME=") {
            add("HOME", home.as_bytes());
        }
        let socket = op.mounts.iter().find(|mount| matches!(mount.kind, MountKind::Ssh { .. }));
        if let Some(mount) = socket.filter(|_| !has("SSH_AUTH_SOCK=")) {
            add("SSH_AUTH_SOCK", mount.target.as_bytes());
        }
        Ok(env)
    }

    fn rlimits(&self) -> Vec<sandbox::Rlimit> {
        let limit = |(name, soft, hard): &(String, i64, i64)| sandbox::Rlimit {
            name: name.clone(),
            soft: *soft,
            hard: *hard,
        };
        self.op.ulimits.iter().map(limit).collect()
    }
}

/// The platform, if its programs are not for this machine.
fn foreign(platform: &oci::Platform) -> Option<oci::Platform> {
    let same = platform.architecture == oci::Platform::host().architecture;
    (!same).then(|| platform.clone())
}

fn os_string(bytes: Vec<u8>) -> OsString {
    use std::os::unix::ffi::OsStringExt as _;
    OsString::from_vec(bytes)
}

fn mount_role(number: usize) -> Role {
    Role::Mount(u32::try_from(number).unwrap_or(u32::MAX))
}

fn hosts(op: &ExecOp) -> String {
    let mut text = format!(
        "127.0.0.1\tlocalhost {}\n::1\tlocalhost ip6-localhost ip6-loopback\n",
        op.hostname
    );
    for (name, address) in &op.extra_hosts {
        text.push_str(&format!("{address}\t{name}\n"));
    }
    text
}

/// The host's, since a RUN sees the host's network; without one, the public resolvers that Docker takes.
fn resolv_conf(cx: &Cx<'_>) -> String {
    match &cx.env.settings.resolv_conf {
        Some(text) => text.clone(),
        None => std::fs::read_to_string("/etc/resolv.conf")
            .ok()
            .filter(|text| !text.trim().is_empty())
            .unwrap_or_else(|| "nameserver 8.8.8.8\nnameserver 8.8.4.4\n".to_owned()),
    }
}

impl MountInput {
    /// The layers to mount, and the path in them.
    fn layers(&self, cx: &Cx<'_>, source: &str) -> Result<(Snapshot, PathBuf), Cause> {
        match &self.tree {
            MountTree::Layers(tree) => {
                cx.remote.bring(cx, tree)?;
                Ok((tree.clone(), PathBuf::from(source)))
            }
            MountTree::Disk(disk) => {
                let part = context_selection(cx, disk, &clean(source))?;
                let layer = context_layer(cx, self.step, disk, &part)?;
                let path = [b"/", part.path.as_slice()].concat();
                Ok((Snapshot { layers: vec![layer] }, PathBuf::from(os_string(path))))
            }
        }
    }
}
