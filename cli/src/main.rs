//! `dfc`: the command line. Wiring only: arguments in, one command run, an exit status out.
//!
//! ```text
//! args (clap) -> commands::run -> commands/NAME.rs -> libraries -> render/, progress/ -> terminal
//! ```
//!
//! The environment is read in `env.rs` and nowhere else; libraries get values.

#![forbid(unsafe_code)]

mod args;
mod cache;
mod commands;
mod config;
mod deliver;
mod env;
mod error;
mod images;
mod interrupt;
mod open;
mod options;
mod parallel;
mod progress;
mod project;
mod render;
mod terminal;
mod ui;
mod usage;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => return usage::report(error),
    };
    let mut ui = ui::Ui::new(env::Env::read());
    match commands::run(args.command, &mut ui) {
        Ok(code) => code,
        Err(error) => ui.fail(&error),
    }
}
