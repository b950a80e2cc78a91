//! `HEALTHCHECK`: how to see whether a container is well.

use crate::diagnostic::Diagnostic;
use crate::duration::{self, Nanoseconds};
use crate::flags::{FlagReader, Takes};
use crate::instruction::{CommandLine, Draft};
use crate::quote::quoted;
use crate::word::Word;

/// `HEALTHCHECK`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Healthcheck {
    /// `HEALTHCHECK NONE`
    None,
    /// `HEALTHCHECK [options] CMD …`
    Check {
        /// The command.
        line: CommandLine,
        /// Durations in nanoseconds, already checked; 0 if not given.
        timings: HealthTimings,
        /// `--retries`
        retries: i64,
    },
}

/// The durations of a health check, in nanoseconds; 0 if not given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HealthTimings {
    /// `--interval`
    pub interval: i64,
    /// `--timeout`
    pub timeout: i64,
    /// `--start-period`
    pub start_period: i64,
    /// `--start-interval`
    pub start_interval: i64,
}

const FLAGS: &[(&str, Takes)] = &[
    ("interval", Takes::Value),
    ("timeout", Takes::Value),
    ("start-period", Takes::Value),
    ("start-interval", Takes::Value),
    ("retries", Takes::Value),
];

/// The shortest time that makes sense to BuildKit.
const MIN_TIME: Nanoseconds = 1_000_000;

pub(super) fn read(draft: &Draft<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Healthcheck> {
    draft.at_least_one(diagnostics)?;
    let (kind, words) = draft.args.split_first()?;
    let upper = kind.text.to_uppercase();
    if upper == "NONE" {
        // Flags are not even looked at.
        if words.is_empty() {
            return Some(Healthcheck::None);
        }
        let message = "HEALTHCHECK NONE takes no arguments";
        let span = words[0].span.to(words[words.len() - 1].span);
        diagnostics.push(Diagnostic::error("invalid-healthcheck", message, span));
        return None;
    }
    let flags = FlagReader::new(draft.flags, FLAGS, diagnostics);
    let mut time = |name| time(&flags, name, diagnostics);
    let timings = HealthTimings {
        interval: time("interval"),
        timeout: time("timeout"),
        start_period: time("start-period"),
        start_interval: time("start-interval"),
    };
    let retries = flags.value("retries").map_or(0, |word| retries(&word, diagnostics));
    if upper != "CMD" {
        let message = format!("Unknown type {} in HEALTHCHECK (try CMD)", quoted(&upper));
        diagnostics.push(
            Diagnostic::error("invalid-healthcheck", message, kind.span)
                .help("write `HEALTHCHECK CMD command` or `HEALTHCHECK NONE`"),
        );
        return None;
    }
    if words.is_empty() {
        let message = "Missing command after HEALTHCHECK CMD";
        diagnostics.push(Diagnostic::error("missing-argument", message, kind.span));
        return None;
    }
    Some(Healthcheck::Check { line: CommandLine::read(draft, words), timings, retries })
}

fn time(flags: &FlagReader<'_>, name: &str, diagnostics: &mut Vec<Diagnostic>) -> Nanoseconds {
    let Some(word) = flags.value(name).filter(|word| !word.text.is_empty()) else { return 0 };
    let message = match duration::parse(&word.text) {
        Ok(time) if time == 0 || time >= MIN_TIME => return time,
        Ok(_) => format!("Interval {name:?} cannot be less than 1ms"),
        Err(message) => message,
    };
    diagnostics.push(
        Diagnostic::error("invalid-flag-value", message, word.span)
            .help("write a number and a unit: `30s`, `1m30s`, `500ms`"),
    );
    0
}

fn retries(word: &Word, diagnostics: &mut Vec<Diagnostic>) -> i64 {
    let text = word.text.as_str();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let message = if text.is_empty() {
        return 0;
    } else if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        format!("strconv.ParseInt: parsing {}: invalid syntax", quoted(text))
    } else {
        match text.parse::<i32>() {
            Ok(number) if number >= 0 => return number.into(),
            Ok(number) => format!("--retries cannot be negative ({number})"),
            Err(_) => format!("strconv.ParseInt: parsing {}: value out of range", quoted(text)),
        }
    };
    let error = Diagnostic::error("invalid-flag-value", message, word.span);
    diagnostics.push(error.help("write a whole number, such as `--retries=3`"));
    0
}
