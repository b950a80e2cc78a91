//! [`CliWorld`]: what the compiler may ask of the outside, answered over the store, registries and folders.

use std::collections::BTreeMap;

use compiler::{ImageQuery, ResolvedImage, World, WorldError};
use executor::LocalContext;

use crate::images::ImageSources;

/// The outside of one build.
#[derive(Debug)]
pub(crate) struct CliWorld<'a> {
    /// Where images come from.
    pub(crate) images: &'a ImageSources<'a>,
    /// The local contexts with their ignore files; `""` is the main one.
    pub(crate) contexts: &'a BTreeMap<String, LocalContext>,
}

impl World for CliWorld<'_> {
    fn image(&self, query: &ImageQuery<'_>) -> Result<ResolvedImage, WorldError> {
        self.images.resolve(query)
    }

    fn ignore_file(&self, context: &str) -> Option<(String, String)> {
        self.contexts.get(context)?.ignore.clone()
    }
}
