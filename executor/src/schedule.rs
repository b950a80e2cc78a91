//! Steps on threads: the one file that names rayon for them. Results come back over a channel and are merged in one place.
//!
//! Steps mostly wait (for commands, the network, the disk), so there are many more threads than processors. All work in
//! one pool: some threads run steps, some pack layers, and as many as there are processors are left free for the pieces
//! that hashing and compression are cut into.
//!
//! Each working thread is one long rayon task that takes work from a channel. Were every step a task of its own, a
//! thread that waits for the pieces of its hashing would meanwhile begin another step, and finish its own only after
//! that. For the same reason nothing is handed out before every working thread has begun.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// Work for the threads, and where its results arrive.
pub(crate) struct Workers<S, P, R> {
    steps: Sender<S>,
    packs: Sender<P>,
    results: Receiver<Done<R>>,
}

/// A result, or the panic that took its place.
type Done<R> = std::thread::Result<R>;

impl<S, P, R> Workers<S, P, R> {
    /// Hands a step to the next free thread.
    pub(crate) fn step(&self, step: S) {
        self.steps.send(step).expect("threads take work until this is dropped");
    }

    /// Hands a layer to the next free packing thread.
    pub(crate) fn pack(&self, pack: P) {
        self.packs.send(pack).expect("threads take work until this is dropped");
    }

    /// Waits for the next result.
    pub(crate) fn next(&self) -> R {
        let result = self.results.recv().expect("every piece of work has a result");
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// How many threads do what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Threads {
    /// That run steps.
    pub(crate) steps: usize,
    /// That pack layers.
    pub(crate) packs: usize,
    /// For pieces of work.
    pub(crate) pieces: usize,
}

/// Runs `merge` on this thread, with threads that do its work.
///
/// # Errors
/// The threads cannot be started.
pub(crate) fn with_workers<S, P, R, T>(
    threads: Threads,
    run_step: impl Fn(S) -> R + Sync,
    run_pack: impl Fn(P) -> R + Sync,
    merge: impl FnOnce(&Workers<S, P, R>) -> T,
) -> std::io::Result<T>
where
    S: Send,
    P: Send,
    R: Send,
{
    let pool = pool(threads)?;
    let (steps, step_queue) = channel::<S>();
    let (packs, pack_queue) = channel::<P>();
    let (done, results) = channel::<Done<R>>();
    let (step_queue, pack_queue) = (Mutex::new(step_queue), Mutex::new(pack_queue));
    let begun = Arc::new(Barrier::new(threads.steps + threads.packs + 1));
    Ok(pool.in_place_scope(|scope| {
        for _ in 0..threads.steps {
            let (begun, done) = (Arc::clone(&begun), done.clone());
            let (queue, run) = (&step_queue, &run_step);
            scope.spawn(move |_| work(&begun, queue, &done, run));
        }
        for _ in 0..threads.packs {
            let (begun, done) = (Arc::clone(&begun), done.clone());
            let (queue, run) = (&pack_queue, &run_pack);
            scope.spawn(move |_| work(&begun, queue, &done, run));
        }
        drop(done);
        begun.wait();
        let workers = Workers { steps, packs, results };
        // When the workers are dropped the queues end, and with them the threads' tasks.
        merge(&workers)
    }))
}

fn pool(threads: Threads) -> std::io::Result<ThreadPool> {
    ThreadPoolBuilder::new()
        .num_threads(threads.steps + threads.packs + threads.pieces)
        .thread_name(|number| format!("step {number}"))
        .build()
        .map_err(std::io::Error::other)
}

fn work<W, R>(
    begun: &Barrier,
    queue: &Mutex<Receiver<W>>,
    done: &Sender<Done<R>>,
    run: impl Fn(W) -> R,
) {
    begun.wait();
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = next else { return };
        let result = catch_unwind(AssertUnwindSafe(|| run(work)));
        if done.send(result).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use rayon::prelude::*;

    use super::*;

    #[test]
    fn steps_with_pieces_and_packs_all_come_back() {
        let threads = Threads { steps: 4, packs: 1, pieces: 2 };
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
        assert_eq!(total.unwrap(), want);
    }
}
