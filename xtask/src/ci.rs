//! `cargo xtask test` and `cargo xtask ci`.

use std::time::Instant;

use crate::process::{cargo, run};
use crate::{Outcome, target, tools, vscode, workspace};

/// All tests of the workspace. What the machine cannot offer is skipped by the tests, and said.
pub(crate) fn test() -> Outcome {
    if !tools::install(tools::FOR_TESTS) {
        println!("Going on without them; the tests that need them say that they skip.");
    }
    run(&mut cargo(&["test", "--workspace"]))
}

/// What a change must pass, cheapest first.
pub(crate) fn ci() -> Outcome {
    let mut times = Vec::new();
    let mut step = |name: &'static str, chore: &dyn Fn() -> Outcome| {
        println!("\n== {name}");
        let started = Instant::now();
        let outcome = chore();
        times.push((name, started.elapsed()));
        outcome.map_err(|problem| format!("{name}: {problem}"))
    };
    step("format", &|| run(&mut cargo(&["fmt", "--all", "--check"])))?;
    step("lints", &|| {
        run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    })?;
    step("documentation", &|| {
        let mut doc = cargo(&["doc", "--workspace", "--no-deps"]);
        run(doc.env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    step("tests", &test)?;
    step("extension", &vscode::check)?;
    step("binary", &smoke)?;
    println!();
    for (name, time) in times {
        println!("{name:<14}{:>6.1} s", time.as_secs_f64());
    }
    Ok(())
}

/// The built binary starts, and builds the smallest example twice, the second time from its cache.
fn smoke() -> Outcome {
    let dfc = target().join("debug/dfc");
    let store = target().join("smoke-store");
    let example = workspace().join("examples/scratch");
    run(std::process::Command::new(&dfc).arg("--version"))?;
    for _ in 0..2 {
        let mut build = std::process::Command::new(&dfc);
        build.args(["build", "-t", "note"]).arg(&example).env("DFC_HOME", &store);
        run(&mut build)?;
    }
    std::fs::remove_dir_all(&store).map_err(|problem| format!("{}: {problem}", store.display()))
}
