//! `cargo xtask bench` at a tiny scale: figures for what was done right, reasons for the rest, in the documented form.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::Outcome;
use crate::cases::workspace;
use crate::dfc::{Done, binary};
use crate::need::{Need, trial};
use crate::scratch;

/// What the harness and its workloads use.
const NEEDS: &[Need] = &[Need::Sandbox, Need::StaticBusybox, Need::Program("zstd")];
/// Workloads of every kind that take little time.
const WORKLOADS: [&str; 8] =
    ["runs", "cold", "same-archive", "changed", "write-zstd", "fan", "parse", "explain"];

/// The trials.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("bench::reports_what_was_done_right", NEEDS, reports),
        Trial::test("bench::names_what_it_does_not_know", mistakes),
    ]
}

/// The chores' binary of this workspace and profile.
fn xtask() -> Result<PathBuf, Failed> {
    let this = env::current_exe()?;
    let profile = this.ancestors().nth(2).ok_or("no profile folder")?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--package", "xtask"]).current_dir(workspace());
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    Done::from(cargo.stdin(Stdio::null()).output()?).expect(0)?;
    Ok(profile.join("xtask"))
}

fn reports() -> Outcome {
    let folder = scratch::fresh("bench-")?;
    let dfc = binary()?;
    let mut bench = Command::new(xtask()?);
    bench.args(["bench", "--no-build", "--no-peers", "--scale", "0.002", "--runs", "1"]);
    bench.args(["--format", "json"]).arg("--folder").arg(folder.path());
    for workload in WORKLOADS {
        bench.args(["--only", workload]);
    }
    let home = folder.path().join("other-store");
    let other = format!(
        "other=DFC_HOME={} {} build -f {{dockerfile}} {{no-cache:--no-cache }}\
         {{archive:-o type=oci,dest={{archive}},compression={{compression}} }}{{context}}",
        home.display(),
        dfc.display()
    );
    bench.args(["--peer", &other, "--peer", &format!("other:forget=rm -rf {}", home.display())]);
    bench.args(["--peer", "broken=echo no reason; false {no-cache:}{archive:}"]);
    bench.args(["--peer", "idle=true {no-cache:}{archive:}"]);
    let report = folder.path().join("report.json");
    bench.arg("--output").arg(&report).env("DFC_BIN", dfc).stdin(Stdio::null());
    let done = Done::from(bench.output()?).expect(0)?;

    let printed: Value = serde_json::from_str(&done.stdout)?;
    assert_eq!(printed, serde_json::from_str::<Value>(&fs::read_to_string(report)?)?);
    assert_eq!(printed["version"], 1);
    assert_eq!(printed["runs"], 1);
    let workloads = printed["workloads"].as_array().ok_or("no workloads")?;
    let names: Vec<&str> = workloads.iter().filter_map(|it| it["name"].as_str()).collect();
    assert_eq!(names, WORKLOADS);
    for workload in workloads {
        let name = &workload["name"];
        let of = |builder: &str| {
            let results = workload["results"].as_array().into_iter().flatten();
            results.into_iter().find(|it| it["builder"] == builder).cloned().unwrap_or_default()
        };
        is_figure(&of("dfc"), &format!("dfc in {name}"))?;
        let builds = name != "parse" && name != "explain";
        if builds {
            is_figure(&of("other"), &format!("other in {name}"))?;
            assert!(of("other")["ratio"].as_f64().is_some_and(|ratio| 0.0 < ratio), "{name}");
        } else {
            assert!(of("other")["missing"].is_string(), "{name}: {workload}");
        }
        // Neither an exit status nor the want of a result gives a figure.
        for builder in ["broken", "idle"] {
            let result = of(builder);
            assert!(result["median"].is_null(), "{builder} in {name}: {result}");
            let reason = if builds { &result["failed"] } else { &result["missing"] };
            let known = reason.is_string() || result["missing"].is_string();
            assert!(known, "{builder} in {name}: {result}");
        }
    }
    Ok(())
}

fn is_figure(result: &Value, place: &str) -> Outcome {
    let number = |name: &str| {
        let number = result[name].as_f64();
        number.ok_or_else(|| Failed::from(format!("{place}: no {name} in {result}")))
    };
    let (min, median, max) = (number("min")?, number("median")?, number("max")?);
    assert!(0.0 < min && min <= median && median <= max, "{place}: {result}");
    assert_eq!(result["times"].as_array().map(Vec::len), Some(1), "{place}");
    Ok(())
}

fn mistakes() -> Outcome {
    let xtask = xtask()?;
    for (args, said) in [
        (&["--only", "nothing"][..], "no workload nothing"),
        (&["--rums", "3"], "no flag --rums"),
        (&["--peer", "x=build {contxt}", "--no-build"], "no placeholder {contxt}"),
    ] {
        let folder = scratch::fresh("bench-")?;
        let mut bench = Command::new(&xtask);
        bench.arg("bench").args(args).arg("--folder").arg(folder.path());
        bench.env("DFC_BIN", binary()?).stdin(Stdio::null());
        let done = Done::from(bench.output()?).expect(1)?;
        assert!(done.stderr.contains(said), "{args:?}: {}", done.stderr);
    }
    Ok(())
}
