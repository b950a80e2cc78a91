//! Folders to indexes.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::layer::files::write_files;
use crate::source::FolderSource;
use crate::testing::is_root;

fn pool() -> ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap()
}

fn upper(folder: &TempDir, below: Option<&TreeView>) -> LayerIndex {
    upper_with(folder, below, &ScanOptions::default())
}

fn upper_with(folder: &TempDir, below: Option<&TreeView>, options: &ScanOptions) -> LayerIndex {
    scan_upper(folder.path(), OverlayForm::of_this_process(), below, options, &pool()).unwrap()
}

fn paths(index: &LayerIndex) -> Vec<String> {
    let mark = |entry: &Entry| match &entry.kind {
        Kind::Whiteout => "!",
        Kind::Dir { opaque: true } => "*",
        Kind::Hardlink { .. } => "=",
        Kind::Dir { .. } | Kind::File { .. } | Kind::Symlink { .. } => "",
        Kind::Char { .. } | Kind::Block { .. } | Kind::Fifo => "",
    };
    let text = |entry: &Entry| format!("{}{}", String::from_utf8_lossy(&entry.path), mark(entry));
    index.entries().iter().map(text).collect()
}

fn sample() -> TempDir {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    fs::create_dir_all(root.join("a/b")).unwrap();
    fs::write(root.join("a/b/file"), "hello").unwrap();
    fs::write(root.join("a/tool"), "#!").unwrap();
    fs::set_permissions(root.join("a/tool"), fs::Permissions::from_mode(0o4755)).unwrap();
    fs::hard_link(root.join("a/tool"), root.join("a/other")).unwrap();
    symlink("../../../etc/passwd", root.join("link")).unwrap();
    folder
}

#[test]
fn a_folder_becomes_an_index_and_the_index_a_folder() {
    let folder = sample();
    let index = upper(&folder, None);
    assert_eq!(paths(&index), ["a", "a/b", "a/b/file", "a/other", "a/tool=", "link"]);
    assert_eq!(index.get(b"a/other").unwrap().mode, 0o4755);
    let copy = TempDir::new().unwrap();
    let source = FolderSource::open(folder.path()).unwrap();
    let form = OverlayForm::of_this_process();
    write_files(&index, &source, None, copy.path(), form, &pool()).unwrap();
    assert_eq!(upper(&copy, None), index, "times included");
    assert!(source.file(b"link").is_err(), "links are not followed");
    assert!(source.file(b"../x").is_err());
}

#[test]
fn what_is_as_below_is_left_out() {
    let folder = sample();
    let below = TreeView::new(&[Arc::new(upper(&folder, None))]);
    assert!(upper(&folder, Some(&below)).is_empty());
    fs::write(folder.path().join("a/b/new"), "").unwrap();
    assert_eq!(paths(&upper(&folder, Some(&below))), ["a", "a/b", "a/b/new"], "with its parents");
    fs::write(folder.path().join("a/b/file"), "HELLO").unwrap();
    let index = upper(&folder, Some(&below));
    assert_eq!(paths(&index), ["a", "a/b", "a/b/file", "a/b/new"]);
}

#[test]
fn a_link_to_a_file_below_is_a_file_of_its_own() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("old"), "content").unwrap();
    let below = TreeView::new(&[Arc::new(upper(&folder, None))]);
    fs::hard_link(folder.path().join("old"), folder.path().join("new")).unwrap();
    let index = upper(&folder, Some(&below));
    assert_eq!(paths(&index), ["new"]);
    assert!(matches!(index.entries()[0].kind, Kind::File { size: 7, .. }));
}

#[test]
fn paths_can_be_left_out() {
    let folder = sample();
    let options =
        ScanOptions { omit: vec![b"a/b".to_vec(), b"link".to_vec()], ..ScanOptions::default() };
    assert_eq!(paths(&upper_with(&folder, None, &options)), ["a", "a/other", "a/tool="]);
}

#[test]
fn a_socket_is_left_out() {
    let folder = TempDir::new().unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    assert!(upper(&folder, None).is_empty());
}

#[test]
fn whiteouts_and_opaque_folders() {
    if !is_root("whiteouts_and_opaque_folders") {
        return;
    }
    let folder = sample();
    let below = TreeView::new(&[Arc::new(upper(&folder, None))]);
    let layer = TempDir::new().unwrap();
    let entries = vec![
        Entry { path: b"a".to_vec(), ..Entry::IMPLICIT_DIR },
        Entry { path: b"a/b".to_vec(), kind: Kind::Dir { opaque: true }, ..Entry::IMPLICIT_DIR },
        Entry { path: b"a/tool".to_vec(), kind: Kind::Whiteout, mode: 0, ..Entry::IMPLICIT_DIR },
        Entry { path: b"never".to_vec(), kind: Kind::Whiteout, mode: 0, ..Entry::IMPLICIT_DIR },
    ];
    let index = LayerIndex::new(entries).unwrap();
    let nothing = |_: usize, _: &Entry| Err(io::Error::other("no content"));
    let form = OverlayForm::of_this_process();
    write_files(&index, &nothing, None, layer.path(), form, &pool()).unwrap();
    assert_eq!(upper(&layer, None), index);
    assert_eq!(paths(&upper(&layer, Some(&below))), ["a", "a/b*", "a/tool!"]);
}

#[test]
fn attributes_are_kept_by_choice() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("f");
    fs::write(&path, "").unwrap();
    let flags = rustix::fs::XattrFlags::empty();
    if rustix::fs::setxattr(&path, "user.note", b"x", flags).is_err() {
        eprintln!("skipped, needs user attributes: attributes_are_kept_by_choice");
        return;
    }
    assert!(upper(&folder, None).entries()[0].xattrs.is_empty());
    let options = ScanOptions { xattrs: Xattrs::All, ..ScanOptions::default() };
    let all = upper_with(&folder, None, &options);
    assert_eq!(all.entries()[0].xattrs, [(b"user.note".to_vec(), b"x".to_vec())]);
    if is_root("attributes_are_kept_by_choice: capabilities") {
        let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        rustix::fs::setxattr(&path, "security.capability", &capability, flags).unwrap();
        let index = upper(&folder, None);
        assert_eq!(
            index.entries()[0].xattrs,
            [(b"security.capability".to_vec(), capability.to_vec())]
        );
        let copy = TempDir::new().unwrap();
        let source = FolderSource::open(folder.path()).unwrap();
        write_files(&index, &source, None, copy.path(), OverlayForm::of_this_process(), &pool())
            .unwrap();
        assert_eq!(upper(&copy, None), index);
    }
}

#[test]
fn a_whole_tree_is_compared_with_its_base() {
    let folder = sample();
    let below = TreeView::new(&[Arc::new(upper(&folder, None))]);
    let scan = || {
        scan_against(folder.path(), (&below, &Stamps::default()), &ScanOptions::default(), &pool())
            .unwrap()
    };
    assert!(scan().is_empty());
    let root = folder.path();
    fs::remove_file(root.join("a/tool")).unwrap();
    fs::remove_file(root.join("link")).unwrap();
    fs::create_dir(root.join("link")).unwrap();
    fs::write(root.join("link/x"), "x").unwrap();
    fs::remove_dir_all(root.join("a/b")).unwrap();
    let index = scan();
    assert_eq!(paths(&index), ["a", "a/b!", "a/tool!", "link", "link/x"]);
    let after = below.with(Arc::new(index));
    let mut found = Vec::new();
    after.walk(b"", &mut |path, _| found.push(String::from_utf8_lossy(path).into_owned()));
    assert_eq!(found, ["a", "a/other", "link", "link/x"]);
}
