//! Lines as BuildKit prints them without a terminal, so that tools which read those read ours:
//!
//! ```text
//! #5 [build 2/5] RUN make
//! #5 0.123 output
//! #5 DONE 0.3s
//!
//! #6 [build 3/5] COPY a b
//! #6 CACHED
//!
//! #7 pushing registry.lan/app:1
//! #7 91dad8d2d39e 3.86MB / 16.0MB  1.93MB/s
//! #7 91dad8d2d39e 16.0MB 1.95MB/s done
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use super::lines::Lines;
use super::parts::{News, Parts, per_second};
use super::{Counts, ItemId, Outcome, Printer, Update, What};
use crate::options::size;

/// When it is first told how far something is, and how often from then on.
const FIRST: Duration = Duration::from_secs(1);
const THEN: Duration = Duration::from_secs(5);

/// Prints lines to standard error.
#[derive(Debug)]
pub(super) struct Plain {
    items: BTreeMap<ItemId, Item>,
    shown: u32,
    last: Option<ItemId>,
}

#[derive(Debug)]
struct Item {
    number: u32,
    name: String,
    begun: Instant,
    lines: Lines,
    parts: Parts,
}

impl Plain {
    /// Nothing is printed yet.
    pub(super) fn new() -> Plain {
        Plain { items: BTreeMap::new(), shown: 0, last: None }
    }

    /// The lines of one update.
    fn text(&mut self, update: &Update) -> String {
        let mut text = String::new();
        if let What::Begin { name } = &update.what {
            self.shown += 1;
            let item = Item {
                number: self.shown,
                name: name.clone(),
                begun: update.at,
                lines: Lines::default(),
                parts: Parts::default(),
            };
            self.items.insert(update.item, item);
            self.head(update.item, &mut text);
            return text;
        }
        let Some(item) = self.items.get_mut(&update.item) else {
            if let What::Notice { text: notice } = &update.what {
                let _ = writeln!(text, "{notice}");
            }
            return text;
        };
        let number = item.number;
        let elapsed = update.at.duration_since(item.begun).as_secs_f64();
        let mut body = String::new();
        match &update.what {
            What::Begin { .. } => unreachable!("handled above"),
            What::Log { bytes, .. } => {
                for line in item.lines.push(bytes) {
                    let _ = writeln!(body, "#{number} {elapsed:.3} {line}");
                }
            }
            What::Progress { part, done, total } => {
                match item.parts.advance(part, update.at, (*done, *total)) {
                    News::Complete(rate) => {
                        let rate = rate.map(|rate| format!(" {}", per_second(rate)));
                        let (rate, done) = (rate.unwrap_or_default(), size::show(*done));
                        let _ = writeln!(body, "#{number} {part} {done}{rate} done");
                    }
                    News::On(it) => {
                        if it.is_due(update.at, FIRST, THEN) {
                            let _ = writeln!(body, "#{number} {part} {}", it.text(update.at));
                        }
                    }
                }
            }
            What::Notice { text } => {
                let _ = writeln!(body, "#{number} {text}");
            }
            What::End { outcome, took, why } => {
                if let Some(line) = item.lines.take() {
                    let _ = writeln!(body, "#{number} {elapsed:.3} {line}");
                }
                let _ = match outcome {
                    Outcome::Done => writeln!(body, "#{number} DONE {:.1}s", took.as_secs_f64()),
                    Outcome::Cached => writeln!(body, "#{number} CACHED"),
                    Outcome::Failed => match why {
                        Some(why) => writeln!(body, "#{number} ERROR: {}", why.replace('\n', " ")),
                        None => writeln!(body, "#{number} ERROR"),
                    },
                    Outcome::Stopped => writeln!(body, "#{number} CANCELED"),
                };
            }
        }
        if !body.is_empty() && self.last != Some(update.item) {
            self.head(update.item, &mut text);
        }
        text.push_str(&body);
        if matches!(update.what, What::End { .. }) {
            self.items.remove(&update.item);
        }
        text
    }

    /// The line that says whose lines follow, behind a blank one.
    fn head(&mut self, id: ItemId, text: &mut String) {
        let item = &self.items[&id];
        if self.last.is_some() {
            text.push('\n');
        }
        let name = item.name.replace('\n', " ");
        let _ = writeln!(text, "#{} {name}", item.number);
        self.last = Some(id);
    }
}

impl Printer for Plain {
    fn update(&mut self, update: &Update) {
        let text = self.text(update);
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    fn finish(&mut self, _: Counts) {
        if self.last.is_some() {
            let _ = io::stderr().lock().write_all(b"\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use executor::Stream;

    use super::*;

    #[test]
    fn says_whose_lines_follow() {
        let mut plain = Plain::new();
        let start = Instant::now();
        let mut show = |item, millis, what| {
            let at = start + Duration::from_millis(millis);
            plain.text(&Update { item, at, time: SystemTime::UNIX_EPOCH, what })
        };
        let log =
            |text: &str| What::Log { stream: Stream::Stdout, bytes: text.as_bytes().to_vec() };
        let end = |outcome| What::End { outcome, took: Duration::from_millis(340), why: None };
        let mut text = show(7, 0, What::Begin { name: "[1/2] RUN a".into() });
        text += &show(9, 10, What::Begin { name: "[2/2] RUN b".into() });
        text += &show(7, 123, log("one\ntw"));
        text += &show(7, 200, log("o\nrest"));
        text += &show(9, 300, end(Outcome::Cached));
        text += &show(7, 340, end(Outcome::Done));
        assert_eq!(
            text,
            "#1 [1/2] RUN a\n\n#2 [2/2] RUN b\n\n#1 [1/2] RUN a\n#1 0.123 one\n#1 0.200 two\n\
             \n#2 [2/2] RUN b\n#2 CACHED\n\n#1 [1/2] RUN a\n#1 0.340 rest\n#1 DONE 0.3s\n"
        );
    }
    #[test]
    fn tells_now_and_then_how_far_something_is() {
        let mut plain = Plain::new();
        let start = Instant::now();
        let mut show = |millis, what| {
            let at = start + Duration::from_millis(millis);
            plain.text(&Update { item: 1, at, time: SystemTime::UNIX_EPOCH, what })
        };
        let part = |done| What::Progress { part: "abc".into(), done, total: Some(20_000_000) };
        let mut text = show(0, What::Begin { name: "pulling a".into() });
        for tenth in 0..80 {
            text += &show(tenth * 100, part(tenth * 100_000));
        }
        text += &show(8000, part(20_000_000));
        assert_eq!(
            text,
            "#1 pulling a\n#1 abc 1.00MB / 20.0MB  1.00MB/s\n#1 abc 6.00MB / 20.0MB  1.00MB/s\n\
             #1 abc 20.0MB 2.50MB/s done\n"
        );
    }
}
