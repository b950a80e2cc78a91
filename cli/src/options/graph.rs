//! The flags of a build graph to [`BuildOptions`].

use compiler::BuildOptions;
use compiler::op::Network;
use oci::Platform;

use crate::args::build::{GraphArgs, NetworkMode};
use crate::env::Env;
use crate::error::CliError;
use crate::options::context::Contexts;
use crate::options::size;

/// Reads the flags; `contexts` are those of `--build-context`.
///
/// # Errors
/// A value that is not what its flag takes.
pub(crate) fn build_options(
    args: &GraphArgs,
    contexts: &Contexts,
    env: &Env,
) -> Result<BuildOptions, CliError> {
    let mut options = BuildOptions {
        target: args.target.clone().filter(|target| !target.is_empty()),
        contexts: contexts.named.clone(),
        network: args.network.map(network),
        no_cache: args.no_cache,
        no_cache_filter: args.no_cache_filter.clone(),
        build_platform: Some(Platform::host()),
        ..BuildOptions::default()
    };
    for arg in &args.build_args {
        options.build_args.extend(build_arg(arg, env)?);
    }
    // As buildx does: the variable of reproducible builds counts as a build argument.
    if let Some(epoch) = env.var("SOURCE_DATE_EPOCH") {
        options.build_args.entry("SOURCE_DATE_EPOCH".into()).or_insert_with(|| epoch.to_owned());
    }
    for (name, value) in env.docker_proxies() {
        options.build_args.entry(name).or_insert(value);
    }
    for label in &args.labels {
        let (name, value) = label.split_once('=').unwrap_or((label, ""));
        if name.is_empty() {
            return Err(CliError::usage(format!("--label `{label}`: the name is missing")));
        }
        options.labels.insert(name.to_owned(), value.to_owned());
    }
    for text in &args.platforms {
        // By its one name: `linux/arm` is linux/arm/v7, and `linux/aarch64` is linux/arm64.
        let platform = platform("platform", text)?.normalized();
        if !options.platforms.contains(&platform) {
            options.platforms.push(platform);
        }
    }
    if options.platforms.is_empty() {
        options.platforms.extend(default_platform(env)?.map(|it| it.normalized()));
    }
    for host in &args.add_hosts {
        options.extra_hosts.push(add_host(host)?);
    }
    if let Some(text) = &args.shm_size {
        options.shm_size = Some(size::parse("shm-size", text)?);
    }
    for limit in &args.ulimits {
        options.ulimits.push(ulimit(limit)?);
    }
    for right in &args.allow {
        match right.as_str() {
            "security.insecure" => options.allow_insecure = true,
            "network.host" => options.allow_host_network = true,
            _ => {
                return Err(CliError::usage(format!("--allow: there is no right `{right}`"))
                    .help("the rights are security.insecure and network.host"));
            }
        }
    }
    Ok(options)
}

/// Reads `NAME=VALUE`, or takes the value of NAME from the environment; `None` if it has none there.
///
/// # Errors
/// There is no name.
pub(crate) fn build_arg(arg: &str, env: &Env) -> Result<Option<(String, String)>, CliError> {
    let (name, value) = match arg.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (arg, env.vars.get(arg).map(String::as_str)),
    };
    if name.is_empty() {
        return Err(CliError::usage(format!("--build-arg `{arg}`: the name is missing")));
    }
    Ok(value.map(|value| (name.to_owned(), value.to_owned())))
}

/// Reads a platform.
///
/// # Errors
/// What is no platform.
pub(crate) fn platform(flag: &str, text: &str) -> Result<Platform, CliError> {
    text.parse().map_err(|error| {
        CliError::usage(format!("--{flag} `{text}`: {error}"))
            .help("a platform is OS/ARCHITECTURE, such as linux/amd64")
    })
}

/// The platform that DOCKER_DEFAULT_PLATFORM asks for.
///
/// # Errors
/// It is none.
pub(crate) fn default_platform(env: &Env) -> Result<Option<Platform>, CliError> {
    let Some(text) = env.var("DOCKER_DEFAULT_PLATFORM") else { return Ok(None) };
    let platform = text.parse().map_err(|error| {
        CliError::failed(format!("DOCKER_DEFAULT_PLATFORM is `{text}`: {error}"))
    })?;
    Ok(Some(platform))
}

/// The network a flag names.
pub(crate) fn network(mode: NetworkMode) -> Network {
    match mode {
        NetworkMode::Default => Network::Default,
        NetworkMode::None => Network::None,
        NetworkMode::Host => Network::Host,
    }
}

/// `NAME:IP` or `NAME=IP`; an IPv6 address may stand in brackets.
fn add_host(text: &str) -> Result<(String, String), CliError> {
    let wrong = || {
        CliError::usage(format!("--add-host `{text}` is no name and address"))
            .help("write NAME:IP, such as db:192.0.2.7")
    };
    let (name, ip) = text.split_once(['=', ':']).ok_or_else(wrong)?;
    let ip = ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(ip);
    if name.is_empty() || ip.parse::<std::net::IpAddr>().is_err() {
        return Err(wrong());
    }
    Ok((name.to_owned(), ip.to_owned()))
}

/// `NAME=SOFT[:HARD]`; -1 is no limit.
fn ulimit(text: &str) -> Result<(String, i64, i64), CliError> {
    let wrong = || {
        CliError::usage(format!("--ulimit `{text}` is no limit"))
            .help("write NAME=SOFT[:HARD], such as nofile=1024:2048")
    };
    let (name, limits) = text.split_once('=').ok_or_else(wrong)?;
    let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
    let number = |text: &str| text.parse::<i64>().ok().filter(|n| *n >= -1).ok_or_else(wrong);
    let (soft, hard) = (number(soft)?, number(hard)?);
    if !ULIMITS.contains(&name) || (hard != -1 && (soft > hard || soft == -1)) {
        return Err(wrong());
    }
    Ok((name.to_owned(), soft, hard))
}

/// The limits that setrlimit(2) knows, in docker's words.
const ULIMITS: &[&str] = &[
    "as",
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_hosts() {
        let host = |text: &str| add_host(text).ok().map(|(name, ip)| format!("{name} {ip}"));
        assert_eq!(host("db:10.0.0.1").as_deref(), Some("db 10.0.0.1"));
        assert_eq!(host("db=::1").as_deref(), Some("db ::1"));
        assert_eq!(host("db:[fe80::1]").as_deref(), Some("db fe80::1"));
        assert_eq!(host("db"), None);
        assert_eq!(host("db:nowhere"), None);
    }

    #[test]
    fn reads_limits() {
        assert_eq!(ulimit("nofile=10:20").unwrap(), ("nofile".into(), 10, 20));
        assert_eq!(ulimit("core=-1").unwrap(), ("core".into(), -1, -1));
        for text in ["nofile", "nofile=x", "nofile=20:10", "files=1", "core=-1:5"] {
            assert!(ulimit(text).is_err(), "{text}");
        }
    }
}
