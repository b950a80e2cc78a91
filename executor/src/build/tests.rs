//! Whole builds with commands that are made up.

use compiler::graph::Span;
use compiler::op::{FileAction, HttpSource, SourceOp};
use compiler::reason::MissReason;
use compiler::{BuildGraph, Op, Role, StepId, Words};

use super::build_with;
use crate::error::Cause;
use crate::explain::explain;
use crate::image::BuiltImage;
use crate::testing::{
    FakeRunner, World, add, add_copy, context_step, copy_step, mkdir_step, run_step, step, target,
};
use crate::verdict::Verdict;

/// COPY of the context, then two commands.
fn three_steps(middle: &str) -> (BuildGraph, Vec<StepId>) {
    let mut graph = BuildGraph::default();
    let context = add(&mut graph, context_step(), None);
    let copy = add_copy(&mut graph, copy_step("/src", "/app/"), None, context);
    let middle = add(&mut graph, run_step(middle), Some(copy));
    let last = add(&mut graph, run_step("write last 1"), Some(middle));
    target(&mut graph, &[copy, middle, last]);
    (graph, vec![context, copy, middle, last])
}

fn build(world: &World, graph: &BuildGraph, runner: &FakeRunner) -> Vec<BuiltImage> {
    build_with(graph, &world.env(), runner).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn what_did_not_change_is_not_run_again() {
    let world = World::new();
    world.write("src/a", "1");
    let (graph, ids) = three_steps("write mid 1");
    let runner = FakeRunner::default();
    let first = build(&world, &graph, &runner);
    assert_eq!(*runner.ran.lock().unwrap(), ["write mid 1", "write last 1"]);
    assert_eq!(world.verdicts()[&ids[1]], Verdict::Miss(vec![MissReason::NeverBuilt]));
    assert_eq!(first[0].layers.len(), 3);
    assert_eq!(first[0].config.rootfs.diff_ids.len(), 3);
    let created = first[0].config.history[0].created.as_deref();
    assert_eq!(created, Some("2033-05-18T03:33:20Z"));

    let again = build(&world, &graph, &runner);
    assert_eq!(runner.ran.lock().unwrap().len(), 2);
    assert!(world.verdicts().values().all(|verdict| *verdict == Verdict::Hit));
    assert_eq!(again[0].manifest, first[0].manifest);
}

#[test]
fn the_same_result_keeps_what_comes_after_cached() {
    let world = World::new();
    world.write("src/a", "1");
    let runner = FakeRunner::default();
    let first = build(&world, &three_steps("write mid 1").0, &runner);
    world.verdicts();
    // The files are others, so the command runs again; it makes the same, so the last one does not.
    world.write("src/a", "2");
    let (graph, ids) = three_steps("write mid 1");
    build(&world, &graph, &runner);
    let verdicts = world.verdicts();
    let files = MissReason::FilesChanged {
        role: Role::Source(0),
        changed: vec!["src/a".into()],
        added: Vec::new(),
        removed: Vec::new(),
    };
    assert_eq!(verdicts[&ids[1]], Verdict::Miss(vec![files]));
    assert_eq!(verdicts[&ids[2]], Verdict::Miss(vec![MissReason::BaseChanged]));

    // Back to the first files: all is known.
    world.write("src/a", "1");
    let back = build(&world, &graph, &runner);
    assert!(world.verdicts().values().all(|verdict| *verdict == Verdict::Hit));
    assert_eq!(back[0].manifest, first[0].manifest);
}

#[test]
fn an_input_that_is_made_again_alike_is_no_change() {
    let world = World::new();
    let runner = FakeRunner::default();
    let graph_with = |note: &str| {
        let mut graph = BuildGraph::default();
        let maker = add(&mut graph, run_step(&format!("write out/file same{note}")), None);
        let copy = add_copy(&mut graph, copy_step("/out", "/in/"), None, maker);
        let last = add(&mut graph, run_step("write last 1"), Some(copy));
        target(&mut graph, &[copy, last]);
        (graph, copy, last)
    };
    build(&world, &graph_with("").0, &runner);
    world.verdicts();
    let (mut graph, copy, last) = graph_with("");
    let maker = graph.input(copy, Role::Source(0)).unwrap();
    let mut again = BuildGraph::default();
    for (id, known) in graph.steps() {
        let mut known = known.clone();
        known.ignore_cache = id == maker;
        again.add(known, &graph.inputs(id));
    }
    again.targets = std::mem::take(&mut graph.targets);
    build(&world, &again, &runner);
    let verdicts = world.verdicts();
    assert_eq!(verdicts[&maker], Verdict::Miss(vec![MissReason::CacheIgnored]));
    assert_eq!((&verdicts[&copy], &verdicts[&last]), (&Verdict::Hit, &Verdict::Hit));
}

#[test]
fn explain_says_what_a_build_would_do() {
    let world = World::new();
    world.write("src/a", "1");
    let (graph, ids) = three_steps("write mid 1");
    let never = Verdict::Miss(vec![MissReason::NeverBuilt]);
    let before = explain(&graph, &world.env()).unwrap();
    assert_eq!((&before[1].verdict, before[1].last_cost), (&never, None));
    assert_eq!(before[2].verdict, Verdict::Unknown { after: ids[1] });
    build(&world, &graph, &FakeRunner::default());
    let after = explain(&graph, &world.env()).unwrap();
    assert!(after.iter().all(|report| report.verdict == Verdict::Hit));
    assert!(after[2].last_cost.is_some());
    let (other, _) = three_steps("write mid 2");
    let change = MissReason::InstructionChanged {
        part: "arg 0".into(),
        old: Some("write mid 1".into()),
        new: Some("write mid 2".into()),
    };
    let report = explain(&other, &world.env()).unwrap();
    assert_eq!(report[2].verdict, Verdict::Miss(vec![change]));
}

#[test]
fn without_overlays_the_layers_are_the_same() {
    let (one, other) = (World::new(), World::new());
    let digests = |world: &World, copies| {
        world.write("src/a", "1");
        let runner = FakeRunner { copies, ..FakeRunner::default() };
        let images = build(world, &three_steps("write mid 1").0, &runner);
        let digest = |layer: &crate::image::BuiltLayer| {
            world.store.index(layer.id.unwrap()).unwrap().result_digest()
        };
        images[0].layers.iter().map(digest).collect::<Vec<_>>()
    };
    assert_eq!(digests(&one, false), digests(&other, true));
}

#[test]
fn the_first_failure_stops_the_rest() {
    let world = World::new();
    let mut graph = BuildGraph::default();
    let waits = add(&mut graph, run_step("wait"), None);
    let fails = add(&mut graph, run_step("fail 42"), None);
    target(&mut graph, &[waits]);
    let runner = FakeRunner::default();
    let error = build_with(&graph, &world.env(), &runner).unwrap_err();
    assert_eq!(error.step, Some(fails));
    let want = "process \"fail 42\" did not complete successfully: exit code: 42";
    assert_eq!(error.to_string(), want);
    let Cause::ExitCode { tail, .. } = *error.cause else { panic!("{:?}", error.cause) };
    assert_eq!(tail, ["about to fail"]);
    // The store is as usable as before.
    let mut graph = BuildGraph::default();
    let works = add(&mut graph, run_step("write a 1"), None);
    target(&mut graph, &[works]);
    build(&world, &graph, &runner);
}

#[test]
fn an_interrupted_build_says_so() {
    let world = World::new();
    let mut graph = BuildGraph::default();
    let waits = add(&mut graph, run_step("wait"), None);
    target(&mut graph, &[waits]);
    let env = world.env();
    let cancel = env.cancel.clone();
    let error = std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(20));
            cancel.cancel();
        });
        build_with(&graph, &env, &FakeRunner::default()).unwrap_err()
    });
    assert!(matches!(*error.cause, Cause::Cancelled), "{error}");
}

#[test]
fn a_missing_source_names_what_is_near() {
    let world = World::new();
    world.write("src/main.rs", "");
    let mut graph = BuildGraph::default();
    let context = add(&mut graph, context_step(), None);
    let copy = add_copy(&mut graph, copy_step("/src/mian.rs", "/"), None, context);
    target(&mut graph, &[copy]);
    let error = build_with(&graph, &world.env(), &FakeRunner::default()).unwrap_err();
    assert_eq!(error.to_string(), "\"/src/mian.rs\": not found");
    assert_eq!(error.help().as_deref(), Some("near names in `/src`: `main.rs`"));
}

#[test]
fn a_download_is_asked_for_again_and_kept() {
    let world = World::new();
    let mut graph = BuildGraph::default();
    let source =
        HttpSource { url: "https://example.org/x".into(), file_name: "x".into(), checksum: None };
    let http = add(&mut graph, step(Op::Source(SourceOp::Http(source)), "ADD"), None);
    let copy = add_copy(&mut graph, copy_step("/x", "/"), None, http);
    target(&mut graph, &[copy]);
    let first = build(&world, &graph, &FakeRunner::default());
    assert_eq!(world.verdicts()[&http], Verdict::Miss(vec![MissReason::NeverBuilt]));
    let again = build(&world, &graph, &FakeRunner::default());
    assert_eq!(world.verdicts()[&http], Verdict::Hit);
    assert_eq!(again[0].manifest, first[0].manifest);
}

#[test]
fn a_folder_step_alone_makes_an_image() {
    let world = World::new();
    let mut graph = BuildGraph::default();
    graph.epoch = Some(1_000_000_000);
    let folder = add(&mut graph, mkdir_step("/a/b"), None);
    target(&mut graph, &[folder]);
    let images = build(&world, &graph, &FakeRunner::default());
    assert_eq!(images[0].config.created.as_deref(), Some("2001-09-09T01:46:40Z"));
    let index = world.store.index(images[0].layers[0].id.unwrap()).unwrap();
    assert_eq!(index.get(b"a/b").unwrap().mtime.secs, 1_000_000_000);
}

#[test]
fn a_layer_is_read_while_it_is_packed() {
    let world = World::new();
    world.write("etc/passwd", "bob:x:7:7::/:/bin/sh\n");
    world.write("src/a", "1");
    let mut graph = BuildGraph::default();
    let context = add(&mut graph, context_step(), None);
    let passwd = add_copy(&mut graph, copy_step("/etc", "/etc/"), None, context);
    let mut owned = copy_step("/src", "/app/");
    if let Op::File(file) = &mut owned.op
        && let FileAction::Copy(copy) = &mut file.actions[0]
    {
        copy.owner = Some("bob".into());
    }
    let owned = add_copy(&mut graph, owned, Some(passwd), context);
    target(&mut graph, &[passwd, owned]);
    let first = build(&world, &graph, &FakeRunner::default());
    assert_eq!(first[0].layers.len(), 2);
    world.verdicts();
    let again = build(&world, &graph, &FakeRunner::default());
    assert!(world.verdicts().values().all(|verdict| *verdict == Verdict::Hit));
    assert_eq!(again[0].manifest, first[0].manifest);
}

#[test]
fn what_is_missing_is_pointed_at() {
    let world = World::new();
    world.write("src/a", "1");
    let mut graph = BuildGraph::default();
    let context = add(&mut graph, context_step(), None);
    let mut copy = copy_step("/src/b", "/app/");
    let word = Span::new(5, 10);
    copy.words = Words { parts: vec![Some(word)], ..Words::default() };
    let copy = add_copy(&mut graph, copy, None, context);
    target(&mut graph, &[copy]);
    let error = build_with(&graph, &world.env(), &FakeRunner::default()).unwrap_err();
    assert_eq!((error.step, error.span), (Some(copy), Some(word)));
}
