//! What is in a key and what is not.

use super::*;
use crate::op::{ExecOp, Mount, MountKind, Network, Security, Sharing};

fn exec() -> ExecOp {
    ExecOp {
        args: vec!["make".into()],
        env: vec!["A=1".into(), "B=2".into()],
        proxy_env: Vec::new(),
        cwd: "/".into(),
        user: String::new(),
        network: Network::Default,
        security: Security::Sandbox,
        mounts: vec![Mount {
            target: "/c".into(),
            readonly: false,
            kind: MountKind::Cache {
                id: "c".into(),
                sharing: Sharing::Shared,
                source: "/".into(),
                owner: None,
            },
        }],
        secret_env: Vec::new(),
        extra_hosts: Vec::new(),
        hostname: "h".into(),
        devices: Vec::new(),
        ulimits: Vec::new(),
        shm_size: None,
    }
}

fn key(op: ExecOp) -> CacheKey {
    definition(&Op::Exec(op), &Platform::linux("amd64")).key()
}

#[test]
fn proxies_and_caches_are_in_no_key() {
    let mut other = exec();
    other.proxy_env = vec!["HTTP_PROXY=x".into()];
    other.mounts[0].kind = MountKind::Cache {
        id: "d".into(),
        sharing: Sharing::Locked,
        source: "/".into(),
        owner: None,
    };
    assert_eq!(key(exec()), key(other));
}

#[test]
fn what_the_command_sees_is_in_the_key() {
    let changes: [fn(&mut ExecOp); 8] = [
        |op| op.args.push("all".into()),
        |op| op.env[0] = "A=2".into(),
        |op| op.cwd = "/w".into(),
        |op| op.user = "app".into(),
        |op| op.network = Network::None,
        |op| op.security = Security::Insecure,
        |op| op.hostname = "g".into(),
        |op| op.mounts[0].target = "/d".into(),
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut other = exec();
        change(&mut other);
        assert_ne!(key(exec()), key(other), "change {number}");
    }
}

#[test]
fn components_cannot_run_into_each_other() {
    let record = |components: &[(&str, &str)]| KeyRecord {
        version: VERSION,
        components: components.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect(),
    };
    let key = record(&[("ab", "c")]).key();
    assert_ne!(key, record(&[("a", "bc")]).key());
    assert_ne!(key, record(&[("ab", "c"), ("", "")]).key());
    assert_ne!(key, KeyRecord { version: VERSION + 1, ..record(&[("ab", "c")]) }.key());
    assert_eq!(key.to_string().parse(), Ok(key));
}

#[test]
fn content_does_not_depend_on_the_order_of_inputs() {
    let definition = key(exec());
    let base = ContentInput { role: Role::Base, digest: "1".into(), files: Vec::new() };
    let source = ContentInput {
        role: Role::Source(0),
        digest: "2".into(),
        files: vec![("b".into(), "4".into()), ("a".into(), "3".into())],
    };
    let one = content(&definition, &[base.clone(), source.clone()]);
    assert_eq!(one.key(), content(&definition, &[source, base]).key());
    let names: Vec<&str> = one.components.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["definition", "base", "source 0 file a", "source 0 file b", "source 0"]);
}
