//! `dfc check` as a tool: files and folders, forms, exit statuses, settings, mending.

mod schema;
mod shell;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use tempfile::TempDir;

use crate::Outcome;
use crate::dfc::{Dfc, Done};
use crate::scratch;

/// With a warning that can be mended, and one that cannot.
const WARNED: &str = "FROM busybox as base\nCMD echo hello\n";
const FINE: &str = "FROM busybox:1.36 AS base\nCMD [\"echo\", \"hello\"]\n";
const BROKEN: &str = "FROM busybox\nCPOY a b\n";

/// All trials on `dfc check`.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("check::folders_are_looked_through", folders),
        Trial::test("check::status_follows_severity", statuses),
        Trial::test("check::settings_choose_rules", settings),
        Trial::test("check::mistakes_in_settings_are_shown", wrong_settings),
        Trial::test("check::fixes_are_done_once_and_for_all", fixes),
        Trial::test("check::a_diff_changes_nothing", diff),
        Trial::test("check::standard_input", standard_input),
        Trial::test("check::sarif", sarif),
        Trial::test("check::github_and_gitlab", github_and_gitlab),
        Trial::test("check::order_is_that_of_the_command_line", order),
        Trial::test("check::pages_and_list", pages),
        Trial::test("check::comments_of_hadolint", hadolint),
        Trial::test("check::a_group_is_what_buildkit_has", group),
    ]
    .into_iter()
    .chain(schema::trials())
    .chain(shell::trials())
    .collect()
}

/// Files below a folder of its own.
struct Files {
    folder: TempDir,
    dfc: Dfc,
}

impl Files {
    fn new(files: &[(&str, &str)]) -> Result<Files, Failed> {
        let made = Files { folder: scratch::fresh("check-")?, dfc: Dfc::new()? };
        // No settings and no ignore rules of a folder above count.
        fs::create_dir(made.path(".git"))?;
        for (name, text) in files {
            let path = made.path(name);
            fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
            fs::write(path, text)?;
        }
        Ok(made)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn check(&self, flags: &[&str]) -> Result<Done, Failed> {
        let mut command = self.dfc.command(["check"])?;
        command.args(flags).current_dir(self.folder.path());
        // Whether it is installed is another matter.
        if !flags.contains(&"--shellcheck") {
            command.args(["--shellcheck", "off"]);
        }
        Ok(Done::from(command.output()?))
    }

    /// The codes of all that was found, by file.
    fn found(&self, flags: &[&str]) -> Result<Vec<(String, Vec<String>)>, Failed> {
        let mut all = vec!["--format", "json"];
        all.extend(flags);
        let done = self.check(&all)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let of = |line: &str| -> Result<_, Failed> {
            let value: Value = serde_json::from_str(line)?;
            let both = ["errors", "warnings"];
            let found =
                both.iter().flat_map(|key| value[*key].as_array().cloned().unwrap_or_default());
            Ok((text(&value["file"]), found.map(|it| text(&it["code"])).collect()))
        };
        done.stdout.lines().map(of).collect()
    }
}

fn same<T: PartialEq + std::fmt::Debug>(got: T, want: T) -> Outcome {
    if got == want { Ok(()) } else { Err(format!("got  {got:?}\nwant {want:?}").into()) }
}

fn holds(text: &str, parts: &[&str]) -> Outcome {
    match parts.iter().find(|part| !text.contains(*part)) {
        None => Ok(()),
        Some(part) => Err(format!("no `{part}` in:\n{text}").into()),
    }
}

fn folders() -> Outcome {
    let files = Files::new(&[
        ("b/Dockerfile", FINE),
        ("a/web.Dockerfile", FINE),
        (".devcontainer/Containerfile", FINE),
        ("out/Dockerfile", FINE),
        ("a/Dockerfile.dockerignore", "x\n"),
        ("odd", FINE),
        (".gitignore", "out\n"),
    ])?;
    let names = |flags: &[&str]| -> Result<Vec<String>, Failed> {
        Ok(files.found(flags)?.into_iter().map(|(name, _)| name).collect())
    };
    same(
        names(&[])?,
        vec![
            ".devcontainer/Containerfile".to_owned(),
            "a/web.Dockerfile".into(),
            "b/Dockerfile".into(),
        ],
    )?;
    same(
        names(&["odd", "out/Dockerfile", "b"])?,
        vec!["odd".to_owned(), "out/Dockerfile".into(), "b/Dockerfile".into()],
    )?;
    let done = files.check(&["gone", "b"])?.expect(2)?;
    holds(&done.stderr, &["`gone`", "no such file"])
}

fn statuses() -> Outcome {
    let files = Files::new(&[
        ("warned", WARNED),
        ("broken", BROKEN),
        ("fine", FINE),
        ("asked", &format!("# check=error=true\n{WARNED}")),
    ])?;
    let cases: [(&[&str], i32); 10] = [
        (&["fine"], 0),
        (&["warned"], 0),
        (&["--error-on", "warning", "warned"], 1),
        (&["--error-on", "warning", "fine"], 0),
        (&["broken", "fine"], 1),
        (&["--error-on", "never", "broken"], 0),
        (&["asked"], 1),
        (&["--severity", "JSONArgsRecommended=error", "warned"], 1),
        (&["--severity", "JSONArgsRecommended=loud", "warned"], 2),
        (&["--ignore", "JSONArgsRecomended", "warned"], 2),
    ];
    for (flags, status) in cases {
        files.check(flags)?.expect(status).map_err(|problem| format!("{flags:?}: {problem:?}"))?;
    }
    let done = files.check(&["--ignore", "JSONArgsRecomended", "warned"])?;
    holds(&done.stderr, &["did you mean JSONArgsRecommended?"])
}

fn settings() -> Outcome {
    let files = Files::new(&[
        (
            "dfc.toml",
            "[check]\nerror-on = \"warning\"\n[check.rules]\nJSONArgsRecommended = \"off\"\n",
        ),
        ("Dockerfile", "FROM busybox:1.36\nCMD echo\n"),
        ("sub/dfc.toml", "[check]\nselect = [\"DL3025\"]\n"),
        ("sub/Dockerfile", WARNED),
    ])?;
    let of = |flags: &[&str]| files.found(flags);
    let json = || vec!["JSONArgsRecommended".to_owned()];
    same(of(&["Dockerfile"])?, vec![("Dockerfile".to_owned(), Vec::new())])?;
    same(of(&["sub"])?, vec![("sub/Dockerfile".to_owned(), json())])?;
    same(of(&["--config", "none", "--select", "buildkit", "Dockerfile"])?[0].1.clone(), json())?;
    same(of(&["--select", "JSONArgsRecommended", "Dockerfile"])?[0].1.clone(), json())?;
    let given = of(&["--config", "dfc.toml", "sub"])?[0].1.clone();
    same((given.contains(&json()[0]), given.contains(&"FromAsCasing".to_owned())), (false, true))?;
    // BuildKit knows nothing of it.
    same(of(&["--rules", "buildkit", "Dockerfile"])?[0].1.clone(), json())
}

fn wrong_settings() -> Outcome {
    let files = Files::new(&[
        ("dfc.toml", "[check.rules]\nJSONArgsRecomended = \"off\"\n[fmt]\nwitdh = 3\n"),
        ("Dockerfile", FINE),
    ])?;
    let done = files.check(&[])?.expect(2)?;
    holds(
        &done.stderr,
        &["dfc.toml:2:1", "did you mean JSONArgsRecommended?", "did you mean width?"],
    )
}

fn fixes() -> Outcome {
    let files = Files::new(&[("Dockerfile", WARNED), ("broken", BROKEN)])?;
    fs::set_permissions(files.path("Dockerfile"), fs::Permissions::from_mode(0o640))?;
    let done = files.check(&["--fix", "--no-context", "Dockerfile", "broken"])?.expect(1)?;
    holds(&done.stderr, &["Dockerfile: mended", "FromAsCasing"])?;
    let text = fs::read_to_string(files.path("Dockerfile"))?;
    holds(&text, &["FROM busybox AS base\n"])?;
    same(fs::read_to_string(files.path("broken"))?.as_str(), BROKEN)?;
    same(fs::metadata(files.path("Dockerfile"))?.permissions().mode() & 0o777, 0o640)?;
    let again = files.check(&["--fix", "Dockerfile"])?.expect(0)?;
    same(again.stderr.contains("mended"), false)?;
    same(fs::read_to_string(files.path("Dockerfile"))?, text)
}

fn diff() -> Outcome {
    let files = Files::new(&[("Dockerfile", WARNED)])?;
    let done = files.check(&["--diff", "--select", "FromAsCasing"])?.expect(1)?;
    let want = "--- Dockerfile\n+++ Dockerfile\n@@ -1,2 +1,2 @@\n-FROM busybox as base\n+FROM busybox AS base\n CMD echo hello\n";
    same(done.stdout.as_str(), want)?;
    same(fs::read_to_string(files.path("Dockerfile"))?.as_str(), WARNED)?;
    files.check(&["--diff", "--select", "StageNameCasing"])?.expect(0).map(drop)
}

fn standard_input() -> Outcome {
    let files = Files::new(&[("Dockerfile", WARNED)])?;
    let ask = |flags: &[&str]| -> Result<Done, Failed> {
        let mut command = files.dfc.command(["check", "-"])?;
        command.args(flags).current_dir(files.folder.path());
        command.stdin(Stdio::from(fs::File::open(files.path("Dockerfile"))?));
        Ok(Done::from(command.output()?))
    };
    holds(&ask(&[])?.expect(0)?.stdout, &["Dockerfile:1:14", "FromAsCasing"])?;
    let done = ask(&["--fix", "--select", "FromAsCasing"])?.expect(0)?;
    same(done.stdout.as_str(), "FROM busybox AS base\nCMD echo hello\n")
}

fn sarif() -> Outcome {
    let files = Files::new(&[("a b/Dockerfile", WARNED), ("c/Dockerfile", BROKEN)])?;
    let done = files.check(&["--format", "sarif"])?.expect(1)?;
    let log: Value = serde_json::from_str(&done.stdout)?;
    let run = &log["runs"][0];
    same(&log["version"], &Value::from("2.1.0"))?;
    let results = run["results"].as_array().ok_or("results are a list")?;
    let rules = run["tool"]["driver"]["rules"].as_array().ok_or("rules are a list")?;
    for result in results {
        let is_listed = rules.iter().any(|rule| rule["id"] == result["ruleId"]);
        same((is_listed, result["partialFingerprints"].is_object()), (true, true))?;
    }
    let casing = results.iter().find(|it| it["ruleId"] == "FromAsCasing").ok_or("no finding")?;
    let physical = &casing["locations"][0]["physicalLocation"];
    same(&physical["artifactLocation"]["uri"], &Value::from("a%20b/Dockerfile"))?;
    same(&physical["region"]["startColumn"], &Value::from(14))?;
    let change = &casing["fixes"][0]["artifactChanges"][0];
    same(&change["replacements"][0]["insertedContent"]["text"], &Value::from("AS"))?;
    same(results.iter().any(|it| it["level"] == "error"), true)
}

fn github_and_gitlab() -> Outcome {
    let files = Files::new(&[("Dockerfile", WARNED)])?;
    let done = files.check(&["--format", "github"])?.expect(0)?;
    let want =
        "::warning file=Dockerfile,line=1,endLine=1,col=14,endColumn=16,title=FromAsCasing::";
    holds(&done.stdout, &[want])?;
    let prints = || -> Result<Vec<String>, Failed> {
        let done =
            files.check(&["--format", "gitlab", "--select", "FromAsCasing,DL3025"])?.expect(0)?;
        let all: Value = serde_json::from_str(&done.stdout)?;
        let all = all.as_array().cloned().unwrap_or_default();
        same(all.iter().all(|it| it["location"]["path"] == "Dockerfile"), true)?;
        Ok(all.iter().map(|it| it["fingerprint"].as_str().unwrap_or_default().to_owned()).collect())
    };
    let before = prints()?;
    fs::write(files.path("Dockerfile"), format!("# a further line\n\n{WARNED}"))?;
    same(prints()?, before.clone())?;
    same(before.len(), 2)
}

fn order() -> Outcome {
    let names: Vec<String> = (0..200).rev().map(|number| format!("{number}.Dockerfile")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), WARNED)).collect();
    let files = Files::new(&files)?;
    let flags: Vec<&str> = names.iter().map(String::as_str).collect();
    let found = files.found(&flags)?;
    same(found.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), names)
}

fn pages() -> Outcome {
    let files = Files::new(&[])?;
    let page = files.check(&["--explain", "DL3025"])?.expect(0)?.stdout;
    holds(&page, &["# JSONArgsRecommended", "## Use instead"])?;
    files.check(&["--explain", "Nothing"])?.expect(2)?;
    holds(&files.check(&["--list"])?.expect(0)?.stdout, &["StageNameCasing", "warning"])?;
    let list = files.check(&["--list", "--format", "json"])?.expect(0)?.stdout;
    let list: Value = serde_json::from_str(&list)?;
    same(list.as_array().is_some_and(|rules| rules.len() >= 22), true)
}

fn hadolint() -> Outcome {
    let text = "FROM busybox:1.36\n# hadolint ignore=DL3025\nCMD echo\nENTRYPOINT echo\n";
    let files = Files::new(&[("Dockerfile", text)])?;
    let flags = ["--select", "JSONArgsRecommended"];
    same(files.found(&flags)?[0].1.len(), 1)?;
    fs::write(files.path("Dockerfile"), format!("# hadolint global ignore=DL3025\n{text}"))?;
    same(files.found(&flags)?[0].1.len(), 0)
}

/// `--select buildkit` finds no more than `--rules buildkit`: a comment above FROM is for a rule that is experimental there.
fn group() -> Outcome {
    let text = "# what this is\nFROM busybox:1.36 AS base\n# of which sort\nARG A=b\nRUN echo $A\nCMD echo\n";
    let files = Files::new(&[("Dockerfile", text)])?;
    let want = vec!["JSONArgsRecommended".to_owned()];
    same(files.found(&["--select", "buildkit"])?.remove(0).1, want.clone())?;
    same(files.found(&["--rules", "buildkit", "--all-targets"])?.remove(0).1, want)?;
    let all = files.found(&["--select", "all"])?.remove(0).1;
    same(all.iter().filter(|it| *it == "InvalidDefinitionDescription").count(), 2)
}
