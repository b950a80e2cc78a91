//! Definitions, op by op. Each takes its op apart in full; what is left out says why.

use oci::Platform;

use super::KeyRecord;
use crate::op::{
    CopyAction, ExecOp, FileAction, FileOp, GitSource, HttpSource, ImageOrigin, ImageSource,
    MkdirAction, MkfileAction, Mount, MountKind, MountOwner, Network, Op, Parents, SecretEnv,
    Security, SourceOp, Unpack,
};

pub(super) fn record(op: &Op, platform: &Platform) -> KeyRecord {
    let mut record = KeyRecord::new();
    let kind = match op {
        Op::Source(SourceOp::Image(_)) => "image",
        Op::Source(SourceOp::Local { .. }) => "local",
        Op::Source(SourceOp::Http(_)) => "http",
        Op::Source(SourceOp::Git(_)) => "git",
        Op::Exec(_) => "exec",
        Op::File(_) => "file",
        Op::Merge => "merge",
    };
    record.add("op", kind);
    match op {
        Op::Source(SourceOp::Image(source)) => image(&mut record, source),
        Op::Source(SourceOp::Local { name }) => record.add("context", name.as_str()),
        Op::Source(SourceOp::Http(source)) => http(&mut record, source),
        Op::Source(SourceOp::Git(source)) => git(&mut record, source),
        Op::Exec(op) => {
            record.add("platform", platform.with_os_options());
            exec(&mut record, op);
        }
        Op::File(op) => file(&mut record, op),
        // All of it is in the inputs.
        Op::Merge => {}
    }
    record
}

fn image(record: &mut KeyRecord, source: &ImageSource) {
    let ImageSource {
        reference,
        platform,
        manifest: _, // may differ for the same layers: other compression, other annotations
        origin,
        diff_ids,
    } = source;
    for (number, diff_id) in diff_ids.iter().enumerate() {
        record.add(format!("layer {number}"), diff_id.to_string());
    }
    if diff_ids.is_empty() {
        record.add("reference", reference.to_string());
        record.add("platform", platform.with_os_options());
        match origin {
            ImageOrigin::Registry => {}
            ImageOrigin::Layout(layout) => record.add("layout", layout.as_str()),
        }
    }
}

fn http(record: &mut KeyRecord, source: &HttpSource) {
    let HttpSource { url, file_name, checksum } = source;
    record.add("url", url.as_str()); // without name and password
    record.add("file name", file_name.as_str());
    record.add_some("checksum", checksum.map(|it| it.to_string()).as_ref());
}

fn git(record: &mut KeyRecord, source: &GitSource) {
    let GitSource {
        url,
        reference,
        subdir,
        checksum,
        keep_git_dir,
        submodules,
        commit_times,
        fetch_by_commit,
    } = source;
    record.add("url", url.as_str()); // without name and password
    record.add_some("reference", reference.as_ref());
    record.add_some("subdir", subdir.as_ref());
    record.add_some("checksum", checksum.as_ref());
    record.add("keep git dir", keep_git_dir.to_string());
    record.add("submodules", submodules.to_string());
    record.add("commit times", commit_times.to_string());
    record.add("fetch by commit", fetch_by_commit.to_string());
}

fn exec(record: &mut KeyRecord, op: &ExecOp) {
    let ExecOp {
        args,
        env,
        proxy_env: _, // how the network is reached, not what is built
        cwd,
        user,
        network,
        security,
        mounts,
        secret_env,
        extra_hosts,
        hostname,
        devices,
        ulimits,
        shm_size,
    } = op;
    for (number, arg) in args.iter().enumerate() {
        record.add(format!("arg {number}"), arg.as_str());
    }
    for line in env {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        record.add(format!("env {name}"), value);
    }
    record.add("cwd", cwd.as_str());
    record.add("user", user.as_str());
    record.add(
        "network",
        match network {
            Network::Default => "default",
            Network::None => "none",
            Network::Host => "host",
        },
    );
    record.add(
        "security",
        match security {
            Security::Sandbox => "sandbox",
            Security::Insecure => "insecure",
        },
    );
    record.add("hostname", hostname.as_str());
    for (number, (name, address)) in extra_hosts.iter().enumerate() {
        record.add(format!("host {number}"), format!("{name}:{address}"));
    }
    for (number, device) in devices.iter().enumerate() {
        record.add(format!("device {number}"), device.as_str());
    }
    for (number, (name, soft, hard)) in ulimits.iter().enumerate() {
        record.add(format!("ulimit {number}"), format!("{name}={soft}:{hard}"));
    }
    record.add_some("shm size", shm_size.map(|size| size.to_string()).as_ref());
    for (number, it) in mounts.iter().enumerate() {
        mount(record, number, it);
    }
    for (number, SecretEnv { id, name, required }) in secret_env.iter().enumerate() {
        record.add(format!("secret env {number} name"), name.as_str());
        record.add(format!("secret env {number} id"), id.as_str());
        record.add(format!("secret env {number} required"), required.to_string());
    }
}

fn mount(record: &mut KeyRecord, number: usize, mount: &Mount) {
    let Mount { target, readonly, kind } = mount;
    let field = |name: &str| format!("mount {number} {name}");
    record.add(field("target"), target.as_str());
    record.add(field("readonly"), readonly.to_string());
    match kind {
        MountKind::Bind { source } => {
            record.add(field("type"), "bind");
            record.add(field("source"), source.as_str());
        }
        MountKind::Cache {
            id: _,      // which cache: its contents are in no key either
            sharing: _, // who waits for whom
            source,
            owner: _, // of a new cache only
        } => {
            record.add(field("type"), "cache");
            record.add(field("source"), source.as_str());
        }
        MountKind::Tmpfs { size } => {
            record.add(field("type"), "tmpfs");
            record.add_some(field("size"), size.map(|size| size.to_string()).as_ref());
        }
        MountKind::Secret { id, required, owner } => {
            record.add(field("type"), "secret");
            hidden(record, number, (id, *required, owner));
        }
        MountKind::Ssh { id, required, owner } => {
            record.add(field("type"), "ssh");
            hidden(record, number, (id, *required, owner));
        }
        MountKind::Script { content } => {
            record.add(field("type"), "script");
            record.add(field("content"), content.as_str());
        }
    }
}

fn hidden(record: &mut KeyRecord, number: usize, (id, required, owner): (&str, bool, &MountOwner)) {
    let MountOwner { uid, gid, mode } = owner;
    record.add(format!("mount {number} id"), id);
    record.add(format!("mount {number} required"), required.to_string());
    record.add(format!("mount {number} owner"), format!("{uid}:{gid} {mode:o}"));
}

fn file(record: &mut KeyRecord, op: &FileOp) {
    let FileOp { actions, on_scratch } = op;
    record.add("on scratch", on_scratch.to_string());
    for (number, action) in actions.iter().enumerate() {
        match action {
            FileAction::Copy(action) => copy(record, number, action),
            FileAction::Mkdir(action) => mkdir(record, number, action),
            FileAction::Mkfile(action) => mkfile(record, number, action),
        }
    }
}

fn copy(record: &mut KeyRecord, number: usize, action: &CopyAction) {
    let CopyAction { source, wildcard, dest, owner, chmod, unpack, exclude, parents, keep_owner } =
        action;
    let field = |name: &str| format!("action {number} {name}");
    record.add(field("type"), "copy");
    record.add(field("source"), source.as_str());
    record.add(field("wildcard"), wildcard.to_string());
    record.add(field("destination"), dest.as_str());
    record.add_some(field("owner"), owner.as_ref());
    record.add_some(field("chmod"), chmod.as_ref());
    record.add(field("keep owner"), keep_owner.to_string());
    record.add(
        field("unpack"),
        match unpack {
            Unpack::Never => "never",
            Unpack::Auto => "auto",
            Unpack::Context => "context",
        },
    );
    for (position, pattern) in exclude.iter().enumerate() {
        record.add(field(&format!("exclude {position}")), pattern.as_str());
    }
    if let Some(Parents { pattern, required }) = parents {
        record.add(field("parents"), pattern.as_str());
        record.add(field("required"), required.to_string());
    }
}

fn mkdir(record: &mut KeyRecord, number: usize, action: &MkdirAction) {
    let MkdirAction { path, owner, time } = action;
    let field = |name: &str| format!("action {number} {name}");
    record.add(field("type"), "mkdir");
    record.add(field("path"), path.as_str());
    record.add_some(field("owner"), owner.as_ref());
    // Not a time that was found somewhere, but one that was asked for.
    record.add_some(field("time"), time.map(|time| time.to_string()).as_ref());
}

fn mkfile(record: &mut KeyRecord, number: usize, action: &MkfileAction) {
    let MkfileAction { dest, name, data, owner, chmod } = action;
    let field = |name: &str| format!("action {number} {name}");
    record.add(field("type"), "mkfile");
    record.add(field("destination"), dest.as_str());
    record.add(field("name"), name.as_str());
    record.add(field("content"), data.as_str());
    record.add_some(field("owner"), owner.as_ref());
    record.add_some(field("chmod"), chmod.as_ref());
}
