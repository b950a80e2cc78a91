//! What the compiler and clippy do not look at: sizes, names, words, and links between documents.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};

use crate::Outcome;
use crate::cases::workspace;

/// Lines of a file, its unit tests not counted. A file that is one long table says `// tidy: table`.
const FILE_LINES: usize = 600;
/// Lines of a function.
const FUNCTION_LINES: usize = 100;
/// Lines of code for one `unwrap()` outside of tests.
const LINES_PER_UNWRAP: usize = 1000;
/// The one file that may hold unsafe code.
const UNSAFE_HOME: &str = "sandbox/src/sys.rs";

/// Names that say nothing of what a file holds.
const EMPTY_NAMES: &[&str] =
    &["mod", "util", "utils", "helpers", "common", "misc", "shared", "types"];
/// Endings of type names that say nothing of what a type is.
const EMPTY_ENDINGS: &[&str] = &["Manager", "Handler", "Processor", "Helper", "Util", "Utils"];
/// British spellings; the project writes American English.
const BRITISH: &[&str] = &[
    "colour",
    "behaviour",
    "favour",
    "honour",
    "centre",
    "licence",
    "catalogue",
    "serialise",
    "normalise",
    "initialise",
    "recognise",
    "organise",
    "synchronise",
    "canonicalise",
    "optimise",
    "analyse",
    "artefact",
];

/// A file of Rust.
#[derive(Debug)]
pub(crate) struct Source {
    /// Relative to the workspace.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// Looks at one file; gives a line for each problem, which begins behind the file's path.
type Rule = fn(&Source) -> Vec<String>;

/// A trial for each rule.
pub(crate) fn trials() -> Vec<Trial> {
    let rules: [(&str, Rule); 6] = [
        ("files_say_what_they_are_for", opening),
        ("files_are_short", file_length),
        ("functions_are_short", function_lengths),
        ("names_say_something", names),
        ("unsafe_stays_in_one_file", unsafe_code),
        ("nothing_is_left_open", left_open),
    ];
    let each = rules.map(|(name, rule)| {
        Trial::test(format!("tidy::{name}"), move || {
            report(sources()?.iter().flat_map(|source| {
                let path = source.path.display();
                rule(source).into_iter().map(move |problem| format!("{path}{problem}"))
            }))
        })
    });
    let mut trials = Vec::from(each);
    trials.push(Trial::test("tidy::unwraps_are_few", unwraps));
    trials.push(Trial::test("tidy::spelling_is_american", || {
        report(files(&["rs", "md", "ts"])?.iter().flat_map(|source| {
            let path = source.path.display();
            spelling(source).into_iter().map(move |problem| format!("{path}{problem}"))
        }))
    }));
    trials.push(Trial::test("tidy::links_of_documents_lead_somewhere", links));
    trials.push(Trial::test("tidy::fixtures_are_read", fixtures_are_read));
    trials
}

fn report(problems: impl Iterator<Item = String>) -> Outcome {
    let problems: Vec<_> = problems.collect();
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n").into()) }
}

/// All files of Rust, in order.
pub(crate) fn sources() -> Result<Vec<Source>, Failed> {
    files(&["rs"])
}

/// All files with one of these endings, in order; data and what was built are left out.
fn files(endings: &[&str]) -> Result<Vec<Source>, Failed> {
    let mut found = Vec::new();
    walk(&workspace(), Path::new(""), endings, &mut found)?;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn walk(root: &Path, below: &Path, endings: &[&str], found: &mut Vec<Source>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            let top = below == Path::new("");
            let name = entry.file_name();
            let data = name == "target" || name == "node_modules" || (top && name == "fixtures");
            if !data && name != ".git" {
                walk(root, &path, endings, found)?;
            }
        } else if path.extension().is_some_and(|it| endings.iter().any(|ending| it == *ending)) {
            found.push(Source { text: fs::read_to_string(root.join(&path))?, path });
        }
    }
    Ok(())
}

impl Source {
    /// The lines before the file's unit tests, with their numbers.
    fn own_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().take_while(|line| *line != "#[cfg(test)]");
        lines.enumerate().map(|(at, line)| (at + 1, line))
    }

    fn is_test(&self) -> bool {
        self.path.starts_with("tests")
            || self.path.iter().any(|part| part == "tests" || part == "tests.rs")
    }
}

fn opening(source: &Source) -> Vec<String> {
    let says = source.text.starts_with("//! ");
    if says { Vec::new() } else { vec![" does not open with `//!`".to_owned()] }
}

fn file_length(source: &Source) -> Vec<String> {
    let lines = source.own_lines().count();
    let exempt = source.text.contains("// tidy: table");
    if lines <= FILE_LINES || exempt { Vec::new() } else { vec![format!(": {lines} lines")] }
}

/// Functions by their layout, which is rustfmt's: the closing brace stands below the first word.
fn function_lengths(source: &Source) -> Vec<String> {
    let mut problems = Vec::new();
    let mut open: Vec<(usize, usize, String)> = Vec::new();
    for (number, line) in source.text.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        if let Some(name) = function_name(line.trim_start()) {
            if !line.ends_with('}') && !line.ends_with(';') {
                open.push((indent, number, name.to_owned()));
            }
        } else if line.trim_start() == "}"
            && open.last().is_some_and(|(depth, ..)| *depth == indent)
        {
            let (_, start, name) = open.pop().expect("it was looked at");
            let length = number - start + 1;
            if FUNCTION_LINES < length {
                problems.push(format!(":{}: `{name}` has {length} lines", start + 1));
            }
        } else if line.trim_start().starts_with(')')
            && line.ends_with(';')
            && open.last().is_some_and(|(depth, ..)| *depth == indent)
        {
            // Of a trait, without a body.
            open.pop();
        }
    }
    problems
}

fn function_name(line: &str) -> Option<&str> {
    let mut rest = line;
    for word in ["pub(crate) ", "pub(super) ", "pub ", "const ", "unsafe ", "extern \"C\" "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let name = rest.strip_prefix("fn ")?;
    name.split(['(', '<']).next()
}

fn names(source: &Source) -> Vec<String> {
    let mut problems = Vec::new();
    let stem = source.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if EMPTY_NAMES.contains(&stem.as_str()) {
        problems.push(": name the file after what it holds".to_owned());
    }
    for (number, line) in source.own_lines() {
        let mut words = line.split_whitespace().skip_while(|word| word.starts_with("pub"));
        if !matches!(words.next(), Some("struct" | "enum" | "trait" | "type")) {
            continue;
        }
        let name = words.next().unwrap_or_default();
        let name = name.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        if EMPTY_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            problems.push(format!(":{number}: `{name}` says nothing of what it is"));
        }
    }
    problems
}

fn unsafe_code(source: &Source) -> Vec<String> {
    if source.path == Path::new(UNSAFE_HOME) || source.path.ends_with("tests/suite/tidy.rs") {
        return Vec::new();
    }
    let mut problems = Vec::new();
    for (number, line) in source.text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        if ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"]
            .iter()
            .any(|it| code.contains(it))
        {
            problems.push(format!(":{}: unsafe code belongs into {UNSAFE_HOME}", number + 1));
        }
    }
    problems
}

fn left_open(source: &Source) -> Vec<String> {
    if source.path.ends_with("tests/suite/tidy.rs") {
        return Vec::new();
    }
    let marks = ["TODO", "FIXME", "XXX:", "todo!(", "unimplemented!(", "#[ignore"];
    let lines = source.text.lines().enumerate();
    lines
        .filter_map(|(at, line)| {
            let mark = marks.iter().find(|mark| line.contains(*mark))?;
            Some(format!(":{}: `{mark}`", at + 1))
        })
        .collect()
}

fn spelling(source: &Source) -> Vec<String> {
    if source.path.ends_with("tests/suite/tidy.rs") {
        return Vec::new();
    }
    let lines = source.text.lines().enumerate();
    lines
        .filter_map(|(at, line)| {
            let line = line.to_lowercase();
            let word = BRITISH.iter().find(|word| line.contains(*word))?;
            Some(format!(":{}: `{word}`", at + 1))
        })
        .collect()
}

fn unwraps() -> Outcome {
    let (mut lines, mut places) = (0, Vec::new());
    for source in sources()?.iter().filter(|source| !source.is_test()) {
        for (number, line) in source.own_lines() {
            lines += 1;
            let code = line.split("//").next().unwrap_or_default();
            if code.contains(".unwrap()") {
                places.push(format!("{}:{number}", source.path.display()));
            }
        }
    }
    if places.len() <= lines / LINES_PER_UNWRAP {
        return Ok(());
    }
    Err(format!("{} unwraps in {lines} lines:\n{}", places.len(), places.join("\n")).into())
}

/// Links to files, in all documents: `[text](path)`.
fn links() -> Outcome {
    let mut problems = Vec::new();
    for document in files(&["md"])? {
        let folder = workspace().join(document.path.parent().unwrap_or(Path::new("")));
        for link in document.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            let elsewhere = link.contains("://") || file.is_empty() || file.contains(' ');
            if !elsewhere && !folder.join(file).exists() {
                problems.push(format!("{}: no `{file}`", document.path.display()));
            }
        }
    }
    report(problems.into_iter())
}

/// Every folder of `fixtures/` is named by some test.
fn fixtures_are_read() -> Outcome {
    let tests: String = sources()?.into_iter().map(|source| source.text).collect();
    let mut problems = Vec::new();
    for folder in fs::read_dir(workspace().join("fixtures"))?.flatten() {
        let name = folder.file_name().to_string_lossy().into_owned();
        let named =
            tests.contains(&format!("fixtures/{name}")) || tests.contains(&format!("\"{name}\""));
        if folder.path().is_dir() && !named {
            problems.push(format!("no test names fixtures/{name}"));
        }
    }
    report(problems.into_iter())
}
