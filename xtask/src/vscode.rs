//! The VS Code extension: its types, its tests with the built server, its package.

use std::process::Command;

use crate::process::{find, run, succeeds};
use crate::{Outcome, target, workspace};

/// Checks and packages the extension. Says why not where the machine has no Node.js, or reaches no registry.
pub(crate) fn check() -> Outcome {
    if let Some(program) = ["node", "npm"].into_iter().find(|program| find(program).is_none()) {
        println!("Skipped: the checks of the VS Code extension need the program `{program}`.");
        return Ok(());
    }
    // A registry that cannot be reached is known in seconds, not minutes.
    let patience =
        ["--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"];
    if let Err(problem) = run(npm(&["ci", "--no-progress"]).args(patience)) {
        if !succeeds(&mut npm(&["ping", "--fetch-retries=0", "--fetch-timeout=20000"])) {
            println!("Skipped: the checks of the VS Code extension need a registry of npm.");
            return Ok(());
        }
        return Err(problem);
    }
    let dfc = target().join("debug/dfc");
    for script in ["check", "test", "package"] {
        run(npm(&["run", script]).env("DFC_BIN", &dfc))?;
    }
    println!("The extension is {}.", workspace().join("editors/vscode/dfc.vsix").display());
    Ok(())
}

fn npm(args: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.args(args).current_dir(workspace().join("editors/vscode"));
    command
}
