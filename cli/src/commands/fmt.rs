//! `dfc fmt`: Dockerfiles written in one way, without a change of what they build.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::ExitCode;

use compiler::format::{self, Style};
use compiler::settings::FmtSettings;
use grammar::{Diagnostic, Severity, SourceFile, Span};

use crate::args::FmtArgs;
use crate::error::CliError;
use crate::project::dockerfile;
use crate::project::find::{self, Place, STDIN};
use crate::project::settings::SettingsFinder;
use crate::render::{diff, human};
use crate::ui::Ui;

/// What became of the files.
#[derive(Debug, Default)]
struct Count {
    all: usize,
    /// Not formatted before.
    changed: usize,
    /// Cannot be read, written, or formatted.
    failed: usize,
}

/// Runs the command. Exit status 1 if a file cannot be formatted, or would change although nothing is to be.
pub(crate) fn run(args: &FmtArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let found = find::dockerfiles(&args.files, &ui.env)?;
    let mut finder = match SettingsFinder::new(args.config.as_deref(), &ui.env) {
        Ok(finder) => finder,
        Err(error) => return Ok(error.tell(ui)),
    };
    let mut count = Count { failed: found.problems.len(), ..Count::default() };
    for problem in &found.problems {
        ui.note(format_args!("error: {problem}"));
    }
    let mut has_stdin = false;
    for place in &found.places {
        count.all += 1;
        let style = match finder.for_place(place) {
            Ok(settings) => style(args, &settings.fmt),
            Err(error) => return Ok(error.tell(ui)),
        };
        let done = match place {
            Place::File { shown, path } => file(args, &style, (shown, path), ui),
            Place::Stdin => {
                has_stdin = true;
                stdin(args, &style, ui)
            }
        };
        match done {
            Ok(changed) => count.changed += usize::from(changed),
            Err(error @ CliError::BrokenPipe) => return Err(error),
            Err(error) => {
                count.failed += 1;
                ui.fail(&error);
            }
        }
    }
    let dry = args.check || args.diff;
    if dry || !has_stdin {
        ui.note(count.summary(dry));
    }
    let is_fine = count.failed == 0 && !(dry && count.changed > 0);
    Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Count {
    fn summary(&self, dry: bool) -> String {
        let files = |count: usize| format!("{count} {}", if count == 1 { "file" } else { "files" });
        let mut said = match (self.changed, dry) {
            (0, _) if self.failed == 0 => format!("Nothing to format in {}", files(self.all)),
            (changed, true) => format!("{changed} of {} would change", files(self.all)),
            (changed, false) => format!("Formatted {changed} of {}", files(self.all)),
        };
        if self.failed > 0 {
            said.push_str(&format!("; {} could not be formatted", self.failed));
        }
        said.push('.');
        said
    }
}

/// Formats a file in its place; says whether it was not formatted before.
fn file(
    args: &FmtArgs,
    style: &Style,
    (shown, path): (&Path, &Path),
    ui: &mut Ui,
) -> Result<bool, CliError> {
    let source = dockerfile::read_source(shown, path)?;
    let Some(text) = formatted(&source, style, ui)? else { return Err(CliError::Reported) };
    if text == source.text() {
        return Ok(false);
    }
    if args.check || args.diff {
        tell(args, &source, &text, ui)?;
    } else {
        replace(path, text.as_bytes())
            .map_err(|error| CliError::io(format!("cannot write `{}`", shown.display()), &error))?;
    }
    Ok(true)
}

/// Formats standard input. What cannot be formatted comes out as it went in.
fn stdin(args: &FmtArgs, style: &Style, ui: &mut Ui) -> Result<bool, CliError> {
    let bytes = dockerfile::read_bytes(io::stdin())
        .map_err(|error| CliError::io("cannot read standard input", &error))?;
    let source = SourceFile::from_bytes(STDIN, &bytes);
    let text = formatted(&source, style, ui)?;
    if args.check || args.diff {
        let Some(text) = text else { return Err(CliError::Reported) };
        tell(args, &source, &text, ui)?;
        return Ok(text != source.text());
    }
    match text {
        Some(text) => {
            ui.write(&text)?;
            Ok(text != source.text())
        }
        None => {
            ui.write_bytes(&bytes)?;
            copy_rest(ui)?;
            Err(CliError::Reported)
        }
    }
}

/// Writes what is left of a standard input that is too large to be a Dockerfile.
fn copy_rest(ui: &mut Ui) -> Result<(), CliError> {
    let mut chunk = vec![0; 1 << 16];
    loop {
        let count = io::stdin()
            .read(&mut chunk)
            .map_err(|error| CliError::io("cannot read standard input", &error))?;
        if count == 0 {
            return Ok(());
        }
        ui.write_bytes(&chunk[..count])?;
    }
}

/// How a file is to look: as the command line says, else as `dfc.toml` does, else as usual.
fn style(args: &FmtArgs, settings: &FmtSettings) -> Style {
    let usual = Style::default();
    Style {
        width: args.width.or(settings.width).unwrap_or(usual.width),
        indent: args.indent.or(settings.indent).unwrap_or(usual.indent),
    }
}

/// The formatted text; `None`, and the reason told, if the file has errors.
fn formatted(source: &SourceFile, style: &Style, ui: &mut Ui) -> Result<Option<String>, CliError> {
    let parse = grammar::parse(source);
    let text = format::format(source, &parse, style);
    if text.is_none() {
        let mut errors = parse.diagnostics;
        errors.retain(|found| found.severity == Severity::Error);
        errors.extend(not_text(source));
        let look = ui.look_err();
        let said = human::diagnostics(&errors, std::slice::from_ref(source), look);
        ui.note(said.trim_end_matches('\n'));
    }
    Ok(text)
}

/// The error that a file holds bytes that no text does.
fn not_text(source: &SourceFile) -> Option<Diagnostic> {
    let at = source.text().find(char::REPLACEMENT_CHARACTER).filter(|_| source.is_mended())?;
    let span = Span::new(at, at + char::REPLACEMENT_CHARACTER.len_utf8());
    let message = "the file holds bytes that are no UTF-8, and stays as it is";
    Some(Diagnostic::error("invalid-utf8", message, span).help("save it as UTF-8"))
}

/// Says that a file is to change: by its name, or how.
fn tell(args: &FmtArgs, source: &SourceFile, text: &str, ui: &mut Ui) -> Result<(), CliError> {
    if text == source.text() {
        return Ok(());
    }
    if args.diff {
        let color = ui.color_out();
        return ui.write(&diff::unified(source.name(), source.text(), text, color));
    }
    ui.line(source.name())
}

/// Puts a text in the place of a file, all at once, with the same rights.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    // A link stays one.
    let path = path.canonicalize()?;
    let before = fs::metadata(&path)?;
    // Who may not write the file may not replace it either.
    File::options().append(true).open(&path)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::Builder::new().prefix(".dfc-fmt-").tempfile_in(folder)?;
    file.write_all(text)?;
    let after = file.as_file().metadata()?;
    if (after.uid(), after.gid()) != (before.uid(), before.gid()) {
        chown(file.path(), Some(before.uid()), Some(before.gid()))?;
    }
    file.as_file().set_permissions(before.permissions())?;
    file.persist(&path)?;
    Ok(())
}
