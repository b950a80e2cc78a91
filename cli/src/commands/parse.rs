//! `dfc parse`: the syntax tree of Dockerfiles as JSON lines.

use std::fmt::Write as _;
use std::fs::File;
use std::process::ExitCode;

use grammar::{Diagnostic, Severity, SourceFile};

use crate::args::{ParseArgs, ParseFormat};
use crate::error::CliError;
use crate::project::dockerfile;
use crate::render;
use crate::ui::Ui;

/// How much text is gathered before it is printed.
const CHUNK: usize = 1 << 16;

/// Runs the command. A file that cannot be read is refused like one that cannot be parsed.
pub(crate) fn run(args: &ParseArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let mut out = String::new();
    let mut all_fine = true;
    for path in &args.files {
        let name = path.to_string_lossy();
        let line = match File::open(ui.env.path(path)).and_then(dockerfile::read_bytes) {
            Ok(bytes) => {
                let file = SourceFile::from_bytes(name.as_ref(), &bytes);
                let parse = grammar::parse(&file);
                all_fine &= !parse.diagnostics.iter().any(is_error);
                match args.format {
                    ParseFormat::Json => render::parse::json(&file, &parse),
                }
            }
            Err(error) => {
                all_fine = false;
                match args.format {
                    ParseFormat::Json => render::parse::unreadable(&name, &error),
                }
            }
        };
        // Writing to a String does not fail.
        let _ = writeln!(out, "{line}");
        if out.len() > CHUNK {
            ui.write(&out)?;
            out.clear();
        }
    }
    ui.write(&out)?;
    Ok(if all_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn is_error(diagnostic: &Diagnostic) -> bool {
    diagnostic.severity == Severity::Error
}
