//! The pages of `docs/instructions`: one for each instruction, each with examples, and the examples are true.
//!
//! Every block marked `dockerfile` is compiled; one marked `dockerfile,refused` must be refused. A `text` block right
//! behind it says what comes out, a line each (see [`Claim`]).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::Outcome;
use crate::cases::workspace;
use crate::dfc::Dfc;
use crate::image::text;
use crate::scratch;

const PAGES: &str = "docs/instructions";
/// The one page that is about all of them.
const INDEX: &str = "README";

/// A trial for each question.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("manual::every_instruction_has_a_page", pages_of_instructions),
        Trial::test("manual::every_flag_is_described", flags),
        Trial::test("manual::examples_are_true", examples),
    ]
}

/// A Dockerfile of a page.
struct Example {
    /// Page and line, for people.
    place: String,
    dockerfile: String,
    refused: bool,
    claims: Vec<Claim>,
}

/// What a line behind an example says.
#[derive(Debug)]
enum Claim {
    /// `error in line 2: …`, or `error: …`; all of them must be named, in order.
    Error(String),
    /// `history: …`; all entries must be named, in order, without the ` # buildkit` at their ends.
    History(String),
    /// `step: {…}`: there is a step with these fields behind the one that was named before.
    Step(Value),
    /// `NAME: JSON`: a field of the image's configuration.
    Setting(String, Value),
}

impl Claim {
    fn parse(line: &str) -> Result<Claim, Failed> {
        if line.starts_with("error") {
            return Ok(Claim::Error(line.to_owned()));
        }
        let (name, rest) = line.split_once(": ").ok_or_else(|| format!("no claim: {line}"))?;
        Ok(match name {
            "history" => Claim::History(rest.to_owned()),
            "step" => Claim::Step(serde_json::from_str(rest)?),
            _ => Claim::Setting(name.to_owned(), serde_json::from_str(rest)?),
        })
    }
}

/// The pages: their names without ending, and their texts.
fn pages() -> Result<BTreeMap<String, String>, Failed> {
    let mut pages = BTreeMap::new();
    for entry in fs::read_dir(workspace().join(PAGES))? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        pages.insert(name, fs::read_to_string(path)?);
    }
    Ok(pages)
}

/// The quoted words in the source that lists the keywords: whoever adds one there needs a page.
fn keywords() -> Result<Vec<String>, Failed> {
    let source = fs::read_to_string(workspace().join("grammar/src/instruction/keyword.rs"))?;
    let quoted = source.split('"').skip(1).step_by(2);
    let is_keyword = |word: &&str| word.bytes().all(|byte| byte.is_ascii_uppercase());
    let mut names: Vec<String> = quoted.filter(is_keyword).map(str::to_lowercase).collect();
    names.sort();
    names.dedup();
    if !names.contains(&"from".to_owned()) {
        return Err("keyword.rs does not list the keywords any more".into());
    }
    Ok(names)
}

fn pages_of_instructions() -> Outcome {
    let pages = pages()?;
    let index = pages.get(INDEX).ok_or("the manual has no index")?;
    for name in keywords()? {
        let page = pages.get(&name).ok_or_else(|| format!("no {PAGES}/{name}.md"))?;
        for part in ["## Syntax", "## What dfc does", "## Differences from BuildKit", "## Examples"]
        {
            if !page.contains(part) {
                return Err(format!("{name}.md has no part `{part}`").into());
            }
        }
        let shown = examples_of(&name, page)?.iter().any(|example| {
            let mut lines = example.dockerfile.lines();
            lines.any(|line| line.to_lowercase().starts_with(&name))
        });
        if !shown {
            return Err(format!("{name}.md has no example of {}", name.to_uppercase()).into());
        }
    }
    match pages.keys().find(|name| *name != INDEX && !index.contains(&format!("]({name}.md)"))) {
        Some(name) => Err(format!("the index does not lead to {name}.md").into()),
        None => Ok(()),
    }
}

/// The flags that the parser of an instruction takes are on its page, and those that COPY and ADD share.
fn flags() -> Outcome {
    let pages = pages()?;
    let mut found = 0;
    for name in keywords()? {
        let source = workspace().join(format!("grammar/src/instruction/{name}.rs"));
        let Ok(source) = fs::read_to_string(source) else { continue };
        let rows = source.lines().filter_map(|line| line.trim().strip_prefix("(\""));
        for row in rows.filter(|row| row.contains("Takes::")) {
            let flag = row.split('"').next().unwrap_or_default();
            found += 1;
            if !pages.get(&name).is_some_and(|page| page.contains(&format!("`--{flag}"))) {
                return Err(format!("{name}.md does not describe --{flag}").into());
            }
        }
    }
    if found < 10 { Err("the parser's flags were not found".into()) } else { Ok(()) }
}

fn examples() -> Outcome {
    let folder = scratch::fresh("manual-")?;
    let mut examples = Vec::new();
    for (name, page) in pages()? {
        examples.extend(examples_of(&name, &page)?);
    }
    let files: Result<Vec<PathBuf>, Failed> = examples
        .iter()
        .enumerate()
        .map(|(number, example)| write(folder.path(), number, example))
        .collect();
    let mut command = Dfc::new()?.command(["explain", "--no-resolve", "--format", "json"])?;
    let output = command.args(files?).output()?;
    let lines = String::from_utf8_lossy(&output.stdout);
    let compiled: Result<Vec<Value>, _> = lines.lines().map(serde_json::from_str).collect();
    let compiled = compiled?;
    if compiled.len() != examples.len() {
        let problem = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} of {}: {problem}", compiled.len(), examples.len()).into());
    }
    let pairs = examples.iter().zip(&compiled);
    let problems: Vec<String> = pairs
        .filter_map(|(example, compiled)| {
            let problem = example.problem(compiled)?;
            Some(format!("{PAGES}/{}: {problem}", example.place))
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n").into()) }
}

fn write(folder: &Path, number: usize, example: &Example) -> Result<PathBuf, Failed> {
    let path = folder.join(format!("{number}.dockerfile"));
    fs::write(&path, &example.dockerfile)?;
    Ok(path)
}

/// The examples of a page.
fn examples_of(name: &str, page: &str) -> Result<Vec<Example>, Failed> {
    let mut examples: Vec<Example> = Vec::new();
    // Whether the last example may still get claims.
    let mut open = false;
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else {
            open &= line.is_empty();
            continue;
        };
        let body: Vec<&str> =
            lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
        match kind {
            "dockerfile" | "dockerfile,refused" => examples.push(Example {
                place: format!("{name}.md:{}", number + 1),
                dockerfile: body.join("\n") + "\n",
                refused: kind.ends_with("refused"),
                claims: Vec::new(),
            }),
            "text" if open => {
                let claims: Result<Vec<Claim>, Failed> =
                    body.into_iter().map(Claim::parse).collect();
                examples.last_mut().ok_or("an example is open")?.claims = claims?;
            }
            _ => {}
        }
        open = kind.starts_with("dockerfile");
    }
    Ok(examples)
}

impl Example {
    /// What is not as the page says.
    fn problem(&self, compiled: &Value) -> Option<String> {
        let errors: Vec<String> = list(compiled, "errors").map(error).collect();
        match (self.refused, errors.as_slice()) {
            (true, []) => return Some("is not refused".to_owned()),
            (false, [first, ..]) => return Some(first.clone()),
            (true, _) | (false, []) => {}
        }
        let history: Vec<String> =
            list(compiled, "history").map(|entry| text(&entry["created_by"])).collect();
        let said = |wanted: fn(&Claim) -> Option<&String>| -> Vec<&String> {
            self.claims.iter().filter_map(wanted).collect()
        };
        let said_errors = said(|claim| match claim {
            Claim::Error(line) => Some(line),
            Claim::History(_) | Claim::Step(_) | Claim::Setting(..) => None,
        });
        if !said_errors.is_empty() && said_errors != errors.iter().collect::<Vec<_>>() {
            return Some(format!("dfc says\n{}", errors.join("\n")));
        }
        let said_history = said(|claim| match claim {
            Claim::History(line) => Some(line),
            Claim::Error(_) | Claim::Step(_) | Claim::Setting(..) => None,
        });
        if !said_history.is_empty() && said_history != history.iter().collect::<Vec<_>>() {
            return Some(format!("the history is\n{}", history.join("\n")));
        }
        let mut steps = list(compiled, "steps");
        self.claims.iter().find_map(|claim| match claim {
            Claim::Error(_) | Claim::History(_) => None,
            Claim::Step(wanted) => {
                let found = steps.any(|step| has_fields(step, wanted));
                (!found).then(|| format!("no step {wanted} in {}", compiled["steps"]))
            }
            Claim::Setting(name, wanted) => {
                let is = &compiled["image"][name];
                (is != wanted).then(|| format!("`{name}` is {is}"))
            }
        })
    }
}

fn list<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value[name].as_array().into_iter().flatten()
}

/// An error as the pages write it.
fn error(error: &Value) -> String {
    let message = text(&error["message"]);
    match error["line"].as_u64() {
        Some(line) if line > 0 => format!("error in line {line}: {message}"),
        _ => format!("error: {message}"),
    }
}

fn has_fields(step: &Value, wanted: &Value) -> bool {
    let wanted = wanted.as_object().into_iter().flatten();
    wanted.into_iter().all(|(name, value)| step.get(name) == Some(value))
}
