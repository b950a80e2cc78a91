//! `dfc explain`: the build graph, with what is cached, what would run, and why.

use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use executor::{Cancel, Deliver, Event, Settings, Status};
use oci::manifest::Compression;

use crate::args::build::ProgressMode;
use crate::args::{ExplainArgs, GraphFormat};
use crate::cache::import;
use crate::commands::explain_no_resolve;
use crate::config::Config;
use crate::error::CliError;
use crate::images::remote::Remote;
use crate::images::{First, ImageSources};
use crate::interrupt::Interrupt;
use crate::open;
use crate::options::cache;
use crate::progress::{Doing, Progress};
use crate::project::{self, Project, Sources};
use crate::render::graph::GraphView;
use crate::render::{failure, graph_dot, graph_json, graph_mermaid, graph_text};
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(args: &ExplainArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    if args.no_resolve {
        return explain_no_resolve::run(args, ui);
    }
    let path = match args.paths.as_slice() {
        [] => Path::new("."),
        [path] => path,
        _ => return Err(CliError::usage("there can be only one build context")),
    };
    open::enter()?;
    let store = open::store(&ui.env)?;
    let cancel = Cancel::default();
    let interrupt = Interrupt::listen(cancel.clone())?;
    let remote = Remote::new(&ui.env, Config::read(&ui.env)?.registry, cancel.clone())
        .unless(args.graph.offline);
    let froms = cache::from(&args.graph.cache_from)?;
    // What is looked up is shown while it takes, and gone when the result comes.
    let progress = Progress::start(Doing::Looking, ProgressMode::Auto, &ui.env, &cancel);
    let reporter = progress.reporter();
    let sources = Sources { store: &store, remote: &remote, reporter: &reporter };
    let project = match Project::read(&args.graph, path, &sources, &ui.env) {
        Ok(project) => project,
        Err(unread) => {
            progress.finish();
            return Err(unread.report(ui));
        }
    };
    let first = if args.graph.pull { First::Registry } else { First::Store };
    let images = ImageSources::new(&store, &remote, first, Some(reporter.clone()));
    let compiled = match project.compile(&images) {
        Ok(compiled) => compiled,
        Err((diagnostics, sources)) => {
            progress.finish();
            if cancel.is_cancelled() {
                return Err(CliError::Interrupted);
            }
            project::report(&diagnostics, &sources, ui);
            return Err(CliError::Reported);
        }
    };
    let imports = import::load(&froms, &remote, &store, (&ui.env, &reporter));
    progress.finish();
    if cancel.is_cancelled() {
        return Err(CliError::Interrupted);
    }
    drop(interrupt);
    let env = executor::Env {
        store: &store,
        contexts: project.contexts.clone(),
        fetched: project.fetched.clone(),
        imports: &imports,
        images: &images,
        downloads: &remote,
        secrets: &project.secrets,
        settings: Settings {
            git: project.git_settings(),
            jobs: None,
            compression: Compression::Gzip,
            deliver: Deliver::Nothing,
            inline_cache: false,
            project: project.name.clone(),
            resolv_conf: None,
            limits: sandbox::Limits::default(),
        },
        status: &Silent,
        cancel: Cancel::default(),
        now: SystemTime::now,
    };
    let reports = match executor::explain(&compiled.graph, &env) {
        Ok(reports) => reports,
        Err(error) => {
            let look = ui.look_err();
            ui.note(failure::text(&error, &compiled.sources, look).trim_end());
            return Err(CliError::Reported);
        }
    };
    let view = GraphView::new(&compiled.graph, &reports, &compiled.sources);
    if let Some(step) = &args.why {
        let text = graph_text::why(&view, step, ui.look_out()).ok_or_else(|| {
            CliError::failed(format!("no step is called `{step}`, and none is on such a line"))
                .help("`dfc explain` without --why lists the steps")
        })?;
        ui.write(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let text = match args.format {
        GraphFormat::Text => graph_text::text(&view, ui.look_out()),
        GraphFormat::Json => format!("{:#}\n", graph_json::value(&view)),
        GraphFormat::Dot => graph_dot::text(&view),
        GraphFormat::Mermaid => graph_mermaid::text(&view),
    };
    ui.write(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Nothing runs, so nothing happens.
#[derive(Debug)]
struct Silent;

impl Status for Silent {
    fn event(&self, _: Event) {}
}
