//! Nothing: what went wrong is said at the end. Or nothing but notices.

use std::io::{self, Write as _};

use super::{Counts, Printer, Update, What};

/// Shows next to nothing.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    notices: bool,
}

impl Quiet {
    /// Shows notices.
    pub(super) fn with_notices() -> Quiet {
        Quiet { notices: true }
    }
}

impl Printer for Quiet {
    fn update(&mut self, update: &Update) {
        if let (true, What::Notice { text }) = (self.notices, &update.what) {
            // That nobody hears it is no reason to stop.
            let _ = writeln!(io::stderr().lock(), "{text}");
        }
    }

    fn finish(&mut self, _: Counts) {}
}
