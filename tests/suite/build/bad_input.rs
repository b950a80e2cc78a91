//! What is said, and with which exit status, when a build cannot be.

use std::fs;
use std::process::Command;

use libtest_mimic::Trial;

use super::{NEEDS, same};
use crate::Outcome;
use crate::dfc::{Dfc, Done};
use crate::need::trial;
use crate::project::Project;
use crate::scratch;

/// A Dockerfile that cannot be built: name, text, and what the message must say.
const FILES: &[(&str, &str, &[&str])] = &[
    ("empty", "", &["Dockerfile"]),
    ("comments_only", "# nothing\n", &["Dockerfile"]),
    ("no_from", "RUN true\n", &["Dockerfile:1", "FROM"]),
    ("unknown_instruction", "FROM scratch\nCPOY a b\n", &["Dockerfile:2", "CPOY", "COPY"]),
    (
        "unknown_stage",
        "FROM scratch AS first\nCOPY a /\nFROM scratch\nCOPY --from=frist /a /\n",
        &["Dockerfile:4", "frist"],
    ),
    (
        "cycle",
        "FROM b AS a\nCOPY --from=b /x /\nFROM a AS b\nCOPY --from=a /x /\n",
        &["Dockerfile"],
    ),
    ("missing_source", "FROM scratch\nCOPY missing.txt /\n", &["Dockerfile:2", "missing.txt"]),
    ("two_words_for_env", "FROM scratch\nENV ONE\n", &["Dockerfile:2", "ENV"]),
    ("bad_reference", "FROM UPPER/Case\n", &["Dockerfile:1", "UPPER/Case"]),
    ("open_heredoc", "FROM scratch\nCOPY <<EOF /x\nnever ended\n", &["Dockerfile:2", "EOF"]),
    (
        "missing_base",
        "FROM localhost:1/nobody/nothing:1\nENV A=1\n",
        &["Dockerfile:1", "localhost:1/nobody/nothing:1"],
    ),
];

/// A command line that is wrong: name, flags before the context, and what the message must say.
const LINES: &[(&str, &[&str], &[&str])] = &[
    ("unknown_flag", &["--taget", "x"], &["--taget", "--target"]),
    ("bad_build_arg", &["--build-arg", "=x"], &["build-arg"]),
    ("bad_output", &["--output", "type=floppy"], &["floppy"]),
    ("bad_platform", &["--platform", "linux/"], &["platform"]),
    ("bad_tag", &["-t", "UPPER:x"], &["UPPER"]),
    ("bad_jobs", &["--jobs", "many"], &["jobs"]),
    ("bad_secret", &["--secret", "src=/x,wat=1"], &["secret"]),
    ("bad_network", &["--network", "lan"], &["lan"]),
];

pub(super) fn trials() -> Vec<Trial> {
    let files = FILES.iter().map(|(name, text, says)| {
        Trial::test(format!("build::bad_input::file::{name}"), move || file(text, says))
    });
    let lines = LINES.iter().map(|(name, flags, says)| {
        Trial::test(format!("build::bad_input::line::{name}"), move || line(flags, says))
    });
    let others = [
        Trial::test("build::bad_input::unknown_target", unknown_target),
        Trial::test("build::bad_input::no_dockerfile", no_dockerfile),
        Trial::test("build::bad_input::no_context", no_context),
        Trial::test("build::bad_input::context_is_a_file", context_is_a_file),
        Trial::test("build::bad_input::dockerfile_is_a_folder", dockerfile_is_a_folder),
        Trial::test("build::bad_input::dockerfile_is_not_text", dockerfile_is_not_text),
        Trial::test("build::bad_input::dockerfile_is_huge", dockerfile_is_huge),
        trial("build::bad_input::the_reason_stands_beside_the_step", NEEDS, reason_beside_step),
        trial("build::bad_input::failing_command", NEEDS, failing_command),
        trial("build::bad_input::secret_is_not_shown", NEEDS, secret_is_not_shown),
        Trial::test("build::bad_input::store_cannot_be_written", store_cannot_be_written),
        Trial::test("build::bad_input::reader_goes_away", reader_goes_away),
    ];
    files.chain(lines).chain(others).collect()
}

/// The message, if the status is right and it says all these words, and does not look like a crash.
/// As BuildKit prints it, so that tools which read the lines of a step find it.
fn reason_beside_step() -> Outcome {
    let project = Project::new("FROM busybox\nRUN exit 9\n")?;
    let done = project.try_build(&[])?.expect(1)?;
    let wanted = "ERROR: process \"/bin/sh -c exit 9\" did not complete successfully: exit code: 9";
    let line = done.stderr.lines().find(|line| line.starts_with('#') && line.contains("ERROR"));
    match line {
        Some(line) if line.ends_with(wanted) => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}

fn says(done: Done, status: i32, words: &[&str]) -> Outcome {
    let done = done.expect(status)?;
    let said = done.stderr;
    if said.contains("panicked") || said.contains("RUST_BACKTRACE") {
        return Err(format!("it crashed:\n{said}").into());
    }
    match words.iter().find(|word| !said.contains(**word)) {
        Some(word) => Err(format!("it does not say `{word}`:\n{said}").into()),
        None => Ok(()),
    }
}

fn build(project: &Project, flags: &[&str]) -> Result<Done, libtest_mimic::Failed> {
    let mut command = project.dfc.command(["build", "--progress=plain"])?;
    command.args(flags).arg(project.context());
    Ok(Done::from(command.output()?))
}

fn file(text: &str, words: &[&str]) -> Outcome {
    says(build(&Project::new(text)?, &[])?, 1, words)
}

fn line(flags: &[&str], words: &[&str]) -> Outcome {
    says(build(&Project::new("FROM scratch\nENV A=1\n")?, flags)?, 2, words)
}

fn unknown_target() -> Outcome {
    let project = Project::new("FROM scratch AS build\nENV A=1\nFROM scratch AS final\nENV B=1\n")?;
    says(build(&project, &["--target", "biuld"])?, 1, &["biuld", "build"])
}

fn no_dockerfile() -> Outcome {
    let project = Project::new("")?;
    fs::remove_file(project.context().join("Dockerfile"))?;
    says(build(&project, &[])?, 1, &["Dockerfile"])?;
    says(build(&project, &["-f", "/nowhere/Dockerfile"])?, 1, &["/nowhere/Dockerfile"])
}

fn no_context() -> Outcome {
    let done = Dfc::new()?.run(["build", "/nowhere/at/all"])?;
    says(done, 1, &["/nowhere/at/all"])?;
    says(Dfc::new()?.run(["build"])?, 2, &["PATH"])
}

fn context_is_a_file() -> Outcome {
    let project = Project::new("FROM scratch\n")?;
    let path = project.context().join("Dockerfile");
    let done = project.dfc.run([std::ffi::OsStr::new("build"), path.as_os_str()])?;
    says(done, 1, &["Dockerfile"])
}

fn dockerfile_is_a_folder() -> Outcome {
    let project = Project::new("")?;
    fs::remove_file(project.context().join("Dockerfile"))?;
    fs::create_dir(project.context().join("Dockerfile"))?;
    says(build(&project, &[])?, 1, &["Dockerfile"])
}

fn dockerfile_is_not_text() -> Outcome {
    let project = Project::new("")?;
    fs::write(
        project.context().join("Dockerfile"),
        b"FROM scratch\nENV A=\xff\xfe\0\x01\nR\xc3UN\n",
    )?;
    says(build(&project, &[])?, 1, &["Dockerfile"])
}

fn dockerfile_is_huge() -> Outcome {
    let project = Project::new("")?;
    let path = project.context().join("Dockerfile");
    fs::File::create(&path)?.set_len(1 << 32)?;
    says(build(&project, &[])?, 1, &["Dockerfile"])
}

fn failing_command() -> Outcome {
    let project = Project::new("FROM busybox\nRUN echo the last words; exit 23\n")?;
    let done = project.try_build(&[])?;
    same("image", &done.stdout.as_str(), &"")?;
    says(done, 1, &["Dockerfile:2", "the last words", "23"])
}

fn secret_is_not_shown() -> Outcome {
    let project = Project::new("FROM busybox\nRUN --mount=type=secret,id=token cat /nothing\n")?;
    let secret = "hush-8d1f0c";
    let path = project.beside("token");
    fs::write(&path, secret)?;
    let done = project.try_build(&["--secret", &format!("id=token,src={}", path.display())])?;
    same("said", &done.stderr.contains(secret), &false)?;
    says(done, 1, &["Dockerfile:2"])?;
    let mut grep = Command::new("grep");
    let found = grep.args(["-rl", secret]).arg(project.dfc.home()).output()?.stdout;
    same("in the store", &String::from_utf8_lossy(&found).into_owned(), &String::new())
}

fn store_cannot_be_written() -> Outcome {
    let folder = scratch::fresh("blocked-")?;
    let blocked = folder.path().join("file");
    fs::write(&blocked, "no folder")?;
    let project = Project::new("FROM scratch\nENV A=1\n")?;
    let mut command = project.dfc.command(["build"])?;
    command.arg(project.context()).env("DFC_HOME", blocked.join("store"));
    says(Done::from(command.output()?), 1, &["store"])
}

/// `dfc images | head -0` is no error worth a message.
fn reader_goes_away() -> Outcome {
    let project = Project::new("FROM scratch\nENV A=1\n")?;
    let mut shell = Command::new("sh");
    shell.args(["-c", r#""$0" parse "$1" | true"#]).arg(crate::dfc::binary()?);
    let done = Done::from(shell.arg(project.context().join("Dockerfile")).output()?);
    says(done, 0, &[])
}
