//! Finding and reading the Dockerfile, the build context and what .dockerignore says.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use compiler::op::{HttpSource, Names};
use compiler::remote::{CONTEXT_FILE, RemoteContext};
use executor::LocalContext;
use grammar::SourceFile;

use super::fetch::{self, FetchError, Fetched, Fetcher};
use crate::env::Env;
use crate::error::CliError;

/// How much of a Dockerfile or .dockerignore is read: so much that its reader sees that it is too large.
const MAX_READ: u64 = grammar::limits::MAX_FILE as u64 + 1;

/// The Dockerfile and the main build context.
#[derive(Debug)]
pub(crate) struct Input {
    /// The text, named as the user would name the file.
    pub(crate) source: SourceFile,
    /// Names the project from one build to the next: the Dockerfile's absolute path.
    pub(crate) project: String,
    /// The context.
    pub(crate) context: Context,
    /// Keeps an empty context there as long as it is needed.
    _empty: Option<tempfile::TempDir>,
}

/// The main build context.
#[derive(Debug)]
pub(crate) enum Context {
    /// A folder.
    Folder(LocalContext),
    /// A tree that was fetched.
    Fetched(Fetched),
}

/// Where the main build context is.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// A folder.
    Folder(PathBuf),
    /// Standard input: an archive, or a Dockerfile and no context.
    Stdin,
    /// Elsewhere.
    Remote(Box<RemoteContext>),
}

const STDIN: &str = "-";

impl Input {
    /// Finds Dockerfile and context: `file` is `-f`, `context` is PATH. Either may be `-` for standard input; PATH `-`
    /// is an archive, or a Dockerfile with an empty context. `build_args` may say how a repository is fetched.
    ///
    /// # Errors
    /// A file or folder that is missing, cannot be read, or is too large; a context that cannot be fetched.
    pub(crate) fn read(
        (file, context): (Option<&Path>, &Path),
        build_args: &Names,
        env: &Env,
        fetcher: &Fetcher<'_>,
    ) -> Result<Input, CliError> {
        match place(context, env)? {
            Place::Folder(root) if file == Some(Path::new(STDIN)) => {
                let ignore = ignore_file(&root)?;
                let context = Context::Folder(LocalContext { root, ignore });
                let source = source_from_stdin(Vec::new(), fetcher)?;
                Ok(Input { source, project: STDIN.into(), context, _empty: None })
            }
            Place::Folder(root) => match file.and_then(elsewhere) {
                None => Input::in_folder(file, context, root, env),
                Some(url) => {
                    let source = source_elsewhere(url, fetcher)?;
                    let ignore = ignore_file(&root)?;
                    let project = source.name().to_owned();
                    let context = Context::Folder(LocalContext { root, ignore });
                    Ok(Input { source, project, context, _empty: None })
                }
            },
            Place::Stdin => Input::from_stdin(file, fetcher),
            Place::Remote(mut remote) => {
                set_git_options(&mut remote, build_args);
                let project = context.to_string_lossy();
                let project = compiler::address::without_credentials(&project);
                let fetched = fetcher.context(*remote).map_err(|error| fetch_error(&error))?;
                Input::in_tree(file, fetched, project, (env, fetcher))
            }
        }
    }

    /// With a folder as context.
    fn in_folder(
        file: Option<&Path>,
        context: &Path,
        root: PathBuf,
        env: &Env,
    ) -> Result<Input, CliError> {
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
        let context = Context::Folder(LocalContext { root, ignore });
        Ok(Input { source, project, context, _empty: None })
    }

    /// With standard input as context, or as the Dockerfile.
    fn from_stdin(file: Option<&Path>, fetcher: &Fetcher<'_>) -> Result<Input, CliError> {
        if file == Some(Path::new(STDIN)) {
            let message = "standard input cannot be both the build context and the Dockerfile";
            return Err(CliError::usage(message).help("give a folder as PATH, or no -f"));
        }
        let head = read_stdin(fetch::HEAD, fetcher)?;
        if fetch::is_archive(&head) {
            let fetched = fetcher.standard_input(head).map_err(|error| fetch_error(&error))?;
            return Input::in_tree(file, fetched, STDIN.into(), (fetcher.env, fetcher));
        }
        if file.is_some() {
            return Err(CliError::usage("standard input is the Dockerfile, so -f cannot be")
                .help("give a folder as PATH, or an archive on standard input"));
        }
        let empty =
            tempfile::tempdir().map_err(|error| CliError::io("cannot make a folder", &error))?;
        let context = LocalContext { root: empty.path().to_owned(), ignore: None };
        let (source, context) = (source_from_stdin(head, fetcher)?, Context::Folder(context));
        Ok(Input { source, project: STDIN.into(), context, _empty: Some(empty) })
    }

    /// With a tree as context; the Dockerfile is in it, unless `-f` is an absolute path or standard input.
    fn in_tree(
        file: Option<&Path>,
        fetched: Fetched,
        project: String,
        (env, fetcher): (&Env, &Fetcher<'_>),
    ) -> Result<Input, CliError> {
        let is_remote = fetched.from.is_some();
        let source = match (file.and_then(elsewhere).filter(|_| is_remote), file) {
            (Some(url), _) => source_elsewhere(url, fetcher)?,
            (None, Some(file)) if file == Path::new(STDIN) => {
                source_from_stdin(Vec::new(), fetcher)?
            }
            (None, Some(file)) if file.is_absolute() && is_remote => {
                read_source(file, &env.path(file))?
            }
            (None, Some(_) | None) => source_in_tree(file, &fetched, fetcher)?,
        };
        let project = format!("{project}\n{}", source.name());
        Ok(Input { source, project, context: Context::Fetched(fetched), _empty: None })
    }
}

/// Tells folders, standard input and addresses apart; a folder of this machine comes before an address.
fn place(context: &Path, env: &Env) -> Result<Place, CliError> {
    if context == Path::new(STDIN) {
        return Ok(Place::Stdin);
    }
    let path = env.path(context);
    if path.is_dir() {
        return Ok(Place::Folder(path.canonicalize().unwrap_or(path)));
    }
    let shown = context.to_string_lossy();
    match RemoteContext::parse(&shown) {
        Some(Ok(remote)) => return Ok(Place::Remote(Box::new(remote))),
        Some(Err(reason)) => {
            let shown = compiler::address::without_credentials(&shown);
            return Err(CliError::usage(format!("the build context `{shown}`: {reason}")));
        }
        None => {}
    }
    match path.metadata() {
        Err(_) if shown.contains("://") || shown.contains("::") => {
            let shown = compiler::address::without_credentials(&shown);
            Err(CliError::usage(format!(
                "the build context `{shown}` is nothing that can be fetched"
            ))
            .help("contexts are fetched over https, http, git and ssh"))
        }
        Ok(_) => Err(CliError::failed(format!("the build context `{shown}` is not a folder"))
            .help("give the folder as PATH, and the Dockerfile with -f")),
        Err(error) => {
            Err(CliError::io(format_args!("cannot read the build context `{shown}`"), &error))
        }
    }
}

/// The URL that `-f` may be.
fn elsewhere(file: &Path) -> Option<HttpSource> {
    match RemoteContext::parse(file.to_str()?)? {
        Ok(RemoteContext::Http(source)) => Some(source),
        Ok(RemoteContext::Git(_)) | Err(_) => None,
    }
}

/// A Dockerfile behind a URL.
fn source_elsewhere(url: HttpSource, fetcher: &Fetcher<'_>) -> Result<SourceFile, CliError> {
    let name = url.url.to_string();
    let fetched = fetcher.context(RemoteContext::Http(url)).map_err(|error| fetch_error(&error))?;
    if !fetched.is_file {
        return Err(CliError::failed(format!("`{name}` is an archive, not a Dockerfile"))
            .help("give it as PATH, and the Dockerfile in it with -f"));
    }
    let source = source_in_tree(None, &fetched, fetcher)?;
    Ok(SourceFile::new(name, source.text()))
}

/// As BuildKit: `.git` stays if a build argument says so, and with SOURCE_DATE_EPOCH files have the commit's time.
fn set_git_options(context: &mut RemoteContext, build_args: &Names) {
    match context {
        RemoteContext::Git(git) => {
            let keep = build_args.get("BUILDKIT_CONTEXT_KEEP_GIT_DIR").map(String::as_str);
            git.keep_git_dir |= matches!(keep, Some("1" | "t" | "T" | "true" | "TRUE" | "True"));
            let epoch = build_args.get("SOURCE_DATE_EPOCH");
            git.commit_times |= epoch.is_some_and(|epoch| !epoch.is_empty());
        }
        RemoteContext::Http(_) => {}
    }
}

/// A failure to fetch, for the user.
pub(crate) fn fetch_error(error: &FetchError) -> CliError {
    if error.is_stopped() {
        return CliError::Interrupted;
    }
    let failed = CliError::caused(error);
    match error.help() {
        Some(help) => failed.help(help),
        None => failed,
    }
}

/// The Dockerfile in a tree.
fn source_in_tree(
    file: Option<&Path>,
    fetched: &Fetched,
    fetcher: &Fetcher<'_>,
) -> Result<SourceFile, CliError> {
    let name = match file.filter(|_| !fetched.is_file) {
        _ if fetched.is_file => CONTEXT_FILE.to_owned(),
        Some(file) => file.to_string_lossy().into_owned(),
        None => "Dockerfile".to_owned(),
    };
    let lower = name.strip_suffix("Dockerfile").map(|folder| format!("{folder}dockerfile"));
    for name in [Some(name.clone()), lower].into_iter().flatten() {
        let found = fetcher.file(fetched.layer, &name).map_err(|error| fetch_error(&error))?;
        let Some(file) = found else { continue };
        let bytes = read_bytes(file).map_err(|error| {
            CliError::io(format_args!("cannot read the Dockerfile `{name}`"), &error)
        })?;
        let source = SourceFile::from_bytes(name, &bytes);
        if fetched.is_file && is_page(source.text()) {
            return Err(CliError::failed("what was downloaded is a web page, not a Dockerfile")
                .help("the address of a repository ends in `.git`, as in https://HOST/NAME.git"));
        }
        return Ok(source);
    }
    Err(CliError::failed(format!(
        "cannot read the Dockerfile `{name}`: there is no such file in the build context"
    ))
    .help("name the file in it with -f"))
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
    let bytes =
        File::open(path).and_then(read_bytes).map_err(|error| CliError::io(doing, &error))?;
    Ok(SourceFile::from_bytes(name, &bytes))
}

/// Whether a text begins as HTML.
fn is_page(text: &str) -> bool {
    let start: String = text.trim_start().chars().take(14).collect();
    let start = start.to_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html")
}

/// The Dockerfile on standard input, of which `head` was read before.
fn source_from_stdin(mut head: Vec<u8>, fetcher: &Fetcher<'_>) -> Result<SourceFile, CliError> {
    head.extend(read_stdin(MAX_READ, fetcher)?);
    Ok(SourceFile::from_bytes("Dockerfile", &head))
}

/// Reads standard input, so far at most; Ctrl-C need not wait until something comes.
fn read_stdin(limit: u64, fetcher: &Fetcher<'_>) -> Result<Vec<u8>, CliError> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = io::stdin().take(limit).read_to_end(&mut bytes);
        // Nobody may be there any more.
        drop(sender.send(read.map(|_| bytes)));
    });
    loop {
        if fetcher.remote.cancel().is_cancelled() {
            return Err(CliError::Interrupted);
        }
        match receiver.recv_timeout(Duration::from_millis(50)) {
            Ok(read) => {
                return read.map_err(|error| CliError::io("cannot read standard input", &error));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(CliError::failed("cannot read standard input"));
            }
        }
    }
}

/// Reads text of a bounded size; bytes that are no UTF-8 become U+FFFD.
fn read_text(file: impl Read) -> io::Result<String> {
    Ok(match String::from_utf8(read_bytes(file)?) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

/// Reads a file; of one that is too large only the start.
///
/// # Errors
/// It cannot be read.
pub(crate) fn read_bytes(file: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(MAX_READ).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// `PATH/Dockerfile`, or `PATH/dockerfile` if only that is there; named without PATH if that is `.`.
fn default_file(context: &Path, root: &Path) -> PathBuf {
    let lower = !root.join("Dockerfile").exists() && root.join("dockerfile").exists();
    let name = if lower { "dockerfile" } else { "Dockerfile" };
    if context == Path::new(".") { PathBuf::from(name) } else { context.join(name) }
}

pub(crate) fn ignore_file(root: &Path) -> Result<Option<(String, String)>, CliError> {
    read_ignore(&root.join(".dockerignore"), ".dockerignore")
}

/// `NAME.dockerignore` beside the Dockerfile `NAME`.
pub(crate) fn own_ignore_file(dockerfile: &Path) -> Result<Option<(String, String)>, CliError> {
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
        let env = Env::of_test(&[]);
        match place(folder, &env)? {
            Place::Folder(root) => Input::in_folder(file, folder, root, &env),
            Place::Stdin | Place::Remote(_) => panic!("it is a folder"),
        }
    }

    fn ignore_of(input: Input) -> Option<(String, String)> {
        match input.context {
            Context::Folder(context) => context.ignore,
            Context::Fetched(_) => panic!("it is a folder"),
        }
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
        let ignore = || ignore_of(read(folder.path(), Some(&dockerfile)).unwrap()).unwrap().1;
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
        for address in ["file:///x.git", "ext::sh -c x", "https://me:hidden@h/x.git?what=1"] {
            let error = place(Path::new(address), &Env::of_test(&[])).unwrap_err().to_string();
            assert!(error.contains("context") && !error.contains("hidden"), "{error}");
        }
    }

    #[test]
    fn a_build_argument_keeps_git_folders() {
        let Some(Ok(mut context)) = RemoteContext::parse("https://h/x.git") else { panic!() };
        let args = |name: &str, value: &str| Names::from([(name.to_owned(), value.to_owned())]);
        set_git_options(&mut context, &args("BUILDKIT_CONTEXT_KEEP_GIT_DIR", "0"));
        set_git_options(&mut context, &args("SOURCE_DATE_EPOCH", ""));
        let kept = |context: &RemoteContext| match context {
            RemoteContext::Git(git) => (git.keep_git_dir, git.commit_times),
            RemoteContext::Http(_) => panic!(),
        };
        assert_eq!(kept(&context), (false, false));
        set_git_options(&mut context, &args("BUILDKIT_CONTEXT_KEEP_GIT_DIR", "1"));
        set_git_options(&mut context, &args("SOURCE_DATE_EPOCH", "context"));
        assert_eq!(kept(&context), (true, true));
    }
}
