//! `dfc explain` tells what a build would do, and a build then does just that.

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::Outcome;
use crate::bases;
use crate::image::text;
use crate::need::{Need, trial};
use crate::progress::instruction;
use crate::project::Project;

const NEEDS: &[Need] = &[Need::Sandbox, Need::StaticBusybox];

const DOCKERFILE: &str = "\
FROM busybox AS made
COPY source.txt /
RUN grep -v '^#' /source.txt > /made
FROM busybox
ARG VERSION=1
RUN echo $VERSION > /version
COPY --from=made /made /
";

/// All trials on `dfc explain`.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("explain::nothing_is_built", NEEDS, nothing_is_built),
        trial("explain::names_what_changed", NEEDS, names_what_changed),
        trial("explain::verdicts_come_true", NEEDS, verdicts_come_true),
        trial("explain::drawings", NEEDS, drawings),
    ]
}

fn project() -> Result<Project, Failed> {
    let project = Project::new(DOCKERFILE)?;
    project.file("source.txt", "# comment\ncontent\n")?;
    Ok(project)
}

fn explain(project: &Project, flags: &[&str]) -> Result<String, Failed> {
    let mut command = project.dfc.command(["explain"])?;
    command.args(bases::flags()?).args(flags).arg(project.context());
    Ok(crate::dfc::Done::from(command.output()?).expect(0)?.stdout)
}

/// The steps that would run, or wait for one that would, by their instructions.
fn verdicts(project: &Project, flags: &[&str]) -> Result<Vec<(String, String)>, Failed> {
    let mut all = vec!["--format", "json"];
    all.extend(flags);
    let graph: Value = serde_json::from_str(&explain(project, &all)?)?;
    let steps = graph["steps"].as_array().cloned().unwrap_or_default();
    let verdict = |step: &Value| {
        let name = text(&step["name"]);
        let instruction = instruction(&name)?.to_owned();
        let own = !instruction.starts_with("FROM ");
        own.then(|| (instruction, text(&step["verdict"])))
    };
    Ok(steps.iter().filter_map(verdict).collect())
}

fn named(verdicts: &[(String, String)], wanted: &str) -> Vec<String> {
    let found = verdicts.iter().filter(|(_, verdict)| verdict == wanted);
    found.map(|(instruction, _)| instruction.clone()).collect()
}

fn nothing_is_built() -> Outcome {
    let project = project()?;
    let before = named(&verdicts(&project, &[])?, "cached");
    let after = named(&verdicts(&project, &[])?, "cached");
    if !before.is_empty() || !after.is_empty() {
        return Err(format!("cached before any build: {before:?}, {after:?}").into());
    }
    project.build(&[])?;
    let rest: Vec<_> =
        verdicts(&project, &[])?.into_iter().filter(|(_, verdict)| verdict != "cached").collect();
    if rest.is_empty() { Ok(()) } else { Err(format!("not cached after a build: {rest:?}").into()) }
}

fn names_what_changed() -> Outcome {
    let project = project()?;
    project.build(&[])?;
    let said = explain(&project, &["--build-arg", "VERSION=2"])?;
    for word in ["VERSION", "`1`", "`2`", "> /version"] {
        if !said.contains(word) {
            return Err(format!("it does not say `{word}`:\n{said}").into());
        }
    }
    project.file("source.txt", "# comment\nother content\n")?;
    let said = explain(&project, &[])?;
    if said.contains("source.txt") { Ok(()) } else { Err(said.into()) }
}

/// What would run runs, what is cached is not run, and what is open depends.
fn verdicts_come_true() -> Outcome {
    let project = project()?;
    project.build(&[])?;
    project.file("source.txt", "# another comment\ncontent\n")?;
    let told = verdicts(&project, &["--build-arg", "VERSION=2"])?;
    let built = project.build(&["--build-arg", "VERSION=2"])?;
    let executed = built.log.executed();
    for (instruction, verdict) in &told {
        let ran = executed.contains(&instruction.as_str());
        let wrong = (verdict == "run" && !ran) || (verdict == "cached" && ran);
        if wrong {
            return Err(format!("{instruction}: {verdict}, but run: {ran}\n{told:?}").into());
        }
    }
    if named(&told, "open").is_empty() {
        return Err(format!("nothing is open, though a changed file has a filter: {told:?}").into());
    }
    Ok(())
}

fn drawings() -> Outcome {
    let project = project()?;
    let dot = explain(&project, &["--format", "dot"])?;
    let mermaid = explain(&project, &["--format", "mermaid"])?;
    if !dot.starts_with("digraph") || !dot.trim_end().ends_with('}') {
        return Err(format!("not a dot file:\n{dot}").into());
    }
    let begins = mermaid.starts_with("flowchart") || mermaid.starts_with("graph");
    if begins { Ok(()) } else { Err(format!("not a mermaid drawing:\n{mermaid}").into()) }
}
