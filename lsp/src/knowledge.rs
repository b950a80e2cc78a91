//! What the server may ask of the outside: [`Knowledge`].

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use compiler::lint::ContextView;
use compiler::settings::Settings;
use compiler::{ImageQuery, ResolvedImage, WorldError};
use grammar::{Diagnostic, Dockerfile, SourceFile};

/// The outside, as the server sees it. An answer comes at once, from what is at hand: no network, no daemon, no long walk.
pub trait Knowledge {
    /// An image's config, as compiling needs it. Of an image that is not here something harmless is said.
    ///
    /// # Errors
    /// If the image cannot be used at all.
    fn image(&self, query: &ImageQuery<'_>) -> Result<ResolvedImage, WorldError>;

    /// What is known of an image by the name that a FROM gives it; `None` if it is not here.
    fn describe_image(&self, name: &str) -> Option<ImageFacts>;

    /// The names of the images that are here, sorted.
    fn image_names(&self) -> Vec<String>;

    /// The .dockerignore that applies to a Dockerfile whose context is `context`: its path and text.
    fn ignore_file(&self, dockerfile: &Path, context: &Path) -> Option<(PathBuf, String)>;

    /// What is directly in a folder, sorted by name; cut off after some thousands.
    fn entries(&self, folder: &Path) -> Vec<Entry>;

    /// All files below a folder, as far as they are found within a bounded time.
    fn files(&self, folder: &Path) -> Arc<Listing>;

    /// Whether there is a file or folder.
    fn exists(&self, path: &Path) -> bool;

    /// The `dfc.toml` that holds for a Dockerfile.
    fn project(&self, dockerfile: &Path) -> Rc<Project>;

    /// What the `dfc.toml` says that holds for a Dockerfile. Mistakes in it are left out.
    fn settings(&self, dockerfile: &Path) -> Settings {
        self.project(dockerfile).settings.clone()
    }

    /// The folder that a Dockerfile is probably built in, as `dfc check` finds it; `None` if nothing says which one it is.
    fn context(&self, file: &Dockerfile, dockerfile: &Path) -> Option<Context>;

    /// What the manual says of a lint rule, as Markdown.
    fn rule_page(&self, rule: &str) -> Option<String>;

    /// What has been learned behind the server's back, and whether there is more to come.
    fn news(&self) -> News;

    /// What is known of the steps of a Dockerfile from builds of the past, the last ones first.
    fn steps(&self, dockerfile: &Path) -> Vec<StepFacts>;

    /// Forgets what was kept in memory: files have changed.
    fn forget(&self);

    /// Writes a line for whoever looks for the reason of a failure.
    fn log(&self, line: &str);
}

/// What a `dfc.toml` says.
#[derive(Debug, Clone, Default)]
pub struct Project {
    /// What counts of it.
    pub settings: Settings,
    /// The file, if there is one.
    pub file: Option<ProjectFile>,
}

/// A `dfc.toml`.
#[derive(Debug, Clone)]
pub struct ProjectFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its text.
    pub source: SourceFile,
    /// What is wrong with it.
    pub problems: Vec<Diagnostic>,
}

/// A build context.
#[derive(Debug, Clone)]
pub struct Context {
    /// The folder.
    pub root: PathBuf,
    /// What is in there. It keeps its answers for a while.
    pub view: Rc<dyn ContextView>,
}

/// What has been learned so far, by numbers that grow with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct News {
    /// Of images.
    pub images: u64,
    /// Of the files below a folder.
    pub files: u64,
    /// Whether there is more to come.
    pub is_busy: bool,
}

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Whether it is a folder.
    pub is_folder: bool,
}

/// The files below a folder.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Paths relative to the folder, with `/`, and sizes in bytes; sorted.
    pub files: Vec<(String, u64)>,
    /// Whether these are all.
    pub is_complete: bool,
}

/// How a step went when it last ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepFacts {
    /// Its stage's name; the number of one that has none.
    pub stage: String,
    /// The step as people see it, without stage and counter: `RUN make`.
    pub text: String,
    /// How long it took.
    pub duration: Duration,
    /// How much its files have, in bytes.
    pub size: u64,
}

/// What hovering over an image tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageFacts {
    /// `linux/amd64`
    pub platform: String,
    /// RFC 3339
    pub created: Option<String>,
    /// Sum of the packed layers, in bytes.
    pub size: u64,
    /// How many layers there are.
    pub layers: usize,
    /// `NAME=VALUE`
    pub env: Vec<String>,
    /// USER
    pub user: String,
    /// WORKDIR
    pub workdir: String,
    /// ENTRYPOINT
    pub entrypoint: Vec<String>,
    /// CMD
    pub cmd: Vec<String>,
    /// EXPOSE
    pub ports: Vec<String>,
    /// ONBUILD
    pub triggers: Vec<String>,
}
