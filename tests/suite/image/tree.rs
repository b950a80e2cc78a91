//! The tree of files that layers add up to, path by path, from their tars.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use libtest_mimic::Failed;
use serde_json::{Map, Value, json};
use tar::EntryType;

use crate::bases::sha256;

/// Contents up to this size are shown as text.
const SHOWN: usize = 500;

/// Paths (absolute, normal) and what stands there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    nodes: BTreeMap<String, Node>,
    inodes: u64,
}

#[derive(Clone, Debug, PartialEq)]
struct Node {
    kind: &'static str,
    mode: u32,
    uid: u64,
    gid: u64,
    body: Body,
    xattrs: BTreeMap<String, String>,
    mtime: i64,
    /// The same number for all names of one file.
    inode: u64,
}

#[derive(Clone, Debug, PartialEq)]
enum Body {
    None,
    File { size: usize, sha256: String, text: Option<String> },
    Link(String),
    Device(String),
}

/// One member of a layer's tar.
struct Member {
    path: String,
    link: String,
    kind: EntryType,
    node: Node,
}

impl Tree {
    /// Lays the layer `tar` over the tree.
    pub(crate) fn apply(&mut self, tar: &[u8]) -> Result<(), Failed> {
        let mut members = Vec::new();
        for entry in tar::Archive::new(tar).entries()? {
            members.push(Member::read(entry?)?);
        }
        // Whiteouts speak of lower layers only, so they go first.
        for Member { path, .. } in &members {
            let (folder, name) = split(path);
            if name == ".wh..wh..opq" {
                self.drop_below(folder);
            } else if let Some(hidden) = name.strip_prefix(".wh.") {
                self.drop_all(&format!("{}/{hidden}", folder.trim_end_matches('/')));
            }
        }
        for Member { path, link, kind, mut node } in members {
            if split(&path).1.starts_with(".wh.") || path == "/" {
                continue;
            }
            if kind == EntryType::Link {
                let source = self.nodes.get(&link);
                let source = source.ok_or_else(|| format!("`{path}` is a link to no `{link}`"))?;
                let (mtime, xattrs) = (node.mtime, node.xattrs);
                node = Node { mtime, ..source.clone() };
                node.xattrs.extend(xattrs);
            } else {
                self.inodes += 1;
                node.inode = self.inodes;
            }
            let merges = |below: &Node| below.kind == "dir" && node.kind == "dir";
            if self.nodes.get(&path).is_some_and(|below| !merges(below)) {
                self.drop_all(&path);
            }
            self.nodes.insert(path, node);
        }
        Ok(())
    }

    fn drop_all(&mut self, path: &str) {
        self.nodes.remove(path);
        self.drop_below(path);
    }

    fn drop_below(&mut self, path: &str) {
        let prefix = format!("{}/", path.trim_end_matches('/'));
        self.nodes.retain(|known, _| !known.starts_with(&prefix));
    }

    /// Every path that is not as in `below`, with all of it; the time of the paths in `mtimes` alone.
    pub(crate) fn changes(&self, below: &Tree, mtimes: &[String]) -> Map<String, Value> {
        let mut first: BTreeMap<u64, &str> = BTreeMap::new();
        let mut changes = Map::new();
        for (path, node) in &self.nodes {
            let mut shown = node.shown();
            let name = *first.entry(node.inode).or_insert(path);
            if name != path {
                shown.insert("hardlink".into(), name.into());
            }
            let timed = mtimes.contains(path);
            let before = below.nodes.get(path).map(Node::shown);
            if before.as_ref() == Some(&shown) && !timed {
                continue;
            }
            if timed {
                shown.insert("mtime".into(), node.mtime.into());
            }
            changes.insert(path.clone(), Value::Object(shown));
        }
        changes
    }

    /// The paths of `below` that are gone, sorted.
    pub(crate) fn removed(&self, below: &Tree) -> Vec<String> {
        let gone = below.nodes.keys().filter(|path| !self.nodes.contains_key(*path));
        gone.cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The text of a small file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        match &self.nodes.get(path)?.body {
            Body::File { text, .. } => text.as_deref(),
            Body::None | Body::Link(_) | Body::Device(_) => None,
        }
    }

    /// Whether anything stands at `path`.
    pub(crate) fn contains(&self, path: &str) -> bool {
        self.nodes.contains_key(path)
    }
}

impl Node {
    fn shown(&self) -> Map<String, Value> {
        let mut shown = Map::new();
        shown.insert("type".into(), self.kind.into());
        shown.insert("mode".into(), format!("{:o}", self.mode).into());
        shown.insert("uid".into(), self.uid.into());
        shown.insert("gid".into(), self.gid.into());
        match &self.body {
            Body::None => {}
            Body::File { size, sha256, text } => {
                shown.insert("size".into(), (*size).into());
                shown.insert("sha256".into(), sha256.as_str().into());
                if let Some(text) = text {
                    shown.insert("text".into(), text.as_str().into());
                }
            }
            Body::Link(target) => {
                shown.insert("link".into(), target.as_str().into());
            }
            Body::Device(numbers) => {
                shown.insert("device".into(), numbers.as_str().into());
            }
        }
        if !self.xattrs.is_empty() {
            shown.insert("xattrs".into(), json!(self.xattrs));
        }
        shown
    }
}

impl Member {
    fn read(mut entry: tar::Entry<'_, &[u8]>) -> Result<Member, Failed> {
        let path = normal(&entry.path_bytes());
        let target = entry.link_name_bytes().unwrap_or_default().into_owned();
        let header = entry.header().clone();
        let kind = header.entry_type();
        let mut node = Node {
            kind: kind_name(kind).ok_or_else(|| format!("`{path}` is of type {kind:?}"))?,
            mode: header.mode()? & 0o7777,
            uid: header.uid()?,
            gid: header.gid()?,
            body: Body::None,
            xattrs: BTreeMap::new(),
            mtime: mtime(&header)?,
            inode: 0,
        };
        for extension in entry.pax_extensions()?.into_iter().flatten() {
            let extension = extension?;
            let (key, value) = (extension.key()?, extension.value_bytes());
            let number = || std::str::from_utf8(value)?.parse::<f64>().map_err(Failed::from);
            match key {
                "uid" => node.uid = number()? as u64,
                "gid" => node.gid = number()? as u64,
                "mtime" => node.mtime = number()? as i64,
                _ => {
                    if let Some(name) = key.strip_prefix("SCHILY.xattr.") {
                        let hex = value.iter().map(|byte| format!("{byte:02x}")).collect();
                        node.xattrs.insert(name.to_owned(), hex);
                    }
                }
            }
        }
        match node.kind {
            "symlink" => {
                node.mode = 0o777;
                node.body = Body::Link(String::from_utf8_lossy(&target).into_owned());
            }
            "char" | "block" => {
                let (major, minor) = (header.device_major()?, header.device_minor()?);
                let number = |part: Option<u32>| part.unwrap_or_default();
                node.body = Body::Device(format!("{}:{}", number(major), number(minor)));
            }
            "file" if kind != EntryType::Link => {
                let mut data = Vec::new();
                entry.read_to_end(&mut data)?;
                let text = String::from_utf8(data.clone()).ok();
                let text = text.filter(|_| data.len() <= SHOWN);
                node.body = Body::File { size: data.len(), sha256: sha256(&data), text };
            }
            _ => {}
        }
        Ok(Member { path, link: normal(&target), kind, node })
    }
}

fn kind_name(kind: EntryType) -> Option<&'static str> {
    Some(match kind {
        EntryType::Regular | EntryType::Continuous | EntryType::Link | EntryType::GNUSparse => {
            "file"
        }
        EntryType::Directory => "dir",
        EntryType::Symlink => "symlink",
        EntryType::Char => "char",
        EntryType::Block => "block",
        EntryType::Fifo => "fifo",
        _ => return None,
    })
}

/// The time of a header in whole seconds; one before 1970 stands there as a negative base-256 number.
fn mtime(header: &tar::Header) -> Result<i64, Failed> {
    let field = header.as_old().mtime;
    if field[0] == 0xff {
        let low = <[u8; 8]>::try_from(&field[4..]).expect("the field has twelve bytes");
        return Ok(i64::from_be_bytes(low));
    }
    Ok(i64::try_from(header.mtime()?)?)
}

/// `/a/b` for whatever way a tar writes it.
fn normal(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

fn split(path: &str) -> (&str, &str) {
    let (folder, name) = path.rsplit_once('/').expect("normal paths begin with a slash");
    (if folder.is_empty() { "/" } else { folder }, name)
}
