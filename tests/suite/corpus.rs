//! What `dfc parse`, `dfc explain` and `dfc check` say of many Dockerfiles, held against what BuildKit says of them.
//!
//! A corpus is a folder of Dockerfiles with an `oracle.jsonl`: one line a file, recorded from BuildKit.
//! `fixtures/corpus` has small files for the corners of the language; `$DFC_CORPUS` may name a folder
//! of real ones. A trial is one aspect of one corpus, and shows the first files that differ.

mod answer;
mod oracle;

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Completion, Failed, Trial};
use serde_json::Value;

use crate::cases;
use crate::dfc::Dfc;
use crate::difference::differences;

/// How many differing files a failure shows.
const SHOWN: usize = 30;

/// What is compared of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Aspect {
    /// Directives, instructions, their words and lines.
    Syntax,
    /// Stages, and the arguments before the first.
    Stages,
    /// The configuration and history of the image.
    Image,
    /// The steps of the build.
    Steps,
    /// What lint rules find.
    Lint,
}

const ASPECTS: [(Aspect, &str); 5] = [
    (Aspect::Syntax, "syntax"),
    (Aspect::Stages, "stages"),
    (Aspect::Image, "image"),
    (Aspect::Steps, "steps"),
    (Aspect::Lint, "lint"),
];

/// Lines of a file, first and last; a first line of 0 is none.
type Lines = Vec<(i64, i64)>;

/// What BuildKit says of an aspect.
#[derive(Clone, Debug)]
enum Wanted {
    /// The file is refused on these lines; none where no line is named.
    Refused(Lines),
    /// The aspect, in the terms of dfc's JSON.
    Value(Value),
}

/// What dfc says of an aspect: a refused file still has a syntax.
#[derive(Clone, Debug)]
struct Answer {
    refused: Option<Lines>,
    value: Value,
}

/// What dfc says of a file; an aspect that it says nothing of is left out.
type Answers = BTreeMap<Aspect, Answer>;

/// What one of dfc's views says of all files, asked for once.
type View = OnceLock<Result<BTreeMap<String, Answers>, String>>;

/// A folder of files, and dfc's answers about them.
#[derive(Debug)]
struct Corpus {
    folder: PathBuf,
    parse: View,
    explain: View,
    check: View,
}

/// A trial for each aspect of each corpus.
pub(crate) fn trials() -> Vec<Trial> {
    let given = env::var_os("DFC_CORPUS").map(PathBuf::from);
    let mut trials = of_corpus("synthetic", cases::fixtures().join("corpus"));
    match given {
        Some(folder) => trials.extend(of_corpus("given", folder)),
        None => trials.push(Trial::ignorable_test("corpus::given", || {
            Ok(Completion::ignored_with("DFC_CORPUS names no folder of further files"))
        })),
    }
    trials
}

fn of_corpus(name: &str, folder: PathBuf) -> Vec<Trial> {
    let (parse, explain, check) = (View::new(), View::new(), View::new());
    let corpus = Arc::new(Corpus { folder, parse, explain, check });
    let trial = |(aspect, aspect_name)| {
        let corpus = corpus.clone();
        Trial::test(format!("corpus::{name}::{aspect_name}"), move || corpus.check(aspect))
    };
    ASPECTS.map(trial).into()
}

impl Corpus {
    fn check(&self, aspect: Aspect) -> Result<(), Failed> {
        let wanted = oracle::read(&self.folder.join("oracle.jsonl"))?;
        if wanted.is_empty() {
            return Err(format!("`{}` holds no files", self.folder.display()).into());
        }
        let names: Vec<_> = wanted.keys().map(String::as_str).collect();
        let answers = match aspect {
            Aspect::Syntax | Aspect::Stages => self.parse.get_or_init(|| {
                ask(&["parse", "--format", "json"], &self.folder, &names, answer::of_parse)
            }),
            Aspect::Image | Aspect::Steps => self.explain.get_or_init(|| {
                let view = ["explain", "--no-resolve", "--format", "json"];
                ask(&view, &self.folder, &names, answer::of_explain)
            }),
            Aspect::Lint => self.check.get_or_init(|| {
                let view = ["check", "--rules", "buildkit", "--format", "json"];
                ask(&view, &self.folder, &names, answer::of_check)
            }),
        };
        let answers = answers.as_ref().map_err(Failed::from)?;
        let nothing = Answers::new();
        let known = cases::known_failures(&self.folder);
        let aspect_name = ASPECTS.iter().find(|(it, _)| *it == aspect).map_or("", |it| it.1);
        let mut problems = Vec::new();
        let mut agree = 0;
        for (file, wanted) in &wanted {
            let Some(want) = wanted.get(&aspect) else { continue };
            let answer = answers.get(file).unwrap_or(&nothing).get(&aspect);
            let known = known.contains_key(&format!("{file} {aspect_name}"));
            match (verdict(aspect, want, answer), known) {
                (None, false) => agree += 1,
                (Some(problem), false) => problems.push(format!("{file}: {problem}")),
                (None, true) => {
                    problems.push(format!("{file}: agrees now, take it out of known-failures.txt"));
                }
                (Some(_), true) => {}
            }
        }
        if problems.is_empty() {
            return Ok(());
        }
        let count = problems.len();
        problems.truncate(SHOWN);
        Err(format!("{count} files differ, {agree} agree:\n{}", problems.join("\n")).into())
    }
}

/// Runs one of dfc's views over all files.
fn ask(
    view: &[&str],
    folder: &Path,
    names: &[&str],
    answers: fn(&Value) -> Answers,
) -> Result<BTreeMap<String, Answers>, String> {
    let lines = lines(view, folder, names);
    let lines = lines.map_err(|problem| problem.message().unwrap_or_default().to_owned())?;
    Ok(lines.iter().map(|line| (file_name(line), answers(line))).collect())
}

fn lines(view: &[&str], folder: &Path, names: &[&str]) -> Result<Vec<Value>, Failed> {
    let mut command = Dfc::new()?.command(view)?;
    let done = command.args(names).current_dir(folder).output()?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let lines: Vec<Value> = said.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    if lines.len() != names.len() {
        let (got, wanted, status) = (lines.len(), names.len(), done.status);
        let next = names.get(got).copied().unwrap_or_default();
        let log = String::from_utf8_lossy(&done.stderr);
        let text = format!("`dfc {}` gave {got} lines for {wanted} files", view.join(" "));
        return Err(format!("{text} ({status}, next is `{next}`):\n{log}").into());
    }
    Ok(lines)
}

fn file_name(line: &Value) -> String {
    let file = line["file"].as_str().unwrap_or_default();
    file.rsplit('/').next().unwrap_or_default().to_owned()
}

/// What is wrong with an answer, if anything is.
fn verdict(aspect: Aspect, want: &Wanted, got: Option<&Answer>) -> Option<String> {
    let Some(Answer { refused, value }) = got else { return Some("nothing from dfc".to_owned()) };
    match (want, refused) {
        (Wanted::Refused(_), None) => Some("BuildKit refuses it, dfc does not".to_owned()),
        (Wanted::Refused(wanted), Some(got)) => {
            let named: Vec<_> = wanted.iter().filter(|(first, _)| *first > 0).collect();
            let touches = |(first, last): &(i64, i64)| {
                named.iter().any(|(from, to)| first <= to && last >= from)
            };
            let fits = named.is_empty() || got.iter().any(touches);
            (!fits).then(|| format!("refused on lines {got:?}, BuildKit says {wanted:?}"))
        }
        (Wanted::Value(_), Some(lines)) if aspect != Aspect::Syntax => {
            Some(format!("dfc refuses it: {lines:?}"))
        }
        (Wanted::Value(want), _) => differences(want, value).into_iter().next(),
    }
}

/// A list of steps in an order that does not depend on who wrote it.
fn sorted(mut steps: Vec<Value>) -> Value {
    steps.sort_by_cached_key(|step| ordered(step).to_string());
    Value::Array(steps)
}

/// The same value with the keys of all objects in order.
fn ordered(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<_, _> =
                fields.iter().map(|(key, value)| (key.clone(), ordered(value))).collect();
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(items) => items.iter().map(ordered).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// Whether a field says nothing, and so may be left out.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
