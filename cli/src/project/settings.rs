//! [`SettingsFinder`]: which `dfc.toml` holds for a file, found upward from it.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use compiler::settings::{FILE, Settings};
use grammar::{Diagnostic, SourceFile};

use super::dockerfile::read_bytes;
use super::find::Place;
use crate::env::Env;
use crate::error::CliError;
use crate::render::human;
use crate::ui::Ui;

/// In place of a path: no file holds.
const NONE: &str = "none";

/// Finds and reads each file once.
#[derive(Debug)]
pub(crate) struct SettingsFinder {
    /// The one that was asked for.
    given: Option<Arc<Settings>>,
    /// What holds in a folder.
    by_folder: HashMap<PathBuf, Arc<Settings>>,
    home: Option<PathBuf>,
    cwd: PathBuf,
}

/// Why settings cannot be used.
#[derive(Debug)]
pub(crate) enum SettingsError {
    /// The file cannot be read.
    Unreadable(CliError),
    /// It says what does not exist.
    Wrong(Box<(Vec<Diagnostic>, SourceFile)>),
}

impl SettingsError {
    /// Says it; gives the exit status.
    pub(crate) fn tell(self, ui: &mut Ui) -> ExitCode {
        match self {
            SettingsError::Unreadable(error) => drop(ui.fail(&error)),
            SettingsError::Wrong(wrong) => {
                let (problems, source) = *wrong;
                let text = human::diagnostics(&problems, &[source], ui.look_err());
                ui.note(text.trim_end());
            }
        }
        ExitCode::from(2)
    }
}

impl SettingsFinder {
    /// `config` is `--config`: a file, or `none`.
    ///
    /// # Errors
    /// The file that was asked for cannot be used.
    pub(crate) fn new(config: Option<&Path>, env: &Env) -> Result<SettingsFinder, SettingsError> {
        let given = match config {
            None => None,
            Some(name) if name == Path::new(NONE) => Some(Arc::default()),
            Some(name) => Some(read(name, &env.path(name))?),
        };
        let (home, cwd) = (env.home(), env.cwd.clone());
        Ok(SettingsFinder { given, by_folder: HashMap::new(), home, cwd })
    }

    /// What holds for a file; for standard input what holds where dfc was started.
    ///
    /// # Errors
    /// The `dfc.toml` there is cannot be used.
    pub(crate) fn for_place(&mut self, place: &Place) -> Result<Arc<Settings>, SettingsError> {
        match place {
            Place::File { path, .. } => {
                let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
                self.for_folder(&folder)
            }
            Place::Stdin => self.for_folder(&self.cwd.clone()),
        }
    }

    /// What holds for the files in a folder: the nearest file upward, but none above the repository or the user's home.
    ///
    /// # Errors
    /// As [`SettingsFinder::for_place`].
    pub(crate) fn for_folder(&mut self, folder: &Path) -> Result<Arc<Settings>, SettingsError> {
        if let Some(given) = &self.given {
            return Ok(given.clone());
        }
        if let Some(known) = self.by_folder.get(folder) {
            return Ok(known.clone());
        }
        let file = folder.join(FILE);
        let is_top = self.home.as_deref() == Some(folder) || folder.join(".git").exists();
        let settings = match folder.parent() {
            _ if file.is_file() => {
                let shown = file.strip_prefix(&self.cwd).unwrap_or(&file);
                read(shown, &file)?
            }
            Some(parent) if !is_top => self.for_folder(parent)?,
            Some(_) | None => Arc::default(),
        };
        self.by_folder.insert(folder.to_owned(), settings.clone());
        Ok(settings)
    }
}

fn read(shown: &Path, path: &Path) -> Result<Arc<Settings>, SettingsError> {
    let name = shown.to_string_lossy();
    let bytes = File::open(path).and_then(read_bytes).map_err(|error| {
        SettingsError::Unreadable(CliError::io(format_args!("cannot read `{name}`"), &error))
    })?;
    let source = SourceFile::from_bytes(name.as_ref(), &bytes);
    let (settings, problems) = Settings::parse(&source);
    if problems.is_empty() {
        return Ok(Arc::new(settings));
    }
    Err(SettingsError::Wrong(Box::new((problems, source))))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_nearest_counts_up_to_the_repository() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("repo/.git")).unwrap();
        fs::create_dir_all(root.join("repo/a/b")).unwrap();
        fs::create_dir_all(root.join("repo/c")).unwrap();
        fs::write(root.join(FILE), "[fmt]\nwidth = 40\n").unwrap();
        fs::write(root.join("repo/a").join(FILE), "[fmt]\nwidth = 50\n").unwrap();
        let env = Env { cwd: root.to_owned(), ..Env::of_test(&[]) };
        let mut finder = SettingsFinder::new(None, &env).unwrap();
        let mut width = |name: &str| finder.for_folder(&root.join(name)).unwrap().fmt.width;
        assert_eq!(width("repo/a/b"), Some(50));
        assert_eq!(width("repo/c"), None);
        assert_eq!(width(""), Some(40));
        let mut none = SettingsFinder::new(Some(Path::new(NONE)), &env).unwrap();
        assert_eq!(none.for_folder(root).unwrap().fmt.width, None);
        fs::write(root.join("repo/c").join(FILE), "[ftm]\n").unwrap();
        let mut finder = SettingsFinder::new(None, &env).unwrap();
        assert!(finder.for_folder(&root.join("repo/c")).is_err());
    }
}
