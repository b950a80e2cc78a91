//! The steps: their names, what they do, what they take.

use crate::graph::{BuildGraph, Role};
use crate::op::{ExecOp, FileAction, MountKind, Op, SourceOp};
use crate::testing::{TestWorld, built, options, step_names};
use crate::world::{BuildOptions, NamedContext};

fn last_exec(graph: &BuildGraph) -> ExecOp {
    let execs = graph.steps().filter_map(|(_, step)| match &step.op {
        Op::Exec(op) => Some(op.clone()),
        Op::Source(_) | Op::File(_) | Op::Merge => None,
    });
    execs.last().expect("there is a RUN")
}

#[test]
fn names_count_within_the_stage() {
    let text = "FROM busybox AS build\nWORKDIR /w\nENV A=1\nRUN echo $A\nFROM scratch\nCOPY --from=build /w /w\n";
    let (graph, target) = built(text, &options());
    assert_eq!(
        step_names(&graph),
        [
            "[build 1/3] FROM docker.io/library/busybox:latest",
            "[build 2/3] WORKDIR /w",
            "[build 3/3] RUN echo 1",
            "[stage-1 1/1] COPY --from=build /w /w",
        ]
    );
    assert_eq!(target.layers, vec![target.step.unwrap()]);
    assert_eq!(graph.stage_names, ["build", "1"]);
}

#[test]
fn only_what_the_target_needs_is_there() {
    let text = "FROM nosuchimage AS unused\nFROM busybox AS a\nRUN a\nFROM busybox AS b\nRUN b\n";
    let (graph, _) = built(text, &options());
    assert_eq!(graph.len(), 2);
}

#[test]
fn stages_that_begin_alike_share_steps() {
    let text = "FROM busybox AS a\nRUN x\nFROM busybox AS b\nRUN x\nRUN y\nCOPY --from=a / /\n";
    let (graph, _) = built(text, &options());
    assert_eq!(graph.len(), 4);
}

#[test]
fn several_sources_are_one_step() {
    let (graph, target) = built("FROM busybox\nCOPY a b <<EOF /d/\nhi $A\nEOF\n", &options());
    let step = graph.step(target.step.unwrap());
    let Op::File(op) = &step.op else { panic!("{step:?}") };
    let kinds: Vec<(&str, &str)> = op
        .actions
        .iter()
        .map(|action| match action {
            FileAction::Copy(copy) => (copy.source.as_str(), copy.dest.as_str()),
            FileAction::Mkfile(file) => (file.data.as_str(), file.dest.as_str()),
            FileAction::Mkdir(mkdir) => (mkdir.path.as_str(), ""),
        })
        .collect();
    assert_eq!(kinds, [("/a", "/d/"), ("/b", "/d/"), ("hi \n", "/d/")]);
    let roles: Vec<Role> = graph.inputs(target.step.unwrap()).iter().map(|it| it.role).collect();
    assert_eq!(roles, [Role::Base, Role::Source(0), Role::Source(1)]);
}

#[test]
fn links_are_merged() {
    let (graph, target) = built("FROM busybox\nCOPY --link a /\n", &options());
    let merge = target.step.unwrap();
    assert_eq!(graph.step(merge).op, Op::Merge);
    let copied = graph.input(merge, Role::Upper(0)).unwrap();
    assert_eq!(target.layers, [copied]);
    assert_eq!(graph.input(copied, Role::Base), None);
}

#[test]
fn commands_see_env_and_arguments() {
    let given = BuildOptions {
        build_args: [
            ("V".to_owned(), "given".to_owned()),
            ("http_proxy".to_owned(), "p".to_owned()),
        ]
        .into(),
        ..options()
    };
    let text = "FROM busybox\nARG V=1 W\nENV E=$V\nUSER u\nWORKDIR /w\nRUN x\n";
    let op = last_exec(&built(text, &given).0);
    assert_eq!(op.env[1..], ["V=given", "E=given"]);
    assert_eq!((op.user.as_str(), op.cwd.as_str()), ("u", "/w"));
    assert_eq!(op.proxy_env, ["HTTP_PROXY=p", "http_proxy=p"]);
    assert_eq!(op.hostname, "buildkitsandbox");
}

#[test]
fn mounts_are_ordered_and_find_their_inputs() {
    let text = "FROM busybox AS a\nFROM busybox\nRUN --mount=type=ssh --mount=type=secret,id=s --mount=type=cache,target=/z \
                --mount=from=a,source=/x,target=/m x\n";
    let (graph, target) = built(text, &options());
    let op = last_exec(&graph);
    let targets: Vec<&str> = op.mounts.iter().map(|it| it.target.as_str()).collect();
    assert_eq!(targets, ["/m", "/z", "/run/secrets/s", "/run/buildkit/ssh_agent.0"]);
    assert!(matches!(&op.mounts[1].kind, MountKind::Cache { id, .. } if id == "/z"));
    assert!(graph.input(target.step.unwrap(), Role::Mount(0)).is_some());
    assert!(graph.input(target.step.unwrap(), Role::Mount(1)).is_none());
    assert!(op.env.contains(&"SSH_AUTH_SOCK=/run/buildkit/ssh_agent.0".to_owned()));
}

#[test]
fn scripts_run_through_the_shell() {
    let (graph, _) = built("FROM busybox\nRUN <<EOF\n#!/bin/x\nhi\nEOF\n", &options());
    let op = last_exec(&graph);
    assert_eq!(op.args, ["/bin/sh", "-c", "/dev/pipes/EOF"]);
    assert_eq!(op.mounts[0].kind, MountKind::Script { content: "#!/bin/x\nhi\n".into() });
}

#[test]
fn triggers_run_first_and_once() {
    let text = "FROM busybox AS base\nONBUILD RUN trigger\nFROM base AS child\nRUN own\nFROM child\nRUN last\n";
    let (graph, target) = built(text, &options());
    let names = step_names(&graph);
    assert_eq!(
        names[1..],
        ["[child 1/2] ONBUILD RUN trigger", "[child 2/2] RUN own", "[stage-2 1/1] RUN last"]
    );
    assert_eq!(target.config.config.on_build, Vec::<String>::new());
}

#[test]
fn contexts_stand_in_for_images_and_stages() {
    let given = BuildOptions {
        contexts: vec![
            ("docker.io/library/busybox".into(), NamedContext::Local),
            ("tool".into(), NamedContext::Local),
        ],
        ..options()
    };
    let text = "FROM nosuchimage AS tool\nRUN no\nFROM busybox\nCOPY --from=tool /x /\n";
    let (graph, target) = built(text, &given);
    let sources: Vec<&str> = graph
        .steps()
        .filter_map(|(_, step)| match &step.op {
            Op::Source(SourceOp::Local { name }) => Some(name.as_str()),
            Op::Source(SourceOp::Image(_) | SourceOp::Http(_) | SourceOp::Git(_))
            | Op::Exec(_)
            | Op::File(_)
            | Op::Merge => None,
        })
        .collect();
    assert_eq!((sources, graph.len()), (vec!["tool", "docker.io/library/busybox"], 3));
    assert_eq!(target.layers.len(), 2);
}

#[test]
fn platforms_have_steps_of_their_own() {
    let platforms = ["linux/amd64", "linux/arm64"].map(|it| it.parse().unwrap());
    let given = BuildOptions { platforms: platforms.into(), ..options() };
    let text =
        "FROM --platform=$BUILDPLATFORM busybox AS b\nRUN same\nARG TARGETARCH\nRUN $TARGETARCH\n";
    let compiled = TestWorld::default().compile(text, &given);
    let graph = compiled.graph.unwrap();
    assert_eq!(
        step_names(&graph),
        [
            "[linux/amd64 1/3] FROM docker.io/library/busybox:latest",
            "[linux/amd64 2/3] RUN same",
            "[linux/amd64 3/3] RUN amd64",
            "[linux/amd64->arm64 3/3] RUN arm64",
        ]
    );
    assert_eq!(graph.targets.len(), 2);
}
