//! Lint rules around a build: `--check`, what a build tells of them, and findings that are errors.

use libtest_mimic::Trial;

use super::same;
use crate::Outcome;
use crate::dfc::Done;
use crate::project::Project;

/// One finding of the file, one of .dockerignore, and one in a stage that is not built.
const DOCKERFILE: &str = "FROM scratch AS Unused
ENV A b
FROM scratch
COPY ignored /
COPY taken /
CMD x
";

pub(super) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("build::check::looks_at_all_stages_and_the_context", check),
        Trial::test("build::check::build_tells_findings_in_short", summary),
        Trial::test("build::check::findings_may_be_errors", errors),
        Trial::test("build::check::nothing_found", nothing),
    ]
}

fn project(dockerfile: &str) -> Result<Project, libtest_mimic::Failed> {
    let project = Project::new(dockerfile)?;
    project.file(".dockerignore", "ignored\n")?;
    project.file("ignored", "1")?;
    project.file("taken", "2")?;
    Ok(project)
}

fn build(project: &Project, flags: &[&str]) -> Result<Done, libtest_mimic::Failed> {
    let mut command = project.dfc.command(["build", "--progress=plain"])?;
    Ok(Done::from(command.args(flags).arg(project.context()).output()?))
}

/// The rules that a text names, in order.
fn rules(text: &str) -> Vec<&str> {
    let known =
        ["StageNameCasing", "LegacyKeyValueFormat", "CopyIgnoredFile", "JSONArgsRecommended"];
    let mut found: Vec<(usize, &str)> =
        known.iter().filter_map(|rule| Some((text.find(rule)?, *rule))).collect();
    found.sort_unstable();
    found.into_iter().map(|(_, rule)| rule).collect()
}

fn check() -> Outcome {
    let project = project(DOCKERFILE)?;
    let done = build(&project, &["--check"])?.expect(1)?;
    let all = ["StageNameCasing", "LegacyKeyValueFormat", "CopyIgnoredFile", "JSONArgsRecommended"];
    same("all stages", &rules(&done.stdout).as_slice(), &all.as_slice())?;
    let done = build(&project, &["--check", "--target", "unused"])?.expect(1)?;
    same("one stage", &rules(&done.stdout).as_slice(), &all[..2].as_ref())
}

fn summary() -> Outcome {
    let project = project(&DOCKERFILE.replace("COPY ignored /\n", ""))?;
    let done = build(&project, &[])?.expect(0)?;
    same("rules", &rules(&done.stderr), &vec!["StageNameCasing", "JSONArgsRecommended"])?;
    let start = done.stderr.find("2 warnings found").ok_or("no count of warnings")?;
    let line = " - StageNameCasing: Stage name 'Unused' should be lowercase (line 1)";
    same("a line", &done.stderr[start..].lines().nth(1), &Some(line))?;
    let done = build(&project, &["--quiet"])?.expect(0)?;
    same("nothing beside the id", &done.stderr.as_str(), &"")
}

fn errors() -> Outcome {
    let project = project(&DOCKERFILE.replace("COPY ignored /\n", ""))?;
    let done =
        build(&project, &["--build-arg", "BUILDKIT_DOCKERFILE_CHECK=error=true"])?.expect(1)?;
    let message = "lint violation found for rules: StageNameCasing, JSONArgsRecommended";
    same("the message", &done.stderr.contains(message), &true)
}

fn nothing() -> Outcome {
    let project = project("FROM scratch\nCOPY taken /\n")?;
    let done = build(&project, &["--check"])?.expect(0)?;
    same("output", &done.stdout.as_str(), &"")?;
    same("messages", &done.stderr.as_str(), &"Check complete, no warnings found.\n")
}
