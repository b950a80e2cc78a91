//! Live lines for a terminal: what is done scrolls up and stays, what runs stands below it with a clock and the last
//! lines of its output.
//!
//! ```text
//!  => [build 1/3] FROM docker.io/library/alpine:3.22                    1.2s
//!  => CACHED [build 2/3] WORKDIR /src                                   0.0s
//! [+] Building 14.1s (2/4)  2.02MB/s
//!  => [build 3/3] RUN make                                             12.8s
//!  =>   cc -O2 -c main.c
//!  => fetching layers of docker.io/library/python:3                     1.3s
//!  =>   91dad8d2d39e [=====>              ] 3.86MB / 16.0MB  2.02MB/s
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use unicode_width::UnicodeWidthStr;

use super::lines::{Lines, uncolored};
use super::parts::{Parts, per_second, rate_of};
use super::screen::Screen;
use super::{Counts, Doing, ItemId, Outcome, Printer, Update, What};
use crate::options::size;
use crate::render::table::shorten;
use crate::render::time;

/// How many lines of output a running item shows.
const TAIL: usize = 6;
/// What takes less has no rate worth saying.
const QUICK: Duration = Duration::from_millis(500);
/// How often the live lines are drawn at most.
const FRAME: Duration = Duration::from_millis(80);

/// Draws live lines on standard error.
#[derive(Debug)]
pub(super) struct Tty {
    doing: Doing,
    bar: ProgressBar,
    screen: Screen,
    running: BTreeMap<ItemId, Item>,
    counts: Counts,
    begun: Instant,
    drawn: Instant,
    color: bool,
}

#[derive(Debug)]
struct Item {
    name: String,
    begun: Instant,
    lines: Lines,
    tail: VecDeque<String>,
    parts: Parts,
}

/// What a line is drawn in.
#[derive(Clone, Copy)]
enum Ink {
    Plain,
    Live,
    Good,
    Bad,
    Faint,
}

impl Tty {
    /// Nothing is drawn yet.
    pub(super) fn new(doing: Doing, color: bool) -> Tty {
        let screen = Screen::default();
        let target = match io::stderr().is_terminal() {
            true => ProgressDrawTarget::term_like(Box::new(screen.clone())),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(ProgressStyle::with_template("{msg}").expect("a template of ours is valid"));
        let now = Instant::now();
        Tty {
            doing,
            bar,
            screen,
            running: BTreeMap::new(),
            counts: Counts::default(),
            begun: now,
            drawn: now,
            color,
        }
    }

    fn ink(&self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Plain => return text.to_owned(),
            Ink::Live => "36",
            Ink::Good => "34",
            Ink::Bad => "1;31",
            Ink::Faint => "2",
        };
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// ` => NAME      TIME`, the time at the right edge.
    fn item_line(&self, ink: Ink, name: &str, took: Duration) -> String {
        self.line(ink, name, &time::duration(took))
    }

    fn line(&self, ink: Ink, name: &str, time: &str) -> String {
        let width = usize::from(size_of_terminal().0);
        // Room is left for the `^C` that a terminal shows: a line that wraps would upset the drawing.
        let room = width.saturating_sub(time.len() + 8).max(10);
        let name = shorten(name, room);
        let pad = room.saturating_sub(name.width());
        self.ink(ink, &format!(" => {name}{:pad$} {time}", ""))
    }

    /// What stays of an item that is over.
    fn keep(&self, item: &Item, outcome: Outcome, took: Duration) {
        let (ink, word) = match outcome {
            Outcome::Done => (Ink::Good, ""),
            Outcome::Cached => (Ink::Good, "CACHED "),
            Outcome::Failed => (Ink::Bad, "ERROR "),
            Outcome::Stopped => (Ink::Faint, "CANCELED "),
        };
        if self.doing == Doing::Looking {
            return;
        }
        let (moved, time) = (item.parts.moved(), time::duration(took));
        let behind = match moved {
            0 => time,
            moved if took < QUICK => format!("{}  {time}", size::show(moved)),
            moved => {
                let rate = per_second(rate_of(moved, took));
                format!("{}  {rate}  {time}", size::show(moved))
            }
        };
        self.bar.println(self.line(ink, &format!("{word}{}", item.name), &behind));
    }

    fn draw(&mut self) {
        let (width, height) = size_of_terminal();
        let (width, height) = (usize::from(width), usize::from(height).max(6));
        let elapsed = time::duration(self.begun.elapsed());
        let (done, all) = (self.counts.done, self.counts.begun);
        let now = Instant::now();
        let mut head = format!("[+] {} {elapsed}", self.doing.word());
        if self.doing == Doing::Building {
            head.push_str(&format!(" ({done}/{all})"));
        }
        let rates = self.running.values().filter_map(|item| item.parts.rate(now));
        if let Some(rate) = rates.reduce(|sum, rate| sum + rate) {
            head.push_str(&format!("  {}", per_second(rate)));
        }
        let mut lines = vec![self.ink(Ink::Plain, &shorten(&head, width))];
        // Every running item gets its line; what room is left is shared among their tails.
        let room = (height - 3).saturating_sub(self.running.len());
        let tail = (room / self.running.len().max(1)).min(TAIL);
        for item in self.running.values() {
            if lines.len() + 2 >= height {
                break;
            }
            lines.push(self.item_line(Ink::Live, &item.name, item.begun.elapsed()));
            let inner = width.saturating_sub(8);
            let parts = item.parts.lines(inner, now).into_iter();
            let current = item.lines.current().map(|line| uncolored(&line));
            let lines_of_tail = item.tail.iter().cloned().chain(current);
            let count = lines_of_tail.clone().count();
            let tail_lines = lines_of_tail.skip(count.saturating_sub(tail));
            for text in parts.chain(tail_lines).take(tail) {
                let text = shorten(&text, inner);
                lines.push(self.ink(Ink::Faint, &format!(" =>   {text}")));
            }
        }
        self.bar.set_message(lines.join("\n"));
        self.bar.tick();
        self.drawn = Instant::now();
    }
}

impl Printer for Tty {
    fn update(&mut self, update: &Update) {
        self.counts.count(&update.what);
        match &update.what {
            What::Begin { name } => {
                let item = Item {
                    name: name.replace('\n', " "),
                    begun: update.at,
                    lines: Lines::default(),
                    tail: VecDeque::new(),
                    parts: Parts::default(),
                };
                self.running.insert(update.item, item);
            }
            What::Log { bytes, .. } => {
                if let Some(item) = self.running.get_mut(&update.item) {
                    for line in item.lines.push(bytes) {
                        item.tail.push_back(uncolored(&line));
                        if item.tail.len() > TAIL {
                            item.tail.pop_front();
                        }
                    }
                }
            }
            What::Progress { part, done, total } => {
                if let Some(item) = self.running.get_mut(&update.item) {
                    item.parts.advance(part, update.at, (*done, *total));
                }
            }
            What::Notice { text } => self.bar.println(self.ink(Ink::Plain, text)),
            What::End { outcome, took, why: _ } => {
                if let Some(item) = self.running.remove(&update.item) {
                    let took = match outcome {
                        Outcome::Done | Outcome::Cached => *took,
                        Outcome::Failed | Outcome::Stopped => item.begun.elapsed(),
                    };
                    self.keep(&item, *outcome, took);
                }
            }
        }
        if self.drawn.elapsed() >= FRAME {
            self.draw();
        }
    }

    fn tick(&mut self) {
        self.draw();
    }

    fn finish(&mut self, counts: Counts) {
        self.bar.finish_and_clear();
        // Of a pull or a push all is said by the line of the one item that it has.
        if counts.begun == 0 || self.doing != Doing::Building {
            self.screen.end_line();
            return;
        }
        let elapsed = time::duration(self.begun.elapsed());
        let Counts { begun, done, cached, broken } = counts;
        let (ink, word) = if broken { (Ink::Bad, "FAILED") } else { (Ink::Good, "FINISHED") };
        let text = format!("[+] Building {elapsed} ({done}/{begun}, {cached} cached) {word}");
        self.bar.println(self.ink(ink, &text));
        self.screen.end_line();
    }
}

/// Columns and rows of the terminal.
pub(super) fn size_of_terminal() -> (u16, u16) {
    match rustix::termios::tcgetwinsize(rustix::stdio::stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        Ok(_) | Err(_) => (80, 24),
    }
}
