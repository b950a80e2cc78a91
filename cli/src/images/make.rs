//! Images that no Dockerfile made: of an imported tree, or of what a command changed.

use compiler::{BuildOptions, ImageQuery, ResolvedImage, World, WorldError};
use grammar::{Severity, SourceFile};
use oci::manifest::{Descriptor, Manifest, media_type};
use oci::{Digest, ImageConfig, Platform, Reference};
use store::Store;

use crate::error::CliError;

/// Instructions that change the configuration alone, as docker takes them.
const ALLOWED: [&str; 11] = [
    "CMD",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "HEALTHCHECK",
    "LABEL",
    "ONBUILD",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// Puts an image together and gives it its name.
///
/// # Errors
/// The store cannot be written.
pub(crate) fn image(
    store: &Store,
    config: &ImageConfig,
    layers: Vec<Descriptor>,
    name: Option<&Reference>,
) -> Result<Digest, CliError> {
    let bytes = config.to_json();
    let id = store.put_blob(&bytes)?;
    let descriptor = Descriptor::new(media_type::OCI_CONFIG, id, bytes.len() as u64);
    let manifest = Manifest::oci(descriptor, layers).to_json();
    let manifest = store.put_manifest(&manifest, media_type::OCI_MANIFEST)?;
    if let Some(name) = name {
        store.tag(name, &manifest)?;
    }
    Ok(id)
}

/// Reads the name of a new image.
///
/// # Errors
/// It is none, or one with a digest.
pub(crate) fn name(text: &str) -> Result<Reference, CliError> {
    let name = super::find::reference(text)?;
    match name.digest {
        Some(_) => Err(CliError::usage(format!("`{text}`: a digest cannot be given"))),
        None => Ok(name),
    }
}

/// The configuration after some instructions (`--change`). History, layers and times stay as they are.
///
/// # Errors
/// An instruction that is none, or that changes more than the configuration.
pub(crate) fn change(config: &ImageConfig, changes: &[String]) -> Result<ImageConfig, CliError> {
    if changes.is_empty() {
        return Ok(config.clone());
    }
    let mut text = "FROM scratch-of-change\n".to_owned();
    for change in changes {
        let word = change.split_whitespace().next().unwrap_or_default().to_uppercase();
        let several = change.trim_end().replace("\\\n", "").contains('\n');
        if !ALLOWED.contains(&word.as_str()) || several {
            return Err(CliError::usage(format!("--change `{change}` cannot be done"))
                .help(format!("one instruction of {}", ALLOWED.join(", "))));
        }
        text.push_str(change.trim());
        text.push('\n');
    }
    let source = SourceFile::new("--change", text);
    let parsed = grammar::parse(&source);
    let mut base = config.clone();
    // Triggers are for builds on the image, not for this.
    let triggers = std::mem::take(&mut base.config.on_build);
    let platform = Some(config.platform()).filter(|platform| !platform.os.is_empty());
    let options = BuildOptions {
        platforms: platform.into_iter().collect(),
        build_platform: Some(Platform::host()),
        ..BuildOptions::default()
    };
    let compiled = compiler::compile(&parsed.tree, &source, &options, &Base(base));
    let errors = parsed.diagnostics.iter().chain(&compiled.diagnostics);
    let error = errors.filter(|found| found.severity == Severity::Error).map(|found| {
        CliError::usage(format!("--change: {}", found.message)).help(
            found.help.clone().unwrap_or_else(|| "it is an instruction as in a Dockerfile".into()),
        )
    });
    if let Some(error) = error.into_iter().next() {
        return Err(error);
    }
    let target = compiled.graph.and_then(|graph| graph.targets.into_iter().next());
    let target = target.ok_or_else(|| CliError::failed("--change could not be applied"))?;
    let mut changed = ImageConfig { config: target.config.config, ..config.clone() };
    changed.config.on_build.splice(0..0, triggers);
    // A build gives every image a PATH; nobody has asked for one here.
    let is_path = |pair: &String| pair.starts_with("PATH=");
    if !config.config.env.iter().any(is_path) && !changes.iter().any(|it| it.contains("PATH")) {
        changed.config.env.retain(|pair| !is_path(pair));
    }
    Ok(changed)
}

/// A world of one image.
struct Base(ImageConfig);

impl World for Base {
    fn image(&self, _: &ImageQuery<'_>) -> Result<ResolvedImage, WorldError> {
        Ok(ResolvedImage { manifest: None, config: self.0.clone() })
    }

    fn ignore_file(&self, _: &str) -> Option<(String, String)> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_instructions() {
        let mut base = ImageConfig::default();
        (base.os, base.architecture) = ("linux".into(), "amd64".into());
        base.config.env = vec!["A=1".into()];
        base.config.on_build = vec!["RUN false".into()];
        base.config.cmd = Some(vec!["old".into()]);
        let changes = [
            "ENV B=$A",
            "cmd [\"x\", \"y\"]",
            "EXPOSE 80",
            "LABEL k=v",
            "ONBUILD USER u",
            "WORKDIR /w",
            "VOLUME /d",
        ];
        let changed = change(&base, &changes.map(str::to_owned)).unwrap();
        assert_eq!(changed.config.env, ["A=1", "B=1"]);
        assert_eq!(changed.config.cmd.as_deref(), Some(&["x".to_owned(), "y".to_owned()][..]));
        assert_eq!(changed.config.on_build, ["RUN false", "USER u"]);
        assert_eq!(changed.config.working_dir, "/w");
        assert!(changed.config.exposed_ports.contains_key("80/tcp"));
        assert!(changed.history.is_empty() && changed.rootfs.diff_ids.is_empty());
        for wrong in ["RUN x", "COPY a b", "nonsense", "", "ENV", "USER a\nRUN b"] {
            assert!(change(&base, &[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
