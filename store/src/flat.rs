//! [`Flat`]: a chain of layers as one plain tree: what `--output type=local` and `type=tar` hand out, and what a RUN
//! gets where overlayfs does not work.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::StoreError;
use crate::layer::files::write_files;
use crate::layer::index::{Entry, Kind, LayerIndex};
use crate::layer::layout::OverlayForm;
use crate::layer::pack::write_tar;
use crate::layer::view::{Place, TreeView};
use crate::layer_record::LayerId;
use crate::source::{ContentSource, FolderSource, Source};
use crate::store::Store;

/// A chain of layers as one tree without whiteouts.
#[derive(Debug)]
pub struct Flat {
    index: LayerIndex,
    /// For each entry that has content: the layer's number in the chain, and the path there.
    contents: Vec<Option<(usize, Vec<u8>)>>,
    folders: Vec<FolderSource>,
}

impl Store {
    /// Merges a chain of layers (bottom first), laying out what is not yet.
    pub fn flatten(&self, layers: &[LayerId]) -> Result<Flat, StoreError> {
        let view = self.view(layers)?;
        let paths: Vec<PathBuf> = self.lay_out_chain(layers)?;
        let folders =
            paths.iter().map(|path| FolderSource::open(path)).collect::<Result<_, _>>()?;
        let (index, contents) = merge(&view)?;
        Ok(Flat { index, contents, folders })
    }

    /// As [`Store::flatten`], with every name of a file a file of its own. An overlay behaves so when one name of
    /// several is written: the others keep what they had.
    pub fn flatten_unlinked(&self, layers: &[LayerId]) -> Result<Flat, StoreError> {
        let Flat { index, mut contents, folders } = self.flatten(layers)?;
        let mut entries = index.entries().to_vec();
        for position in 0..entries.len() {
            let Kind::Hardlink { target } = &entries[position].kind else { continue };
            let Some(holder) = index.position(target) else { continue };
            let kind = index.entries()[holder].kind.clone();
            entries[position].kind = kind;
            contents[position] = contents[holder].clone();
        }
        Ok(Flat { index: LayerIndex::new(entries)?, contents, folders })
    }

    /// Writes a merged tree into an empty folder; the paths that this process may not make as they are.
    pub fn write_flat(&self, flat: &Flat, folder: &Path) -> Result<Vec<Vec<u8>>, StoreError> {
        write_files(&flat.index, flat, None, folder, OverlayForm::of_this_process(), self.pool())
    }
}

impl Flat {
    /// What is in the tree.
    pub fn index(&self) -> &LayerIndex {
        &self.index
    }

    /// Writes the tree as a plain tar, no time in it later than the epoch.
    pub fn write_tar(&self, epoch: Option<i64>, out: &mut dyn Write) -> Result<(), StoreError> {
        write_tar(&self.index, self, epoch, out).map(drop)
    }
}

impl ContentSource for Flat {
    fn open(&self, position: usize, _: &Entry) -> io::Result<Source> {
        let place = self.contents.get(position).and_then(Option::as_ref);
        let (layer, path) = place.ok_or_else(|| io::Error::other("an entry without content"))?;
        self.folders[*layer].file(path).map(Source::File)
    }
}

type Contents = Vec<Option<(usize, Vec<u8>)>>;

fn merge(view: &TreeView) -> Result<(LayerIndex, Contents), StoreError> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut contents = Contents::new();
    let mut first: BTreeMap<Place, Vec<u8>> = BTreeMap::new();
    view.walk(b"", &mut |path, node| {
        let mut entry = Entry { path: path.to_vec(), ..node.entry.clone() };
        let mut content = None;
        if let Some(found) = view.content(node) {
            entry.kind = match first.get(&found.at) {
                Some(target) => Kind::Hardlink { target: target.clone() },
                None => {
                    first.insert(found.at, entry.path.clone());
                    content = Some((found.at.layer, view.entry(found.at).path.clone()));
                    Kind::File { size: found.size, digest: found.digest }
                }
            };
        } else if entry.is_dir() {
            entry.kind = Kind::Dir { opaque: false };
        } else if let Kind::Hardlink { .. } = entry.kind {
            // A link to what no layer has: there is nothing to show.
            return;
        }
        entries.push(entry);
        contents.push(content);
    });
    // Walked in tree order, the entries keep their positions.
    Ok((LayerIndex::new(entries)?, contents))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Cursor;

    use super::*;
    use crate::layer::testing::{dir, file, hardlink, whiteout};
    use crate::testing::{is_root, own, store};
    use crate::{Keep, ScanOptions, Stamps};

    #[test]
    fn a_chain_becomes_one_tree() {
        if !is_root("a_chain_becomes_one_tree") {
            return;
        }
        let (folder, store) = store();
        let add = |entries: Vec<Entry>, content: &'static [u8]| {
            let index = LayerIndex::new(entries.into_iter().map(own).collect()).unwrap();
            let open =
                move |_: usize, _: &Entry| Ok(Source::Reader(Box::new(Cursor::new(content))));
            store.add_sourced(index, &open, Keep::Files).unwrap()
        };
        let base = vec![
            dir("a"),
            file("a/gone", b"base"),
            file("a/one", b"base"),
            hardlink("a/two", "a/one"),
        ];
        let base = add(base, b"base");
        let top = add(vec![dir("a"), whiteout("a/gone"), file("b", b"top")], b"top");
        let flat = store.flatten(&[base, top]).unwrap();
        let out = folder.path().join("out");
        fs::create_dir(&out).unwrap();
        assert!(store.write_flat(&flat, &out).unwrap().is_empty());
        let scanned = store.scan_upper(&out, None, &ScanOptions::default()).unwrap();
        assert_eq!(scanned, *flat.index());
        let paths: Vec<_> =
            scanned.entries().iter().map(|it| String::from_utf8_lossy(&it.path)).collect();
        assert_eq!(paths, ["a", "a/one", "a/two", "b"]);
        assert_eq!(fs::read(out.join("a/two")).unwrap(), b"base");
        let view = store.view(&[base, top]).unwrap();
        let changes = store
            .scan_against(&out, (&view, &Stamps::of(&out).unwrap()), &ScanOptions::default())
            .unwrap();
        assert!(changes.is_empty(), "{changes:?}");
        let unlinked = store.flatten_unlinked(&[base, top]).unwrap();
        let alone = folder.path().join("alone");
        fs::create_dir(&alone).unwrap();
        store.write_flat(&unlinked, &alone).unwrap();
        fs::write(alone.join("a/two"), "changed").unwrap();
        assert_eq!(fs::read(alone.join("a/one")).unwrap(), b"base");
        let mut tar = Vec::new();
        flat.write_tar(None, &mut tar).unwrap();
        assert_eq!(tar.len() % 512, 0);
    }
}
