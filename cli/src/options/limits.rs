//! `--memory`, `--cpu-shares` and their like to [`Limits`].

use sandbox::Limits;

use crate::args::build::LimitArgs;
use crate::error::CliError;
use crate::options::size;

/// Reads the flags.
///
/// # Errors
/// A value that is not what its flag takes.
pub(crate) fn parse(args: &LimitArgs) -> Result<Limits, CliError> {
    let memory = args.memory.as_deref().map(|text| size::parse("memory", text)).transpose()?;
    let memory_swap = match args.memory_swap.as_deref() {
        None => None,
        Some("-1") => Some(-1),
        Some(text) => Some(i64::try_from(size::parse("memory-swap", text)?).unwrap_or(i64::MAX)),
    };
    Ok(Limits {
        memory: memory.filter(|bytes| *bytes > 0),
        memory_swap,
        cpu_shares: args.cpu_shares.filter(|shares| *shares > 0),
        cpu_quota: args.cpu_quota,
        cpu_period: args.cpu_period,
        cpuset_cpus: args.cpuset_cpus.clone(),
        cpuset_mems: args.cpuset_mems.clone(),
        pids: None,
        parent: args.cgroup_parent.clone(),
    })
}
