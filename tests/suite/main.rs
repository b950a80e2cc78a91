//! The end-to-end tests of `dfc`: one binary, data-driven.
//!
//! Each module registers its trials by a function `trials() -> Vec<Trial>` and one line in [`SUITES`].
//! A trial that needs something of the machine (root, a program) says so by [`need::Need`]; where it is
//! missing the trial is reported as ignored, with the reason. `cargo test -p dfc-tests -- PART-OF-A-NAME`
//! runs some of them; names read `suite::case`.

use libtest_mimic::{Arguments, Failed, Trial};

mod bases;
mod bench;
mod build;
mod cases;
mod check;
mod conformance;
mod contexts;
mod corpus;
mod dfc;
mod difference;
mod examples;
mod explain;
mod format;
mod hardship;
mod image;
mod images;
mod layering;
mod lsp;
mod manual;
mod messages;
mod need;
mod progress;
mod project;
mod registries;
mod rootless;
mod scratch;
mod tidy;

/// What a trial gives back; any error that can be printed turns into a failure by `?`.
pub(crate) type Outcome = Result<(), Failed>;

/// The prefix of its trials' names, and the function that lists them.
type Suite = (&'static str, fn() -> Vec<Trial>);

/// All suites.
const SUITES: &[Suite] = &[
    ("suite", trials),
    ("conformance", conformance::trials),
    ("corpus", corpus::trials),
    ("bench", bench::trials),
    ("build", build::trials),
    ("check", check::trials),
    ("contexts", contexts::trials),
    ("explain", explain::trials),
    ("format", format::trials),
    ("images", images::trials),
    ("messages", messages::trials),
    ("registries", registries::trials),
    ("rootless", rootless::trials),
    ("hardship", hardship::trials),
    ("examples", examples::trials),
    ("layering", layering::trials),
    ("lsp", lsp::trials),
    ("manual", manual::trials),
    ("tidy", tidy::trials),
];

fn main() {
    let arguments = Arguments::from_args();
    let trials = SUITES.iter().flat_map(|(_, trials)| trials()).collect();
    let scratch = scratch::open().expect("the target folder can be written");
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(scratch);
    conclusion.exit();
}

/// What holds of the suites themselves.
fn trials() -> Vec<Trial> {
    vec![Trial::test("suite::names_start_with_their_suite", names_start_with_their_suite)]
}

fn names_start_with_their_suite() -> Outcome {
    for (suite, trials) in SUITES.iter().filter(|(suite, _)| *suite != "suite") {
        let prefix = format!("{suite}::");
        for trial in trials() {
            if !trial.name().starts_with(&prefix) {
                return Err(format!("trial `{}` of suite `{suite}`", trial.name()).into());
            }
        }
    }
    Ok(())
}
