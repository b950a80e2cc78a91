//! Steps on threads. Results come back over a channel and are merged in one place.
//!
//! Steps mostly wait (for commands, the network, the disk), so there may be many more threads than processors. One is
//! started when there is work and all others are busy: a chain of steps is run by one thread from its beginning to its
//! end. Pieces that hashing is cut into are rayon's, whose threads run nothing else: a thread that waits for its pieces
//! never begins another step meanwhile.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Scope};

/// Work for the threads, and where its results arrive.
pub(crate) struct Workers<'a, S, P, R> {
    step: &'a dyn Fn(S),
    pack: &'a dyn Fn(P),
    results: Receiver<Done<R>>,
}

/// A result, or the panic that took its place.
type Done<R> = thread::Result<R>;

impl<S, P, R> Workers<'_, S, P, R> {
    /// Hands a step to the next free thread.
    pub(crate) fn step(&self, step: S) {
        (self.step)(step);
    }

    /// Hands a layer to the next free packing thread.
    pub(crate) fn pack(&self, pack: P) {
        (self.pack)(pack);
    }

    /// Waits for the next result.
    pub(crate) fn next(&self) -> R {
        let result = self.results.recv().expect("every piece of work has a result");
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// How many threads may do what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Threads {
    /// That run steps.
    pub(crate) steps: usize,
    /// That pack layers.
    pub(crate) packs: usize,
}

/// Runs `merge` on this thread, with threads that do its work.
pub(crate) fn with_workers<S, P, R, T>(
    threads: Threads,
    run_step: impl Fn(S) -> R + Sync,
    run_pack: impl Fn(P) -> R + Sync,
    merge: impl FnOnce(&Workers<'_, S, P, R>) -> T,
) -> T
where
    S: Send,
    P: Send,
    R: Send,
{
    let (done, results) = channel::<Done<R>>();
    let steps = Queue::new(threads.steps, "step");
    let packs = Queue::new(threads.packs, "pack");
    thread::scope(|scope| {
        let steps = Team { queue: &steps, run: &run_step, done: done.clone() };
        let packs = Team { queue: &packs, run: &run_pack, done };
        let give_step = |step| steps.give(scope, step);
        let give_pack = |pack| packs.give(scope, pack);
        // When the teams are dropped the queues end, and with them the threads, however `merge` ends.
        merge(&Workers { step: &give_step, pack: &give_pack, results })
    })
}

/// The threads for one kind of work.
struct Team<'scope, W, R> {
    queue: &'scope Queue<W>,
    run: &'scope (dyn Fn(W) -> R + Sync),
    done: Sender<Done<R>>,
}

impl<'scope, W: Send + 'scope, R: Send + 'scope> Team<'scope, W, R> {
    fn give(&self, scope: &'scope Scope<'scope, '_>, work: W) {
        let needs_thread = self.queue.put(work);
        if !needs_thread {
            return;
        }
        let (queue, run, done) = (self.queue, self.run, self.done.clone());
        let thread = thread::Builder::new().name(queue.name.to_owned());
        let started = thread.spawn_scoped(scope, move || {
            while let Some(work) = queue.take() {
                let result = catch_unwind(AssertUnwindSafe(|| run(work)));
                // Before the result is told, so that whoever hears of it finds this thread free.
                queue.lock().free += 1;
                if done.send(result).is_err() {
                    return;
                }
            }
        });
        if started.is_err() && self.queue.lost_thread() {
            // The system gives no thread at all, so this one does the work.
            while let Some(work) = self.queue.take_now() {
                let _ = self.done.send(catch_unwind(AssertUnwindSafe(|| run(work))));
            }
        }
    }
}

impl<W, R> Drop for Team<'_, W, R> {
    fn drop(&mut self) {
        self.queue.lock().is_closed = true;
        self.queue.changed.notify_all();
    }
}

/// Work that waits for a thread.
struct Queue<W> {
    most: usize,
    name: &'static str,
    state: Mutex<State<W>>,
    changed: Condvar,
}

struct State<W> {
    waiting: VecDeque<W>,
    threads: usize,
    /// Threads that take work as soon as there is some.
    free: usize,
    is_closed: bool,
}

impl<W> Queue<W> {
    fn new(most: usize, name: &'static str) -> Queue<W> {
        let state = State { waiting: VecDeque::new(), threads: 0, free: 0, is_closed: false };
        Queue { most: most.max(1), name, state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds work; whether another thread is needed for it.
    fn put(&self, work: W) -> bool {
        let mut state = self.lock();
        state.waiting.push_back(work);
        if state.waiting.len() <= state.free || state.threads == self.most {
            self.changed.notify_one();
            return false;
        }
        state.threads += 1;
        state.free += 1;
        true
    }

    /// A thread could not be started; whether there is none.
    fn lost_thread(&self) -> bool {
        let mut state = self.lock();
        state.threads -= 1;
        state.free -= 1;
        state.threads == 0
    }

    fn take_now(&self) -> Option<W> {
        self.lock().waiting.pop_front()
    }

    /// Waits for work; nothing when there is no more to come.
    fn take(&self) -> Option<W> {
        let mut state = self.lock();
        loop {
            if let Some(work) = state.waiting.pop_front() {
                state.free -= 1;
                return Some(work);
            }
            if state.is_closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use rayon::prelude::*;

    use super::*;

    #[test]
    fn steps_with_pieces_and_packs_all_come_back() {
        let threads = Threads { steps: 4, packs: 1 };
        let step = |number: u64| (0..number).into_par_iter().sum::<u64>();
        let total = with_workers(
            threads,
            step,
            |number: u64| number,
            |workers| {
                (0..100).for_each(|number| workers.step(number));
                (0..10).for_each(|number| workers.pack(number));
                (0..110).map(|_| workers.next()).sum::<u64>()
            },
        );
        let want = (0..100u64).map(|number| (0..number).sum::<u64>()).sum::<u64>() + 45;
        assert_eq!(total, want);
    }

    #[test]
    fn a_chain_takes_one_thread() {
        let threads = Threads { steps: 64, packs: 4 };
        let who = |_: u32| thread::current().id();
        let seen: Vec<thread::ThreadId> = with_workers(threads, who, who, |workers| {
            let one = |number| {
                workers.step(number);
                workers.next()
            };
            (0..50).map(one).collect()
        });
        assert!(seen.iter().all(|thread| *thread == seen[0]));
    }

    #[test]
    #[should_panic(expected = "a step broke")]
    fn a_panic_comes_back() {
        let threads = Threads { steps: 2, packs: 1 };
        with_workers(
            threads,
            |_: u32| panic!("a step broke"),
            |_: u32| (),
            |workers| {
                workers.step(1);
                workers.next();
            },
        );
    }
}
