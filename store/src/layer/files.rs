//! An index and its contents to files, in parallel.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::ThreadPool;
use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

use super::index::{Entry, Kind, LayerIndex, parent};
use super::layout::{FileWriter, OverlayForm, TreeWriter};
use super::pack::copy_exactly;
use crate::error::{Doing, StoreError};
use crate::source::{ContentSource, Source};

/// From this size on the kernel copies; below, setting that up takes longer than the copy.
const BIG: u64 = 1 << 20;
const FEW: usize = 32;

/// The files of an earlier layer: what is in both becomes another name of one file. Nobody writes to the files of a layer.
#[derive(Debug)]
pub(crate) struct Earlier {
    /// What they are.
    pub(crate) index: Arc<LayerIndex>,
    /// The folder.
    pub(crate) root: OwnedFd,
}

impl Earlier {
    fn has(&self, entry: &Entry) -> bool {
        self.index.get(&entry.path) == Some(entry)
    }
}

/// Writes a layer into an empty folder; the paths that this process may not make as they are.
pub(crate) fn write_files(
    index: &LayerIndex,
    source: &dyn ContentSource,
    earlier: Option<&Earlier>,
    folder: &Path,
    form: OverlayForm,
    pool: &ThreadPool,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let doing = |path: &[u8]| format!("write `{}`", path.escape_ascii());
    let mut tree =
        TreeWriter::new(folder, form).doing(|| format!("open `{}`", folder.display()))?;
    for entry in index.entries() {
        let dir = if entry.is_dir() { &entry.path } else { parent(&entry.path) };
        tree.make_dir(dir).doing(|| doing(dir))?;
    }
    let own = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let refused = Mutex::new(Vec::new());
    let write = |(position, entry): (usize, &Entry)| -> Result<(), StoreError> {
        let Kind::File { size, .. } = entry.kind else { return Ok(()) };
        if earlier.is_some_and(|it| it.has(entry) && tree.link_from(&it.root, entry)) {
            return Ok(());
        }
        let mut file = tree.create(&entry.path).doing(|| doing(&entry.path))?;
        if size > 0 {
            let content = source.open(position, entry);
            let content = content.doing(|| format!("read `{}`", entry.path.escape_ascii()))?;
            copy(content, size, entry, &mut file)?;
        }
        if file.settle(entry, own).doing(|| doing(&entry.path))? {
            refused.lock().unwrap_or_else(PoisonError::into_inner).push(entry.path.clone());
        }
        Ok(())
    };
    // For a few small files, waking threads would take longer.
    match index.entries().len() <= FEW && index.content_size() <= BIG {
        true => index.entries().iter().enumerate().try_for_each(write)?,
        false => pool.install(|| index.entries().par_iter().enumerate().try_for_each(write))?,
    }
    tree.files_are_settled(refused.into_inner().unwrap_or_else(PoisonError::into_inner));
    tree.finish(index.entries())
        .map_err(|(path, source)| StoreError::Io { doing: doing(&path), source })?;
    Ok(tree.skipped().to_vec())
}

fn copy(content: Source, size: u64, entry: &Entry, out: &mut FileWriter) -> Result<(), StoreError> {
    let doing = || format!("write `{}`", entry.path.escape_ascii());
    match content {
        Source::File(mut file) | Source::Watched(mut file)
            if size >= BIG && is_dense(&file).doing(doing)? =>
        {
            // Between two files the kernel copies by itself, and shares the blocks where it can.
            let found = io::copy(&mut (&mut file).take(size + 1), out.raw()).doing(doing)?;
            if found != size {
                let path = entry.path.escape_ascii().to_string();
                return Err(StoreError::Changed { path, expected: size, found });
            }
            Ok(())
        }
        mut content => {
            let mut buffer = vec![0; size.clamp(1, 256 << 10) as usize + 1];
            copy_exactly(&mut content, size, entry, &mut buffer, |bytes| out.write(bytes))
        }
    }
}

/// Whether a file has no holes.
fn is_dense(file: &File) -> io::Result<bool> {
    let metadata = file.metadata()?;
    Ok(metadata.is_file() && metadata.blocks().saturating_mul(512) >= metadata.len())
}
