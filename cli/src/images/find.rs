//! Finding the image a person means.

use oci::manifest::Manifest;
use oci::{ImageConfig, Platform, Reference};
use store::{ImageRecord, Store, StoreError};

use crate::error::CliError;
use crate::images::{self, ImageError};

/// The image with this name, digest, id or beginning of an id.
///
/// # Errors
/// There is none, or several ids begin so.
pub(crate) fn image(store: &Store, text: &str) -> Result<ImageRecord, CliError> {
    resolve(store, text)?.ok_or_else(|| none(text))
}

/// What is said of an image that is not there.
pub(crate) fn none(text: &str) -> CliError {
    CliError::failed(format!("there is no image `{text}`"))
        .help("`dfc images` lists what there is; `dfc pull` gets one from a registry")
}

/// As [`image`], or nothing if there is none.
///
/// # Errors
/// Several ids begin so; they are named.
pub(crate) fn resolve(store: &Store, text: &str) -> Result<Option<ImageRecord>, CliError> {
    match store.resolve(text) {
        Err(StoreError::Ambiguous(_)) => {
            let hex = text.strip_prefix("sha256:").unwrap_or(text);
            let mut candidates = Vec::new();
            for image in store.images()? {
                let id = image.config.unwrap_or(image.manifest);
                if id.hex().starts_with(hex) || image.manifest.hex().starts_with(hex) {
                    candidates.push(format!("{} ({})", id.short(), shown_name(&image)));
                }
            }
            candidates.dedup();
            Err(CliError::failed(format!("several images begin with `{text}`"))
                .help(format!("give more digits: {}", candidates.join(", "))))
        }
        other => Ok(other?),
    }
}

/// The image itself, or of several platforms that for `platform`.
///
/// # Errors
/// None is for this platform.
pub(crate) fn member(
    store: &Store,
    record: ImageRecord,
    platform: &Platform,
) -> Result<ImageRecord, CliError> {
    if record.members.is_empty() {
        return Ok(record);
    }
    let name = shown_name(&record);
    images::member_for(store, record, platform)?
        .ok_or_else(|| CliError::failed(format!("image `{name}` is not for {platform}")))
}

/// As [`member`], for a platform that was asked for (`--platform`): an image of one platform must be for that, too. Without
/// one, what there is, or of several that for this machine.
///
/// # Errors
/// None is for this platform.
pub(crate) fn asked(
    store: &Store,
    record: ImageRecord,
    platform: Option<&Platform>,
) -> Result<ImageRecord, CliError> {
    let Some(wanted) = platform else { return member(store, record, &Platform::host()) };
    let (name, found) = (shown_name(&record), record.platform.clone());
    images::member_for(store, record, wanted)?.ok_or_else(|| {
        let error = CliError::failed(format!("image `{name}` is not for {wanted}"));
        match found {
            Some(found) => error.help(format!("it is for {found}")),
            None => error,
        }
    })
}

/// Manifest and config of an image that is no index.
///
/// # Errors
/// They are missing or broken.
pub(crate) fn documents(
    store: &Store,
    record: &ImageRecord,
) -> Result<(Manifest, ImageConfig), CliError> {
    let broken = |error: ImageError| CliError::caused(&error);
    let manifest = images::parse_manifest(&store.read_blob(&record.manifest)?).map_err(broken)?;
    let config =
        images::parse_config(&store.read_blob(&manifest.config.digest)?).map_err(broken)?;
    Ok((manifest, config))
}

/// What people call an image: its first name, or its id.
pub(crate) fn shown_name(record: &ImageRecord) -> String {
    match record.names.first() {
        Some(name) => name.familiar(),
        None => record.config.unwrap_or(record.manifest).short(),
    }
}

/// Reads the name of an image.
///
/// # Errors
/// It is none.
pub(crate) fn reference(text: &str) -> Result<Reference, CliError> {
    text.parse().map_err(|error| {
        CliError::usage(format!("`{text}`: {error}"))
            .help("a name is NAME[:TAG] in lower case, such as team/app:1.0")
    })
}

/// Whether the name of an image has a tag or a digest.
pub(crate) fn says_which(text: &str) -> bool {
    text.contains('@') || text.rsplit('/').next().is_some_and(|last| last.contains(':'))
}
