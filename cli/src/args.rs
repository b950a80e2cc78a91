//! What can be typed: clap's types, and nothing behind them. They say what was typed; `commands/` says what it means.

pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod fmt;
pub(crate) mod image;
pub(crate) mod registry;
pub(crate) mod run;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

pub(crate) use build::BuildArgs;
pub(crate) use check::{CheckArgs, CheckFormat, CheckRules, ErrorOn};
pub(crate) use fmt::FmtArgs;

/// Compiles and builds Dockerfiles, without a daemon.
#[derive(Debug, Parser)]
#[command(name = "dfc", version, max_term_width = 100, subcommand_required = true)]
#[command(arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands, in the order of the help.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build an image from a Dockerfile
    Build(Box<BuildArgs>),
    /// Show the build graph: what is cached, what would run, and why
    Explain(Box<ExplainArgs>),
    /// Look for mistakes in Dockerfiles
    Check(Box<CheckArgs>),
    /// Write Dockerfiles in one way, without changing what they build
    Fmt(fmt::FmtArgs),
    /// Serve an editor: the Language Server Protocol over standard input and output
    Lsp(LspArgs),
    /// Print the syntax tree of Dockerfiles as JSON lines
    Parse(ParseArgs),
    /// Run a command in an image
    Run(Box<run::RunArgs>),
    /// List images
    #[command(visible_alias = "ls")]
    Images(image::ImagesArgs),
    /// Show the history of an image
    History(image::HistoryArgs),
    /// List the builds of the past: when, how long, what was cached, how they ended
    Builds(image::BuildsArgs),
    /// Print what is known of images as JSON
    Inspect(image::InspectArgs),
    /// Give an image a further name
    Tag(image::TagArgs),
    /// Remove images
    #[command(visible_alias = "rmi")]
    Rm(image::RmArgs),
    /// Write images to an archive
    Save(image::SaveArgs),
    /// Read images from an archive
    Load(image::LoadArgs),
    /// Make an image of a tar of files
    Import(image::ImportArgs),
    /// Write the files of an image to a tar
    Export(image::ExportArgs),
    /// Get images from a registry
    Pull(registry::PullArgs),
    /// Send images to a registry
    Push(registry::PushArgs),
    /// Keep a name and password for a registry
    Login(registry::LoginArgs),
    /// Forget the name and password for a registry
    Logout(registry::LogoutArgs),
    /// Remove what is not used from the store
    Prune(image::PruneArgs),
    /// Show what images and caches take on disk
    #[command(visible_alias = "df")]
    Du(image::DuArgs),
    /// The commands on builds by docker's longer names
    #[command(subcommand, hide = true, alias = "buildx")]
    Builder(image::BuilderCommand),
    /// The commands on the whole store by docker's longer names
    #[command(subcommand, hide = true)]
    System(image::SystemCommand),
    /// The commands on images by docker's longer names
    #[command(subcommand, hide = true)]
    Image(image::ImageCommand),
}

/// `dfc explain`
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// How to print the graph
    #[arg(long, value_enum, default_value_t = GraphFormat::Text)]
    pub(crate) format: GraphFormat,
    /// Compile Dockerfiles alone: no context, no image is looked up; PATHs are Dockerfiles
    #[arg(long)]
    pub(crate) no_resolve: bool,
    /// Show these steps only, with all reasons: a part of their name (`RUN make`) or a line of the Dockerfile
    #[arg(long, value_name = "STEP", conflicts_with_all = ["format", "no_resolve"])]
    pub(crate) why: Option<String>,
    #[command(flatten)]
    pub(crate) graph: build::GraphArgs,
    /// The build context, or Dockerfiles with --no-resolve
    #[arg(value_name = "PATH", help_heading = "Arguments")]
    pub(crate) paths: Vec<PathBuf>,
}

/// Forms of the build graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// A tree for people
    Text,
    /// For tools
    Json,
    /// For Graphviz
    Dot,
    /// For Markdown pages
    Mermaid,
}

/// `dfc lsp`
#[derive(Debug, clap::Args)]
pub(crate) struct LspArgs {
    /// What editors add by habit; there is no other way to talk
    #[arg(long, hide = true)]
    pub(crate) stdio: bool,
}

/// `dfc parse`
#[derive(Debug, clap::Args)]
pub(crate) struct ParseArgs {
    /// How to print the tree
    #[arg(long, value_enum, default_value_t = ParseFormat::Json)]
    pub(crate) format: ParseFormat,
    /// The Dockerfiles
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

/// Forms of a syntax tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ParseFormat {
    /// One JSON object a line, a file each
    Json,
}
