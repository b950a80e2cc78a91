//! Finding and reading the Dockerfile, the build context and what .dockerignore says.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use executor::LocalContext;
use grammar::SourceFile;

use crate::env::Env;
use crate::error::CliError;

/// The largest Dockerfile or .dockerignore that is read, 16 MiB.
const MAX_FILE: u64 = 16 << 20;

/// The Dockerfile and the main build context.
#[derive(Debug)]
pub(crate) struct Input {
    /// The text, named as the user would name the file.
    pub(crate) source: SourceFile,
    /// Names the project from one build to the next: the Dockerfile's absolute path.
    pub(crate) project: String,
    /// The folder of the context.
    pub(crate) context: LocalContext,
    /// Keeps an empty context there as long as it is needed.
    _empty: Option<tempfile::TempDir>,
}

impl Input {
    /// Finds Dockerfile and context: `file` is `-f`, `context` is PATH. Either may be `-` for standard input; PATH `-`
    /// is a Dockerfile with an empty context.
    ///
    /// # Errors
    /// A file or folder that is missing, cannot be read, or is too large.
    pub(crate) fn read(file: Option<&Path>, context: &Path, env: &Env) -> Result<Input, CliError> {
        let stdin = Path::new("-");
        if context == stdin {
            if file.is_some() {
                return Err(CliError::usage("PATH `-` already is the Dockerfile, so -f cannot be")
                    .help("give a folder as PATH"));
            }
            let empty = tempfile::tempdir()
                .map_err(|error| CliError::io("cannot make a folder", &error))?;
            let context = LocalContext { root: empty.path().to_owned(), ignore: None };
            let source = from_stdin()?;
            return Ok(Input { source, project: "-".into(), context, _empty: Some(empty) });
        }
        let root = context_folder(context, env)?;
        if file == Some(stdin) {
            let ignore = ignore_file(&root)?;
            let context = LocalContext { root, ignore };
            return Ok(Input { source: from_stdin()?, project: "-".into(), context, _empty: None });
        }
        let shown = match file {
            Some(file) => file.to_owned(),
            None => default_file(context, &root),
        };
        let path = env.path(&shown);
        let source = read_source(&shown, &path)?;
        let ignore = match own_ignore_file(&path)? {
            Some(own) => Some(own),
            None => ignore_file(&root)?,
        };
        let project = path.canonicalize().unwrap_or(path).to_string_lossy().into_owned();
        Ok(Input { source, project, context: LocalContext { root, ignore }, _empty: None })
    }
}

/// A named context that is a folder, with its own .dockerignore.
///
/// # Errors
/// The ignore file cannot be read.
pub(crate) fn named_context(root: PathBuf) -> Result<LocalContext, CliError> {
    let ignore = ignore_file(&root)?;
    Ok(LocalContext { root, ignore })
}

/// Reads a Dockerfile; `shown` is what messages call it.
///
/// # Errors
/// It is missing, cannot be read, or is too large.
pub(crate) fn read_source(shown: &Path, path: &Path) -> Result<SourceFile, CliError> {
    let name = shown.to_string_lossy();
    let doing = format!("cannot read the Dockerfile `{name}`");
    match path.metadata() {
        Ok(data) if data.is_dir() => {
            return Err(CliError::failed(format!("{doing}: it is a folder"))
                .help("name the file in it with -f"));
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(CliError::failed(format!("{doing}: there is no such file"))
                .help("name the file with -f"));
        }
        Err(error) => return Err(CliError::io(doing, &error)),
    }
    let text = File::open(path).and_then(read_text).map_err(|error| CliError::io(doing, &error))?;
    Ok(SourceFile::new(name, text))
}

fn from_stdin() -> Result<SourceFile, CliError> {
    let text = read_text(io::stdin().lock())
        .map_err(|error| CliError::io("cannot read the Dockerfile from standard input", &error))?;
    if text.as_bytes().get(257..262) == Some(b"ustar") || text.starts_with('\u{1f}') {
        return Err(CliError::failed("standard input is an archive, not a Dockerfile")
            .help("unpack it, and give the folder as PATH"));
    }
    Ok(SourceFile::new("Dockerfile", text))
}

/// Reads text of a bounded size; bytes that are no UTF-8 become U+FFFD, which only a comment can hold in earnest.
fn read_text(file: impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 16 MiB"));
    }
    Ok(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

/// The context as an absolute folder.
fn context_folder(context: &Path, env: &Env) -> Result<PathBuf, CliError> {
    let shown = context.to_string_lossy();
    if shown.contains("://") || shown.starts_with("git@") || shown.starts_with("github.com/") {
        return Err(CliError::failed(format!("the build context `{shown}` is not a folder here"))
            .help("fetch it first (git clone, curl), and give the folder"));
    }
    let path = env.path(context);
    match path.metadata() {
        Ok(data) if data.is_dir() => Ok(path.canonicalize().unwrap_or(path)),
        Ok(_) => Err(CliError::failed(format!("the build context `{shown}` is not a folder"))
            .help("give the folder as PATH, and the Dockerfile with -f")),
        Err(error) => {
            Err(CliError::io(format_args!("cannot read the build context `{shown}`"), &error))
        }
    }
}

/// `PATH/Dockerfile`, or `PATH/dockerfile` if only that is there; named without PATH if that is `.`.
fn default_file(context: &Path, root: &Path) -> PathBuf {
    let lower = !root.join("Dockerfile").exists() && root.join("dockerfile").exists();
    let name = if lower { "dockerfile" } else { "Dockerfile" };
    if context == Path::new(".") { PathBuf::from(name) } else { context.join(name) }
}

fn ignore_file(root: &Path) -> Result<Option<(String, String)>, CliError> {
    read_ignore(&root.join(".dockerignore"), ".dockerignore")
}

/// `NAME.dockerignore` beside the Dockerfile `NAME`.
fn own_ignore_file(dockerfile: &Path) -> Result<Option<(String, String)>, CliError> {
    let Some(name) = dockerfile.file_name() else { return Ok(None) };
    let name = format!("{}.dockerignore", name.to_string_lossy());
    read_ignore(&dockerfile.with_file_name(&name), &name)
}

fn read_ignore(path: &Path, name: &str) -> Result<Option<(String, String)>, CliError> {
    match File::open(path).and_then(read_text) {
        Ok(text) => Ok(Some((name.to_owned(), text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CliError::io(format_args!("cannot read `{}`", path.display()), &error)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(folder: &Path, file: Option<&Path>) -> Result<Input, CliError> {
        Input::read(file, folder, &Env::of_test(&[]))
    }

    #[test]
    fn finds_the_default_names() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path(), None).is_err());
        fs::write(folder.path().join("dockerfile"), "lower").unwrap();
        assert_eq!(read(folder.path(), None).unwrap().source.text(), "lower");
        fs::write(folder.path().join("Dockerfile"), "upper").unwrap();
        assert_eq!(read(folder.path(), None).unwrap().source.text(), "upper");
    }

    #[test]
    fn prefers_the_ignore_file_of_the_dockerfile() {
        let folder = tempfile::tempdir().unwrap();
        let dockerfile = folder.path().join("Dockerfile");
        fs::write(&dockerfile, "FROM scratch").unwrap();
        fs::write(folder.path().join(".dockerignore"), "general").unwrap();
        let ignore = || read(folder.path(), Some(&dockerfile)).unwrap().context.ignore.unwrap().1;
        assert_eq!(ignore(), "general");
        fs::write(folder.path().join("Dockerfile.dockerignore"), "own").unwrap();
        assert_eq!(ignore(), "own");
    }

    #[test]
    fn says_what_is_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(read(&file, None).unwrap_err().to_string().contains("not a folder"));
        assert!(read(&folder.path().join("gone"), None).is_err());
        assert!(read(Path::new("https://example.org/x.git"), None).is_err());
    }
}
