//! `dfc build`: builds an image.

mod diary;
mod verify;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use executor::{BuildError, BuiltImage, Cancel, Deliver, DoneStep, Import, Settings};
use oci::Reference;
use oci::manifest::Compression;
use store::{LayerId, Store};

use crate::args::BuildArgs;
use crate::args::build::ProgressMode;
use crate::cache::export::{self, Exporting};
use crate::cache::import;
use crate::config::{BuildDefaults, Config};
use crate::deliver::{self, Delivered, Delivery};
use crate::error::CliError;
use crate::images::remote::Remote;
use crate::images::{First, ImageSources};
use crate::interrupt::Interrupt;
use crate::open;
use crate::options::cache::{self as cache_options, To};
use crate::options::limits;
use crate::options::output::{self, Output, Outputs};
use crate::progress::{Doing, Progress, Reporter, StepStatus};
use crate::project::{self, CompiledProject, Project, Sources};
use crate::render::{difference, failure, findings};
use crate::ui::Ui;
use diary::Diary;
pub(crate) use verify::Report;

/// Runs the command.
pub(crate) fn run(args: &BuildArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let mut outputs = Outputs::parse(&args.outputs)?;
    outputs.load |= args.load;
    outputs.push |= args.push;
    if outputs.push && !outputs.all.contains(&Output::Image) {
        // A push takes the image from the store.
        outputs.all.push(Output::Image);
    }
    if outputs.to_stdout() && ui.env.stdout_terminal {
        return Err(CliError::usage("the result would go to the terminal")
            .help("redirect standard output, or name a file with dest="));
    }
    let names = references(&args.tags)?;
    let caches = (cache_options::from(&args.graph.cache_from)?, cache_options::to(&args.cache_to)?);
    if outputs.push && names.is_empty() {
        return Err(
            CliError::usage("a push needs a name").help("give one with --tag HOST/NAME:TAG")
        );
    }
    if args.graph.offline && (outputs.push || caches.1.places.iter().any(To::is_in_registry)) {
        return Err(CliError::usage("--offline asks no registry, so nothing can be sent to one")
            .help("leave out --push and --cache-to type=registry, or --offline"));
    }
    let config = Config::read(&ui.env)?;
    let mode = progress_mode(args, &config, ui)?;
    open::enter()?;
    let store = open::store(&ui.env)?;

    let cancel = Cancel::default();
    let interrupt = Interrupt::listen(cancel.clone())?;
    let remote = Remote::new(&ui.env, config.registry, cancel.clone()).unless(args.graph.offline);
    let progress = Progress::start(Doing::Building, mode, &ui.env, &cancel);
    let reporter = progress.reporter();
    let sources = Sources { store: &store, remote: &remote, reporter: &reporter };
    let project = match Project::read(&args.graph, &args.context, &sources, &ui.env) {
        Ok(project) => project,
        Err(unread) => {
            progress.finish();
            return Err(unread.report(ui));
        }
    };
    let first = if args.graph.pull { First::Registry } else { First::Store };
    if args.check {
        progress.finish();
        return check(&project, &ImageSources::new(&store, &remote, first, None), ui);
    }
    let diary = Diary::begin();
    let tally = reporter.tally();
    let images = ImageSources::new(&store, &remote, first, Some(reporter.clone()));
    let mut settings = settings(args, &config.build, &outputs, &project)?;
    settings.inline_cache = caches.1.inline;
    let packing = settings.compression;
    let imports = import::load(&caches.0, &remote, &store, (&ui.env, &reporter));

    let outside = Outside {
        fetched: &project.fetched,
        store: &store,
        images: &images,
        remote: &remote,
        imports: &imports,
        cancel: &cancel,
    };
    let result = match args.verify {
        true => verify::build(&project, settings, &outside, &reporter),
        false => build(&project, settings, &outside, &reporter),
    };
    let result = result.and_then(|built| {
        let delivery = Delivery {
            store: &store,
            outputs: &outputs,
            names: &names,
            images: &images,
            imports: &imports,
            remote: &remote,
            env: &ui.env,
            epoch: built.compiled.graph.epoch,
            reporter: &reporter,
        };
        let ids = deliver::deliver(&built.images, &delivery).map_err(Failure::Deliver)?;
        let exporting = Exporting {
            store: &store,
            remote: &remote,
            env: &ui.env,
            imports: &imports,
            packing: (packing, built.compiled.graph.epoch),
            reporter: &reporter,
        };
        export::all(&caches.1.places, &built.steps, &exporting).map_err(Failure::Deliver)?;
        Ok((built, ids))
    });
    progress.finish();
    drop(interrupt);
    let what = (project.name.as_str(), args.graph.target.as_deref(), names.as_slice());
    diary.end(&store, what, &tally, (&result, cancel.is_cancelled()));

    let (built, delivered) = result.map_err(|failure| failure.report(&cancel, ui))?;
    let quiet = args.quiet && !outputs.to_stdout();
    tell(args, &built, (&delivered, &names), (mode, quiet), ui)
}

/// Says what was built, on the terminal and in the files that were asked for.
fn tell(
    args: &BuildArgs,
    built: &Built,
    (delivered, names): (&Delivered, &[Reference]),
    (mode, quiet): (ProgressMode, bool),
    ui: &mut Ui,
) -> Result<ExitCode, CliError> {
    if !built.compiled.warnings.is_empty() && mode != ProgressMode::Quiet {
        project::report(&built.compiled.warnings, &built.compiled.sources, ui);
    }
    let told = !matches!(mode, ProgressMode::Quiet | ProgressMode::Rawjson);
    if !built.compiled.findings.is_empty() && told {
        ui.note(findings::summary(&built.compiled.findings));
    }
    if args.verify && told {
        ui.note(match built.compiled.graph.epoch {
            Some(_) => "Built twice: the same to the byte.",
            None => "Built twice: the same but for times, which SOURCE_DATE_EPOCH would fix.",
        });
    }
    if let Some(id) =
        delivered.id.filter(|_| matches!(mode, ProgressMode::Auto | ProgressMode::Tty))
    {
        let names: Vec<String> = names.iter().map(Reference::familiar).collect();
        let named =
            if names.is_empty() { String::new() } else { format!("{}: ", names.join(", ")) };
        ui.note(format_args!("Built {named}{id}"));
    }
    if let Some(file) = &args.iidfile {
        let id = delivered.id.map(|id| id.to_string()).unwrap_or_default();
        write_file(&ui.env.path(file), id.as_bytes())?;
    }
    if let Some(file) = &args.metadata_file {
        let text = format!("{:#}\n", delivered.metadata);
        write_file(&ui.env.path(file), text.as_bytes())?;
    }
    if let Some(id) = delivered.id.filter(|_| quiet) {
        ui.line(id)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// `--check`: what is wrong, and no build. Exit status 1 if there is anything but notes.
fn check(project: &Project, images: &ImageSources<'_>, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let checked = project.check(images);
    let look = ui.look_out();
    ui.write(&checked.text(look))?;
    if checked.is_clean() {
        ui.note("Check complete, no warnings found.");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

/// What a build made.
struct Built {
    compiled: CompiledProject,
    images: Vec<BuiltImage>,
    steps: Vec<DoneStep>,
}

/// Why there is no image.
enum Failure {
    Compile(Vec<grammar::Diagnostic>, Vec<grammar::SourceFile>),
    Build(BuildError, Box<CompiledProject>),
    Deliver(CliError),
    Differs(Report, Box<CompiledProject>),
}

impl Failure {
    /// Prints it, once the progress is off the screen.
    fn report(self, cancel: &Cancel, ui: &mut Ui) -> CliError {
        match self {
            Failure::Deliver(_) | Failure::Build(..) | Failure::Compile(..)
                if cancel.is_cancelled() =>
            {
                CliError::Interrupted
            }
            Failure::Compile(diagnostics, sources) => {
                project::report(&diagnostics, &sources, ui);
                CliError::Reported
            }
            Failure::Build(error, compiled) => {
                let look = ui.look_err();
                let text = failure::text(&error, &compiled.sources, look);
                ui.note(text.trim_end());
                CliError::Reported
            }
            Failure::Deliver(error) => error,
            Failure::Differs(report, compiled) => {
                let CompiledProject { graph, sources, .. } = &*compiled;
                let text = difference::text(&report, graph, sources, ui.look_err());
                ui.note(text.trim_end());
                CliError::NotReproducible
            }
        }
    }
}

/// What a build works with.
#[derive(Clone, Copy)]
struct Outside<'a> {
    store: &'a Store,
    images: &'a ImageSources<'a>,
    remote: &'a Remote,
    imports: &'a [Import<'a>],
    /// Contexts that were fetched into the store.
    fetched: &'a BTreeMap<String, LayerId>,
    cancel: &'a Cancel,
}

fn build(
    project: &Project,
    settings: Settings,
    outside: &Outside<'_>,
    reporter: &Reporter,
) -> Result<Built, Failure> {
    let compiled = project
        .compile(outside.images)
        .map_err(|(found, sources)| Failure::Compile(found, sources))?;
    match run_graph(&compiled, project, settings, outside, reporter) {
        Ok(built) => Ok(Built { compiled, images: built.images, steps: built.steps }),
        Err(error) => Err(Failure::Build(error, Box::new(compiled))),
    }
}

/// Runs the steps of what is compiled.
fn run_graph(
    compiled: &CompiledProject,
    project: &Project,
    settings: Settings,
    outside: &Outside<'_>,
    reporter: &Reporter,
) -> Result<executor::Built, BuildError> {
    let status = StepStatus::new(&compiled.graph, reporter.clone());
    let env = executor::Env {
        store: outside.store,
        contexts: project.contexts.clone(),
        fetched: outside.fetched.clone(),
        imports: outside.imports,
        images: outside.images,
        downloads: outside.remote,
        secrets: &project.secrets,
        settings,
        status: &status,
        cancel: outside.cancel.clone(),
        now: SystemTime::now,
    };
    let built = executor::build_with_layers(&compiled.graph, &env)?;
    status.done();
    Ok(built)
}

/// What the executor is to know of the flags.
fn settings(
    args: &BuildArgs,
    defaults: &BuildDefaults,
    outputs: &Outputs,
    project: &Project,
) -> Result<Settings, CliError> {
    let compression = match (outputs.compression, &defaults.compression) {
        (Some(chosen), _) => chosen,
        (None, Some(text)) => output::compression(text)
            .map_err(|why| CliError::failed(format!("build.compression in config.toml: {why}")))?,
        (None, None) => Compression::Gzip,
    };
    Ok(Settings {
        git: project.git_settings(),
        jobs: jobs(args, defaults)?,
        compression,
        deliver: match (outputs.wants_image(), outputs.only_pushes()) {
            (_, true) => Deliver::NewBlobs,
            (true, false) => Deliver::Blobs,
            (false, false) => Deliver::Trees,
        },
        inline_cache: false,
        project: project.name.clone(),
        resolv_conf: None,
        limits: limits::parse(&args.limits)?,
    })
}

/// How many steps run at the same time, by the flag or by config.toml.
fn jobs(args: &BuildArgs, defaults: &BuildDefaults) -> Result<Option<usize>, CliError> {
    match args.jobs.or(defaults.jobs) {
        Some(0) => Err(CliError::failed("build.jobs in config.toml is 0")
            .help("leave it out for as many as there is work for")),
        jobs => Ok(jobs),
    }
}

fn references(tags: &[String]) -> Result<Vec<Reference>, CliError> {
    let mut names: Vec<Reference> = Vec::new();
    for tag in tags {
        let name: Reference = tag.parse().map_err(|error| {
            CliError::usage(format!("--tag `{tag}`: {error}"))
                .help("a name is NAME[:TAG] in lower case, such as team/app:1.0")
        })?;
        if name.digest.is_some() {
            return Err(CliError::usage(format!("--tag `{tag}`: a digest cannot be given")));
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// `--progress`, or what BUILDKIT_PROGRESS or config.toml say.
fn progress_mode(args: &BuildArgs, config: &Config, ui: &Ui) -> Result<ProgressMode, CliError> {
    if args.quiet {
        return Ok(ProgressMode::Quiet);
    }
    if let Some(mode) = args.progress {
        return Ok(mode);
    }
    let (place, text) = match (ui.env.var("BUILDKIT_PROGRESS"), &config.build.progress) {
        (Some(text), _) => ("BUILDKIT_PROGRESS", text),
        (None, Some(text)) => ("build.progress in config.toml", text.as_str()),
        (None, None) => return Ok(ProgressMode::Auto),
    };
    <ProgressMode as clap::ValueEnum>::from_str(text, false).map_err(|_| {
        CliError::failed(format!("{place} is `{text}`"))
            .help("it can be auto, plain, tty, quiet or rawjson")
    })
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    std::fs::write(path, bytes)
        .map_err(|error| CliError::io(format_args!("cannot write `{}`", path.display()), &error))
}
