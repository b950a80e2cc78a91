//! The shell of RUN: secrets that stay secret, fixes of both kinds, and what ShellCheck says.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use super::{Files, holds, same};
use crate::Outcome;
use crate::need;

const SCRIPTS: &str = "FROM debian:12\nENV LIST=a\nRUN set -e; \\\n    # a comment\n    for x in $1; do \\\n      echo $x; \\\n    done\nRUN <<EOF\ncd /x\n\u{1f40b} $1\nEOF\n\
    # hadolint ignore=SC2086\nRUN echo $1\nRUN echo \\\n    # shellcheck disable=SC2086\n    $2\n# check=skip=SC2086\nRUN echo $3\n";

pub(super) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("check::secrets_are_not_shown", secrets),
        Trial::test("check::unsafe_fixes_are_asked_for", unsafe_fixes),
        Trial::test("check::fixes_of_scripts_are_done_once", scripts),
        need::trial(
            "check::shellcheck_at_its_places",
            &[need::Need::Program("shellcheck")],
            places,
        ),
        Trial::test("check::shellcheck_may_be_anything", anything),
        Trial::test("check::shellcheck_is_asked_for_with_many_files", many),
    ]
}

fn secrets() -> Outcome {
    let text = "FROM debian:12\nRUN apt-get update && curl -k https://me:pa55w0rdx@git.corp.io/x && \\\n  echo 'root:t00r' | chpasswd\n";
    let files = Files::new(&[("Dockerfile", text)])?;
    let human = files.check(&[])?.expect(0)?;
    holds(&human.stdout, &["WrittenSecret", "TlsVerificationOff", "****"])?;
    for form in ["human", "json", "sarif", "github", "gitlab"] {
        let done = files.check(&["--format", form])?.expect(0)?;
        let said = format!("{}{}", done.stdout, done.stderr);
        same(said.contains("pa55w0rdx") || said.contains("t00r"), false)?;
        holds(&said, &["WrittenSecret"])?;
    }
    Ok(())
}

fn unsafe_fixes() -> Outcome {
    let text = "FROM debian:12\nRUN cd /app\nRUN apt-get update && apt-get install git\n";
    let files = Files::new(&[("Dockerfile", text)])?;
    files.check(&["--fix"])?.expect(0)?;
    let safe = "FROM debian:12\nRUN cd /app\nRUN apt-get update && apt-get install -y git && rm -rf /var/lib/apt/lists/*\n";
    same(fs::read_to_string(files.path("Dockerfile"))?.as_str(), safe)?;
    files.check(&["--fix", "--unsafe-fixes"])?.expect(0)?;
    let all = fs::read_to_string(files.path("Dockerfile"))?;
    same(all, safe.replace("RUN cd /app", "WORKDIR /app"))
}

/// What was mended once is not mended again.
fn scripts() -> Outcome {
    let text = "FROM debian:12\nRUN apt update && \\\n    # why\n    apt install \\\n      git\nRUN <<EOF\napt-get update\napt-get install curl\nEOF\nFROM alpine:3.22\nRUN apk add git\n";
    let files = Files::new(&[("Dockerfile", text)])?;
    files.check(&["--fix"])?.expect(0)?;
    let once = fs::read_to_string(files.path("Dockerfile"))?;
    let want = "FROM debian:12\nRUN apt-get update && \\\n    # why\n    apt-get install -y \\\n      git \\\n      && rm -rf /var/lib/apt/lists/*\nRUN <<EOF\napt-get update\napt-get install -y curl && rm -rf /var/lib/apt/lists/*\nEOF\nFROM alpine:3.22\nRUN apk add --no-cache git\n";
    // Nobody takes anything from the first stage, so it may be a target.
    same(once.as_str(), want)?;
    files.check(&["--fix"])?.expect(0)?;
    same(fs::read_to_string(files.path("Dockerfile"))?, once)
}

/// Code, line and column of what ShellCheck found.
fn found(files: &Files, flags: &[&str]) -> Result<Vec<(String, u64, u64)>, Failed> {
    let done = files.check(&[&["--format", "json", "--shellcheck", "on"], flags].concat())?;
    let all: Value = serde_json::from_str(&done.stdout)?;
    let warnings = all["warnings"].as_array().cloned().unwrap_or_default();
    let of = |it: &Value| {
        let place = |key: &str| it["place"][key].as_u64().unwrap_or_default();
        (it["rule"].as_str().unwrap_or_default().to_owned(), place("line"), place("column"))
    };
    Ok(warnings.iter().map(of).filter(|it| it.0.starts_with("SC")).collect())
}

fn places() -> Outcome {
    let files = Files::new(&[("Dockerfile", SCRIPTS)])?;
    let codes = |code: &str, flags: &[&str]| -> Result<Vec<(u64, u64)>, Failed> {
        let all = found(&files, flags)?.into_iter().filter(|it| it.0 == code);
        Ok(all.map(|it| (it.1, it.2)).collect())
    };
    same(codes("SC2164", &[])?, vec![(9, 1)])?;
    same(codes("SC2086", &[])?, vec![(6, 12), (10, 3)])?;
    same(codes("SC2086", &["--severity", "SC2086=off"])?, vec![])?;
    same(found(&files, &["--select", "FromAsCasing"])?, vec![])?;
    same(found(&files, &["--select", "SC2164"])?, vec![("SC2164".to_owned(), 9, 1)])?;
    fs::write(files.path("dfc.toml"), "[check]\nshellcheck = \"off\"\n")?;
    let done = files.check(&["--format", "json", "--shellcheck", "auto"])?.expect(0)?;
    holds(&done.stdout, &["SC2164"])?;
    same(found(&files, &["--severity", "SC2164=error"])?.is_empty(), false)
}

/// A program of that name that fails, answers nonsense, or finds what is not there, breaks nothing.
fn anything() -> Outcome {
    let files = Files::new(&[("Dockerfile", SCRIPTS)])?;
    let program = files.path("bin/shellcheck");
    fs::create_dir_all(files.path("bin"))?;
    let ask = |script: &str| -> Result<String, Failed> {
        fs::write(&program, format!("#!/bin/sh\n{script}\n"))?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        let mut command = files.dfc.command(["check", "--format", "json"])?;
        command.current_dir(files.folder.path());
        command.env("PATH", format!("{}:/usr/bin:/bin", files.path("bin").display()));
        Ok(crate::dfc::Done::from(command.output()?).expect(0)?.stdout)
    };
    for script in [
        "exit 3",
        "kill -9 $$",
        "echo nonsense",
        "echo '{\"comments\":[{}, 7, {\"file\":\"99\",\"line\":3,\"column\":1,\"code\":2000,\"level\":\"info\",\"message\":\"m\"}]}'",
        "echo '{\"comments\":[{\"file\":\"0\",\"line\":99,\"column\":1,\"code\":2000,\"level\":\"info\",\"message\":\"m\"}]}'",
        "echo '{\"comments\":[{\"file\":\"0\",\"line\":3,\"column\":1,\"code\":99999,\"level\":\"info\",\"message\":\"m\"}]}'",
    ] {
        same(ask(script)?.contains("\"SC"), false)?;
    }
    let far = "echo '{\"comments\":[{\"file\":\"0\",\"line\":3,\"column\":900,\"endLine\":1,\"endColumn\":0,\"code\":2000,\"level\":\"info\",\"message\":\"m\"}]}'";
    holds(&ask(far)?, &["SC2000"])
}

/// A slow program is no surprise: with many files it waits until somebody asks for it.
fn many() -> Outcome {
    let names: Vec<String> = (0..51).map(|number| format!("{number}.Dockerfile")).collect();
    let text = "FROM scratch\nRUN true\n";
    let all: Vec<_> = names.iter().map(|name| (name.as_str(), text)).collect();
    let files = Files::new(&all)?;
    let (program, asked) = (files.path("bin/shellcheck"), files.path("asked"));
    fs::create_dir_all(files.path("bin"))?;
    fs::write(&program, format!("#!/bin/sh\n: > {}\necho '{{}}'\n", asked.display()))?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    let check = |paths: &[&str], flags: &[&str]| -> Result<(bool, bool), Failed> {
        let mut command = files.dfc.command(["check"])?;
        command.args(flags).args(paths).current_dir(files.folder.path());
        command.env("PATH", format!("{}:/usr/bin:/bin", files.path("bin").display()));
        let done = crate::dfc::Done::from(command.output()?);
        let was_asked = fs::remove_file(&asked).is_ok();
        Ok((was_asked, done.stderr.contains("51 files: ShellCheck is left out")))
    };
    same(check(&["."], &[])?, (false, true))?;
    same(check(&["."], &["--shellcheck", "off"])?, (false, false))?;
    same(check(&["0.Dockerfile"], &[])?, (true, false))?;
    same(check(&["."], &["--shellcheck", "on"])?, (true, false))
}
