//! Reads the OCI archives that builders write, to check that they hold what was to be built.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use super::inputs::Files;
use super::json::Json;
use super::random::digest;
use super::tar::{Kind, Reader};

/// Files up to this size are kept whole.
const SMALL: u64 = 4096;

/// An archive, opened.
#[derive(Debug)]
pub(super) struct Archive {
    file: File,
    /// Offset and size of each member.
    members: BTreeMap<String, (u64, u64)>,
    pub(super) config: Json,
    /// Media type and digest of each layer, bottom first.
    pub(super) layers: Vec<(String, String)>,
    pub(super) diff_ids: Vec<String>,
}

/// What some layers of an image hold together.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) files: Files,
    /// The contents of small files.
    pub(super) texts: BTreeMap<String, String>,
}

impl Archive {
    /// Opens an archive and reads its manifest and config.
    pub(super) fn open(path: &Path) -> Result<Archive, String> {
        let said = |problem: io::Error| format!("{}: {problem}", path.display());
        let file = File::open(path).map_err(said)?;
        let mut reader = Reader::new(BufReader::new(file));
        let mut members = BTreeMap::new();
        while let Some(member) = reader.next().map_err(said)? {
            members.insert(member.name, (member.offset, member.size));
        }
        let file = File::open(path).map_err(said)?;
        let none = Json::Null;
        let mut archive =
            Archive { file, members, config: none, layers: Vec::new(), diff_ids: Vec::new() };
        if archive.members.contains_key("index.json") {
            archive.read_manifest()?;
        } else {
            archive.read_saved()?;
        }
        let ids = archive.config.get("rootfs").and_then(|it| it.get("diff_ids"));
        let ids = ids.map(Json::list).unwrap_or_default();
        archive.diff_ids = ids.iter().filter_map(Json::str).map(str::to_owned).collect();
        Ok(archive)
    }

    /// An OCI archive's config and layers.
    fn read_manifest(&mut self) -> Result<(), String> {
        let mut manifest = self.json("index.json")?;
        while let Some(list) = manifest.get("manifests") {
            // Beside the image an index may have attestations, which are of no platform.
            let of_image = |it: &&Json| {
                let platform = it.get("platform").and_then(|it| it.get("os")).and_then(Json::str);
                platform != Some("unknown")
            };
            let first = list.list().iter().find(of_image).ok_or("an index without an image")?;
            manifest = self.json(&blob(first)?)?;
        }
        self.config = self.json(&blob(manifest.get("config").ok_or("no config")?)?)?;
        for layer in manifest.get("layers").map(Json::list).unwrap_or_default() {
            let kind = layer.get("mediaType").and_then(Json::str).unwrap_or_default();
            let name = blob(layer)?;
            let (_, size) = self.members.get(&name).ok_or_else(|| format!("no {name}"))?;
            if layer.get("size") != Some(&Json::Number(*size as f64)) {
                return Err(format!("{name} has not the size that the manifest says"));
            }
            self.layers.push((kind.to_owned(), name));
        }
        Ok(())
    }

    /// What older dockers save: plain layers, and a list of them.
    fn read_saved(&mut self) -> Result<(), String> {
        let manifest = self.json("manifest.json")?;
        let image = manifest.list().first().ok_or("an archive without an image")?;
        let config = image.get("Config").and_then(Json::str).ok_or("no config")?;
        self.config = self.json(config)?;
        for layer in image.get("Layers").map(Json::list).unwrap_or_default() {
            self.layers.push((String::new(), layer.str().unwrap_or_default().to_owned()));
        }
        Ok(())
    }

    fn json(&mut self, name: &str) -> Result<Json, String> {
        let bytes = self.blob(name).and_then(|mut blob| {
            let mut text = String::new();
            blob.read_to_string(&mut text).map(|_| text).map_err(|problem| problem.to_string())
        });
        Json::parse(&bytes?).map_err(|problem| format!("{name}: {problem}"))
    }

    fn blob(&mut self, name: &str) -> Result<io::Take<File>, String> {
        let (offset, size) = *self.members.get(name).ok_or_else(|| format!("no {name}"))?;
        let mut file = self.file.try_clone().map_err(|problem| problem.to_string())?;
        file.seek(SeekFrom::Start(offset)).map_err(|problem| problem.to_string())?;
        Ok(file.take(size))
    }

    /// What the layers from number `from` on hold.
    pub(super) fn tree(&mut self, from: usize) -> Result<Tree, String> {
        let mut tree = Tree::default();
        for (kind, name) in self.layers.clone().into_iter().skip(from) {
            let blob = self.blob(&name)?;
            let unpacker = match kind.rsplit(['+', '.']).next() {
                Some("gzip") => "gzip",
                Some("zstd") => "zstd",
                _ => "cat",
            };
            unpack(blob, unpacker, &mut tree).map_err(|problem| format!("{name}: {problem}"))?;
        }
        Ok(tree)
    }
}

fn blob(descriptor: &Json) -> Result<String, String> {
    let digest = descriptor.get("digest").and_then(Json::str).ok_or("no digest")?;
    Ok(format!("blobs/{}", digest.replace(':', "/")))
}

fn unpack(mut blob: io::Take<File>, unpacker: &str, tree: &mut Tree) -> io::Result<()> {
    let mut command = Command::new(unpacker);
    if unpacker != "cat" {
        command.arg("-dc");
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut input = child.stdin.take().expect("it is piped");
    let feeding = thread::spawn(move || io::copy(&mut blob, &mut input));
    let output = child.stdout.take().expect("it is piped");
    let mut reader = Reader::new(BufReader::with_capacity(1 << 18, output));
    while let Some(member) = reader.next()? {
        if member.kind != Kind::File {
            continue;
        }
        let bytes = reader.contents()?;
        tree.files.insert(member.name.clone(), (member.size, digest(&bytes)));
        if member.size < SMALL {
            tree.texts.insert(member.name, String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    // Zeros may stand behind the end of the archive.
    io::copy(&mut reader.into_inner(), &mut io::sink())?;
    feeding.join().map_err(|_| io::Error::other("a panic"))??;
    if child.wait()?.success() { Ok(()) } else { Err(io::Error::other("damaged")) }
}
