//! [`Cancel`]: how a build is stopped, from outside (Ctrl-C) or because a step failed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Action = Box<dyn Fn() + Send>;

/// A switch that is thrown once. Cheap to clone; all clones are the same switch.
#[derive(Clone, Default)]
pub struct Cancel {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    thrown: AtomicBool,
    actions: Mutex<Actions>,
}

#[derive(Default)]
struct Actions {
    next: u64,
    waiting: BTreeMap<u64, Action>,
}

impl Cancel {
    /// Throws the switch: whoever asks sees it, and what was registered is called (running commands are killed).
    pub fn cancel(&self) {
        self.shared.thrown.store(true, Ordering::SeqCst);
        for action in self.actions().waiting.values() {
            action();
        }
    }

    /// Whether it was thrown.
    pub fn is_cancelled(&self) -> bool {
        self.shared.thrown.load(Ordering::SeqCst)
    }

    /// Calls `action` when the switch is thrown, at once if it was already. Dropping the guard takes it back.
    pub fn on_cancel(&self, action: impl Fn() + Send + 'static) -> CancelGuard {
        let mut actions = self.actions();
        // Checked under the lock: `cancel` sets the switch before it takes the lock, so nobody falls between.
        if self.is_cancelled() {
            action();
        }
        let number = actions.next;
        actions.next += 1;
        actions.waiting.insert(number, Box::new(action));
        drop(actions);
        CancelGuard { cancel: self.clone(), number }
    }

    fn actions(&self) -> MutexGuard<'_, Actions> {
        self.shared.actions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancel").field("thrown", &self.is_cancelled()).finish_non_exhaustive()
    }
}

/// Keeps an action registered with [`Cancel::on_cancel`].
#[derive(Debug)]
pub struct CancelGuard {
    cancel: Cancel,
    number: u64,
}

impl Drop for CancelGuard {
    fn drop(&mut self) {
        self.cancel.actions().waiting.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn calls_what_is_registered_and_only_that() {
        let cancel = Cancel::default();
        let calls = Arc::new(AtomicUsize::new(0));
        let count = |calls: &Arc<AtomicUsize>| {
            let calls = Arc::clone(calls);
            move || {
                calls.fetch_add(1, Ordering::SeqCst);
            }
        };
        let _kept = cancel.on_cancel(count(&calls));
        drop(cancel.on_cancel(count(&calls)));
        cancel.cancel();
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        let _late = cancel.on_cancel(count(&calls));
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        assert!(cancel.is_cancelled());
    }
}
