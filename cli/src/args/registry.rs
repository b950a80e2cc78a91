//! The flags of the commands on registries.

use clap::Args;

/// `dfc pull`
#[derive(Debug, Args)]
pub(crate) struct PullArgs {
    /// Get every tag of the repositories
    #[arg(short, long)]
    pub(crate) all_tags: bool,
    /// The platform
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<String>,
    /// Get the images of all platforms, and keep the index over them
    #[arg(long, conflicts_with = "platform")]
    pub(crate) all_platforms: bool,
    /// How many layers come at the same time (default: 5)
    #[arg(long, value_name = "N")]
    pub(crate) max_concurrent_downloads: Option<usize>,
    /// Accepted: dfc checks digests, and no signatures
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, value_name = "BOOL")]
    disable_content_trust: Option<Option<bool>>,
    /// Print the names only
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// The images
    #[arg(value_name = "NAME[:TAG|@DIGEST]", required = true)]
    pub(crate) images: Vec<String>,
}

/// `dfc push`
#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// Send every tag of the repositories
    #[arg(short, long)]
    pub(crate) all_tags: bool,
    /// Of an image for several platforms, send this one alone
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<String>,
    /// How many layers go at the same time (default: 5)
    #[arg(long, value_name = "N")]
    pub(crate) max_concurrent_uploads: Option<usize>,
    /// Accepted: dfc signs nothing
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, value_name = "BOOL")]
    disable_content_trust: Option<Option<bool>>,
    /// Print the digests only
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// The images
    #[arg(value_name = "NAME[:TAG]", required = true)]
    pub(crate) images: Vec<String>,
}

/// `dfc login`
#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// The name (asked for if it is missing)
    #[arg(short, long, value_name = "NAME")]
    pub(crate) username: Option<String>,
    /// The password; others on this machine may see it here, so better --password-stdin
    #[arg(short, long, value_name = "PASSWORD", conflicts_with = "password_stdin")]
    pub(crate) password: Option<String>,
    /// Read the password from standard input
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// The registry; with /NAMESPACE, for the repositories below that alone
    #[arg(value_name = "HOST[/NAMESPACE]", default_value = "docker.io")]
    pub(crate) host: String,
}

/// `dfc logout`
#[derive(Debug, Args)]
pub(crate) struct LogoutArgs {
    /// The registry, as at login
    #[arg(value_name = "HOST[/NAMESPACE]", default_value = "docker.io")]
    pub(crate) host: String,
}
