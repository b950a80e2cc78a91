//! The commands, one file each; [`run()`] hands over to the one that was typed.

mod build;
mod builds;
mod check;
mod du;
mod explain;
mod explain_no_resolve;
mod export;
mod fmt;
mod history;
mod images;
mod import;
mod inspect;
mod load;
mod login;
mod logout;
mod lsp;
mod parse;
mod prune;
mod pull;
mod push;
mod rm;
mod run;
mod save;
mod tag;

use std::process::ExitCode;

pub(crate) use build::Report;

use crate::args::Command;
use crate::args::image::{BuilderCommand, ImageCommand, SystemCommand};
use crate::error::CliError;
use crate::ui::Ui;

/// Does what was asked.
pub(crate) fn run(command: Command, ui: &mut Ui) -> Result<ExitCode, CliError> {
    match command {
        Command::Build(args) => build::run(&args, ui),
        Command::Explain(args) => explain::run(&args, ui),
        Command::Check(args) => check::run(&args, ui),
        Command::Fmt(args) => fmt::run(&args, ui),
        Command::Lsp(args) => lsp::run(&args, ui),
        Command::Parse(args) => parse::run(&args, ui),
        Command::Run(args) => run::run(&args, ui),
        Command::Images(args) => images::run(&args, ui),
        Command::History(args) => history::run(&args, ui),
        Command::Builds(args) => builds::run(&args, ui),
        Command::Inspect(args) => inspect::run(&args, ui),
        Command::Tag(args) => tag::run(&args, ui),
        Command::Rm(args) => rm::run(&args, ui),
        Command::Save(args) => save::run(&args, ui),
        Command::Load(args) => load::run(&args, ui),
        Command::Import(args) => import::run(&args, ui),
        Command::Export(args) => export::run(&args, ui),
        Command::Pull(args) => pull::run(&args, ui),
        Command::Push(args) => push::run(&args, ui),
        Command::Login(args) => login::run(&args, ui),
        Command::Logout(args) => logout::run(&args, ui),
        Command::Prune(args) => prune::run(&args, ui),
        Command::Du(args) => du::run(&args, ui),
        Command::Builder(command) => match command {
            BuilderCommand::Build(args) => build::run(&args, ui),
            BuilderCommand::Du(args) => du::run(&args, ui),
            BuilderCommand::Prune(args) => prune::run(&args, ui),
        },
        Command::System(command) => match command {
            SystemCommand::Df(args) => du::run(&args, ui),
            SystemCommand::Prune(args) => prune::run(&args, ui),
        },
        Command::Image(command) => match command {
            ImageCommand::Build(args) => build::run(&args, ui),
            ImageCommand::Ls(args) => images::run(&args, ui),
            ImageCommand::History(args) => history::run(&args, ui),
            ImageCommand::Inspect(args) => inspect::run(&args, ui),
            ImageCommand::Tag(args) => tag::run(&args, ui),
            ImageCommand::Rm(args) => rm::run(&args, ui),
            ImageCommand::Save(args) => save::run(&args, ui),
            ImageCommand::Load(args) => load::run(&args, ui),
            ImageCommand::Import(args) => import::run(&args, ui),
            ImageCommand::Export(args) => export::run(&args, ui),
            ImageCommand::Pull(args) => pull::run(&args, ui),
            ImageCommand::Push(args) => push::run(&args, ui),
            ImageCommand::Prune(args) => prune::images(&args, ui),
        },
    }
}
