//! Formatting: a formatted file builds the same, and formatting it again changes nothing.

use compiler::format::{self, Style};
use compiler::{BuildOptions, Compiled, key};
use grammar::{Diagnostic, Severity, SourceFile};
use oci::Platform;

use crate::compile::Images;

/// Formats bytes as a Dockerfile, in lines of usual width and in narrow ones.
pub fn bytes(bytes: &[u8]) {
    let file = SourceFile::from_bytes("Dockerfile", bytes);
    for style in [Style::default(), Style { width: 20, indent: 2 }] {
        styled(&file, style);
    }
}

fn styled(file: &SourceFile, style: Style) {
    let parse = grammar::parse(file);
    let is_error = |found: &Diagnostic| found.severity == Severity::Error;
    let Some(text) = format::format(file, &parse, &style) else {
        assert!(file.is_mended() || parse.diagnostics.iter().any(is_error), "{:?}", file.text());
        return;
    };
    let mut edited = file.text().to_owned();
    for (span, new) in format::edits(file, &parse, &style).into_iter().rev() {
        edited.replace_range(span.range(), &new);
    }
    assert_eq!(edited, text, "the edits make another text");
    if text == file.text() {
        return;
    }
    let formatted = SourceFile::new("Dockerfile", text.as_str());
    let again = grammar::parse(&formatted);
    for all_stages in [false, true] {
        let options = BuildOptions {
            build_platform: Some(Platform::linux("amd64")),
            allow_insecure: true,
            allow_host_network: true,
            all_stages,
            ..BuildOptions::default()
        };
        let before = compiler::compile(&parse.tree, file, &options, &Images);
        let after = compiler::compile(&again.tree, &formatted, &options, &Images);
        // Where findings of rules are errors, formatting may heal the file.
        if !before.diagnostics.iter().any(|found| found.code == "lint-violation") {
            assert_eq!(said(&before), said(&after), "{:?}", file.text());
        }
    }
    assert_eq!(
        format::format(&formatted, &again, &style).as_deref(),
        Some(text.as_str()),
        "formatting again changes it: {:?}",
        file.text()
    );
}

/// All that a build depends on, a line each: keys and inputs of the steps, configuration and history of the images, or
/// else the errors.
fn said(compiled: &Compiled) -> Vec<String> {
    let mut said: Vec<String> = compiled.diagnostics.iter().map(|it| it.message.clone()).collect();
    let Some(graph) = &compiled.graph else { return said };
    for (id, step) in graph.steps() {
        let key = key::definition(&step.op, &step.platform).key();
        said.push(format!("{key:?} {:?} {:?}", graph.inputs(id), step.stage));
    }
    for target in &graph.targets {
        said.push(format!("{:?} {:?} {:?}", target.config, target.step, target.layers));
    }
    said
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::bytes;
    use crate::saved;

    #[test]
    fn formatted_files_build_the_same() {
        for folder in ["corpus", "fuzz/parse", "fuzz/compile", "format"] {
            for (name, text) in saved::files(folder, "") {
                println!("{folder}/{name}");
                bytes(&text);
            }
        }
    }

    /// The files of the corpus that `DFC_CORPUS` names, if there is one.
    #[test]
    fn formatted_files_of_a_corpus_build_the_same() {
        let Some(corpus) = std::env::var_os("DFC_CORPUS").map(PathBuf::from) else { return };
        let mut folders = vec![corpus];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("the corpus can be read") {
                let path = entry.unwrap().path();
                if path.is_symlink() {
                } else if path.is_dir() {
                    folders.push(path);
                } else {
                    println!("{}", path.display());
                    bytes(&std::fs::read(&path).unwrap());
                }
            }
        }
    }
}
