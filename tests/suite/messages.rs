//! What `dfc check` prints about the mistakes in `fixtures/messages`, held against snapshots.

use std::path::Path;

use libtest_mimic::Trial;

use crate::Outcome;
use crate::cases;
use crate::dfc::{Dfc, Done};

/// A trial for each file.
pub(crate) fn trials() -> Vec<Trial> {
    let trial = |(name, path): (String, std::path::PathBuf)| {
        Trial::test(format!("messages::{name}"), move || message(&name, &path))
    };
    cases::files("messages", ".dockerfile").into_iter().map(trial).collect()
}

fn message(name: &str, path: &Path) -> Outcome {
    let folder = path.parent().ok_or("a file is in a folder")?;
    let mut command =
        Dfc::new()?.command(["check", "--select", "buildkit", "--error-on", "warning"])?;
    // From its folder, so that no message holds a path of this machine.
    command.current_dir(folder).arg(path.file_name().ok_or("a file has a name")?);
    command.env("COLUMNS", "100");
    let Done { status, stdout, stderr } = Done::from(command.output()?);
    let status = status.map_or("a signal".to_owned(), |status| status.to_string());
    let text = format!("{stdout}{stderr}exit status {status}\n");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder.join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
    Ok(())
}
