//! `dfc prune`: makes room. `dfc image prune`: removes images alone.

use std::collections::BTreeMap;
use std::io;
use std::process::ExitCode;
use std::time::SystemTime;

use oci::{Digest, Reference};
use store::{ImageRecord, PrunePolicy, Pruned};

use crate::args::image::{ImagePruneArgs, PruneArgs};
use crate::error::CliError;
use crate::images::select::{Catalog, Filters};
use crate::open;
use crate::options::size;
use crate::render::time;
use crate::ui::Ui;

/// `dfc prune`: images without a name, results of steps, and with `--all` cache mounts.
pub(crate) fn run(args: &PruneArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let keep_storage =
        args.keep_storage.as_deref().map(|text| size::parse("keep-storage", text)).transpose()?;
    let images = "images without a name";
    let by_label = args.filters.iter().any(|filter| filter.trim_start().starts_with("label"));
    let what = match (by_label, args.all) {
        (true, _) => format!("{images} and what only they need"),
        (false, true) => {
            format!("{images}, results of steps that are in no image, and cache mounts")
        }
        (false, false) => format!("{images}, and results of steps that are in no image"),
    };
    if !args.force && !args.dry_run && !confirmed(&what, ui)? {
        return Ok(ExitCode::SUCCESS);
    }
    let store = open::store_to_remove(&ui.env)?;
    let now = time::now(SystemTime::now());
    let filters =
        Filters::parse(&args.filters, &["until", "unused-for", "label", "label!"], &store, now)?;
    let catalog = Catalog::read(&store)?;
    let mut policy = PrunePolicy {
        unused_since: filters.until,
        keep_storage,
        caches: args.all,
        dry_run: args.dry_run,
        ..PrunePolicy::default()
    };
    if filters.ask_labels() {
        // Steps and caches have no labels, so none of them has the ones that are wanted.
        policy = PrunePolicy { keep_records: true, caches: false, unused_since: None, ..policy };
        let dangling = |image: &&ImageRecord| catalog.is_dangling(image);
        let chosen = catalog.images.iter().filter(dangling);
        policy.images = with_members(chosen.filter(|it| filters.wants(it, &catalog, &store)));
    } else {
        policy.untagged = true;
    }
    let pruned = store.prune(&policy)?;
    report(&pruned, &catalog, args.dry_run, ui)
}

/// `dfc image prune`: images without a name, or with `--all` those with one, too. The results of steps stay.
pub(crate) fn images(args: &ImagePruneArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let what = match args.all {
        true => "all images, also those with a name",
        false => "images without a name",
    };
    if !args.force && !args.dry_run && !confirmed(what, ui)? {
        return Ok(ExitCode::SUCCESS);
    }
    let store = open::store_to_remove(&ui.env)?;
    let now = time::now(SystemTime::now());
    let keys = ["until", "label", "label!", "dangling"];
    let mut filters = Filters::parse(&args.filters, &keys, &store, now)?;
    // As docker has it: `dangling=false` is another word for --all.
    let all = args.all || filters.take_dangling() == Some(false);
    let catalog = Catalog::read(&store)?;
    let chosen = catalog.images.iter().filter(|image| all || catalog.is_dangling(image));
    let policy = PrunePolicy {
        images: with_members(chosen.filter(|it| filters.wants(it, &catalog, &store))),
        named: all,
        keep_records: true,
        dry_run: args.dry_run,
        ..PrunePolicy::default()
    };
    let pruned = store.prune(&policy)?;
    report(&pruned, &catalog, args.dry_run, ui)
}

/// The images, and those that they consist of.
fn with_members<'a>(images: impl Iterator<Item = &'a ImageRecord>) -> Vec<Digest> {
    let mut digests = Vec::new();
    for image in images {
        digests.push(image.manifest);
        digests.extend(&image.members);
    }
    digests
}

fn report(
    pruned: &Pruned,
    catalog: &Catalog,
    dry_run: bool,
    ui: &mut Ui,
) -> Result<ExitCode, CliError> {
    // Images are told by their names and by the ids that `dfc images` shows.
    let known: BTreeMap<Digest, &ImageRecord> =
        catalog.images.iter().map(|image| (image.manifest, image)).collect();
    let mut text = String::new();
    for digest in &pruned.images {
        let image = known.get(digest);
        for name in image.iter().flat_map(|image| &image.names) {
            text.push_str(&format!("Untagged: {}\n", Reference::familiar(name)));
        }
        let id = image.and_then(|image| image.config).unwrap_or(*digest);
        text.push_str(&format!("Deleted: {id}\n"));
    }
    let parts = format!(
        "{}, {} and {}",
        count(pruned.layers, "layer"),
        count(pruned.blobs, "blob"),
        count(pruned.records, "step result"),
    );
    let bytes = size::show(pruned.bytes);
    text.push_str(&match dry_run {
        true => format!("Would remove {parts}.\nReclaimable space: {bytes}\n"),
        false => format!("Removed {parts}.\nTotal reclaimed space: {bytes}\n"),
    });
    ui.write(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// "1 layer", "2 layers".
fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Asks on a terminal; elsewhere --force must be given.
fn confirmed(what: &str, ui: &mut Ui) -> Result<bool, CliError> {
    if !ui.env.stdin_terminal {
        return Err(CliError::usage("prune removes things and cannot ask here")
            .help("add --force, or --dry-run to see what would go"));
    }
    ui.note(format_args!("This removes {what}. Go on? [y/N]"));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|error| CliError::failed(error.to_string()))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
