//! The report: tables for people, JSON for tools.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use super::contestant::{Field, Problem};
use super::json::Json;
use super::measure::{Figures, Row};
use super::options::Options;
use super::workloads::GROWTH;
use crate::process;

/// The version of the JSON form; raised when a field goes or changes its meaning.
const VERSION: f64 = 1.0;

/// All that a run found out.
#[derive(Debug)]
pub(super) struct Report {
    date: String,
    machine: Machine,
    runs: usize,
    scale: f64,
    builders: Vec<Participant>,
    absent: Vec<(String, String)>,
    rows: Vec<Row>,
}

/// A builder, for the report.
#[derive(Debug)]
struct Participant {
    name: String,
    version: String,
    memory: &'static str,
}

/// Why a builder has no figures in some workloads.
#[derive(Debug)]
struct Reason {
    builder: String,
    workloads: Vec<&'static str>,
    reason: String,
}

/// Where it was measured.
#[derive(Debug)]
struct Machine {
    cpus: usize,
    cpu: String,
    memory: u64,
    kernel: String,
}

impl Machine {
    fn this() -> Machine {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let field = |path: &str, name: &str| {
            let text = text(path);
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let memory = field("/proc/meminfo", "MemTotal");
        let memory = memory.split(' ').next().and_then(|it| it.parse::<u64>().ok());
        Machine {
            cpus,
            cpu: field("/proc/cpuinfo", "model name"),
            memory: memory.unwrap_or(0) * 1024,
            kernel: text("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }
}

/// The median, the smallest and the largest.
fn summary(times: &[f64]) -> (f64, f64, f64) {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let median = match sorted.len() {
        0 => f64::NAN,
        even if even % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    };
    let end = |it: Option<&f64>| it.copied().unwrap_or(f64::NAN);
    (median, end(sorted.first()), end(sorted.last()))
}

/// The figures of a builder in a row.
fn of<'a>(row: &'a Row, name: &str) -> Option<&'a Figures> {
    row.results.iter().find(|(it, _)| it == name)?.1.as_ref().ok()
}

/// One line for the progress: the medians.
pub(super) fn medians(row: &Row) -> String {
    let each = row.results.iter().map(|(name, result)| match result {
        Ok(figures) => format!("{name} {}", seconds(summary(&figures.times).0)),
        Err(Problem::Missing(_)) => format!("{name} —"),
        Err(Problem::Failed(why)) => format!("{name} FAILED: {why}"),
    });
    each.collect::<Vec<_>>().join(", ")
}

/// A time as people read it: three digits.
fn seconds(time: f64) -> String {
    if time < 0.9995 {
        format!("{} ms", digits(time * 1000.0))
    } else {
        format!("{} s", digits(time))
    }
}

fn digits(number: f64) -> String {
    let places = if number < 9.995 {
        2
    } else if number < 99.95 {
        1
    } else {
        0
    };
    format!("{number:.places$}")
}

impl Report {
    /// Puts together what was measured.
    pub(super) fn new(options: &Options, field: Field, rows: Vec<Row>) -> Report {
        let date = process::output(Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]));
        let builders = field.builders.iter().map(|builder| Participant {
            name: builder.name().to_owned(),
            version: builder.version(),
            memory: builder.memory(),
        });
        Report {
            date: date.unwrap_or_default().trim().to_owned(),
            machine: Machine::this(),
            runs: options.runs,
            scale: options.scale,
            builders: builders.collect(),
            absent: field.absent,
            rows,
        }
    }

    /// Workloads of dfc that failed.
    pub(super) fn failures(&self) -> Vec<&'static str> {
        let failed = |row: &&Row| {
            let of_dfc = row.results.iter().find(|(name, _)| name == "dfc");
            of_dfc.is_some_and(|(_, result)| matches!(result, Err(Problem::Failed(_))))
        };
        self.rows.iter().filter(failed).map(|row| row.workload.name).collect()
    }

    /// The growth that was measured: what, how many times as long, and the limit.
    fn growth(&self) -> Vec<(&'static str, f64, f64)> {
        let median = |name: &str| {
            let row = self.rows.iter().find(|row| row.workload.name == name)?;
            Some(summary(&of(row, "dfc")?.times).0)
        };
        let each = GROWTH.iter();
        each.filter_map(|(what, small, large, limit)| {
            Some((*what, median(large)? / median(small)?, *limit))
        })
        .collect()
    }

    /// The tables.
    pub(super) fn human(&self) -> String {
        let mut text = String::new();
        let machine = &self.machine;
        let _ = writeln!(
            text,
            "{}, {} cores of {}, {} GB, Linux {}; medians of {} runs",
            self.date,
            machine.cpus,
            if machine.cpu.is_empty() { "an unknown processor" } else { &machine.cpu },
            machine.memory.div_ceil(1 << 30),
            machine.kernel,
            self.runs
        );
        if self.scale != 1.0 {
            let _ = writeln!(
                text,
                "All sizes times {}: these figures compare with no others.",
                self.scale
            );
        }
        text.push('\n');
        let mut table = vec![
            ["#", "workload", "builder", "median", "min..max", "dfc is", "memory"]
                .map(str::to_owned)
                .to_vec(),
        ];
        let mut reasons = Vec::new();
        for row in &self.rows {
            self.lines(row, &mut table, &mut reasons);
        }
        text.push_str(&aligned(&table));
        let growth = self.growth();
        if !growth.is_empty() {
            text.push('\n');
            let mut table = vec![["growth of dfc", "time", "limit"].map(str::to_owned).to_vec()];
            for (what, ratio, limit) in growth {
                table.push(vec![what.into(), format!("{ratio:.1} x"), format!("{limit} x")]);
            }
            text.push_str(&aligned(&table));
        }
        text.push('\n');
        for builder in &self.builders {
            let (name, version, memory) = (&builder.name, &builder.version, builder.memory);
            let _ = writeln!(text, "{name}: {version}; memory of {memory}");
        }
        for (name, reason) in &self.absent {
            let _ = writeln!(text, "{name}: not measured: {reason}");
        }
        for Reason { builder, workloads, reason } in reasons {
            let _ = writeln!(text, "{builder}: — in {}: {reason}", workloads.join(", "));
        }
        text
    }

    fn lines(&self, row: &Row, table: &mut Vec<Vec<String>>, reasons: &mut Vec<Reason>) {
        let workload = row.workload;
        let base = of(row, "dfc").map(|figures| summary(&figures.times).0);
        for (number, (name, result)) in row.results.iter().enumerate() {
            let mut line = match number {
                0 => vec![workload.group.into(), format!("{}: {}", workload.name, workload.title)],
                _ => vec![String::new(), String::new()],
            };
            line.push(name.clone());
            match result {
                Ok(figures) => {
                    let (median, min, max) = summary(&figures.times);
                    line.push(seconds(median));
                    line.push(format!("{} .. {}", seconds(min), seconds(max)));
                    line.push(match base {
                        Some(base) if name != "dfc" => faster(median / base),
                        _ => String::new(),
                    });
                    // What ends within a millisecond or two was not seen.
                    if 0 < figures.peak {
                        line.push(format!("{:.0} MB", figures.peak as f64 / 1e6));
                    }
                }
                Err(problem) => {
                    line.push("—".to_owned());
                    let reason = match problem {
                        Problem::Missing(why) => why.clone(),
                        Problem::Failed(why) => format!("failed: {why}"),
                    };
                    let same = |it: &&mut Reason| it.builder == *name && it.reason == reason;
                    match reasons.iter_mut().find(same) {
                        Some(known) => known.workloads.push(workload.name),
                        None => reasons.push(Reason {
                            builder: name.clone(),
                            workloads: vec![workload.name],
                            reason,
                        }),
                    }
                }
            }
            table.push(line);
        }
    }

    /// The JSON; docs/benchmarks.md describes it.
    pub(super) fn json(&self) -> Json {
        let machine = &self.machine;
        let builders = self.builders.iter().map(|builder| {
            Json::object([
                ("name", Json::text(&builder.name)),
                ("version", Json::text(&builder.version)),
                ("memory", Json::text(builder.memory)),
            ])
        });
        let absent = self.absent.iter().map(|(name, reason)| {
            Json::object([("name", Json::text(name)), ("reason", Json::text(reason))])
        });
        let growth = self.growth().into_iter().map(|(what, ratio, limit)| {
            Json::object([
                ("what", Json::text(what)),
                ("ratio", Json::Number(ratio)),
                ("limit", Json::Number(limit)),
            ])
        });
        Json::object([
            ("version", Json::Number(VERSION)),
            ("date", Json::text(&self.date)),
            (
                "machine",
                Json::object([
                    ("cpus", Json::Number(machine.cpus as f64)),
                    ("cpu", Json::text(&machine.cpu)),
                    ("memory", Json::Number(machine.memory as f64)),
                    ("kernel", Json::text(&machine.kernel)),
                ]),
            ),
            ("runs", Json::Number(self.runs as f64)),
            ("scale", Json::Number(self.scale)),
            ("builders", Json::List(builders.collect())),
            ("absent", Json::List(absent.collect())),
            ("workloads", Json::List(self.rows.iter().map(workload).collect())),
            ("growth", Json::List(growth.collect())),
        ])
    }
}

fn workload(row: &Row) -> Json {
    let base = of(row, "dfc").map(|figures| summary(&figures.times).0);
    let results = row.results.iter().map(|(name, result)| match result {
        Ok(figures) => {
            let (median, min, max) = summary(&figures.times);
            let ratio = base.filter(|_| name != "dfc").map(|base| median / base);
            Json::object([
                ("builder", Json::text(name)),
                ("median", Json::Number(median)),
                ("min", Json::Number(min)),
                ("max", Json::Number(max)),
                ("times", Json::List(figures.times.iter().copied().map(Json::Number).collect())),
                ("ratio", ratio.map_or(Json::Null, Json::Number)),
                (
                    "peak_memory",
                    if figures.peak == 0 { Json::Null } else { Json::Number(figures.peak as f64) },
                ),
            ])
        }
        Err(Problem::Missing(why)) => {
            Json::object([("builder", Json::text(name)), ("missing", Json::text(why))])
        }
        Err(Problem::Failed(why)) => {
            Json::object([("builder", Json::text(name)), ("failed", Json::text(why))])
        }
    });
    Json::object([
        ("name", Json::text(row.workload.name)),
        ("group", Json::text(row.workload.group)),
        ("title", Json::text(row.workload.title)),
        ("results", Json::List(results.collect())),
    ])
}

/// `2.3 x faster`, or the other way around.
fn faster(ratio: f64) -> String {
    if 1.0 <= ratio {
        format!("{} x faster", digits(ratio))
    } else {
        format!("{} x slower", digits(1.0 / ratio))
    }
}

/// Columns side by side; figures stand at the right.
fn aligned(table: &[Vec<String>]) -> String {
    let columns = table.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = table.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    // Words stand left: all columns that hold more than a figure in some line.
    let is_figure = |cell: &String| cell.starts_with(|c: char| c.is_ascii_digit()) || cell == "—";
    let right: Vec<bool> = (0..columns)
        .map(|column| {
            let cells = table.iter().skip(1).filter_map(|line| line.get(column));
            0 < column && cells.filter(|cell| !cell.is_empty()).all(is_figure)
        })
        .collect();
    let mut text = String::new();
    for line in table {
        let mut out = String::new();
        for (column, cell) in line.iter().enumerate() {
            let space = " ".repeat(widths[column] - cell.chars().count());
            let (before, behind) =
                if right[column] { (space.as_str(), "") } else { ("", space.as_str()) };
            let _ = write!(out, "{before}{cell}{behind}  ");
        }
        text.push_str(out.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_lie_in_the_middle() {
        assert_eq!(summary(&[3.0, 1.0, 2.0]), (2.0, 1.0, 3.0));
        assert_eq!(summary(&[4.0, 1.0, 2.0, 3.0]).0, 2.5);
    }

    #[test]
    fn times_have_three_digits() {
        let said: Vec<String> = [0.001_234, 0.123_4, 0.9999, 1.5, 15.62].map(seconds).into();
        assert_eq!(said, ["1.23 ms", "123 ms", "1.00 s", "1.50 s", "15.6 s"]);
    }

    #[test]
    fn columns_are_aligned() {
        let table = [["name", "time"], ["a", "1 s"], ["bcd", "—"]];
        let table = table.map(|line| line.map(str::to_owned).to_vec());
        assert_eq!(aligned(&table), "name  time\na      1 s\nbcd      —\n");
    }
}
