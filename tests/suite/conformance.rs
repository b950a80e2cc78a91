//! The cases of `fixtures/conformance`: each is one build, held against what BuildKit made of it.
//!
//! A case is built twice on one store: the second build must come from the cache as the same image.
//! `known-failures.txt` names the cases that do not pass yet; one of them that passes fails its trial,
//! so the list only shrinks.

mod case;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use libtest_mimic::{Completion, Failed, Trial};
use serde_json::Value;

use crate::Outcome;
use crate::cases;
use crate::dfc::{Dfc, Done};
use crate::difference::differences;
use crate::image::{Base, Layout};
use crate::need::{Need, is_root};
use crate::{bases, scratch};
use case::Case;

const SUITE: &str = "conformance";
const NEEDS: &[Need] = &[Need::Sandbox, Need::Amd64, Need::StaticBusybox];
const LONGEST_BUILD: Duration = Duration::from_secs(120);
const SHOWN: usize = 12;

/// A trial for each case.
pub(crate) fn trials() -> Vec<Trial> {
    let known = known_failures();
    let own = cases::folders(SUITE, "expected.json");
    let mut trials: Vec<_> = own
        .iter()
        .cloned()
        .chain(given(&own))
        .map(|(name, folder)| {
            let known = known.get(&name).cloned();
            Trial::ignorable_test(format!("{SUITE}::{name}"), move || judged(&folder, known))
        })
        .collect();
    trials.push(Trial::test("conformance::known_failures_are_cases", known_failures_are_cases));
    trials
}

/// Further cases, of the folder that `$DFC_CONFORMANCE` names; those that are fixtures are not repeated.
fn given(own: &[(String, PathBuf)]) -> Vec<(String, PathBuf)> {
    let Some(folder) = env::var_os("DFC_CONFORMANCE") else { return Vec::new() };
    // An absolute path replaces the folder of the fixtures when it is joined to it.
    let mut given = cases::folders(&folder.to_string_lossy(), "expected.json");
    given.retain(|(name, _)| own.iter().all(|(known, _)| known != name));
    given
}

/// The cases that are known not to pass, and why.
fn known_failures() -> BTreeMap<String, String> {
    cases::known_failures(&cases::fixtures().join(SUITE))
}

fn known_failures_are_cases() -> Outcome {
    let cases: BTreeMap<_, _> = cases::folders(SUITE, "expected.json").into_iter().collect();
    for (name, reason) in known_failures() {
        if !cases.contains_key(&name) {
            return Err(format!("known-failures.txt names `{name}`, which is no case").into());
        }
        if reason.is_empty() {
            return Err(format!("known-failures.txt gives no reason for `{name}`").into());
        }
    }
    Ok(())
}

fn judged(folder: &Path, known: Option<String>) -> Result<Completion, Failed> {
    if let Some(reason) = NEEDS.iter().find_map(|need| need.missing()) {
        return Ok(Completion::ignored_with(reason));
    }
    if let Some(why) = Case::load(folder)?.options.needs_root.filter(|_| !is_root()) {
        return Ok(Completion::ignored_with(format!("needs root: it {why}")));
    }
    match (run(folder), known) {
        (Ok(()), None) => Ok(Completion::Completed),
        (Ok(()), Some(_)) => Err("it passes now: take it out of known-failures.txt".into()),
        (Err(problem), None) => Err(problem),
        (Err(_), Some(reason)) => Ok(Completion::ignored_with(format!("known failure: {reason}"))),
    }
}

fn run(folder: &Path) -> Outcome {
    let case = Case::load(folder)?;
    let work = scratch::fresh("case-")?;
    let context = case.prepare(work.path())?;
    let first = build(&case, work.path(), &context, "first.tar")?;
    let expected: Value = serde_json::from_str(&fs::read_to_string(case.expected())?)?;
    let wanted = expected["ok"] == true;
    match (wanted, first.status == Some(0)) {
        (true, false) => {
            return Err(format!("want an image, got a refusal: {}", tail(&first.stderr)).into());
        }
        (false, true) => return Err("want a refusal, got an image".into()),
        (false, false) => return refusal(&case, &first.stderr),
        (true, true) => {}
    }
    let image = Layout::read(&work.path().join("first.tar"))?;
    let mut form = image.normal_form(base()?, &case.options.check_mtime)?;
    leave_out(&mut form, &case.options.ignore_paths);
    let found = differences(&expected["image"], &form);
    if !found.is_empty() {
        let shown: Vec<_> = found.iter().take(SHOWN).map(String::as_str).collect();
        let text = format!("{} differences:\n{}", found.len(), shown.join("\n"));
        return Err(text.into());
    }
    let again = build(&case, work.path(), &context, "again.tar")?.expect(0)?;
    let cached = Layout::read(&work.path().join("again.tar"))?.digest()?;
    let digest = image.digest()?;
    if cached != digest {
        let log = again.stderr;
        return Err(format!("built again it is {cached}, not {digest}:\n{log}").into());
    }
    Ok(())
}

fn build(case: &Case, work: &Path, context: &Path, archive: &str) -> Result<Done, Failed> {
    let mut command = store()?.command(["build", "--progress=plain", "-f"])?;
    command.arg(work.join("Dockerfile")).args(bases::flags()?);
    command.args(case.flags(work, bases::folder()?));
    command.arg("--output").arg(format!("type=oci,dest={}", work.join(archive).display()));
    command.arg(context).envs(&case.options.env).current_dir(work);
    Done::within(command, LONGEST_BUILD)
}

/// One store for all cases, so that the base is taken in once, and a wrong hit between cases shows.
fn store() -> Result<&'static Dfc, Failed> {
    static STORE: OnceLock<Result<Dfc, String>> = OnceLock::new();
    let store = STORE.get_or_init(|| {
        Dfc::at(&scratch::folder().join("conformance-store")).map_err(|problem| problem.to_string())
    });
    store.as_ref().map_err(Failed::from)
}

fn base() -> Result<&'static Base, Failed> {
    static BASE: OnceLock<Result<Base, String>> = OnceLock::new();
    let made = BASE.get_or_init(|| {
        let read = || Layout::read(&bases::folder()?.join("busybox"))?.base();
        read().map_err(|problem: Failed| problem.message().unwrap_or_default().to_owned())
    });
    made.as_ref().map_err(Failed::from)
}

fn leave_out(form: &mut Value, ignored: &[String]) {
    let Some(rootfs) = form["rootfs"].as_object_mut() else { return };
    let below = |path: &str, folder: &String| {
        path.strip_prefix(folder.as_str())
            .is_some_and(|rest| matches!(rest.chars().next(), None | Some('/')))
    };
    rootfs.retain(|path, _| !ignored.iter().any(|folder| below(path, folder)));
}

fn refusal(case: &Case, said: &str) -> Outcome {
    if let Some(line) = case.options.error_line {
        let place = format!("Dockerfile:{line}");
        let ends = |rest: &str| !rest.starts_with(|next: char| next.is_ascii_digit());
        let named = said.contains(&format!(":{line}:"))
            || said.match_indices(&place).any(|(at, _)| ends(&said[at + place.len()..]));
        if !named {
            return Err(format!("the refusal does not name line {line}: {}", tail(said)).into());
        }
    }
    let lower = said.to_lowercase();
    match case.options.error_has.iter().find(|word| !lower.contains(&word.to_lowercase())) {
        Some(word) => Err(format!("the refusal does not say `{word}`: {}", tail(said)).into()),
        None => Ok(()),
    }
}

fn tail(text: &str) -> &str {
    let text = text.trim();
    let from = text.len().saturating_sub(1500);
    let from = (from..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    &text[from..]
}
