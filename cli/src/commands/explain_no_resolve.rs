//! `dfc explain --no-resolve`: compiles Dockerfiles alone, for tools.

use std::fs::File;
use std::process::ExitCode;

use compiler::{BuildOptions, ImageQuery, ResolvedImage, World, WorldError};
use grammar::SourceFile;
use oci::{ContainerConfig, Digest, ImageConfig, Platform, RootFs};

use crate::args::{ExplainArgs, GraphFormat};
use crate::error::CliError;
use crate::project::dockerfile;
use crate::render::compiled;
use crate::ui::Ui;

/// The search path of every base.
pub(super) const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs the command: a line for each file, in order. Fails if one of them is refused.
pub(crate) fn run(args: &ExplainArgs, ui: &mut Ui) -> Result<ExitCode, CliError> {
    match args.format {
        GraphFormat::Json => {}
        GraphFormat::Text | GraphFormat::Dot | GraphFormat::Mermaid => {
            return Err(CliError::usage("--no-resolve has one form, `--format json`"));
        }
    }
    let options = options();
    let mut all_fine = true;
    for path in &args.paths {
        let name = path.to_string_lossy();
        let line = match File::open(ui.env.path(path)).and_then(dockerfile::read_bytes) {
            Ok(bytes) => {
                let source = SourceFile::from_bytes(name.as_ref(), &bytes);
                let parsed = grammar::parse(&source);
                let compiled = compiler::compile(&parsed.tree, &source, &options, &NoImages);
                all_fine &= compiled.graph.is_some();
                compiled::line(&name, &parsed.diagnostics, &compiled)
            }
            Err(error) => {
                all_fine = false;
                compiled::unreadable(&name, &error.to_string())
            }
        };
        ui.line(line)?;
    }
    Ok(if all_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Options that no machine and no right stands in the way of.
pub(super) fn options() -> BuildOptions {
    BuildOptions {
        build_platform: Some(Platform::linux("amd64")),
        allow_insecure: true,
        allow_host_network: true,
        ..BuildOptions::default()
    }
}

/// A world in which every image is there, and is for linux/amd64 with nothing but a PATH.
#[derive(Debug)]
pub(super) struct NoImages;

impl World for NoImages {
    fn image(&self, _query: &ImageQuery<'_>) -> Result<ResolvedImage, WorldError> {
        let config = ImageConfig {
            architecture: "amd64".into(),
            os: "linux".into(),
            config: ContainerConfig { env: vec![PATH.into()], ..ContainerConfig::default() },
            // An image without layers would be no base, but the empty tree.
            rootfs: RootFs { diff_ids: vec![Digest::of(b"")], ..RootFs::default() },
            ..ImageConfig::default()
        };
        Ok(ResolvedImage { manifest: None, config })
    }

    fn ignore_file(&self, _context: &str) -> Option<(String, String)> {
        None
    }
}
