//! Nothing: what went wrong is said at the end.

use super::{Counts, Printer, Update};

/// Shows nothing.
#[derive(Debug)]
pub(super) struct Quiet;

impl Printer for Quiet {
    fn update(&mut self, _: &Update) {}

    fn finish(&mut self, _: Counts) {}
}
