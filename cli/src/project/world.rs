//! [`CliWorld`]: what the compiler may ask of the outside, answered over the store, registries and folders.

use std::collections::BTreeMap;

use compiler::{ImageQuery, RemoteContext, ResolvedImage, TimeOf, World, WorldError};
use executor::LocalContext;

use super::fetch::{Fetched, Fetcher};
use crate::images::ImageSources;

/// The outside of one build.
#[derive(Debug)]
pub(crate) struct CliWorld<'a> {
    /// Where images come from.
    pub(crate) images: &'a ImageSources<'a>,
    /// The local contexts with their ignore files; `""` is the main one.
    pub(crate) contexts: &'a BTreeMap<String, LocalContext>,
    /// The main context, if it was fetched.
    pub(crate) main: Option<&'a Fetched>,
    /// Fetches sources whose time is asked for.
    pub(crate) fetcher: Fetcher<'a>,
}

impl World for CliWorld<'_> {
    fn image(&self, query: &ImageQuery<'_>) -> Result<ResolvedImage, WorldError> {
        self.images.resolve(query)
    }

    fn ignore_file(&self, context: &str) -> Option<(String, String)> {
        self.contexts.get(context)?.ignore.clone()
    }

    fn time_of(&self, source: &TimeOf) -> Result<Option<i64>, WorldError> {
        let source = match (source, self.main) {
            (TimeOf::Remote(source), _) => source.clone(),
            (TimeOf::Context, None) => return Ok(None),
            (TimeOf::Context, Some(main)) => match (main.time, &main.from) {
                // Only the Dockerfile asks for it: the tree was fetched without.
                (None, Some(RemoteContext::Git(git))) => RemoteContext::Git(git.clone()),
                (time, _) => return Ok(time),
            },
        };
        self.fetcher
            .time_of(source)
            .map_err(|error| WorldError { message: error.to_string(), help: error.help() })
    }
}
