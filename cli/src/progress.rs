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
mod parts;
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

use executor::{Cancel, Stream};

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

/// What a command is doing, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    /// A build.
    Building,
    /// A pull.
    Pulling,
    /// A push.
    Pushing,
    /// Looking at what a build would do. Of that nothing stays on the screen, for the result is what is wanted.
    Looking,
}

impl Doing {
    fn word(self) -> &'static str {
        match self {
            Doing::Building => "Building",
            Doing::Pulling => "Pulling",
            Doing::Pushing => "Pushing",
            Doing::Looking => "Looking",
        }
    }
}

/// The printing thread. It ends with this value.
#[derive(Debug)]
pub(crate) struct Progress {
    reporter: Reporter,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Starts to print in a mode. What is unfinished when `cancel` is thrown was stopped, and did not fail.
    pub(crate) fn start(doing: Doing, mode: ProgressMode, env: &Env, cancel: &Cancel) -> Progress {
        let is_live = env.stderr_terminal && env.var("TERM") != Some("dumb");
        let printer: Box<dyn Printer> = match mode {
            ProgressMode::Auto if is_live => Box::new(tty::Tty::new(doing, env.color())),
            ProgressMode::Tty => Box::new(tty::Tty::new(doing, env.color())),
            ProgressMode::Auto | ProgressMode::Plain if doing == Doing::Looking => {
                Box::new(quiet::Quiet::with_notices())
            }
            ProgressMode::Auto | ProgressMode::Plain => Box::new(plain::Plain::new()),
            ProgressMode::Quiet => Box::new(quiet::Quiet::default()),
            ProgressMode::Rawjson => Box::new(rawjson::RawJson::default()),
        };
        let (sender, receiver) = mpsc::sync_channel(WAITING);
        let thread = std::thread::spawn(move || print(printer, &receiver));
        let next = Arc::new(AtomicU32::new(1));
        let reporter = Reporter { sender, next, tally: Arc::default(), cancel: cancel.clone() };
        Progress { reporter, thread: Some(thread) }
    }

    /// What others report to. What comes after the end is lost.
    pub(crate) fn reporter(&self) -> Reporter {
        self.reporter.clone()
    }

    /// Waits until everything that was reported is printed, and leaves the terminal to others.
    pub(crate) fn finish(self) {
        drop(self);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // A printer that panicked has said so; the command's own result counts.
        let _ = self.reporter.sender.send(None);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn print(mut printer: Box<dyn Printer>, receiver: &Receiver<Option<Update>>) {
    let mut counts = Counts::default();
    loop {
        match receiver.recv_timeout(Duration::from_millis(100)) {
            Ok(Some(update)) => {
                counts.count(&update.what);
                printer.update(&update);
            }
            Err(RecvTimeoutError::Timeout) => printer.tick(),
            Ok(None) | Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    printer.finish(counts);
}

/// Reports what happens. Cheap to clone, for any thread.
#[derive(Debug, Clone)]
pub(crate) struct Reporter {
    /// Nothing in place of an update: the end.
    sender: SyncSender<Option<Update>>,
    next: Arc<AtomicU32>,
    tally: Arc<Tally>,
    cancel: Cancel,
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
            is_done: false,
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
        let update = Update { item, at: Instant::now(), time: SystemTime::now(), what };
        // The printing thread may be gone: the command is over then, or the thread has reported its own panic.
        let _ = self.sender.send(Some(update));
    }
}

/// A task that is under way. Dropped without [`Task::done`], it failed, or was stopped.
#[derive(Debug)]
pub(crate) struct Task {
    reporter: Reporter,
    item: ItemId,
    begun: Instant,
    is_done: bool,
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
        self.is_done = true;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let outcome = match (self.is_done, self.reporter.cancel.is_cancelled()) {
            (true, _) => Outcome::Done,
            (false, true) => Outcome::Stopped,
            (false, false) => Outcome::Failed,
        };
        let end = What::End { outcome, took: self.begun.elapsed(), why: None };
        self.reporter.send(self.item, end);
    }
}
