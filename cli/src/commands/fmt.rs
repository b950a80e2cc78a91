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
use crate::parallel;
use crate::project::dockerfile;
use crate::project::find::{self, Place, STDIN};
use crate::project::settings::SettingsFinder;
use crate::render::human::Look;
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

/// What is done with each file.
#[derive(Debug, Clone, Copy)]
struct Job<'a> {
    args: &'a FmtArgs,
    /// How problems look.
    look: Look,
    /// Whether differences are colored.
    color: bool,
}

/// What became of a file.
#[derive(Debug)]
enum Made {
    /// It was formatted already.
    Same,
    /// It was not; with what is to be printed of it.
    Changed(String),
    /// It stays as it is, for the reasons that are told here.
    Refused(String),
    /// It cannot be read or written.
    Failed(CliError),
}

/// Runs the command. Exit status 1 if a file cannot be formatted, or would change although nothing is to be.
pub(crate) fn run(args: &FmtArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let found = find::dockerfiles(&args.files, &ui.env)?;
    let mut finder = match SettingsFinder::new(args.config.as_deref(), &ui.env) {
        Ok(finder) => finder,
        Err(error) => return Ok(error.tell(ui)),
    };
    let mut work = Vec::with_capacity(found.places.len());
    for place in &found.places {
        match finder.for_place(place) {
            Ok(settings) => work.push((place, style(args, &settings.fmt))),
            Err(error) => return Ok(error.tell(ui)),
        }
    }
    for problem in &found.problems {
        ui.note(format_args!("error: {problem}"));
    }
    let job = Job { args, look: ui.look_err(), color: ui.color_out() };
    let made = parallel::map(&work, |(place, style)| match place {
        Place::File { shown, path } => Some(job.file(shown, path, style)),
        // There is one, and it goes to standard output: in its turn.
        Place::Stdin => None,
    });
    let mut count = Count { all: work.len(), failed: found.problems.len(), ..Count::default() };
    let mut has_stdin = false;
    for ((_, style), made) in work.iter().zip(made) {
        let made = match made {
            Some(made) => made,
            None => {
                has_stdin = true;
                job.stdin(style, ui)?
            }
        };
        count.add(made, ui)?;
    }
    let dry = args.check || args.diff;
    if dry || !has_stdin {
        ui.note(count.summary(dry));
    }
    let is_fine = count.failed == 0 && !(dry && count.changed > 0);
    Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Count {
    /// Tells what became of a file, and counts it.
    fn add(&mut self, made: Made, ui: &mut Ui) -> Result<(), CliError> {
        match made {
            Made::Same => {}
            Made::Changed(said) => {
                self.changed += 1;
                ui.write(&said)?;
            }
            Made::Refused(said) => {
                self.failed += 1;
                ui.note(said.trim_end_matches('\n'));
            }
            Made::Failed(error) => {
                self.failed += 1;
                ui.fail(&error);
            }
        }
        Ok(())
    }

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

impl Job<'_> {
    /// Formats a file in its place, or sees what would change.
    fn file(&self, shown: &Path, path: &Path, style: &Style) -> Made {
        let source = match dockerfile::read_source(shown, path) {
            Ok(source) => source,
            Err(error) => return Made::Failed(error),
        };
        let text = match self.formatted(&source, style) {
            Ok(text) if text == source.text() => return Made::Same,
            Ok(text) => text,
            Err(said) => return Made::Refused(said),
        };
        if self.is_dry() {
            return Made::Changed(self.said(&source, &text));
        }
        match replace(path, text.as_bytes()) {
            Ok(()) => Made::Changed(String::new()),
            Err(error) => {
                Made::Failed(CliError::io(format!("cannot write `{}`", shown.display()), &error))
            }
        }
    }

    /// Formats standard input. What cannot be formatted comes out as it went in.
    fn stdin(&self, style: &Style, ui: &mut Ui) -> Result<Made, CliError> {
        let bytes = match dockerfile::read_bytes(io::stdin()) {
            Ok(bytes) => bytes,
            Err(error) => {
                return Ok(Made::Failed(CliError::io("cannot read standard input", &error)));
            }
        };
        let source = SourceFile::from_bytes(STDIN, &bytes);
        Ok(match self.formatted(&source, style) {
            Ok(text) if self.is_dry() && text == source.text() => Made::Same,
            Ok(text) if self.is_dry() => Made::Changed(self.said(&source, &text)),
            Ok(text) => Made::Changed(text),
            Err(said) => {
                if !self.is_dry() {
                    ui.write_bytes(&bytes)?;
                    copy_rest(ui)?;
                }
                Made::Refused(said)
            }
        })
    }

    fn is_dry(&self) -> bool {
        self.args.check || self.args.diff
    }

    /// The formatted text, or else why there is none, for people.
    fn formatted(&self, source: &SourceFile, style: &Style) -> Result<String, String> {
        let parse = grammar::parse(source);
        format::format(source, &parse, style).ok_or_else(|| {
            let mut errors = parse.diagnostics;
            errors.retain(|found| found.severity == Severity::Error);
            errors.extend(not_text(source));
            human::diagnostics(&errors, std::slice::from_ref(source), self.look)
        })
    }

    /// Says that a file is to change: by its name, or how.
    fn said(&self, source: &SourceFile, text: &str) -> String {
        if self.args.diff {
            return diff::unified(source.name(), source.text(), text, self.color);
        }
        format!("{}\n", source.name())
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

/// The error that a file holds bytes that no text does.
fn not_text(source: &SourceFile) -> Option<Diagnostic> {
    let at = source.text().find(char::REPLACEMENT_CHARACTER).filter(|_| source.is_mended())?;
    let span = Span::new(at, at + char::REPLACEMENT_CHARACTER.len_utf8());
    let message = "the file holds bytes that are no UTF-8, and stays as it is";
    Some(Diagnostic::error("invalid-utf8", message, span).help("save it as UTF-8"))
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
