//! Mounts of trees: overlays of layers, and copies of what is below a path.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::op::{Attributes, From, Overlay, Slot, SysOp};
use super::{Builder, SCRATCH, c_path, flag, option, text};
use crate::error::SandboxError;
use crate::facts::Facts;
use crate::spec::{Tree, Upper};

/// As many layers as the kernel puts over each other.
const MOST_LOWERS: usize = 500;
/// The old way of mounting takes one page of options.
const LONGEST_OPTIONS: usize = 4095;

/// What a tree is for.
#[derive(Debug)]
pub(super) struct What {
    /// In words, to go after "cannot mount".
    pub(super) name: String,
    /// A name in the scratch file system that nobody else has.
    pub(super) scratch_name: String,
    /// Of the mount.
    pub(super) attributes: Attributes,
}

/// Mounts `path` of `tree`, without a place yet.
pub(super) fn mount(
    program: &mut Builder,
    tree: &Tree,
    path: &Path,
    what: What,
    facts: &Facts,
    scratch: Slot,
) -> Result<Slot, SandboxError> {
    let inside = c_path(path)?;
    let (lowers, upper) = match tree {
        Tree::Folder(folder) => {
            let folder = c_path(folder)?;
            let from = if path == Path::new("/") {
                From::Path(folder)
            } else {
                From::Inside { folder, path: inside }
            };
            return Ok(copy(program, from, true, &what));
        }
        Tree::Overlay { lowers, upper } => (lowers, upper),
    };
    if lowers.is_empty() && upper.is_none() {
        return Ok(copy(program, From::Slot(scratch, c"empty".into()), false, &what));
    }
    if MOST_LOWERS <= lowers.len() {
        let problem = "is more than the kernel can put over each other; put steps together";
        return Err(SandboxError::Invalid {
            what: "the number of layers",
            value: lowers.len().to_string(),
            problem,
        });
    }
    let overlay = overlay(lowers, upper.as_ref(), facts)?;
    let into = program.slot();
    let place = text(format!("{SCRATCH}/{}", what.scratch_name));
    let make_place = SysOp::MakeFolder(scratch, text(what.scratch_name.clone()), 0o700);
    let doing = format!("mount {}", what.name);
    let attributes = what.attributes;
    if facts.layers_one_by_one {
        program.add(SysOp::NewOverlay { overlay, attributes, into }, doing.clone());
        if path == Path::new("/") {
            return Ok(into);
        }
        program.add(make_place, doing.clone());
        program.add(SysOp::Attach(into, place), doing);
    } else {
        let options = option_string(&overlay)?;
        program.add(make_place, doing.clone());
        let base = overlay.base;
        program.add(SysOp::OldOverlay { base, options, at: place, attributes, into }, doing);
        // What stands at a place goes with it when the old root does: even of the whole, a copy is taken.
    }
    Ok(copy(program, From::Slot(into, inside), false, &what))
}

fn copy(program: &mut Builder, from: From, recursive: bool, what: &What) -> Slot {
    let into = program.slot();
    let op = SysOp::CopyMount { from, recursive, attributes: what.attributes, into };
    program.add(op, format!("mount {}", what.name));
    into
}

fn overlay(
    lowers: &[PathBuf],
    upper: Option<&Upper>,
    facts: &Facts,
) -> Result<Overlay, SandboxError> {
    let uppers = upper.iter().flat_map(|upper| [&upper.folder, &upper.work]);
    let base = common_folder(lowers.iter().chain(uppers));
    let relative = |path: &Path| {
        c_path(path)?;
        let path = path.strip_prefix(&base).unwrap_or(path);
        Ok(CString::new(path.as_os_str().as_bytes()).expect("c_path has found no zero byte"))
    };
    let mut top_first: Vec<CString> =
        lowers.iter().rev().map(|it| relative(it)).collect::<Result<_, _>>()?;
    // An overlay needs two folders; and a single layer is not shown as it is, since whiteouts may be in it.
    if top_first.is_empty() || (upper.is_none() && top_first.len() == 1) {
        top_first.push(text(format!("{SCRATCH}/empty")));
    }
    // The upper folder is to hold plain conventions, whatever the defaults of the kernel are.
    let mut options: Vec<_> =
        ["index", "metacopy", "xino", "nfs_export"].map(|key| option(key, "off")).into();
    options.push(option("redirect_dir", "nofollow"));
    if facts.user_namespace {
        options.push(flag("userxattr"));
    }
    if upper.is_some() {
        // What is lost with the machine is an unfinished step: no need to wait for the disk.
        options.push(flag("volatile"));
    }
    let upper = match upper {
        Some(upper) => Some((relative(&upper.folder)?, relative(&upper.work)?)),
        None => None,
    };
    Ok(Overlay { base: c_path(&base)?, lowers: top_first, upper, options })
}

/// The deepest folder that all paths are in.
fn common_folder<'a>(paths: impl Iterator<Item = &'a PathBuf>) -> PathBuf {
    let parents = paths.filter_map(|path| path.parent());
    let common = parents.map(Path::to_owned).reduce(|common, path| {
        let both = common.components().zip(path.components());
        both.take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
    });
    common.unwrap_or_else(|| PathBuf::from("/"))
}

fn option_string(overlay: &Overlay) -> Result<CString, SandboxError> {
    let mut options = b"lowerdir=".to_vec();
    for (position, lower) in overlay.lowers.iter().enumerate() {
        if position != 0 {
            options.push(b':');
        }
        push_escaped(&mut options, lower.as_bytes(), b":\\,");
    }
    if let Some((upper, work)) = &overlay.upper {
        options.extend(b",upperdir=");
        push_escaped(&mut options, upper.as_bytes(), b"\\,");
        options.extend(b",workdir=");
        push_escaped(&mut options, work.as_bytes(), b"\\,");
    }
    for (key, value) in &overlay.options {
        options.push(b',');
        options.extend(key.as_bytes());
        if let Some(value) = value {
            options.push(b'=');
            options.extend(value.as_bytes());
        }
    }
    if LONGEST_OPTIONS < options.len() {
        let problem = "is more than this kernel can put over each other; take Linux 6.7 or newer, or put steps together";
        let value = overlay.lowers.len().to_string();
        return Err(SandboxError::Invalid { what: "the number of layers", value, problem });
    }
    Ok(CString::new(options).expect("made from strings without zero bytes"))
}

fn push_escaped(options: &mut Vec<u8>, path: &[u8], special: &[u8]) {
    for byte in path {
        if special.contains(byte) {
            options.push(b'\\');
        }
        options.push(*byte);
    }
}
