//! `dfc import`: makes an image of a tar that holds a tree.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::process::ExitCode;
use std::time::SystemTime;

use compiler::Address;
use executor::{Cancel, Download, Downloads as _};
use oci::manifest::{Descriptor, media_type};
use oci::{History, ImageConfig, Platform, RootFs};
use store::{Store, archive};

use crate::args::image::ImportArgs;
use crate::config::Config;
use crate::error::CliError;
use crate::images::make;
use crate::images::remote::Remote;
use crate::open;
use crate::options::graph::{default_platform, platform};
use crate::options::moment;
use crate::render::time;
use crate::ui::Ui;

/// Runs the command.
pub(crate) fn run(args: &ImportArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    let name = args.name.as_deref().map(make::name).transpose()?;
    let platform = match &args.platform {
        Some(text) => platform("platform", text)?,
        None => default_platform(&ui.env)?.unwrap_or_else(Platform::host),
    };
    let epoch = moment::epoch(&ui.env)?;
    let mut config = ImageConfig {
        os: platform.os.clone(),
        architecture: platform.architecture.clone(),
        variant: platform.variant.clone(),
        ..ImageConfig::default()
    };
    // What is wrong with them is said before a long archive is read.
    config = make::change(&config, &args.changes)?;
    if args.source == "-" && ui.env.stdin_terminal {
        return Err(CliError::usage("there is no archive on standard input")
            .help("name a file, or redirect standard input"));
    }
    let store = open::store(&ui.env)?;
    let packed = source(args, &store, ui).and_then(|it| Ok(archive::rootfs::read(&store, it)?));
    if packed.is_err() {
        // What is not taken back now goes with the next prune.
        let _ = store.take_back(&[]);
    }
    let packed = packed?;
    let created = time::rfc3339(epoch.unwrap_or_else(|| time::now(SystemTime::now())));
    let from = format!("Imported from {}", args.source);
    config.created = Some(created.clone());
    config.rootfs = RootFs { diff_ids: vec![packed.diff_id], ..RootFs::default() };
    config.history = vec![History {
        created: Some(created),
        comment: Some(args.message.clone().unwrap_or(from)),
        ..History::default()
    }];
    let layer = Descriptor::new(media_type::OCI_LAYER_GZIP, packed.blob, packed.size);
    let id = make::image(&store, &config, vec![layer], name.as_ref())?;
    ui.line(id)?;
    Ok(ExitCode::SUCCESS)
}

/// Larger than this is no file system: 64 GiB.
const MAX_DOWNLOAD: u64 = 64 << 30;

/// The archive: a file, standard input, or what a URL gives.
fn source(args: &ImportArgs, store: &Store, ui: &Ui) -> Result<Box<dyn Read + Send>, CliError> {
    if args.source == "-" {
        return Ok(Box::new(io::stdin()));
    }
    if args.source.starts_with("http://") || args.source.starts_with("https://") {
        let failed = |error: io::Error| CliError::io("cannot keep what is downloaded", &error);
        let mut file = tempfile::tempfile_in(store.root().join("tmp")).map_err(failed)?;
        let remote = Remote::new(&ui.env, Config::read(&ui.env)?.registry, Cancel::default());
        let url = Address::new(args.source.as_str());
        let authorization = None;
        let ask = Download { url: &url, validator: None, authorization, limit: MAX_DOWNLOAD };
        let got = remote.get(&ask, &mut file);
        got.map_err(|error| CliError::failed(error.message))?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        return Ok(Box::new(file));
    }
    let path = ui.env.path(&args.source);
    let doing = || format!("cannot read `{}`", path.display());
    if path.is_dir() {
        return Err(CliError::failed(format!("{}: it is a folder", doing()))
            .help(format!("tar -C {0} -c . | dfc import - NAME", path.display())));
    }
    Ok(Box::new(File::open(&path).map_err(|error| CliError::io(doing(), &error))?))
}
