//! `dfc check`: what is wrong with Dockerfiles, without a context and without looking up images.

use std::path::Path;
use std::process::ExitCode;

use compiler::{BuildOptions, ImageQuery, ResolvedImage, World, WorldError};
use grammar::{Diagnostic, Parse, Severity, SourceFile};
use oci::{ImageConfig, Platform};
use serde_json::{Value, json};

use crate::args::{CheckArgs, CheckFormat};
use crate::error::CliError;
use crate::project::dockerfile;
use crate::render::{human, json as json_form};
use crate::ui::Ui;

/// Runs the command. Exit status 1 if there is anything to say but notes.
pub(crate) fn run(args: &CheckArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let mut clean = true;
    let mut files = 0;
    for file in &args.files {
        let source = dockerfile::read_source(file, &ui.env.path(file))?;
        let (diagnostics, sources) = diagnose(source);
        files += usize::from(!diagnostics.is_empty());
        clean &= diagnostics.iter().all(|found| found.severity == Severity::Note);
        match args.format {
            CheckFormat::Human => {
                let look = ui.look_out();
                ui.write(&human::diagnostics(&diagnostics, &sources, look))?;
            }
            CheckFormat::Json => ui.line(file_json(file, &diagnostics, &sources))?,
        }
    }
    if args.format == CheckFormat::Human {
        let all = args.files.len();
        ui.note(match files {
            0 => format!("Nothing found in {all} {}.", if all == 1 { "file" } else { "files" }),
            _ => format!("Something found in {files} of {all} files."),
        });
    }
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All there is to say about a file, with the sources it is in.
fn diagnose(source: SourceFile) -> (Vec<Diagnostic>, Vec<SourceFile>) {
    let Parse { tree, mut diagnostics } = grammar::parse(&source);
    if source.text().is_empty() {
        // The compiler says it, too.
        diagnostics.clear();
    }
    let options = BuildOptions { all_stages: true, ..BuildOptions::default() };
    let compiled = compiler::compile(&tree, &source, &options, &Offline);
    diagnostics.extend(compiled.diagnostics);
    diagnostics.sort_by_key(|found| found.span().map(|span| (span.source, span.start)));
    diagnostics.dedup();
    (diagnostics, compiled.sources)
}

/// A world in which every image is there and says nothing.
#[derive(Debug)]
struct Offline;

impl World for Offline {
    fn image(&self, query: &ImageQuery<'_>) -> Result<ResolvedImage, WorldError> {
        let Platform { os, architecture, variant, .. } = query.platform.clone();
        let config = ImageConfig { os, architecture, variant, ..ImageConfig::default() };
        Ok(ResolvedImage { manifest: None, config })
    }

    fn ignore_file(&self, _: &str) -> Option<(String, String)> {
        None
    }
}

fn file_json(file: &Path, diagnostics: &[Diagnostic], sources: &[SourceFile]) -> Value {
    let list = |errors: bool| -> Vec<Value> {
        diagnostics
            .iter()
            .filter(|found| (found.severity == Severity::Error) == errors)
            .map(|found| {
                let mut value = json_form::diagnostic(found, sources);
                value["rule"] = json!(found.code);
                value
            })
            .collect()
    };
    json!({ "file": file.to_string_lossy(), "warnings": list(false), "errors": list(true) })
}
