//! [`map`]: the same work on many things, on all cores.

use std::num::NonZero;
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// As much as the main thread has: deeply nested files are no deeper here.
const STACK: usize = 8 << 20;

/// The results in the order of the items.
pub(crate) fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get).min(items.len());
    if cores <= 1 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let share = || {
        let mut done = Vec::new();
        loop {
            let position = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(position) else { return done };
            done.push((position, work(item)));
        }
    };
    let mut done = thread::scope(|scope| {
        let start = || thread::Builder::new().stack_size(STACK).spawn_scoped(scope, share);
        // Where no thread can be had, this one does it all.
        let helpers: Vec<_> = (0..cores).filter_map(|_| start().ok()).collect();
        let mut done = if helpers.is_empty() { share() } else { Vec::new() };
        for helper in helpers {
            done.extend(helper.join().unwrap_or_else(|problem| panic::resume_unwind(problem)));
        }
        done
    });
    done.sort_by_key(|(position, _)| *position);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_are_in_order() {
        let items: Vec<usize> = (0..1000).collect();
        assert_eq!(super::map(&items, |item| item * 2), (0..2000).step_by(2).collect::<Vec<_>>());
        assert_eq!(super::map(&[7], |item| item + 1), [8]);
        assert!(super::map(&[0; 0], |item| item + 1).is_empty());
    }
}
