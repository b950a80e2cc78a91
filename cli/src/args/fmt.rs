//! `dfc fmt`

use std::path::PathBuf;

/// `dfc fmt`
#[derive(Debug, clap::Args)]
pub(crate) struct FmtArgs {
    /// Change nothing; name the files that are not formatted, and fail if there are any
    #[arg(long)]
    pub(crate) check: bool,
    /// Change nothing; show what would change, and fail if there is anything
    #[arg(long)]
    pub(crate) diff: bool,
    /// The dfc.toml that holds for all files, or `none`, in place of the nearest upward from each
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How long lines may get before they are broken, in place of what dfc.toml says
    #[arg(long, value_name = "COLUMNS")]
    pub(crate) width: Option<usize>,
    /// How many blanks continuation lines begin with, in place of what dfc.toml says
    #[arg(long, value_name = "BLANKS")]
    pub(crate) indent: Option<usize>,
    /// Dockerfiles, folders with Dockerfiles in them, or `-`: from standard input to standard output
    #[arg(value_name = "FILE|FOLDER", default_value = ".")]
    pub(crate) files: Vec<PathBuf>,
}
