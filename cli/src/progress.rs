//! What a build shows while it runs. Any thread reports to a channel; one thread prints.
//!
//! ```text
//! executor::Status --+
//! Task (downloads,   +--> Update --channel--> printing thread --> Printer (tty, plain, quiet, rawjson) --> stderr
//!  archives, …) -----+
//! ```
//!
//! An *item* is a line of its own: a step of the graph, or a task of the command line such as looking up an image.

mod lines;
mod plain;
mod quiet;
mod rawjson;
mod screen;
mod steps;
mod tty;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use executor::Stream;

use crate::args::build::ProgressMode;
use crate::env::Env;

pub(crate) use steps::StepStatus;

/// How many updates may wait to be printed. Beyond that a command waits for its output to be shown, as it would for a
/// slow terminal, and memory stays bounded.
const WAITING: usize = 256;

/// Names an item; in the order in which items were announced.
pub(crate) type ItemId = u32;

/// One thing to show.
#[derive(Debug, Clone)]
pub(crate) struct Update {
    /// Of which item.
    pub(crate) item: ItemId,
    /// When, for durations.
    pub(crate) at: Instant,
    /// When, by the clock.
    pub(crate) time: SystemTime,
    /// What happened.
    pub(crate) what: What,
}

/// What happened to an item.
#[derive(Debug, Clone)]
pub(crate) enum What {
    /// It began.
    Begin {
        /// What people call it.
        name: String,
    },
    /// It wrote something.
    Log {
        /// Where it was written.
        stream: Stream,
        /// The bytes as they came.
        bytes: Vec<u8>,
    },
    /// A part of it got further. Printers without moving parts show it when it is complete.
    Progress {
        /// The part.
        part: String,
        /// How much is done.
        done: u64,
        /// Of how much, if known.
        total: Option<u64>,
    },
    /// It is over.
    End {
        /// How it ended.
        outcome: Outcome,
        /// How long it took.
        took: Duration,
        /// Why it failed, where that is known.
        why: Option<String>,
    },
    /// Something to know, about the item or (item 0) about everything.
    Notice {
        /// One line.
        text: String,
    },
}

/// How an item ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was done.
    Done,
    /// There was nothing to do: an earlier build did it.
    Cached,
    /// It went wrong; what exactly is said at the end.
    Failed,
    /// It was stopped.
    Stopped,
}

/// Shows updates in one form. Only the printing thread calls it.
trait Printer: Send {
    /// Takes an update.
    fn update(&mut self, update: &Update);
    /// Is called about ten times a second while nothing else happens.
    fn tick(&mut self) {}
    /// Everything is over: leaves the terminal as it should stay.
    fn finish(&mut self, counts: Counts);
}

/// How many items there were.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Began.
    pub(crate) begun: u32,
    /// Ended well.
    pub(crate) done: u32,
    /// Ended well, and needed nothing to be done.
    pub(crate) cached: u32,
    /// Whether one failed or was stopped.
    pub(crate) broken: bool,
}

impl Counts {
    fn count(&mut self, what: &What) {
        match what {
            What::Begin { .. } => self.begun += 1,
            What::End { outcome: Outcome::Done, .. } => self.done += 1,
            What::End { outcome: Outcome::Cached, .. } => {
                self.done += 1;
                self.cached += 1;
            }
            What::End { outcome: Outcome::Failed | Outcome::Stopped, .. } => self.broken = true,
            What::Log { .. } | What::Progress { .. } | What::Notice { .. } => {}
        }
    }
}

/// The printing thread.
#[derive(Debug)]
pub(crate) struct Progress {
    reporter: Reporter,
    thread: JoinHandle<()>,
}

impl Progress {
    /// Starts to print in a mode.
    pub(crate) fn start(mode: ProgressMode, env: &Env) -> Progress {
        let printer: Box<dyn Printer> = match mode {
            ProgressMode::Auto if env.stderr_terminal && env.var("TERM") != Some("dumb") => {
                Box::new(tty::Tty::new(env.color()))
            }
            ProgressMode::Tty => Box::new(tty::Tty::new(env.color())),
            ProgressMode::Auto | ProgressMode::Plain => Box::new(plain::Plain::new()),
            ProgressMode::Quiet => Box::new(quiet::Quiet),
            ProgressMode::Rawjson => Box::new(rawjson::RawJson::default()),
        };
        let (sender, receiver) = mpsc::sync_channel(WAITING);
        let thread = std::thread::spawn(move || print(printer, &receiver));
        Progress {
            reporter: Reporter { sender, next: Arc::new(AtomicU32::new(1)), tally: Arc::default() },
            thread,
        }
    }

    /// What others report to.
    pub(crate) fn reporter(&self) -> Reporter {
        self.reporter.clone()
    }

    /// Waits until everything is printed. All reporters but this one's must be gone by then.
    pub(crate) fn finish(self) {
        drop(self.reporter);
        // A printer that panicked has said so; the build's own result counts.
        let _ = self.thread.join();
    }
}

fn print(mut printer: Box<dyn Printer>, receiver: &Receiver<Update>) {
    let mut counts = Counts::default();
    loop {
        match receiver.recv_timeout(Duration::from_millis(100)) {
            Ok(update) => {
                counts.count(&update.what);
                printer.update(&update);
            }
            Err(RecvTimeoutError::Timeout) => printer.tick(),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    printer.finish(counts);
}

/// Reports what happens. Cheap to clone, for any thread.
#[derive(Debug, Clone)]
pub(crate) struct Reporter {
    sender: SyncSender<Update>,
    next: Arc<AtomicU32>,
    tally: Arc<Tally>,
}

/// How many steps of a build have come to an end.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    steps: AtomicU32,
    cached: AtomicU32,
}

impl Tally {
    /// All steps, and those of them that were cached.
    pub(crate) fn counts(&self) -> (u32, u32) {
        (self.steps.load(Ordering::Relaxed), self.cached.load(Ordering::Relaxed))
    }

    fn count(&self, cached: bool) {
        self.steps.fetch_add(1, Ordering::Relaxed);
        self.cached.fetch_add(u32::from(cached), Ordering::Relaxed);
    }
}

impl Reporter {
    /// What was counted so far.
    pub(crate) fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// Begins a task of the command line itself.
    pub(crate) fn task(&self, name: impl Into<String>) -> Task {
        let task = Task {
            reporter: self.clone(),
            item: self.reserve(1),
            begun: Instant::now(),
            outcome: Outcome::Failed,
        };
        self.send(task.item, What::Begin { name: name.into() });
        task
    }

    /// Tells something about everything.
    pub(crate) fn notice(&self, text: impl Into<String>) {
        self.send(0, What::Notice { text: text.into() });
    }

    /// Takes `count` consecutive numbers; gives the first.
    fn reserve(&self, count: u32) -> ItemId {
        self.next.fetch_add(count, Ordering::Relaxed)
    }

    fn send(&self, item: ItemId, what: What) {
        // The printing thread only ends when all reporters are gone, or by a panic it reported itself.
        let _ =
            self.sender.send(Update { item, at: Instant::now(), time: SystemTime::now(), what });
    }
}

/// A task that is under way. Dropped without [`Task::done`], it failed.
#[derive(Debug)]
pub(crate) struct Task {
    reporter: Reporter,
    item: ItemId,
    begun: Instant,
    outcome: Outcome,
}

impl Task {
    /// Tells a line about it.
    pub(crate) fn line(&self, text: &str) {
        let bytes = format!("{text}\n").into_bytes();
        self.reporter.send(self.item, What::Log { stream: Stream::Stdout, bytes });
    }

    /// Tells how far a part of it is.
    pub(crate) fn part(&self, part: &str, done: u64, total: Option<u64>) {
        self.reporter.send(self.item, What::Progress { part: part.to_owned(), done, total });
    }

    /// It worked.
    pub(crate) fn done(mut self) {
        self.outcome = Outcome::Done;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let end = What::End { outcome: self.outcome, took: self.begun.elapsed(), why: None };
        self.reporter.send(self.item, end);
    }
}
