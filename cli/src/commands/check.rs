//! `dfc check`: what is wrong with Dockerfiles, without building anything and without looking up images.
//!
//! ```text
//! paths --find--> places --settings--> one report each, on all cores (examine, mend) --> printed in order
//! ```

mod examine;
mod mend;
mod shellcheck;

use std::process::ExitCode;

use compiler::settings::{
    Choice, Selector, Settings, Shellcheck, Threshold, UnknownRule, level_named, rules_named,
};
use grammar::{Diagnostic, Severity};
use serde_json::Value;

use crate::args::{CheckArgs, CheckFormat, ErrorOn};
use crate::error::CliError;
use crate::options::graph::build_arg;
use crate::parallel;
use crate::project::find::{self, Place};
use crate::project::settings::SettingsFinder;
use crate::render::{diff, findings, github, gitlab, pages, sarif};
use crate::ui::Ui;
use examine::{Job, Output, Report};

/// Beyond so many files ShellCheck, which takes a good part of a second for each, has to be asked for.
const MANY_FILES: usize = 50;

/// Runs the command. Exit status 1 if something was found that is bad enough, 2 if the command line or a `dfc.toml` is wrong
/// or a file cannot be read.
pub(crate) fn run(args: &CheckArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    if args.list {
        match args.format {
            CheckFormat::Json => ui.line(pages::list_json())?,
            CheckFormat::Human | CheckFormat::Sarif | CheckFormat::Github | CheckFormat::Gitlab => {
                ui.write(&pages::list())?;
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(name) = &args.explain {
        for rule in rules_named(name).map_err(|error| unknown("explain", &error))? {
            let page = pages::text(&rule).ok_or_else(|| {
                CliError::usage(format!("`{rule}` is a rule of shellcheck"))
                    .help(format!("its page is https://www.shellcheck.net/wiki/{rule}"))
            })?;
            ui.write(page)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let choice = choice(args)?;
    let build_args: Result<Vec<_>, _> =
        args.build_args.iter().map(|arg| build_arg(arg, &ui.env)).collect();
    let found = find::dockerfiles(&args.paths, &ui.env)?;
    let mut work = Vec::new();
    let mut finder = match SettingsFinder::new(args.config.as_deref(), &ui.env) {
        Ok(finder) => finder,
        Err(error) => return Ok(error.tell(ui)),
    };
    for place in found.places {
        match finder.for_place(&place) {
            Ok(settings) => work.push((place, settings)),
            Err(error) => return Ok(error.tell(ui)),
        }
    }
    let shellcheck = shellcheck::find(&ui.env);
    let is_asked = args.shellcheck == Some(Shellcheck::On);
    if is_asked && shellcheck.is_none() {
        return Err(CliError::usage("--shellcheck on: there is no program `shellcheck` in PATH")
            .help("Debian has it in the package `shellcheck`; `--shellcheck auto` uses it where it is there"));
    }
    let has_many = work.len() > MANY_FILES;
    let is_left_out = |settings: &Settings| {
        args.shellcheck.or(settings.shellcheck).unwrap_or_default() == Shellcheck::Auto
    };
    if has_many && shellcheck.is_some() && work.iter().any(|(_, settings)| is_left_out(settings)) {
        ui.note(format!("{} files: ShellCheck is left out; `--shellcheck on` asks it", work.len()));
    }
    let job = Job {
        args,
        choice: &choice,
        build_args: build_args?.into_iter().flatten().collect(),
        env: &ui.env,
        look: ui.look_out(),
        shellcheck,
        has_many,
    };
    let reports = parallel::map(&work, |(place, settings)| job.report(place, settings));
    drop(job);
    let mut outcome = Outcome { failed: !found.problems.is_empty(), ..Outcome::default() };
    for problem in &found.problems {
        ui.fail(&CliError::failed(problem.as_str()));
    }
    let all = work.into_iter().zip(reports);
    for ((place, settings), report) in all {
        outcome.take(&place, (&choice, &settings), report, args, ui)?;
    }
    outcome.finish(args, ui)
}

/// What the command line says of the rules.
fn choice(args: &CheckArgs) -> Result<Choice, CliError> {
    let selectors = |flag: &str, names: &[String]| {
        let named = names.iter().map(|name| Selector::parse(name));
        named.collect::<Result<Vec<_>, _>>().map_err(|error| unknown(flag, &error))
    };
    let mut choice = Choice::default();
    if !args.select.is_empty() {
        choice.select = Some(selectors("select", &args.select)?);
    }
    choice.ignore = selectors("ignore", &args.ignore)?;
    for pair in &args.severity {
        let parts = pair.split_once('=');
        let Some((name, level)) = parts.and_then(|(name, it)| Some((name, level_named(it)?)))
        else {
            return Err(CliError::usage(format!("--severity `{pair}` is not RULE=LEVEL"))
                .help("the levels are off, note, warning and error"));
        };
        let names = rules_named(name).map_err(|error| unknown("severity", &error))?;
        choice.rules.extend(names.into_iter().map(|name| (name, level)));
    }
    choice.error_on = args.error_on.map(|least| match least {
        ErrorOn::Error => Threshold::Error,
        ErrorOn::Warning => Threshold::Warning,
        ErrorOn::Note => Threshold::Note,
        ErrorOn::Never => Threshold::Never,
    });
    Ok(choice)
}

fn unknown(flag: &str, error: &UnknownRule) -> CliError {
    CliError::usage(format!("--{flag}: {error}")).help(error.help())
}

/// What is known once all files are looked at.
#[derive(Debug, Default)]
struct Outcome {
    files: usize,
    /// Files with something to say of.
    with_findings: usize,
    /// Findings that `--fix` would mend.
    mendable: usize,
    /// Whether something is bad enough.
    is_bad: bool,
    /// Whether something could not be looked at.
    failed: bool,
    /// For forms that are one document.
    values: Vec<Value>,
}

impl Outcome {
    fn take(
        &mut self,
        place: &Place,
        choices: (&Choice, &Settings),
        report: Report,
        args: &CheckArgs,
        ui: &mut Ui,
    ) -> Result<(), CliError> {
        self.files += 1;
        if report.is_unanswered {
            ui.note(format!("{}: shellcheck gave no answer.", report.name));
        }
        let checked = match report.checked {
            Ok(checked) => checked,
            Err(error) => return self.unreadable(&report.name, &error, args, ui),
        };
        let (line, settings) = choices;
        let least = line.error_on.or(settings.check.error_on).unwrap_or_default();
        let severities = checked.severities();
        self.with_findings += usize::from(!checked.is_empty());
        self.mendable += checked.safe_fixes();
        if let Some(mended) = &report.mended {
            if args.diff {
                let color = ui.color_out();
                ui.write(&diff::unified(&report.name, &mended.before, &mended.text, color))?;
                self.is_bad |= mended.is_changed() && least != Threshold::Never;
                return Ok(());
            }
            if mended.is_changed() {
                ui.note(mended.summary(&report.name));
            }
            if *place == Place::Stdin {
                ui.write(&mended.text)?;
                ui.note(checked.text(ui.look_err()).trim_end());
                self.is_bad |= severities.into_iter().any(|it| least.is_reached_by(it));
                return Ok(());
            }
        }
        self.is_bad |= severities.into_iter().any(|it| least.is_reached_by(it));
        match report.output {
            Output::Text(text) => ui.write(&text)?,
            Output::Values(values) => self.values.extend(values),
        }
        Ok(())
    }

    /// Says that a file cannot be looked at, in the form that is wanted.
    fn unreadable(
        &mut self,
        name: &str,
        error: &CliError,
        args: &CheckArgs,
        ui: &mut Ui,
    ) -> Result<(), CliError> {
        self.failed = true;
        let found = Diagnostic::without_place("unreadable", error.to_string());
        let found = std::slice::from_ref(&found);
        match args.format {
            CheckFormat::Human => drop(ui.fail(error)),
            CheckFormat::Json => ui.line(findings::unreadable(name, &error.to_string()))?,
            CheckFormat::Sarif => self.values.extend(sarif::results(name, found, &[])),
            CheckFormat::Github => ui.write(&github::lines(name, found, &[]))?,
            CheckFormat::Gitlab => self.values.extend(gitlab::entries(name, found, &[])),
        }
        Ok(())
    }

    fn finish(self, args: &CheckArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
        match args.format {
            CheckFormat::Sarif => ui.line(sarif::log(self.values, !self.failed))?,
            CheckFormat::Gitlab => ui.line(Value::from(self.values))?,
            CheckFormat::Human if !args.diff => {
                let all = self.files;
                let mut said = match self.with_findings {
                    0 if self.failed => String::new(),
                    0 => format!(
                        "Nothing found in {all} {}.",
                        if all == 1 { "file" } else { "files" }
                    ),
                    some => format!("Something found in {some} of {all} files."),
                };
                if self.mendable > 0 {
                    said.push_str(&format!(" --fix mends {}.", self.mendable));
                }
                if !said.is_empty() {
                    ui.note(said);
                }
            }
            CheckFormat::Human | CheckFormat::Json | CheckFormat::Github => {}
        }
        Ok(match (self.failed, self.is_bad) {
            (true, _) => ExitCode::from(2),
            (false, true) => ExitCode::FAILURE,
            (false, false) => ExitCode::SUCCESS,
        })
    }
}

impl crate::project::checked::Checked {
    /// How bad each thing is.
    fn severities(&self) -> Vec<Severity> {
        let own = self.diagnostics.iter().map(|found| found.severity);
        own.chain(self.findings.iter().map(|it| it.diagnostic.severity)).collect()
    }
}
