//! The examples of `docs/images.md`: each `$` line is run by a shell, and prints what stands below it.

use std::fs;
use std::os::unix::fs::symlink;

use libtest_mimic::{Failed, Trial};

use super::{BUILD, filled};
use crate::Outcome;
use crate::build::same;
use crate::cases::workspace;
use crate::dfc::{Done, binary};
use crate::need::trial;

const PAGE: &str = "docs/images.md";

pub(super) fn trials() -> Vec<Trial> {
    vec![trial("images::manual::examples_are_true", BUILD, examples)]
}

/// A command and the lines it prints.
#[derive(Debug)]
struct Example {
    command: String,
    output: Vec<String>,
}

/// The commands of all `console` blocks, in order.
fn read(page: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match (line, inside, line.strip_prefix("$ ")) {
            ("```console", ..) => inside = true,
            ("```", ..) => inside = false,
            (_, true, Some(command)) => {
                examples.push(Example { command: command.to_owned(), output: Vec::new() });
            }
            (_, true, None) => {
                if let Some(example) = examples.last_mut() {
                    example.output.push(line.to_owned());
                }
            }
            (_, false, _) => {}
        }
    }
    examples
}

fn examples() -> Outcome {
    let project = filled()?;
    project.dfc.run(["rm", "team/app:2"])?.expect(0)?;
    let folder = project.beside("bin");
    fs::create_dir_all(&folder)?;
    symlink(binary()?.canonicalize()?, folder.join("dfc"))?;
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
    let examples = read(&fs::read_to_string(workspace().join(PAGE))?);
    if examples.len() < 10 {
        return Err(format!("{PAGE} has no examples").into());
    }
    for example in examples {
        // The flags and the surroundings are those of every other call.
        let mut command = project.dfc.command(["--version"])?;
        command = shell(&command, &example.command, &path);
        let done = Done::from(command.output()?).expect(0).map_err(|why| named(&example, &why))?;
        let lines: Vec<String> = done.stdout.lines().map(|it| it.trim_end().to_owned()).collect();
        same(&example.command, &lines, &example.output)?;
    }
    Ok(())
}

fn named(example: &Example, why: &Failed) -> Failed {
    format!("{}: {}", example.command, why.message().unwrap_or_default()).into()
}

/// A shell with the surroundings of a call of `dfc`.
fn shell(like: &std::process::Command, text: &str, path: &str) -> std::process::Command {
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", text]).stdin(std::process::Stdio::null());
    for (name, value) in like.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.env("PATH", path);
    shell
}
