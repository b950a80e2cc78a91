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
    let memory = memory.filter(|bytes| *bytes > 0);
    let memory_swap = memory_swap.filter(|bytes| *bytes != 0);
    match (memory, memory_swap) {
        (None, Some(_)) => {
            return Err(CliError::usage("--memory-swap needs --memory")
                .help("--memory-swap is the sum of memory and swap"));
        }
        (Some(memory), Some(both)) if 0 < both && both.cast_unsigned() < memory => {
            return Err(CliError::usage("--memory-swap is less than --memory")
                .help("--memory-swap is the sum of memory and swap; -1 is for no limit of swap"));
        }
        (_, _) => {}
    }
    Ok(Limits {
        memory,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn args(memory: Option<&str>, memory_swap: Option<&str>) -> LimitArgs {
        LimitArgs {
            memory: memory.map(str::to_owned),
            memory_swap: memory_swap.map(str::to_owned),
            cpu_shares: Some(0),
            cpu_quota: None,
            cpu_period: None,
            cpuset_cpus: None,
            cpuset_mems: None,
            cgroup_parent: None,
        }
    }

    #[test]
    fn swap_is_the_sum() {
        let limits = parse(&args(Some("64m"), Some("-1"))).unwrap();
        assert_eq!((limits.memory, limits.memory_swap), (Some(64 << 20), Some(-1)));
        assert!(parse(&args(Some("0"), Some("0"))).unwrap().is_empty());
        assert!(parse(&args(None, Some("64m"))).is_err());
        assert!(parse(&args(Some("64m"), Some("32m"))).is_err());
    }
}
