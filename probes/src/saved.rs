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

/// The folder of its inputs, and its probe.
type Target = (&'static str, fn(&[u8]));

/// All targets, by name.
const TARGETS: [Target; 6] = [
    ("compile", crate::compile::bytes),
    ("expand", crate::expand::bytes),
    ("format", crate::format::bytes),
    ("ignore", crate::ignore::bytes),
    ("members", crate::members::bytes),
    ("parse", crate::parse::bytes),
];

#[test]
fn saved_inputs_break_no_promise() {
    for (target, probe) in TARGETS {
        replay(target, probe);
    }
    replay("parse", crate::compile::bytes);
}

/// Every fuzzer has saved inputs that are run here, and the other way round.
#[test]
fn no_target_is_forgotten() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for folder in ["fuzz/fuzz_targets", "fixtures/fuzz"] {
        let entries = fs::read_dir(root.join(folder)).expect("the folder is there");
        let paths = entries.map(|entry| entry.unwrap().path());
        let mut names: Vec<String> =
            paths.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
        names.sort();
        assert_eq!(names, TARGETS.map(|(name, _)| name), "{folder}");
    }
}
