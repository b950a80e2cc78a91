//! The flags of `cargo xtask bench`.

use std::path::PathBuf;

use crate::target;

/// What `--help` prints.
pub(super) const HELP: &str = "\
usage: cargo xtask bench [FLAGS]

  --only NAME          this workload (may be repeated): its name, or the number of its group
  --runs N             measured runs of each workload (default: 5)
  --list               lists the workloads
  --peer NAME          of the builders that are found (buildctl, docker, buildah, podman) only this one
  --peer NAME=COMMAND  measures another builder; docs/benchmarks.md has the placeholders
  --peer NAME:forget=COMMAND
                       how that builder forgets everything
  --no-peers           dfc alone
  --prune-peers        empties the caches of daemons that were running before
  --format FORMAT      human (the default) or json
  --output FILE        writes the report to a file, too
  --record             puts the table into docs/benchmarks.md
  --no-build           measures the binary that is there: $DFC_BIN, else target/release/dfc
  --folder FOLDER      where inputs and stores are (default: target/bench)
";

/// A builder that the command line names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// One of those that are looked for.
    Found(String),
    /// One that is described.
    Given { name: String, build: String, forget: Option<String> },
}

/// The flags.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) only: Vec<String>,
    pub(super) runs: usize,
    pub(super) list: bool,
    pub(super) peers: Vec<Peer>,
    pub(super) no_peers: bool,
    pub(super) prune_peers: bool,
    pub(super) json: bool,
    pub(super) output: Option<PathBuf>,
    pub(super) record: bool,
    pub(super) no_build: bool,
    pub(super) folder: PathBuf,
    /// All sizes are multiplied by this: for trying the harness out. Such figures compare with no others.
    pub(super) scale: f64,
    pub(super) help: bool,
}

impl Options {
    /// # Errors
    /// Names the argument that is wrong.
    pub(super) fn parse(args: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut options = Options {
            only: Vec::new(),
            runs: 5,
            list: false,
            peers: Vec::new(),
            no_peers: false,
            prune_peers: false,
            json: false,
            output: None,
            record: false,
            no_build: false,
            folder: target().join("bench"),
            scale: 1.0,
            help: false,
        };
        let mut forgets = Vec::new();
        let mut args = args;
        while let Some(arg) = args.next() {
            let (flag, mut value) = match arg.split_once('=') {
                Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
                None => (arg, None),
            };
            let mut value = || {
                value.take().or_else(|| args.next()).ok_or_else(|| format!("{flag} needs a value"))
            };
            match flag.as_str() {
                "--only" => options.only.push(value()?),
                "--runs" => options.runs = at_least_one(&value()?)?,
                "--list" => options.list = true,
                "--peer" => match peer(&value()?)? {
                    Forget(name, command) => forgets.push((name, command)),
                    Named(peer) => options.peers.push(peer),
                },
                "--no-peers" => options.no_peers = true,
                "--prune-peers" => options.prune_peers = true,
                "--format" => {
                    options.json = match value()?.as_str() {
                        "json" => true,
                        "human" => false,
                        other => return Err(format!("--format is human or json, not {other}")),
                    }
                }
                "--output" => options.output = Some(value()?.into()),
                "--record" => options.record = true,
                "--no-build" => options.no_build = true,
                "--folder" => options.folder = value()?.into(),
                "--scale" => {
                    let text = value()?;
                    let scale = text.parse().ok().filter(|scale| (0.0001..=1.0).contains(scale));
                    options.scale = scale.ok_or_else(|| format!("--scale {text}"))?;
                }
                "--help" | "-h" => options.help = true,
                other => return Err(format!("no flag {other}; --help lists them")),
            }
        }
        for (name, command) in forgets {
            options.set_forget(&name, command)?;
        }
        if options.record && options.scale != 1.0 {
            return Err("figures of a trial are not recorded".to_owned());
        }
        Ok(options)
    }

    fn set_forget(&mut self, wanted: &str, command: String) -> Result<(), String> {
        for peer in &mut self.peers {
            match peer {
                Peer::Given { name, forget, .. } if *name == wanted => {
                    *forget = Some(command);
                    return Ok(());
                }
                Peer::Given { .. } | Peer::Found(_) => {}
            }
        }
        Err(format!("--peer {wanted}:forget=… without --peer {wanted}=…"))
    }
}

use Value::{Forget, Named};

/// The value of a `--peer`.
enum Value {
    Named(Peer),
    Forget(String, String),
}

fn peer(value: &str) -> Result<Value, String> {
    let Some((name, command)) = value.split_once('=') else {
        return Ok(Named(Peer::Found(value.to_owned())));
    };
    if let Some(name) = name.strip_suffix(":forget") {
        return Ok(Forget(name.to_owned(), command.to_owned()));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name == "dfc" || !name.chars().all(plain) {
        return Err(format!("`{name}` is no name for a peer"));
    }
    let (name, build) = (name.to_owned(), command.to_owned());
    Ok(Named(Peer::Given { name, build, forget: None }))
}

fn at_least_one(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| 0 < *number);
    number.ok_or_else(|| format!("--runs is a number from 1 on, not {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options, String> {
        Options::parse(args.iter().map(|arg| (*arg).to_owned()))
    }

    #[test]
    fn flags_are_read() {
        let options =
            parse(&["--only", "same", "--only=3", "--runs", "2", "--format=json"]).unwrap();
        assert_eq!(options.only, ["same", "3"]);
        assert_eq!((options.runs, options.json), (2, true));
    }

    #[test]
    fn peers_are_named_or_described() {
        let args = ["--peer", "docker", "--peer", "x:forget=rm -r y", "--peer", "x=b --opt a=b"];
        let build = "b --opt a=b".to_owned();
        let given = Peer::Given { name: "x".into(), build, forget: Some("rm -r y".into()) };
        assert_eq!(parse(&args).unwrap().peers, [Peer::Found("docker".into()), given]);
    }

    #[test]
    fn mistakes_are_named() {
        for args in [
            &["--runs", "0"][..],
            &["--rums"],
            &["--only"],
            &["--format", "xml"],
            &["--peer", "dfc=x"],
            &["--peer", "x:forget=y"],
            &["--record", "--scale", "0.1"],
        ] {
            assert!(parse(args).is_err(), "{args:?}");
        }
    }
}
