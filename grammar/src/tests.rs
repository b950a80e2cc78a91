//! The fixtures of `fixtures/parse`: what is said of each file, and its tree. What must hold of any file is in `probes/`.

mod annotation;
mod golden;

use std::fs;
use std::path::PathBuf;

use crate::{Severity, SourceFile, parse, parse_trigger};

/// A file of the fixtures.
struct Fixture {
    path: PathBuf,
    file: SourceFile,
}

/// The fixtures of a folder below `fixtures/parse`, by name.
fn fixtures(folder: &str) -> Vec<Fixture> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/parse").join(folder);
    let mut paths: Vec<PathBuf> = fs::read_dir(&root)
        .expect("the fixtures are there")
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "dockerfile"))
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut fs::File::open(&path).unwrap(), &mut bytes).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        Fixture { path, file: SourceFile::from_bytes(name, &bytes) }
    };
    paths.into_iter().map(read).collect()
}

/// Holds each fixture's diagnostics and tree against what is expected; lists all that differ.
fn check(folder: &str, is_right: fn(bool) -> bool) {
    let mut problems = Vec::new();
    for Fixture { path, file } in fixtures(folder) {
        let parse = parse(&file);
        let refused = parse.diagnostics.iter().any(|it| it.severity == Severity::Error);
        if !is_right(refused) {
            problems.push(format!("{folder}/{}: refused: {refused}", file.name()));
        }
        problems.extend(annotation::check(&file, &parse.diagnostics));
        problems.extend(golden::check(&path.with_extension("tree"), &golden::text(&parse.tree)));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn good_files() {
    check("ok", |refused| !refused);
}

#[test]
fn bad_files() {
    check("err", |refused| refused);
}

#[test]
fn an_empty_file_has_no_place() {
    let parse = parse(&SourceFile::new("empty", ""));
    assert_eq!(parse.diagnostics[0].code, "no-instructions");
    assert!(parse.diagnostics[0].labels.is_empty());
}

#[test]
fn a_trigger_is_one_instruction() {
    let errors = |text: &str| parse_trigger(&SourceFile::new("trigger", text)).diagnostics.len();
    assert_eq!(errors("RUN x"), 0);
    assert_eq!(errors("RUN <<A\nx\nA"), 0);
    assert_eq!(errors("RUN x\nRUN y"), 1);
    assert_eq!(errors(""), 1);
    assert_eq!(errors("FROM x"), 1);
    assert_eq!(errors("FOO"), 1);
}
