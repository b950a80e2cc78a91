//! The chores of the workspace: `cargo xtask test | ci | demo | bench`.
//!
//! Depends on the standard library alone, so that it builds in a second on a fresh machine.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that talks to its developer"
)]

mod bench;
mod ci;
mod demo;
mod process;
mod tools;
mod vscode;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask CHORE

  test    installs what the tests need where it is missing, and runs all of them
  ci      formatting, lints, tests, documentation, and a run of the built binary
  demo    builds examples/flask, runs it, and fetches its page
  vscode  checks the VS Code extension with the built dfc, and packages it
  bench   measures dfc beside other builders; `cargo xtask bench --help` has its flags
";

/// The result of a chore; the error says what failed in one line.
type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let chore = args.next();
    let mut args = args.peekable();
    let outcome = match (chore.as_deref(), args.peek()) {
        (Some("vscode"), None) => vscode::check(),
        (Some("bench"), _) => bench::bench(args),
        (Some("test"), None) => ci::test(),
        (Some("ci"), None) => ci::ci(),
        (Some("demo"), None) => demo::demo(),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// The root folder of the workspace.
fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask is a folder of the workspace").to_owned()
}

/// The target folder of the workspace.
fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}
