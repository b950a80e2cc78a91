//! `dfc build --verify`: the target built twice from nothing, on two stores inside the store, and compared.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use executor::compare::{Side, StepDifference, compare};
use executor::{BuiltImage, Deliver, Settings};
use oci::ImageConfig;
use store::{FolderSource, Keep, LayerId, Store};

use super::{Built, Failure, Outside, run_graph};
use crate::error::CliError;
use crate::images::copy_blob;
use crate::progress::Reporter;
use crate::project::{CompiledProject, Project};

/// The second build begins so much later at least: what takes the time in seconds then takes another.
const APART: Duration = Duration::from_millis(1200);

/// What was not the same.
#[derive(Debug)]
pub(crate) struct Report {
    /// The steps, in the graph's order. Empty if only the configs differ.
    pub(crate) steps: Vec<StepDifference>,
    /// The images that differ: the platform, and what the config says in one and the other.
    pub(crate) images: Vec<(String, ImageConfig, ImageConfig)>,
}

/// Builds twice. The first result is the result; its image is in the user's store when both are the same.
pub(super) fn build(
    project: &Project,
    settings: Settings,
    outside: &Outside<'_>,
    reporter: &Reporter,
) -> Result<Built, Failure> {
    let compiled = project
        .compile(outside.images)
        .map_err(|(found, sources)| Failure::Compile(found, sources))?;
    let kept = outside.store.new_folder().map_err(failed)?;
    let open = |name: &str| Store::open(&kept.path().join(name)).map_err(failed);
    let (one, two) = (open("one")?, open("two")?);
    let jobs = settings.jobs;
    let mut contexts = Vec::new();
    for store in [&one, &two] {
        contexts.push(take_along(outside.fetched, outside.store, store).map_err(failed)?);
    }
    let run = |store: &Store, fetched: &BTreeMap<String, LayerId>, jobs: Option<usize>| {
        let images = outside.images.for_store(store);
        let there = Outside { store, images: &images, imports: &[], fetched, ..*outside };
        let settings = Settings { jobs, deliver: Deliver::Blobs, ..settings.clone() };
        run_graph(&compiled, project, settings, &there, reporter)
    };
    let begun = Instant::now();
    reporter.notice("first build");
    let first = match run(&one, &contexts[0], jobs) {
        Ok(built) => built,
        Err(error) => return Err(Failure::Build(error, Box::new(compiled))),
    };
    while let Some(rest) = APART.checked_sub(begun.elapsed()) {
        if outside.cancel.is_cancelled() {
            break;
        }
        std::thread::sleep(rest.min(Duration::from_millis(50)));
    }
    // The image must not depend on the number of jobs, so it is another.
    let other = if jobs == Some(1) { None } else { Some(1) };
    reporter.notice("second build");
    let second = match run(&two, &contexts[1], other) {
        Ok(built) => built,
        Err(error) => return Err(Failure::Build(error, Box::new(compiled))),
    };
    let report = {
        let side = |store, layers| Side { store, layers };
        let sides = (side(&one, first.layers.as_slice()), side(&two, second.layers.as_slice()));
        let steps = compare(&compiled.graph, sides.0, sides.1).map_err(failed)?;
        Report { steps, images: unequal(&compiled, &first.images, &second.images) }
    };
    if !report.steps.is_empty() || !report.images.is_empty() {
        return Err(Failure::Differs(report, Box::new(compiled)));
    }
    let images = first.images.into_iter().map(|image| bring_home(image, &one, outside.store));
    let images = images.collect::<Result<_, _>>().map_err(failed)?;
    Ok(Built { compiled, images, steps: Vec::new() })
}

fn failed(error: store::StoreError) -> Failure {
    Failure::Deliver(CliError::from(error))
}

/// The images that are not the same: to the byte with SOURCE_DATE_EPOCH; without it times differ, and so only their steps
/// are compared.
fn unequal(
    compiled: &CompiledProject,
    first: &[BuiltImage],
    second: &[BuiltImage],
) -> Vec<(String, ImageConfig, ImageConfig)> {
    if compiled.graph.epoch.is_none() {
        return Vec::new();
    }
    let digest = |image: &BuiltImage| image.manifest.as_ref().map(|(found, _)| found.digest);
    let pairs = first.iter().zip(second).filter(|(a, b)| digest(a) != digest(b));
    let owned = |(a, b): (&BuiltImage, &BuiltImage)| {
        (a.platform.to_string(), a.config.clone(), b.config.clone())
    };
    pairs.map(owned).collect()
}

/// Copies contexts that were fetched to another store.
fn take_along(
    fetched: &BTreeMap<String, LayerId>,
    home: &Store,
    to: &Store,
) -> Result<BTreeMap<String, LayerId>, store::StoreError> {
    let mut there = BTreeMap::new();
    for (name, layer) in fetched {
        let files = FolderSource::open(&home.lay_out(*layer)?)?;
        let index = home.index(*layer)?.as_ref().clone();
        there.insert(name.clone(), to.add_sourced(index, &files, Keep::Files)?);
    }
    Ok(there)
}

/// Copies an image's blobs to the user's store. Its layers are found there by their digests.
fn bring_home(
    mut image: BuiltImage,
    from: &Store,
    home: &Store,
) -> Result<BuiltImage, store::StoreError> {
    if let Some((descriptor, manifest)) = &image.manifest {
        copy_blob(&manifest.config.digest, from, home)?;
        for layer in &manifest.layers {
            copy_blob(&layer.digest, from, home)?;
        }
        home.put_manifest(&from.read_blob(&descriptor.digest)?, &descriptor.media_type)?;
    }
    for layer in &mut image.layers {
        layer.id = None;
    }
    Ok(image)
}
