//! `dfc run --commit`: an image of what a command changed, as `docker commit` makes it of a container.

use std::ffi::OsString;
use std::time::SystemTime;

use oci::manifest::{Compression, Descriptor, Manifest, media_type};
use oci::{Digest, History, ImageConfig, Reference};
use store::{Folder, LayerId, ScanOptions, Store};

use crate::args::run::RunArgs;
use crate::env::Env;
use crate::error::CliError;
use crate::images::make;
use crate::options::moment;
use crate::render::time;

/// What is to be made.
#[derive(Debug)]
pub(super) struct Commit<'a> {
    args: &'a RunArgs,
    /// The new image's name.
    pub(super) name: Reference,
    /// No time in it is later (seconds since 1970).
    epoch: Option<i64>,
}

/// The image that the command ran in.
#[derive(Debug)]
pub(super) struct Base<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) config: &'a ImageConfig,
    pub(super) layers: &'a [LayerId],
}

impl<'a> Commit<'a> {
    /// Reads the flags: what is wrong with them is said before the command runs.
    pub(super) fn read(args: &'a RunArgs, env: &Env) -> Result<Commit<'a>, CliError> {
        let name = make::name(args.commit.as_deref().unwrap_or_default())?;
        make::change(&ImageConfig::default(), &args.changes)?;
        Ok(Commit { args, name, epoch: moment::epoch(env)? })
    }

    /// Makes the image of the folder that holds the changes; gives its id.
    pub(super) fn put(
        &self,
        store: &Store,
        folder: Folder,
        base: &Base<'_>,
        command: &[OsString],
    ) -> Result<Digest, CliError> {
        let mut layers = base.manifest.layers.clone();
        for layer in &mut layers {
            if let Some(compression) = layer.compression() {
                layer.media_type = compression.oci_layer().to_owned();
            }
        }
        let mut config = self.config(base.config)?;
        let below = store.view(base.layers)?;
        let index = store.scan_upper(&folder.fs(), Some(&below), &ScanOptions::default())?;
        let unchanged = index.is_empty();
        if !unchanged {
            let packed = store.pack(store.adopt(folder, index)?, Compression::Gzip, self.epoch)?;
            layers.push(Descriptor::new(media_type::OCI_LAYER_GZIP, packed.blob, packed.size));
            config.rootfs.diff_ids.push(packed.diff_id);
        }
        let words: Vec<_> = command.iter().map(|word| word.to_string_lossy()).collect();
        let created = self.epoch.unwrap_or_else(|| time::now(SystemTime::now()));
        let created = time::rfc3339(created);
        config.created = Some(created.clone());
        config.history.push(History {
            created: Some(created),
            created_by: words.join(" "),
            author: self.args.author.clone(),
            comment: self.args.message.clone(),
            empty_layer: unchanged,
        });
        make::image(store, &config, layers, Some(&self.name))
    }

    /// The configuration that the command ran with, as docker keeps that of a container; then `--change`.
    fn config(&self, base: &ImageConfig) -> Result<ImageConfig, CliError> {
        let mut config = base.clone();
        let (args, inner) = (self.args, &mut config.config);
        if let Some(program) = &args.entrypoint {
            inner.entrypoint = Some(program.clone()).filter(|it| !it.is_empty()).map(|it| vec![it]);
            inner.cmd = None;
        }
        if !args.command.is_empty() {
            inner.cmd = Some(args.command.clone());
        }
        for pair in args.env.iter().filter(|pair| pair.contains('=')) {
            let name = pair.split('=').next().unwrap_or_default();
            let of_name = |known: &String| known.split('=').next() == Some(name);
            match inner.env.iter().position(of_name) {
                Some(position) => inner.env[position].clone_from(pair),
                None => inner.env.push(pair.clone()),
            }
        }
        if let Some(user) = &args.user {
            inner.user.clone_from(user);
        }
        if let Some(folder) = &args.workdir {
            let folder = std::path::Path::new("/").join(&inner.working_dir).join(folder);
            inner.working_dir = folder.to_string_lossy().into_owned();
        }
        config.author.clone_from(&args.author);
        make::change(&config, &args.changes)
    }
}
