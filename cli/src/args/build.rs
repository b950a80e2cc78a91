//! The flags of `dfc build`, and those that `dfc explain` shares with it ([`GraphArgs`]).

use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};

const RESULT: &str = "Result";
const PROGRESS: &str = "Progress";

/// What changes what is built: shared by `build` and `explain`.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is built")]
pub(crate) struct GraphArgs {
    /// The Dockerfile (default: PATH/Dockerfile; `-` for standard input)
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The stage to build (default: the last)
    #[arg(long, value_name = "STAGE")]
    pub(crate) target: Option<String>,
    /// A value for an ARG; without `=VALUE` it is taken from the environment
    #[arg(long = "build-arg", value_name = "NAME[=VALUE]")]
    pub(crate) build_args: Vec<String>,
    /// What FROM and --from find by a name: a folder, `docker-image://REF`, `oci-layout://PATH[:TAG]`, a git reference
    /// or a URL
    #[arg(long = "build-context", value_name = "NAME=VALUE")]
    pub(crate) build_contexts: Vec<String>,
    /// A secret for RUN --mount=type=secret: `id=ID[,src=FILE|,env=NAME]`
    #[arg(long = "secret", value_name = "SPEC")]
    pub(crate) secrets: Vec<String>,
    /// An agent or keys for RUN --mount=type=ssh: `default`, `ID=SOCKET` or `ID=KEY[,KEY]`
    #[arg(long, value_name = "SPEC")]
    pub(crate) ssh: Vec<String>,
    /// Run every step, whatever earlier builds left
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Run every step of these stages
    #[arg(long, value_name = "STAGE", value_delimiter = ',')]
    pub(crate) no_cache_filter: Vec<String>,
    /// Results of builds on other machines: an image, `type=registry,ref=NAME` or `type=local,src=FOLDER`
    #[arg(long = "cache-from", value_name = "SPEC")]
    pub(crate) cache_from: Vec<String>,
    /// A label for the image
    #[arg(long = "label", value_name = "NAME=VALUE")]
    pub(crate) labels: Vec<String>,
    /// The platforms to build for
    #[arg(long = "platform", value_name = "OS/ARCH", value_delimiter = ',')]
    pub(crate) platforms: Vec<String>,
    /// The network of RUN steps
    #[arg(long, value_enum)]
    pub(crate) network: Option<NetworkMode>,
    /// A line for /etc/hosts of RUN steps
    #[arg(long = "add-host", value_name = "NAME:IP")]
    pub(crate) add_hosts: Vec<String>,
    /// Ask the registry for base images even if the store has them
    #[arg(long)]
    pub(crate) pull: bool,
    /// Ask no registry, server or repository: what is not in the store is an error
    #[arg(long, conflicts_with = "pull")]
    pub(crate) offline: bool,
    /// Size of /dev/shm in RUN steps (`128m`)
    #[arg(long, value_name = "SIZE")]
    pub(crate) shm_size: Option<String>,
    /// A limit for RUN steps
    #[arg(long = "ulimit", value_name = "NAME=SOFT[:HARD]")]
    pub(crate) ulimits: Vec<String>,
    /// Allow `security.insecure` or `network.host`
    #[arg(long, value_name = "RIGHT", value_delimiter = ',')]
    pub(crate) allow: Vec<String>,
}

/// A number that is not 0.
fn at_least_one() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

/// `dfc build`
#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    #[command(flatten)]
    pub(crate) graph: GraphArgs,
    /// A name for the image
    #[arg(short, long = "tag", value_name = "NAME[:TAG]", help_heading = RESULT)]
    pub(crate) tags: Vec<String>,
    /// Where the result goes: a folder, `-`, or `type=oci|docker|tar|local|image|registry,dest=PATH`
    #[arg(short, long = "output", value_name = "SPEC", help_heading = RESULT)]
    pub(crate) outputs: Vec<String>,
    /// Leave the results of steps for other machines: `type=registry,ref=NAME`, `type=local,dest=FOLDER` (both with
    /// `mode=max` for all stages) or `type=inline`
    #[arg(long = "cache-to", value_name = "SPEC", help_heading = RESULT)]
    pub(crate) cache_to: Vec<String>,
    /// Hand the image to a running docker or podman
    #[arg(long, help_heading = RESULT)]
    pub(crate) load: bool,
    /// Send the image to the registries that its names are of
    #[arg(long, help_heading = RESULT)]
    pub(crate) push: bool,
    /// Print the image's id and nothing else
    #[arg(short, long, help_heading = PROGRESS)]
    pub(crate) quiet: bool,
    /// Write the image's id to a file
    #[arg(long, value_name = "FILE", help_heading = RESULT)]
    pub(crate) iidfile: Option<PathBuf>,
    /// Write facts about the result to a file, as JSON
    #[arg(long, value_name = "FILE", help_heading = RESULT)]
    pub(crate) metadata_file: Option<PathBuf>,
    /// Look for mistakes, and build nothing
    #[arg(long, help_heading = RESULT)]
    pub(crate) check: bool,
    /// Build twice from nothing, and say what is not the same (exit status 3)
    #[arg(long, help_heading = RESULT, conflicts_with = "check")]
    pub(crate) verify: bool,
    /// How progress is shown (default: BUILDKIT_PROGRESS, or auto)
    #[arg(long, value_enum, help_heading = PROGRESS)]
    pub(crate) progress: Option<ProgressMode>,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    /// How many steps run at the same time
    #[arg(short, long, value_name = "N", help_heading = PROGRESS, value_parser = at_least_one())]
    pub(crate) jobs: Option<usize>,
    #[command(flatten)]
    pub(crate) docker: DockerArgs,
    /// The build context: a folder, a git reference, a URL, or `-` for an archive or a Dockerfile on standard input
    #[arg(value_name = "PATH", help_heading = "Arguments")]
    pub(crate) context: PathBuf,
}

/// Flags of docker's that ask for what dfc does anyway, so that scripts need no change.
#[derive(Debug, Args)]
pub(crate) struct DockerArgs {
    /// Nothing is left of a RUN
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, value_name = "BOOL")]
    rm: Option<Option<bool>>,
    /// Nothing is left of a RUN that failed
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, value_name = "BOOL")]
    force_rm: Option<Option<bool>>,
    /// No context is sent anywhere
    #[arg(long, hide = true)]
    compress: bool,
    /// No attestations are made
    #[arg(long, hide = true, value_parser = ["false"])]
    provenance: Option<String>,
    /// No attestations are made
    #[arg(long, hide = true, value_parser = ["false"])]
    sbom: Option<String>,
}

/// What RUN steps may use of the machine; enforced by control groups.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits of RUN steps")]
pub(crate) struct LimitArgs {
    /// Memory for a RUN step (`512m`)
    #[arg(short, long, value_name = "SIZE")]
    pub(crate) memory: Option<String>,
    /// Memory and swap together; -1 for no limit of swap
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub(crate) memory_swap: Option<String>,
    /// Weight against other groups; 1024 is the usual one
    #[arg(short, long, value_name = "N")]
    pub(crate) cpu_shares: Option<u64>,
    /// Microseconds of processor time in a period
    #[arg(long, value_name = "N")]
    pub(crate) cpu_quota: Option<i64>,
    /// Length of a period in microseconds
    #[arg(long, value_name = "N")]
    pub(crate) cpu_period: Option<u64>,
    /// Processors that may be used (`0-3,7`)
    #[arg(long, value_name = "LIST")]
    pub(crate) cpuset_cpus: Option<String>,
    /// Memory nodes that may be used (`0,1`)
    #[arg(long, value_name = "LIST")]
    pub(crate) cpuset_mems: Option<String>,
    /// The control group that those of RUN steps are made in
    #[arg(long, value_name = "PATH")]
    pub(crate) cgroup_parent: Option<String>,
}

/// `--network`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NetworkMode {
    /// As `host`
    Default,
    /// Loopback only
    None,
    /// The network of this machine
    Host,
}

/// `--progress`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressMode {
    /// `tty` on a terminal, else `plain`
    Auto,
    /// Lines, as BuildKit prints them
    Plain,
    /// Live lines
    Tty,
    /// Nothing
    Quiet,
    /// JSON lines, for tools
    Rawjson,
}
