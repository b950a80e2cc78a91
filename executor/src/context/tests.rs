//! A context on disk, seen through its .dockerignore, and its stat cache.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use store::{FileDigest, Kind};

use super::*;
use crate::op::file::select::select_all;
use crate::testing::World;
use crate::tree::display;

fn disk(world: &World, ignore: &str) -> Disk {
    let ignore = Some((".dockerignore".to_owned(), ignore.to_owned()));
    Disk::open_context(&LocalContext { root: world.context(), ignore }).unwrap()
}

fn all(disk: &Disk) -> Vec<String> {
    let selection = select_all(disk, b"").unwrap();
    selection.matches[0].items.iter().map(|item| display(&item.rel)).collect()
}

#[test]
fn ignored_files_are_not_there() {
    let world = World::new();
    for path in ["a.txt", "dir/b.txt", "dir/sub/c.txt", "dir/sub/d.log"] {
        world.write(path, path);
    }
    let whole = ["a.txt", "dir", "dir/b.txt", "dir/sub", "dir/sub/c.txt", "dir/sub/d.log"];
    assert_eq!(all(&disk(&world, "")), whole);
    assert_eq!(all(&disk(&world, "dir\n")), ["a.txt"]);
    let taken_back = disk(&world, "dir\n!dir/sub/d.log\n");
    assert_eq!(all(&taken_back), ["a.txt", "dir", "dir/sub", "dir/sub/d.log"]);
    assert!(taken_back.get(b"dir/b.txt").unwrap().is_none());
    let said = taken_back.ignored_by(b"dir/b.txt");
    assert_eq!(said, Some((".dockerignore".into(), 1, "dir".into())));
    assert_eq!(taken_back.ignored_by(b"dir/nowhere"), None);
    assert_eq!(all(&disk(&world, "dir/*/*\n")), ["a.txt", "dir", "dir/b.txt", "dir/sub"]);
}

#[test]
fn a_broken_pattern_is_an_error() {
    let world = World::new();
    let ignore = Some((".dockerignore".to_owned(), "[a\n".to_owned()));
    let error = Disk::open_context(&LocalContext { root: world.context(), ignore }).unwrap_err();
    assert!(error.to_string().contains("syntax error in pattern"), "{error}");
}

#[test]
fn nothing_outside_is_opened() {
    let world = World::new();
    world.write("dir/f", "inside");
    symlink("/etc", world.context().join("out")).unwrap();
    let disk = disk(&world, "");
    assert!(disk.open(b"dir/f").is_ok());
    for path in [&b"out/passwd"[..], b"../store", b"dir/../../store"] {
        assert!(disk.open(path).is_err(), "{}", display(path));
    }
    assert!(disk.get(b"out/passwd").unwrap().is_none());
    let link = disk.get(b"out").unwrap().unwrap();
    assert_eq!(link.entry.kind, Kind::Symlink { target: b"/etc".to_vec() });
}

fn hashed(world: &World, disk: &Disk, now: SystemTime) -> FileDigest {
    let mut selection = select_all(disk, b"f").unwrap();
    hash_files(disk, &world.store, &StatCaches::default(), now, selection.found_mut()).unwrap();
    let Kind::File { digest, .. } = selection.matches[0].root.entry.kind else { panic!("no file") };
    digest
}

#[test]
fn a_known_file_is_not_read_again_unless_it_is_fresh() {
    let world = World::new();
    world.write("f", "one");
    let one = FileDigest(*blake3::hash(b"one").as_bytes());
    let soon = SystemTime::now();
    assert_eq!(hashed(&world, &disk(&world, ""), soon), one);
    // Changed just before: not remembered.
    assert!(world.store.context_cache(&world.context()).unwrap().files.is_empty());
    let later = soon + Duration::from_secs(60);
    assert_eq!(hashed(&world, &disk(&world, ""), later), one);
    let cache = world.store.context_cache(&world.context()).unwrap();
    assert_eq!(cache.files[&b"f"[..]].digest, one);
    // Another mode is another inode state: it is looked at again, and known again.
    let mut permissions = std::fs::metadata(world.context().join("f")).unwrap().permissions();
    permissions.set_mode(0o600);
    std::fs::set_permissions(world.context().join("f"), permissions).unwrap();
    assert_eq!(hashed(&world, &disk(&world, ""), later), one);
    world.write("f", "two");
    assert_ne!(hashed(&world, &disk(&world, ""), later), one);
}

#[test]
fn a_file_that_is_written_is_not_what_was_seen() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), "1").unwrap();
    let context = LocalContext { root: folder.path().to_owned(), ignore: None };
    let disk = Arc::new(Disk::open_context(&context).unwrap());
    let found = disk.get(b"a").unwrap().unwrap();
    let content = crate::op::source::disk_content(&disk, &found).unwrap();
    std::fs::hard_link(folder.path().join("a"), folder.path().join("b")).unwrap();
    assert_eq!(content.changed(&mut None), None);
    std::fs::write(folder.path().join("a"), "22").unwrap();
    assert_eq!(content.changed(&mut None), Some(&b"a"[..]));
    std::fs::remove_file(folder.path().join("a")).unwrap();
    assert_eq!(content.changed(&mut None), Some(&b"a"[..]));
}
