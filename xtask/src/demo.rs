//! `cargo xtask demo`: what a newcomer wants to see first. Builds `examples/flask`, runs it, fetches
//! its page, and stops it.

mod page;
mod stand_in;

use std::env;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::process::{cargo, run, stop, succeeds};
use crate::{Outcome, target, workspace};

/// The base of the example.
const BASE: &str = "python:2.7-slim";
const IMAGE: &str = "friendlyhello";
/// How long the page may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A built `dfc`, and the store that the demo uses.
struct Demo {
    dfc: PathBuf,
    store: PathBuf,
    /// Where the demo keeps what it makes.
    folder: PathBuf,
}

/// Builds, runs, fetches, stops.
pub(crate) fn demo() -> Outcome {
    run(&mut cargo(&["build", "--release", "--package", "dfc"]))?;
    let folder = target().join("demo");
    // A store of the demo's own: a stand-in must not pass for the real base in the user's builds.
    let store = env::var_os("DFC_HOME").map_or_else(|| folder.join("store"), PathBuf::from);
    std::fs::create_dir_all(&folder)
        .map_err(|problem| format!("{}: {problem}", folder.display()))?;
    let demo = Demo { dfc: target().join("release/dfc"), store, folder };
    demo.get_base()?;

    let started = Instant::now();
    run(demo.dfc(["build", "-t", IMAGE]).arg(workspace().join("examples/flask")))?;
    println!("Built {IMAGE} in {:.1} s.\n", started.elapsed().as_secs_f64());

    let port = port()?;
    let variable = format!("PORT={port}");
    let mut container = demo.dfc(["run", "--rm", "-e", &variable, IMAGE]);
    println!("$ {} (stopped after one page)", crate::process::said(&container));
    container.stdin(Stdio::null()).stdout(Stdio::null());
    let mut container = container.spawn().map_err(|problem| format!("dfc run: {problem}"))?;
    let fetched = page::fetch(port, PATIENCE, &mut container);
    stop(&mut container);
    let page = fetched?;
    println!("\nThe page at http://localhost:{port}/ says:\n\n{page}");
    if page.contains("Hello World!") { Ok(()) } else { Err("the page does not greet".to_owned()) }
}

impl Demo {
    /// A call of dfc with the demo's store.
    fn dfc<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(&self.dfc);
        command.args(args).env("DFC_HOME", &self.store);
        command
    }

    /// Sees to it that the store has the base: it is there, or it is pulled, or a stand-in is made.
    fn get_base(&self) -> Outcome {
        if succeeds(&mut self.dfc(["inspect", BASE])) {
            println!("{BASE} is in the store ({}).", self.store.display());
            return Ok(());
        }
        if run(&mut self.dfc(["pull", BASE])).is_ok() {
            return Ok(());
        }
        println!("\nNo registry in reach has {BASE}: making a stand-in from Debian's packages.");
        stand_in::make(self)
    }

    fn work(&self, name: &str) -> Result<PathBuf, String> {
        let folder = self.folder.join(name);
        std::fs::create_dir_all(&folder).map_err(|problem| at(&folder, &problem))?;
        Ok(folder)
    }
}

/// Port 80 where it may be bound and nobody has it, else a free one.
fn port() -> Result<u16, String> {
    let any = Ipv4Addr::UNSPECIFIED;
    match TcpListener::bind((any, 80)) {
        Ok(_) => Ok(80),
        Err(why) => {
            let free = TcpListener::bind((any, 0)).and_then(|socket| socket.local_addr());
            let port = free.map_err(|problem| format!("no free port: {problem}"))?.port();
            println!("Port 80 is not to be had ({why}); taking {port}.");
            Ok(port)
        }
    }
}

fn at(path: &Path, problem: &std::io::Error) -> String {
    format!("{}: {problem}", path.display())
}
