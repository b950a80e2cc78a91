//! The flags of `dfc run`.

use clap::Args;

/// `dfc run`
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Set an environment variable; without `=VALUE` it is taken from the environment
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    pub(crate) env: Vec<String>,
    /// The folder to start in
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) workdir: Option<String>,
    /// The user: name or id, and group
    #[arg(short, long, value_name = "USER[:GROUP]")]
    pub(crate) user: Option<String>,
    /// The program to start in place of the image's ENTRYPOINT
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) entrypoint: Option<String>,
    /// The network
    #[arg(long, value_enum)]
    pub(crate) network: Option<super::build::NetworkMode>,
    /// Make an image of what the command changed, if it succeeds
    #[arg(long, value_name = "NAME[:TAG]")]
    pub(crate) commit: Option<String>,
    /// With --commit: change the image's configuration by an instruction, such as 'CMD ["sh"]'
    #[arg(short, long = "change", value_name = "INSTRUCTION", requires = "commit")]
    pub(crate) changes: Vec<String>,
    /// With --commit: what the history says of it
    #[arg(short, long, value_name = "TEXT", requires = "commit")]
    pub(crate) message: Option<String>,
    /// With --commit: who made the image
    #[arg(short, long, value_name = "TEXT", requires = "commit")]
    pub(crate) author: Option<String>,
    /// Accepted: without --commit, what the command changes is always thrown away
    #[arg(long)]
    pub(crate) rm: bool,
    /// Accepted: standard input is always passed on
    #[arg(short, long)]
    pub(crate) interactive: bool,
    /// Accepted: a terminal is always passed on
    #[arg(short, long)]
    pub(crate) tty: bool,
    /// The image: a name, an id, or the beginning of one
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,
    /// The command (default: the image's CMD)
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) command: Vec<String>,
}
