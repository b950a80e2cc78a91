//! Inputs from `fixtures/`, and all probes over those that are kept for them.

use std::fs;
use std::path::Path;

/// The files with an ending (or with any, if that is empty) in a folder of `fixtures/`: names and contents, by name.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(folder);
    let mut found: Vec<(String, Vec<u8>)> = fs::read_dir(&folder)
        .expect("the fixtures are there")
        .map(|entry| entry.unwrap().path())
        .filter(|path| ending.is_empty() || path.extension().is_some_and(|it| it == ending))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(&path).unwrap())
        })
        .collect();
    found.sort();
    assert!(!found.is_empty(), "nothing in {}", folder.display());
    found
}

/// Runs a probe over the folder `fixtures/fuzz/TARGET`; a panic shows the file's name.
fn replay(target: &str, probe: fn(&[u8])) {
    for (name, bytes) in files(&format!("fuzz/{target}"), "") {
        println!("{target}/{name}");
        probe(&bytes);
    }
}

#[test]
fn parse() {
    replay("parse", crate::parse::bytes);
}

#[test]
fn compile() {
    replay("parse", crate::compile::bytes);
    replay("compile", crate::compile::bytes);
}

#[test]
fn expand() {
    replay("expand", crate::expand::bytes);
}

#[test]
fn ignore() {
    replay("ignore", crate::ignore::bytes);
}

#[test]
fn members() {
    replay("members", crate::members::bytes);
}
