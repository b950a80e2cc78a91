//! Parts of an item that move bytes: how far each is, and how fast.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::options::size;
use crate::render::table::shorten;

/// A rate is that of so long a time.
const WINDOW: Duration = Duration::from_secs(4);
/// So long lie between two points that a rate is taken from.
const STRIDE: Duration = Duration::from_millis(200);
/// Before that a rate would be a guess.
const TOO_SOON: Duration = Duration::from_millis(500);
/// The longest bar, and the shortest that says anything.
const BAR: std::ops::RangeInclusive<usize> = 8..=30;

/// How far one part is.
#[derive(Debug)]
pub(super) struct Part {
    done: u64,
    total: Option<u64>,
    begun: Instant,
    points: VecDeque<(Instant, u64)>,
    told: Option<Instant>,
}

/// The parts of an item that are under way.
#[derive(Debug, Default)]
pub(super) struct Parts {
    open: BTreeMap<String, Part>,
    moved: u64,
}

/// What news of a part means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News<'a> {
    /// It got further.
    On(&'a mut Part),
    /// All of it is done, in so many bytes a second, if it took long enough to say.
    Complete(Option<u64>),
}

impl PartialEq for Part {
    fn eq(&self, other: &Part) -> bool {
        (self.done, self.total) == (other.done, other.total)
    }
}

impl Eq for Part {}

impl Parts {
    /// Takes news of a part.
    pub(super) fn advance(
        &mut self,
        name: &str,
        at: Instant,
        (done, total): (u64, Option<u64>),
    ) -> News<'_> {
        let new =
            || Part { done: 0, total, begun: at, points: VecDeque::from([(at, done)]), told: None };
        let part = self.open.entry(name.to_owned()).or_insert_with(new);
        if done == 0 {
            // It has waited for others until now, or begins anew.
            part.begun = at;
            part.points = VecDeque::from([(at, 0)]);
        }
        self.moved += done.saturating_sub(part.done);
        part.advance(at, done, total);
        if total.is_some_and(|total| done >= total) {
            let part = self.open.remove(name).expect("it was put there");
            let took = at.duration_since(part.begun);
            return News::Complete((took >= WINDOW / 4).then(|| rate_of(done, took)));
        }
        News::On(self.open.get_mut(name).expect("it was put there"))
    }

    /// How many bytes have passed, parts that are complete included.
    pub(super) fn moved(&self) -> u64 {
        self.moved
    }

    /// How many bytes pass in a second.
    pub(super) fn rate(&self, now: Instant) -> Option<u64> {
        let rates = self.open.values().filter_map(|part| part.rate(now));
        rates.reduce(|sum, rate| sum + rate)
    }

    /// A line for each, no wider than `width`.
    pub(super) fn lines(&self, width: usize, now: Instant) -> Vec<String> {
        let longest = self.open.keys().map(|name| name.chars().count()).max().unwrap_or(0);
        let mut parts: Vec<_> = self.open.iter().collect();
        // What waits comes behind what moves.
        parts.sort_by_key(|(_, part)| part.done == 0);
        parts.iter().map(|(name, part)| part.line(name, longest, width, now)).collect()
    }
}

impl Part {
    fn advance(&mut self, at: Instant, done: u64, total: Option<u64>) {
        if done < self.done {
            // What had come was of no use.
            self.points = VecDeque::from([(at, done)]);
        }
        (self.done, self.total) = (done, total);
        if self.points.back().is_none_or(|(last, _)| *last + STRIDE <= at) {
            self.points.push_back((at, done));
        }
        while self.points.len() > 2 && self.points[1].0 + WINDOW <= at {
            self.points.pop_front();
        }
    }

    /// Bytes a second, lately.
    fn rate(&self, now: Instant) -> Option<u64> {
        let (first, before) = *self.points.front()?;
        let took = now.duration_since(first);
        (took >= TOO_SOON).then(|| rate_of(self.done.saturating_sub(before), took))
    }

    /// Whether it is time to tell about it: a while after it began, and in a rhythm from then on.
    pub(super) fn is_due(&mut self, at: Instant, first: Duration, then: Duration) -> bool {
        let is_due = match self.told {
            None => self.begun + first <= at,
            Some(told) => told + then <= at,
        };
        if is_due {
            self.told = Some(at);
        }
        is_due
    }

    /// `3.89MB / 8.00MB  1.95MB/s`
    pub(super) fn text(&self, now: Instant) -> String {
        let mut text = match (self.done, self.total) {
            (0, None) => String::new(),
            (done, None) => size::show(done),
            (done, Some(total)) => format!("{} / {}", size::show(done), size::show(total)),
        };
        if let Some(rate) = self.rate(now).filter(|_| !text.is_empty()) {
            text.push_str("  ");
            text.push_str(&per_second(rate));
        }
        text
    }

    fn line(&self, name: &str, longest: usize, width: usize, now: Instant) -> String {
        let text = self.text(now);
        // So that the bars keep their length while the rate changes.
        let behind = text.len().max(28);
        let room = width.saturating_sub(longest + behind + 5);
        let bar = match self.total {
            Some(total) if BAR.contains(&room.min(*BAR.end())) => {
                bar(self.done, total, room.min(*BAR.end()))
            }
            Some(_) | None => String::new(),
        };
        let pad = longest.saturating_sub(name.chars().count());
        let line = match bar.as_str() {
            "" => format!("{name} {text}"),
            bar => format!("{name}{:pad$} {bar} {text}", ""),
        };
        shorten(line.trim_end(), width)
    }
}

/// `[=====>    ]`
fn bar(done: u64, total: u64, length: usize) -> String {
    let share = done.min(total) as f64 / total.max(1) as f64;
    let full = (share * length as f64) as usize;
    let arrow = if full < length { ">" } else { "" };
    let empty = length - full - arrow.len();
    format!("[{}{arrow}{}]", "=".repeat(full), " ".repeat(empty))
}

/// `1.95MB/s`
pub(super) fn per_second(rate: u64) -> String {
    format!("{}/s", size::show(rate))
}

/// Bytes a second.
pub(super) fn rate_of(bytes: u64, took: Duration) -> u64 {
    (bytes as f64 / took.as_secs_f64().max(0.001)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_of_late() {
        let start = Instant::now();
        let mut parts = Parts::default();
        let mut at = |millis, done| {
            let now = start + Duration::from_millis(millis);
            let news = parts.advance("a", now, (done, Some(100_000_000)));
            match news {
                News::On(part) => part.rate(now),
                News::Complete(rate) => rate,
            }
        };
        assert_eq!(at(0, 0), None);
        assert_eq!(at(100, 1_000_000), None);
        assert_eq!(at(1000, 10_000_000), Some(10_000_000));
        // Ten times slower, and in the end that is what is said.
        for second in 2..12 {
            at(second * 1000, 10_000_000 + (second - 1) * 1_000_000);
        }
        assert_eq!(at(12_000, 21_000_000), Some(1_000_000));
        assert_eq!(at(20_000, 100_000_000), Some(5_000_000));
        assert_eq!((parts.moved(), parts.open.len()), (100_000_000, 0));
    }

    #[test]
    fn lines_fit() {
        let start = Instant::now();
        let mut parts = Parts::default();
        parts.advance("91dad8d2d39e", start, (0, Some(16_000_000)));
        parts.advance(
            "91dad8d2d39e",
            start + Duration::from_secs(2),
            (4_000_000, Some(16_000_000)),
        );
        let line = |width| parts.lines(width, start + Duration::from_secs(2)).remove(0);
        assert_eq!(
            line(90),
            "91dad8d2d39e [=======>                      ] 4.00MB / 16.0MB  2.00MB/s"
        );
        assert_eq!(line(60), "91dad8d2d39e [===>           ] 4.00MB / 16.0MB  2.00MB/s");
        assert_eq!(line(40), "91dad8d2d39e 4.00MB / 16.0MB  2.00MB/s");
        assert_eq!(line(20).chars().count(), 20);
    }

    #[test]
    fn what_has_no_size_has_no_bar() {
        let start = Instant::now();
        let mut parts = Parts::default();
        parts.advance("layer", start, (0, None));
        assert_eq!(parts.lines(80, start), ["layer"]);
        parts.advance("layer", start + Duration::from_secs(1), (2_000_000, None));
        assert_eq!(parts.lines(80, start + Duration::from_secs(1)), ["layer 2.00MB  2.00MB/s"]);
    }
}
