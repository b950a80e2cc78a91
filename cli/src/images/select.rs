//! Which images are meant: `--filter`, patterns of names, and the list that `images`, `prune` and `du` start from.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use oci::{Digest, Platform, Reference};
use store::{ImageRecord, Store};

use super::find;
use crate::error::CliError;
use crate::options::{filter, moment};
use crate::render::time;

/// The images of a store, the newest first.
#[derive(Debug)]
pub(crate) struct Catalog {
    /// All of them. One of several platforms has the size of all together, and the time of the newest.
    pub(crate) images: Vec<ImageRecord>,
    members: BTreeSet<Digest>,
}

impl Catalog {
    /// Reads the list.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn read(store: &Store) -> Result<Catalog, CliError> {
        let mut images = store.images()?;
        add_members_up(&mut images);
        let members = images.iter().flat_map(|image| image.members.iter().copied()).collect();
        Ok(Catalog { images, members })
    }

    /// Whether it is the image of one platform of another.
    pub(crate) fn is_member(&self, image: &ImageRecord) -> bool {
        self.members.contains(&image.manifest)
    }

    /// Whether it is what BuildKit says about an image, in the form of a further platform.
    pub(crate) fn is_attestation(&self, image: &ImageRecord) -> bool {
        let known = |platform: &Platform| !matches!(platform.os.as_str(), "" | "unknown");
        let has_platform = image.platform.as_ref().is_some_and(known);
        self.is_member(image) && image.members.is_empty() && !has_platform
    }

    /// When an image was made, then where it stands in the list: images of one fixed time still have an order.
    fn age(&self, manifest: &Digest) -> Option<(i64, Reverse<usize>)> {
        let position = self.images.iter().position(|image| image.manifest == *manifest)?;
        let created = self.images[position].created.as_deref().and_then(time::seconds);
        Some((created.unwrap_or(i64::MIN), Reverse(position)))
    }

    /// Whether nothing refers to it: neither a name nor an image of several platforms.
    pub(crate) fn is_dangling(&self, image: &ImageRecord) -> bool {
        image.names.is_empty() && !self.is_member(image)
    }
}

fn add_members_up(images: &mut [ImageRecord]) {
    let single: BTreeMap<Digest, (u64, Option<String>)> =
        images.iter().map(|image| (image.manifest, (image.size, image.created.clone()))).collect();
    for image in images.iter_mut().filter(|image| !image.members.is_empty()) {
        let members = image.members.iter().filter_map(|member| single.get(member));
        image.size = members.clone().map(|(size, _)| size).sum();
        let created = members.filter_map(|(_, created)| created.clone());
        image.created = created.max_by_key(|created| time::seconds(created));
    }
}

/// The labels of an image; of several platforms, those of this machine's, or the first.
pub(crate) fn labels(store: &Store, image: &ImageRecord) -> BTreeMap<String, String> {
    let mut image = image.clone();
    if let Some(first) = image.members.first().copied() {
        let member = find::member(store, image.clone(), &Platform::host()).ok();
        match member.or_else(|| store.image(&first).ok().flatten()) {
            Some(member) => image = member,
            None => return BTreeMap::new(),
        }
    }
    find::documents(store, &image).map(|(_, config)| config.config.labels).unwrap_or_default()
}

/// What `--filter` and names leave.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    references: Vec<String>,
    labels: Vec<(String, Option<String>)>,
    without: Vec<(String, Option<String>)>,
    dangling: Option<bool>,
    before: Vec<Digest>,
    since: Vec<Digest>,
    /// It came into the store before this moment.
    pub(crate) until: Option<i64>,
}

impl Filters {
    /// Reads filters; `keys` are those that the command knows.
    ///
    /// # Errors
    /// Another key, a value that is none, `since` or `before` of an image that is not there.
    pub(crate) fn parse(
        typed: &[String],
        keys: &[&str],
        store: &Store,
        now: i64,
    ) -> Result<Filters, CliError> {
        let mut filters = Filters::default();
        for (key, value) in filter::parse(typed, keys)? {
            match key.as_str() {
                "reference" => filters.references.push(value),
                "label" => filters.labels.push(label(&value)),
                "label!" => filters.without.push(label(&value)),
                "dangling" => filters.dangling = Some(filter::truth(&key, &value)?),
                "before" => filters.before.push(find::image(store, &value)?.manifest),
                "since" => filters.since.push(find::image(store, &value)?.manifest),
                _ => filters.until = Some(moment::parse(&value, now)?),
            }
        }
        Ok(filters)
    }

    /// Adds a pattern of names; one that fits is enough.
    pub(crate) fn name(&mut self, pattern: &str) {
        self.references.push(pattern.to_owned());
    }

    /// What `dangling=` says, which it no longer does.
    pub(crate) fn take_dangling(&mut self) -> Option<bool> {
        self.dangling.take()
    }

    /// Whether they say something about labels.
    pub(crate) fn ask_labels(&self) -> bool {
        !self.labels.is_empty() || !self.without.is_empty()
    }

    /// Whether an image is wanted under a name; without one, whether that is.
    pub(crate) fn wants_name(&self, name: Option<&Reference>, image: &Digest) -> bool {
        if self.references.is_empty() {
            return true;
        }
        let Some(name) = name else { return false };
        let (full, short) = (name.familiar(), name.familiar_name());
        self.references.iter().any(|pattern| {
            filter::fits(pattern, &full)
                || filter::fits(pattern, &short)
                || Reference::parse(pattern).is_ok_and(|wanted| {
                    // `docker.io/library/alpine` means `alpine`.
                    let fits = match wanted.digest {
                        Some(digest) => digest == *image,
                        None => !has_tag(pattern) || wanted.tag == name.tag,
                    };
                    fits && wanted.name() == name.name()
                })
        })
    }

    /// Whether an image is wanted, whatever its names.
    pub(crate) fn wants(&self, image: &ImageRecord, catalog: &Catalog, store: &Store) -> bool {
        let is_labelled = || {
            if !self.ask_labels() {
                return true;
            }
            let found = labels(store, image);
            let has = |(key, value): &(String, Option<String>)| {
                found
                    .get(key)
                    .is_some_and(|found| value.as_ref().is_none_or(|value| value == found))
            };
            self.labels.iter().all(has) && !self.without.iter().any(has)
        };
        self.dangling.is_none_or(|wanted| wanted == catalog.is_dangling(image))
            && self.before.iter().all(|it| catalog.age(&image.manifest) < catalog.age(it))
            && self.since.iter().all(|it| catalog.age(&image.manifest) > catalog.age(it))
            && self.until.is_none_or(|until| image.added < until)
            && is_labelled()
    }
}

fn label(text: &str) -> (String, Option<String>) {
    match text.split_once('=') {
        Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
        None => (text.to_owned(), None),
    }
}

/// Whether a name says its tag; a `:` further ahead is that of a port.
pub(crate) fn has_tag(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|last| last.contains(':') || last.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_no_tag() {
        assert!(!has_tag("localhost:5000/app") && has_tag("localhost:5000/app:1"));
    }

    #[test]
    fn names_and_patterns() {
        let mut filters = Filters::default();
        let name: Reference = "docker.io/library/alpine:3.20".parse().unwrap();
        let id = Digest::of(b"alpine");
        assert!(filters.wants_name(None, &id) && filters.wants_name(Some(&name), &id));
        filters.name("nothing");
        assert!(!filters.wants_name(None, &id) && !filters.wants_name(Some(&name), &id));
        let by_digest = format!("alpine@{id}");
        for pattern in
            ["alpine", "al*", "alpine:3.20", "*:3*", "docker.io/library/alpine", &by_digest]
        {
            let mut filters = Filters::default();
            filters.name(pattern);
            assert!(filters.wants_name(Some(&name), &id), "{pattern}");
        }
    }
}
