//! Reading archives of either kind, plain or compressed, in one pass: what `docker load` takes.
//!
//! `index.json` or `manifest.json` may stand at the end, so every file of some size becomes a blob at once. Blobs that
//! nothing names in the end go with the next prune; of an archive that is not taken, all go at once ([`Store::take_back`]).

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use oci::manifest::{Descriptor, Document, media_type};
use oci::{Digest, ImageConfig, ImageIndex, Manifest, Reference};

use super::docker::Item;
use super::layout::Layout;
use super::stream::plain;
use super::{annotation, check, document};
use crate::compress::decompress;
use crate::error::{Doing, StoreError, on};
use crate::layer::index::{join, parent};
use crate::layer::tar::{Limits, Member, MemberKind, TarError, TarReader};
use crate::layer::unpack::clean;
use crate::reserve;
use crate::source::FolderSource;
use crate::store::Store;

/// The JSON files at the top are small.
const MAX_JSON: u64 = 16 << 20;
/// From this size on it is asked whether there is room.
const BIG: u64 = 64 << 20;
/// Links between files of an archive.
const MAX_LINKS: usize = 16;
/// Indexes in indexes.
const MAX_DEPTH: usize = 4;

/// An image that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Its names. They are not given to it yet ([`Store::tag`]).
    pub names: Vec<Reference>,
    /// What the archive calls it that is no whole name: a tag alone.
    pub tags: Vec<String>,
}

/// Reads an OCI or docker archive into the store: its images by the digests of their manifests, in its order. Each is held
/// against its own words first.
///
/// # Errors
/// It is no archive of images, or holds other than it says. What was put before stays: [`Store::take_back`].
pub fn read(store: &Store, stream: impl Read + Send) -> Result<Vec<(Digest, Loaded)>, StoreError> {
    let stream = plain(stream).doing(|| "read the archive".into())?;
    let mut files = Files::default();
    let limits = Limits { members: 1 << 20, ..Limits::default() };
    let mut tar = TarReader::new(stream, limits);
    while let Some(member) = tar.next().map_err(tar_error)? {
        files.take(store, &member, &mut tar)?;
    }
    let docker = files.docker_items()?;
    if let Some(bytes) = files.json.remove("index.json") {
        let index: ImageIndex = parse("index.json", &bytes)?;
        return read_oci(store, &files, &index, docker.unwrap_or_default());
    }
    match docker {
        Some(items) => items.iter().map(|item| read_docker(store, &files, item)).collect(),
        None => Err(broken(
            "it holds neither index.json nor manifest.json, so it is no archive of images",
        )),
    }
}

/// Reads a folder into the store: an OCI layout, or what skopeo calls `dir:` and podman `docker-dir`. The images are not
/// given their names yet ([`Store::tag`]).
pub fn read_folder(store: &Store, folder: &Path) -> Result<Vec<(Digest, Loaded)>, StoreError> {
    if !folder.join("index.json").is_file() {
        return read_flat(store, folder);
    }
    let layout = Layout::open(folder)?;
    for descriptor in &layout.index().manifests {
        bring(&layout, store, &descriptor.digest, 0)?;
    }
    read_oci(store, &Files::default(), layout.index(), Vec::new())
}

/// Reads a folder with `manifest.json`, which is a manifest, and a file for each blob.
fn read_flat(store: &Store, folder: &Path) -> Result<Vec<(Digest, Loaded)>, StoreError> {
    let no_layout = || {
        let what = format!("`{}` cannot be loaded", folder.display());
        let why = "it has no index.json, so it is no OCI layout".to_owned();
        StoreError::Archive { what, why }
    };
    let source = FolderSource::open(folder)?;
    let Ok(file) = source.file(b"manifest.json") else { return Err(no_layout()) };
    let mut bytes = Vec::new();
    let place = folder.join("manifest.json");
    file.take(MAX_JSON).read_to_end(&mut bytes).doing(|| on("read", &place))?;
    let digest = Digest::of(&bytes);
    let Ok(Document::Manifest(manifest)) = super::parse(&bytes, &digest) else {
        return Err(no_layout());
    };
    for part in manifest.layers.iter().chain([&manifest.config]) {
        if !store.has_blob(&part.digest) {
            let name = part.digest.hex();
            let place = folder.join(&name);
            let mut file = source.file(name.as_bytes()).doing(|| on("open", &place))?;
            let mut blob = store.blob_writer()?;
            io::copy(&mut file, &mut blob).doing(|| on("copy", &place))?;
            blob.finish(Some(&part.digest))?;
        }
    }
    store.put_blob(&bytes)?;
    let kind = manifest.media_type.as_deref().unwrap_or(media_type::OCI_MANIFEST);
    put(store, &Descriptor::new(kind, digest, bytes.len() as u64), 0)?;
    Ok(vec![(digest, Loaded::default())])
}

/// Copies all that an image of a layout consists of; of an index, the members that are there.
fn bring(layout: &Layout, store: &Store, image: &Digest, depth: usize) -> Result<(), StoreError> {
    let bytes = layout.read(image)?;
    match super::parse(&bytes, image)? {
        Document::Index(_) if depth >= MAX_DEPTH => return Err(too_deep()),
        Document::Index(index) => {
            for member in index.manifests.iter().filter(|it| layout.blob(&it.digest).is_ok()) {
                bring(layout, store, &member.digest, depth + 1)?;
            }
        }
        Document::Manifest(manifest) => {
            for part in manifest.layers.iter().chain([&manifest.config]) {
                layout.copy_blob(&part.digest, store)?;
            }
        }
    }
    store.put_blob(&bytes).map(drop)
}

/// What an archive holds.
#[derive(Default)]
struct Files {
    json: BTreeMap<String, Vec<u8>>,
    blobs: BTreeMap<Vec<u8>, (Digest, u64)>,
    links: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Files {
    fn take<R: Read>(
        &mut self,
        store: &Store,
        member: &Member,
        content: &mut TarReader<R>,
    ) -> Result<(), StoreError> {
        let path = clean(&member.path).map_err(tar_error)?;
        let size = match &member.kind {
            MemberKind::File(size) => *size,
            MemberKind::Symlink(target) => {
                let target = clean(&join(parent(&path), target)).map_err(tar_error)?;
                self.links.insert(path, target);
                return Ok(());
            }
            MemberKind::Hardlink(target) => {
                self.links.insert(path, clean(target).map_err(tar_error)?);
                return Ok(());
            }
            MemberKind::Dir | MemberKind::Char(..) | MemberKind::Block(..) => return Ok(()),
            MemberKind::Fifo | MemberKind::Other(_) => return Ok(()),
        };
        let doing = || format!("read `{}` of the archive", path.escape_ascii());
        if let b"index.json" | b"manifest.json" | b"oci-layout" = path.as_slice() {
            if size > MAX_JSON {
                return Err(broken("its JSON has more than 16 MiB"));
            }
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes).doing(doing)?;
            self.json.insert(String::from_utf8_lossy(&path).into_owned(), bytes);
            return Ok(());
        }
        // What each layer's folder had for the Docker before 1.10.
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        if matches!(name, b"VERSION" | b"json" | b"repositories") {
            return Ok(());
        }
        let expected: Option<Digest> = std::str::from_utf8(&path)
            .ok()
            .and_then(|path| path.strip_prefix("blobs/sha256/"))
            .and_then(|hex| format!("sha256:{hex}").parse().ok());
        let found = match expected {
            Some(digest) if store.has_blob(&digest) => (digest, size),
            _ => {
                has_room(store, &path, size)?;
                let mut blob = store.blob_writer()?;
                io::copy(content, &mut blob).doing(doing)?;
                blob.finish(expected.as_ref())?
            }
        };
        self.blobs.insert(path, found);
        Ok(())
    }

    fn docker_items(&mut self) -> Result<Option<Vec<Item>>, StoreError> {
        let Some(bytes) = self.json.remove("manifest.json") else { return Ok(None) };
        parse("manifest.json", &bytes).map(Some)
    }

    /// The blob at a path; Docker replaced layers that several images have by links.
    fn find(&self, path: &str) -> Result<(Digest, u64), StoreError> {
        let mut path = clean(path.as_bytes()).map_err(tar_error)?;
        for _ in 0..MAX_LINKS {
            if let Some(found) = self.blobs.get(&path) {
                return Ok(*found);
            }
            let Some(target) = self.links.get(&path) else { break };
            path.clone_from(target);
        }
        Err(broken(&format!(
            "manifest.json names `{}`, which it does not hold",
            path.escape_ascii()
        )))
    }
}

/// A big file has to fit onto the disk before anything of it is written: a few compressed bytes can promise a lot.
fn has_room(store: &Store, path: &[u8], size: u64) -> Result<(), StoreError> {
    if size < BIG {
        return Ok(());
    }
    match reserve::free(store.root()) {
        Some(free) if free < size => {
            let path = path.escape_ascii();
            let why =
                format!("`{path}` of it takes {size} bytes, and the disk has room for {free}");
            Err(broken(&why))
        }
        Some(_) | None => Ok(()),
    }
}

fn read_oci(
    store: &Store,
    files: &Files,
    index: &ImageIndex,
    docker: Vec<Item>,
) -> Result<Vec<(Digest, Loaded)>, StoreError> {
    let mut images: Vec<(Digest, Loaded)> = Vec::new();
    for descriptor in &index.manifests {
        put(store, descriptor, 0)?;
        let position = images.iter().position(|(digest, _)| *digest == descriptor.digest);
        let position = position.unwrap_or_else(|| {
            images.push((descriptor.digest, Loaded::default()));
            images.len() - 1
        });
        images[position].1.add(name_of(descriptor));
    }
    for item in docker {
        let Ok((config, _)) = files.find(&item.config) else { continue };
        for (digest, image) in &mut images {
            let is_same = matches!(document(store, digest)?, Document::Manifest(it) if it.config.digest == config);
            if is_same {
                names_of(&item)?.into_iter().for_each(|name| image.add(name));
            }
        }
    }
    Ok(images)
}

/// What an archive calls an image.
enum Called {
    Name(Reference),
    Tag(String),
    Nothing,
}

impl Loaded {
    /// Adds what is not there yet.
    fn add(&mut self, called: Called) {
        match called {
            Called::Name(name) if !self.names.contains(&name) => self.names.push(name),
            Called::Tag(tag) if !self.tags.contains(&tag) => self.tags.push(tag),
            Called::Name(_) | Called::Tag(_) | Called::Nothing => {}
        }
    }
}

/// Registers a manifest or index; what it refers to must be in the store, but for members of an index.
fn put(store: &Store, image: &Descriptor, depth: usize) -> Result<(), StoreError> {
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    check::is_whole(store, image)?;
    let bytes = store.read_blob(&image.digest)?;
    let document = super::parse(&bytes, &image.digest)?;
    match &document {
        Document::Index(index) => {
            for member in index.manifests.iter().filter(|member| store.has_blob(&member.digest)) {
                put(store, member, depth + 1)?;
            }
        }
        Document::Manifest(manifest) => check::image(store, manifest)?,
    }
    store.put_manifest(&bytes, document.media_type()).map(drop)
}

fn read_docker(store: &Store, files: &Files, item: &Item) -> Result<(Digest, Loaded), StoreError> {
    let (config_digest, config_size) = files.find(&item.config)?;
    let bytes = store.read_blob(&config_digest)?;
    let config: ImageConfig = parse("an image config", &bytes)?;
    let paths = item.layers.as_deref().unwrap_or_default();
    if paths.len() != config.rootfs.diff_ids.len() {
        let counts = (paths.len(), config.rootfs.diff_ids.len());
        let why = format!("manifest.json names {} layers, and the config {}", counts.0, counts.1);
        return Err(broken(&why));
    }
    let mut layers = Vec::with_capacity(paths.len());
    let mut tars = Vec::with_capacity(paths.len());
    for (path, diff_id) in paths.iter().zip(&config.rootfs.diff_ids) {
        let (digest, size) = files.find(path)?;
        let doing = || format!("read layer {digest}");
        let (compression, _) = decompress(store.open_blob(&digest)?).doing(doing)?;
        layers.push(Descriptor::new(compression.oci_layer(), digest, size));
        tars.push((digest, *diff_id));
    }
    check::tars(store, &tars)?;
    let config = Descriptor::new(media_type::OCI_CONFIG, config_digest, config_size);
    let manifest = Manifest::oci(config, layers).to_json();
    let manifest = store.put_manifest(&manifest, media_type::OCI_MANIFEST)?;
    let mut image = Loaded::default();
    names_of(item)?.into_iter().for_each(|name| image.add(name));
    Ok((manifest, image))
}

fn names_of(item: &Item) -> Result<Vec<Called>, StoreError> {
    let tags = item.repo_tags.as_deref().unwrap_or_default();
    let called = |tag: &String| match tag.as_str() {
        "" | "<none>:<none>" => Ok(Called::Nothing),
        // Docker refuses it: `latest` would be of an image `latest`.
        tag if !is_whole(tag) => Ok(Called::Tag(tag.to_owned())),
        tag => Reference::parse(tag)
            .map(Called::Name)
            .map_err(|err| broken(&format!("`{tag}` is no name of an image: {err}"))),
    };
    tags.iter().map(called).collect()
}

/// Whether a text can be a name with a repository; else it is a tag.
fn is_whole(name: &str) -> bool {
    name.contains([':', '/'])
}

/// A name in the annotations.
fn name_of(descriptor: &Descriptor) -> Called {
    let annotations = &descriptor.annotations;
    let name = annotations.get(annotation::REF_NAME).map(String::as_str);
    if let Some(full) = annotations.get(annotation::CONTAINERD_NAME) {
        let Ok(full) = Reference::parse(full) else { return Called::Nothing };
        // umoci gives an image that it changed another tag, and leaves the whole name as it was.
        let tag = name.filter(|name| !is_whole(name) && full.tag.as_deref() != Some(name));
        return Called::Name(tag.and_then(|tag| full.with_tag(tag).ok()).unwrap_or(full));
    }
    match name {
        Some(name) if is_whole(name) => {
            Reference::parse(name).map_or(Called::Nothing, Called::Name)
        }
        Some(name) => Called::Tag(name.to_owned()),
        None => Called::Nothing,
    }
}

pub(super) fn parse<T: serde::de::DeserializeOwned>(
    what: &str,
    bytes: &[u8],
) -> Result<T, StoreError> {
    let what = || format!("{what} of the archive");
    serde_json::from_slice(bytes).map_err(|source| StoreError::Json { what: what(), source })
}

fn too_deep() -> StoreError {
    broken("its indexes are nested too deep")
}

pub(super) fn broken(why: &str) -> StoreError {
    StoreError::Archive { what: "the archive cannot be loaded".into(), why: why.into() }
}

fn tar_error(source: TarError) -> StoreError {
    StoreError::Tar { what: "the archive cannot be loaded".into(), source }
}
