//! The flags of the commands on registries.

use clap::Args;

/// `dfc login`
#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// The name (asked for if it is missing)
    #[arg(short, long, value_name = "NAME")]
    pub(crate) username: Option<String>,
    /// Read the password from standard input
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// The registry
    #[arg(value_name = "HOST", default_value = "docker.io")]
    pub(crate) host: String,
}

/// `dfc logout`
#[derive(Debug, Args)]
pub(crate) struct LogoutArgs {
    /// The registry
    #[arg(value_name = "HOST", default_value = "docker.io")]
    pub(crate) host: String,
}
