//! Builds from the outside: what is cached, what runs at the same time, what is said when it goes wrong,
//! and what is left behind.

mod bad_input;
mod cache;
mod check;
mod interrupted;
mod leftovers;
mod limits;
mod mounts;
mod parallel;
mod platforms;
mod result;
mod verify;

use libtest_mimic::Trial;

use crate::need::Need;

/// A build with RUN on the bases.
const NEEDS: &[Need] = &[Need::Sandbox, Need::StaticBusybox];

/// All trials on `dfc build`.
pub(crate) fn trials() -> Vec<Trial> {
    [
        cache::trials(),
        check::trials(),
        leftovers::trials(),
        limits::trials(),
        mounts::trials(),
        parallel::trials(),
        platforms::trials(),
        bad_input::trials(),
        interrupted::trials(),
        result::trials(),
        verify::trials(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Fails with both sides where they are not the same.
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(
    what: &str,
    got: &T,
    want: &T,
) -> crate::Outcome {
    if got == want { Ok(()) } else { Err(format!("{what}: {got:?}, not {want:?}").into()) }
}
