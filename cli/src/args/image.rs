//! The flags of the commands on images in the store.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::BuildArgs;

use super::registry::{PullArgs, PushArgs};

/// `dfc image …`: docker's longer names of the same commands.
#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// Build an image from a Dockerfile
    Build(Box<BuildArgs>),
    /// List images
    #[command(visible_alias = "list")]
    Ls(ImagesArgs),
    /// Show the history of an image
    History(HistoryArgs),
    /// Print what is known of images as JSON
    Inspect(InspectArgs),
    /// Give an image a further name
    Tag(TagArgs),
    /// Remove images
    #[command(visible_alias = "remove")]
    Rm(RmArgs),
    /// Write images to an archive
    Save(SaveArgs),
    /// Read images from an archive
    Load(LoadArgs),
    /// Make an image of a tar of files
    Import(ImportArgs),
    /// Write the files of an image to a tar
    Export(ExportArgs),
    /// Get images from a registry
    Pull(PullArgs),
    /// Send images to a registry
    Push(PushArgs),
    /// Remove images without a name
    Prune(ImagePruneArgs),
}

/// `dfc builder …` and `dfc buildx …`: docker's longer names of the commands on builds.
#[derive(Debug, Subcommand)]
pub(crate) enum BuilderCommand {
    /// Build an image from a Dockerfile
    Build(Box<BuildArgs>),
    /// Show what images and caches take on disk
    Du(DuArgs),
    /// Remove what is not used from the store
    Prune(PruneArgs),
}

/// `dfc system …`: docker's longer names of the commands on the whole store.
#[derive(Debug, Subcommand)]
pub(crate) enum SystemCommand {
    /// Show what images and caches take on disk
    Df(DuArgs),
    /// Remove what is not used from the store
    Prune(PruneArgs),
}

/// `dfc images`
#[derive(Debug, Args)]
pub(crate) struct ImagesArgs {
    /// Show the images of each platform, too, that one of several platforms consists of
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Show ids only
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Show digests, too
    #[arg(long)]
    pub(crate) digests: bool,
    /// Do not shorten ids
    #[arg(long)]
    pub(crate) no_trunc: bool,
    /// Show some images only: `reference=PATTERN`, `label=KEY[=VALUE]`, `label!=KEY[=VALUE]`, `dangling=true`,
    /// `before=IMAGE`, `since=IMAGE`, `until=MOMENT`
    #[arg(short, long = "filter", value_name = "FILTER")]
    pub(crate) filters: Vec<String>,
    /// How to print the list: table, json, or a template such as 'table {{.ID}}\t{{.Tag}}'
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Show which layers images share
    #[arg(long, conflicts_with_all = ["format", "quiet", "dot"])]
    pub(crate) tree: bool,
    /// The same for Graphviz
    #[arg(long, conflicts_with_all = ["format", "quiet"])]
    pub(crate) dot: bool,
    /// Show images of this name only; `*`, `?` and `[a-z]` stand for what is not `/`
    #[arg(value_name = "NAME[:TAG]")]
    pub(crate) name: Option<String>,
}

/// `dfc history`
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// Do not shorten ids and instructions
    #[arg(long)]
    pub(crate) no_trunc: bool,
    /// Show ids only
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Sizes and times for people; `--human=false` for exact ones
    #[arg(short = 'H', long, value_name = "BOOL", num_args = 0..=1, require_equals = true)]
    #[arg(default_value_t = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub(crate) human: bool,
    /// How to print the list: table, json, or a template such as '{{.CreatedBy}}'
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Of an image of several platforms, which one
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<String>,
    /// The image: a name, an id, or the beginning of one
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,
}

/// `dfc builds`
#[derive(Debug, Args)]
pub(crate) struct BuildsArgs {
    /// How many
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 20)]
    pub(crate) last: usize,
    /// Do not shorten ids and results
    #[arg(long)]
    pub(crate) no_trunc: bool,
    /// How to print the list: table, json, or a template such as '{{.File}} {{.Duration}}'
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
}

/// `dfc inspect`
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// json, or a template such as '{{json .Config.Env}}'
    #[arg(short, long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Of an image of several platforms, which one
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<String>,
    /// Accepted: sizes are always shown
    #[arg(short, long, hide = true)]
    pub(crate) size: bool,
    /// Accepted: there are images only
    #[arg(long = "type", value_name = "TYPE", value_parser = ["image"], hide = true)]
    pub(crate) kind: Option<String>,
    /// The images
    #[arg(value_name = "IMAGE", required = true)]
    pub(crate) images: Vec<String>,
}

/// `dfc tag`
#[derive(Debug, Args)]
pub(crate) struct TagArgs {
    /// The image: a name, an id, or the beginning of one
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,
    /// The further name
    #[arg(value_name = "NAME[:TAG]")]
    pub(crate) name: String,
}

/// `dfc rm`
#[derive(Debug, Args)]
pub(crate) struct RmArgs {
    /// Remove an image by its id even if it has several names; it is no error if there is none
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Accepted: bytes go with `dfc prune` only
    #[arg(long, hide = true)]
    pub(crate) no_prune: bool,
    /// The images
    #[arg(value_name = "IMAGE", required = true)]
    pub(crate) images: Vec<String>,
}

/// `dfc save`
#[derive(Debug, Args)]
pub(crate) struct SaveArgs {
    /// The archive, or the folder for --format oci-dir (default: standard output)
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The form of the archive
    #[arg(long, value_enum, default_value_t = ArchiveFormat::Docker)]
    pub(crate) format: ArchiveFormat,
    /// Of an image of several platforms, this one alone
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<String>,
    /// The images; a name without a tag stands for all tags of it
    #[arg(value_name = "IMAGE", required = true)]
    pub(crate) images: Vec<String>,
}

/// Forms of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ArchiveFormat {
    /// What `docker load` reads
    #[value(alias = "docker-archive")]
    Docker,
    /// An OCI image layout
    #[value(alias = "oci-archive")]
    Oci,
    /// An OCI image layout as a folder; an image is added to one that is there
    OciDir,
}

/// `dfc import`
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Change the image's configuration by an instruction, such as 'CMD ["sh"]'
    #[arg(short, long = "change", value_name = "INSTRUCTION")]
    pub(crate) changes: Vec<String>,
    /// What the history says of it
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// What machine the tree is for
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<String>,
    /// The tar, compressed or not; `-` for standard input
    #[arg(value_name = "FILE|URL|-")]
    pub(crate) source: String,
    /// The image's name
    #[arg(value_name = "NAME[:TAG]")]
    pub(crate) name: Option<String>,
}

/// `dfc export`
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The tar (default: standard output)
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Of an image of several platforms, which one
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<String>,
    /// The image: a name, an id, or the beginning of one
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,
}

/// `dfc load`
#[derive(Debug, Args)]
pub(crate) struct LoadArgs {
    /// The archive, or an OCI layout folder (default: standard input)
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// Of images of several platforms, this one alone
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<String>,
    /// Print nothing but names
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// `dfc prune`
#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    /// Cache mounts, too
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Only tell what would go
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Accepted: there are no volumes
    #[arg(long, hide = true)]
    pub(crate) volumes: bool,
    /// Keep this much of the results of steps (`10GB`)
    #[arg(long, value_name = "SIZE", aliases = ["reserved-space", "max-used-space"])]
    pub(crate) keep_storage: Option<String>,
    /// Accepted: it is told what goes in any case
    #[arg(long, hide = true)]
    pub(crate) verbose: bool,
    /// Remove only what was not used since (`until=24h`), or only images with a label (`label=KEY[=VALUE]`) or without
    /// one (`label!=KEY[=VALUE]`)
    #[arg(long = "filter", value_name = "FILTER")]
    pub(crate) filters: Vec<String>,
}

/// `dfc image prune`
#[derive(Debug, Args)]
pub(crate) struct ImagePruneArgs {
    /// Images with a name, too
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Only tell what would go
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Some images only: `until=MOMENT`, `label=KEY[=VALUE]`, `label!=KEY[=VALUE]`
    #[arg(long = "filter", value_name = "FILTER")]
    pub(crate) filters: Vec<String>,
}

/// `dfc du`
#[derive(Debug, Args)]
pub(crate) struct DuArgs {
    /// Each image and each cache mount, too
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// How to print the list: table, json, or a template such as '{{.Type}} {{.Reclaimable}}'
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
}
