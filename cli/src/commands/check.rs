//! `dfc check`: what is wrong with Dockerfiles, without a context and without looking up images.

use std::process::ExitCode;

use compiler::lint;
use compiler::{BuildOptions, CheckOptions, ImageQuery, ResolvedImage, World, WorldError};
use grammar::{Parse, Severity, SourceFile};
use oci::{ContainerConfig, ImageConfig, Platform};

use super::explain_no_resolve::{self, NoImages, PATH};
use crate::args::{CheckArgs, CheckFormat, CheckRules};
use crate::error::CliError;
use crate::project::checked::Checked;
use crate::project::dockerfile;
use crate::render::findings;
use crate::ui::Ui;

/// Runs the command. Exit status 1 if there is anything to say but notes.
pub(crate) fn run(args: &CheckArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let mut clean = true;
    let mut files = 0;
    for file in &args.files {
        let source = match dockerfile::read_source(file, &ui.env.path(file)) {
            Ok(source) => source,
            Err(error) if args.format == CheckFormat::Json => {
                clean = false;
                ui.line(findings::unreadable(&file.to_string_lossy(), &error.to_string()))?;
                continue;
            }
            Err(error) => {
                return Err(error.help("give the path of the Dockerfile: `dfc check FILE`"));
            }
        };
        let checked = match args.rules {
            CheckRules::All => {
                let options = BuildOptions { all_stages: true, ..BuildOptions::default() };
                check(source, &options, &Offline)
            }
            CheckRules::Buildkit => {
                let all_stages = args.all_targets;
                let options = BuildOptions { all_stages, ..explain_no_resolve::options() };
                let mut checked = check(source, &options, &NoImages);
                checked.diagnostics.retain(|found| found.severity == Severity::Error);
                checked
            }
        };
        files += usize::from(!checked.is_empty());
        clean &= checked.is_clean();
        match args.format {
            CheckFormat::Human => {
                let look = ui.look_out();
                ui.write(&checked.text(look))?;
            }
            CheckFormat::Json => ui.line(checked.json(file))?,
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

fn check(source: SourceFile, options: &BuildOptions, world: &dyn World) -> Checked {
    let Parse { tree, mut diagnostics } = grammar::parse(&source);
    if source.text().is_empty() {
        // The compiler says it, too.
        diagnostics.clear();
    }
    let compiled = compiler::compile(&tree, &source, options, world);
    let rules = CheckOptions::of(&tree, options).unwrap_or_default();
    let findings = lint::findings(&tree, &compiled, &rules);
    diagnostics.extend(compiled.diagnostics);
    Checked { diagnostics, findings, sources: compiled.sources }
}

/// A world in which every image is there, is for the platform asked for, and has nothing but a PATH.
#[derive(Debug)]
struct Offline;

impl World for Offline {
    fn image(&self, query: &ImageQuery<'_>) -> Result<ResolvedImage, WorldError> {
        let Platform { os, architecture, variant, .. } = query.platform.clone();
        let config = ContainerConfig { env: vec![PATH.into()], ..ContainerConfig::default() };
        let config = ImageConfig { os, architecture, variant, config, ..ImageConfig::default() };
        Ok(ResolvedImage { manifest: None, config })
    }

    fn ignore_file(&self, _: &str) -> Option<(String, String)> {
        None
    }
}
