//! Ctrl-C and SIGTERM: the first one stops the build and leaves the store clean, the second one ends dfc at once.

use std::thread::JoinHandle;

use executor::Cancel;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use crate::error::CliError;

/// Listens for signals as long as it lives.
#[derive(Debug)]
pub(crate) struct Interrupt {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Interrupt {
    /// Throws `cancel` at the first signal.
    ///
    /// # Errors
    /// The kernel does not let us listen.
    pub(crate) fn listen(cancel: Cancel) -> Result<Interrupt, CliError> {
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])
            .map_err(|error| CliError::io("cannot listen for signals", &error))?;
        let handle = signals.handle();
        let thread = std::thread::spawn(move || {
            for signal in signals.forever() {
                if cancel.is_cancelled() {
                    // Whatever is half done is swept by the next dfc.
                    let _ = signal_hook::low_level::emulate_default_handler(signal);
                }
                cancel.cancel();
            }
        });
        Ok(Interrupt { handle, thread: Some(thread) })
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            // It has nothing to say.
            let _ = thread.join();
        }
    }
}
