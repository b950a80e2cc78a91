//! `--build-context NAME=…`: which name stands for what.

use oci::{Platform, Reference};

use super::{Conversion, SCRATCH};
use crate::world::NamedContext;

impl<'a> Conversion<'a> {
    /// The named context for an image's or a stage's name, and what the user calls it; one for the platform alone
    /// (`name::linux/arm64`) comes first.
    pub(crate) fn named_context(
        &self,
        name: &str,
        platform: Option<&Platform>,
    ) -> Option<(&'a str, &'a NamedContext)> {
        let reserved = [SCRATCH, "context"].iter().any(|it| name.eq_ignore_ascii_case(it));
        if reserved || self.options.contexts.is_empty() {
            return None;
        }
        let name = familiar(name)?;
        let platform = platform.unwrap_or(&self.platforms.target).normalized().with_os_options();
        let find = |wanted_platform: Option<&str>| {
            self.options.contexts.iter().rev().find(|(key, _)| {
                let (key, of_platform) = match key.split_once("::") {
                    Some((key, platform)) => (key, Some(platform)),
                    None => (key.as_str(), None),
                };
                of_platform == wanted_platform && familiar(key).as_deref() == Some(&*name)
            })
        };
        find(Some(&platform)).or_else(|| find(None)).map(|(key, context)| (key.as_str(), context))
    }
}

/// An image's name as people write it, without `:latest`; `None` if it is no name.
fn familiar(name: &str) -> Option<String> {
    let name = Reference::parse_untagged(name).ok()?.familiar();
    Some(name.strip_suffix(":latest").map(str::to_owned).unwrap_or(name))
}
