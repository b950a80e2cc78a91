//! Tars, well-meant and hostile.

use std::io::Write;
use std::os::unix::fs::MetadataExt;

use tar::{EntryType, Header};
use tempfile::TempDir;

use super::*;
use crate::layer::layout::OverlayForm;
use crate::testing::is_root;

/// A tar under construction; owners are those of the test, so that it can be laid out.
#[derive(Default)]
struct Tar(Vec<u8>);

impl Tar {
    fn add(mut self, kind: EntryType, path: &str, link: &str, content: &[u8]) -> Tar {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        header.set_mtime(1_000_000_000);
        header.set_uid(rustix::process::geteuid().as_raw().into());
        header.set_gid(rustix::process::getegid().as_raw().into());
        header.set_cksum();
        self.0.extend(header.as_bytes());
        self.raw(content)
    }

    fn raw(mut self, content: &[u8]) -> Tar {
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn file(self, path: &str, content: &[u8]) -> Tar {
        self.add(EntryType::Regular, path, "", content)
    }

    fn dir(self, path: &str) -> Tar {
        self.add(EntryType::Directory, path, "", b"")
    }

    fn symlink(self, path: &str, target: &str) -> Tar {
        self.add(EntryType::Symlink, path, target, b"")
    }

    fn hardlink(self, path: &str, target: &str) -> Tar {
        self.add(EntryType::Link, path, target, b"")
    }

    fn pax(self, records: &[(&str, &str)]) -> Tar {
        let mut text = String::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            let len = (1..20)
                .map(|digits| rest + digits)
                .find(|len| rest + len.to_string().len() == *len);
            text += &format!("{} {key}={value}\n", len.unwrap());
        }
        self.add(EntryType::XHeader, "pax", "", text.as_bytes())
    }

    fn index(&self) -> Result<LayerIndex, TarError> {
        let index = unpack(self.0.as_slice(), Limits::default(), Whiteouts::Apply, None);
        // With files the answer is the same, and the folder agrees with it.
        let folder = TempDir::new().unwrap();
        let fs = folder.path().join("fs");
        std::fs::create_dir(&fs).unwrap();
        std::fs::write(folder.path().join("outside"), "untouched").unwrap();
        let mut writer = TreeWriter::new(&fs, OverlayForm::of_this_process()).unwrap();
        let laid =
            unpack(self.0.as_slice(), Limits::default(), Whiteouts::Apply, Some(&mut writer));
        assert_eq!(std::fs::read(folder.path().join("outside")).unwrap(), b"untouched");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
        if let (Ok(index), Ok(laid)) = (&index, &laid) {
            assert_eq!(index, laid);
            for entry in index.entries() {
                let path = fs.join(std::str::from_utf8(&entry.path).unwrap());
                let found = std::fs::symlink_metadata(&path);
                let skipped = writer.skipped().contains(&entry.path);
                let outside =
                    matches!(&entry.kind, Kind::Hardlink { target } if index.get(target).is_none());
                assert_eq!(found.is_ok(), !skipped && !outside, "{path:?}");
                if let (Kind::File { size, digest }, Ok(found)) = (&entry.kind, found) {
                    assert_eq!((found.size(), found.mtime()), (*size, entry.mtime.secs));
                    let content = std::fs::read(&path).unwrap();
                    assert_eq!(*blake3::hash(&content).as_bytes(), digest.0);
                }
            }
        }
        assert_eq!(index.is_ok(), laid.is_ok(), "{index:?} {laid:?}");
        index
    }

    fn paths(&self) -> Vec<String> {
        let index = self.index().unwrap();
        index.entries().iter().map(|it| String::from_utf8_lossy(&it.path).into_owned()).collect()
    }

    fn error(&self) -> String {
        self.index().unwrap_err().to_string()
    }
}

fn content(index: &LayerIndex, path: &str) -> FileDigest {
    let Some(Entry { kind: Kind::File { digest, .. }, .. }) = index.get(path.as_bytes()) else {
        panic!("{path} is no file: {:?}", index.get(path.as_bytes()));
    };
    *digest
}

fn of(bytes: &[u8]) -> FileDigest {
    FileDigest(blake3::hash(bytes).into())
}

#[test]
fn a_plain_tar() {
    let tar = Tar::default()
        .dir("./")
        .dir("./a/")
        .file("./a/b", b"hello")
        .symlink("a/link", "b")
        .hardlink("a/hard", "./a/b")
        .file("/abs", b"");
    assert_eq!(tar.paths(), ["", "a", "a/b", "a/hard", "a/link", "abs"]);
    let index = tar.index().unwrap();
    assert_eq!(content(&index, "a/b"), of(b"hello"));
    assert_eq!(index.get(b"a/hard").unwrap().kind, Kind::Hardlink { target: b"a/b".to_vec() });
}

#[test]
fn names_that_lead_out_are_refused() {
    for path in ["../x", "a/../../x", "..", "/../x"] {
        let error = Tar::default().file(path, b"evil").error();
        assert!(error.contains("leads out of the root"), "{path}: {error}");
    }
    assert_eq!(Tar::default().file("a/../b", b"").paths(), ["b"]);
    let error = Tar::default().hardlink("a", "../outside").error();
    assert!(error.contains("leads out of the root"), "{error}");
}

#[test]
fn nothing_is_written_through_a_link() {
    let tar = Tar::default().symlink("a", "..").file("a/outside", b"evil");
    assert_eq!(tar.paths(), ["a", "outside"], "inside the root, `..` is the root");
    let tar = Tar::default().dir("etc").symlink("a", "/etc").file("a/passwd", b"evil");
    assert_eq!(tar.paths(), ["a", "etc", "etc/passwd"]);
    let tar = Tar::default().symlink("f", "../outside").file("f", b"evil");
    assert_eq!(content(&tar.index().unwrap(), "f"), of(b"evil"), "the link is replaced");
    let tar = Tar::default().dir("d").symlink("d", "..").file("d/outside", b"evil");
    assert_eq!(tar.paths(), ["d", "outside"]);
    let tar = Tar::default().symlink("l", "../outside").hardlink("h", "l");
    assert!(matches!(tar.index().unwrap().get(b"h").unwrap().kind, Kind::Symlink { .. }));
    let error = Tar::default().symlink("a", "b").symlink("b", "a").file("a/x", b"").error();
    assert!(error.contains("too many links"), "{error}");
}

#[test]
fn below_a_file_there_is_nothing() {
    let error = Tar::default().file("a", b"").file("a/b", b"").error();
    assert!(error.contains("below something that is no folder"), "{error}");
    let error = Tar::default().file("", b"x").error();
    assert!(error.contains("no folder"), "{error}");
}

#[test]
fn the_last_of_a_name_counts() {
    let tar = Tar::default().file("a", b"one").file("a", b"two");
    assert_eq!(content(&tar.index().unwrap(), "a"), of(b"two"));
    let tar = Tar::default().dir("a").file("a/b", b"").file("a", b"file");
    assert_eq!(tar.paths(), ["a"]);
    let tar = Tar::default().file("a", b"").dir("a").file("a/b", b"");
    assert_eq!(tar.paths(), ["a", "a/b"]);
    let tar =
        Tar::default().file("z", b"one").hardlink("l", "z").hardlink("m", "z").file("z", b"two");
    let index = tar.index().unwrap();
    assert_eq!(content(&index, "l"), of(b"one"), "the link keeps what it was linked to");
    assert_eq!(index.get(b"m").unwrap().kind, Kind::Hardlink { target: b"l".to_vec() });
    assert_eq!(content(&index, "z"), of(b"two"));
    let tar = Tar::default().file("z", b"one").hardlink("a", "z");
    assert_eq!(content(&tar.index().unwrap(), "a"), of(b"one"), "the first name holds the content");
}

#[test]
fn hard_links_to_nothing_and_to_folders() {
    let tar = Tar::default().hardlink("a", "below/file");
    assert_eq!(
        tar.index().unwrap().get(b"a").unwrap().kind,
        Kind::Hardlink { target: b"below/file".to_vec() }
    );
    assert!(tar.index().unwrap().needs_below());
    let error = Tar::default().dir("d").hardlink("a", "d").error();
    assert!(error.contains("does not name a file"), "{error}");
    let error = Tar::default().dir("d").file("d/x", b"").hardlink("d", "d/x").error();
    assert!(error.contains("does not name a file"), "{error}");
    assert_eq!(Tar::default().file("a", b"x").hardlink("a", "a").paths(), ["a"]);
}

#[test]
fn whiteouts() {
    if !is_root("whiteouts") {
        return;
    }
    let tar = Tar::default().dir("a").file("a/.wh.gone", b"").dir("b").file("b/.wh..wh..opq", b"");
    let index = tar.index().unwrap();
    assert_eq!(index.get(b"a/gone").unwrap().kind, Kind::Whiteout);
    assert_eq!(index.get(b"b").unwrap().kind, Kind::Dir { opaque: true });
    let tar = Tar::default().file(".wh.a", b"").dir("a").file("a/new", b"");
    assert_eq!(tar.index().unwrap().get(b"a").unwrap().kind, Kind::Dir { opaque: true });
    let tar = Tar::default().file(".wh.a", b"").file("a/new", b"");
    assert_eq!(tar.paths(), ["a", "a/new"]);
    let tar = Tar::default().file("a", b"").file(".wh.a", b"").file(".wh..wh.plnk", b"");
    assert_eq!(tar.index().unwrap().get(b"a").unwrap().kind, Kind::Whiteout);
    let error = Tar::default().file("a/.wh...", b"").error();
    assert!(error.contains("out of the root"), "{error}");
    let literal = Tar::default().file(".wh.a", b"x");
    let index = unpack(literal.0.as_slice(), Limits::default(), Whiteouts::Literal, None).unwrap();
    assert!(index.get(b".wh.a").is_some());
}

#[test]
fn pax_and_gnu_headers() {
    let long = format!("{}/{}", "d".repeat(200), "f".repeat(200));
    let tar = Tar::default()
        .pax(&[
            ("path", &long),
            ("mtime", "-1.25"),
            ("SCHILY.xattr.user.note", "value"),
            ("uid", "0"),
        ])
        .file("short", b"x")
        .add(EntryType::GNULongName, "././@LongLink", "", format!("g{long}\0").as_bytes())
        .file("short", b"y")
        .pax(&[("linkpath", "target"), ("mtime", "5.000000001")])
        .symlink("l", "other");
    let index = unpack(tar.0.as_slice(), Limits::default(), Whiteouts::Apply, None).unwrap();
    let entry = index.get(long.as_bytes()).unwrap();
    assert_eq!(entry.mtime, Mtime { secs: -2, nanos: 750_000_000 });
    assert_eq!(entry.xattrs, [(b"user.note".to_vec(), b"value".to_vec())]);
    assert!(index.get(format!("g{long}").as_bytes()).is_some());
    let link = index.get(b"l").unwrap();
    assert_eq!(link.kind, Kind::Symlink { target: b"target".to_vec() });
    assert_eq!(link.mtime, Mtime { secs: 5, nanos: 1 });
}

#[test]
fn limits_hold() {
    let huge = Tar::default().pax(&[("size", "9000000000000")]).file("a", b"");
    assert!(huge.error().contains("more than 1099511627776 bytes"));
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::GNULongName);
    header.set_size(1 << 40);
    header.set_cksum();
    let long_name = Tar(header.as_bytes().to_vec());
    assert!(long_name.error().contains("more than 1 MiB of names"));
    let tar = Tar::default().file("a", b"").file("b", b"");
    let limits = Limits { members: 1, ..Limits::default() };
    let error = unpack(tar.0.as_slice(), limits, Whiteouts::Apply, None).unwrap_err();
    assert!(matches!(error, TarError::TooMany(1)), "{error}");
    let deep = "d/".repeat(3000);
    let error = Tar::default().pax(&[("path", &deep)]).file("a", b"").error();
    assert!(error.contains("too long"), "{error}");
    let error = Tar::default().pax(&[("path", &"n".repeat(300))]).file("a", b"").error();
    assert!(error.contains("too long"), "{error}");
}

#[test]
fn damage_is_an_error() {
    let good = Tar::default().file("a", &[1; 2000]).file("b", b"x");
    for len in [100, 512, 1000, 2500, 3100] {
        let cut = Tar(good.0[..len].to_vec());
        assert!(cut.error().contains("ends in the middle"), "{len}");
    }
    let mut bad = good.0.clone();
    bad[0] ^= 1;
    assert!(Tar(bad).error().contains("checksum"));
    assert!(Tar(b"this is no tar".repeat(100)).index().is_err());
    assert!(Tar::default().pax(&[("mtime", "soon")]).file("a", b"").index().is_err());
    assert!(
        Tar::default()
            .add(EntryType::XHeader, "x", "", b"99 a=b\n")
            .file("a", b"")
            .index()
            .is_err()
    );
    assert!(Tar::default().paths().is_empty(), "an empty stream is an empty layer");
}

#[test]
fn sparse_files_have_their_holes() {
    let expected = [&[0; 1000][..], b"data", &[0; 3000], b"more", &[0; 96]].concat();
    let size = expected.len().to_string();
    let map =
        [("GNU.sparse.map", "1000,4,4004,4"), ("GNU.sparse.size", &size), ("GNU.sparse.name", "s")];
    let old = Tar::default().pax(&map).file("GNUSparseFile.0/s", b"datamore").file("t", b"next");
    let records = [
        ("GNU.sparse.major", "1"),
        ("GNU.sparse.minor", "0"),
        ("GNU.sparse.name", "s"),
        ("GNU.sparse.realsize", &size),
    ];
    let mut body = b"2\n1000\n4\n4004\n4\n".to_vec();
    body.resize(512, 0);
    body.extend(b"datamore");
    let new = Tar::default().pax(&records).file("GNUSparseFile.0/s", &body).file("t", b"next");
    for tar in [old, new] {
        let index = tar.index().unwrap();
        assert_eq!(content(&index, "s"), of(&expected));
        assert_eq!(content(&index, "t"), of(b"next"));
    }
    let wrong = [("GNU.sparse.map", "1000,4,1002,4"), ("GNU.sparse.size", &size)];
    assert!(Tar::default().pax(&wrong).file("s", b"datamore").index().is_err());
}

#[test]
fn old_gnu_sparse_files() {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::GNUSparse);
    header.as_old_mut().name[0] = b's';
    header.set_size(4);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    let gnu = header.as_gnu_mut().unwrap();
    let octal = |field: &mut [u8; 12], value: u64| {
        field.copy_from_slice(format!("{value:011o}\0").as_bytes());
    };
    octal(&mut gnu.sparse[0].offset, 512);
    octal(&mut gnu.sparse[0].numbytes, 4);
    octal(&mut gnu.sparse[1].offset, 1024);
    octal(&mut gnu.sparse[1].numbytes, 0);
    octal(&mut gnu.realsize, 1024);
    header.set_cksum();
    let tar = Tar(header.as_bytes().to_vec()).raw(b"data");
    let index = unpack(tar.0.as_slice(), Limits::default(), Whiteouts::Apply, None).unwrap();
    let expected = [&[0; 512][..], b"data", &[0; 508]].concat();
    assert_eq!(content(&index, "s"), of(&expected));
}

#[test]
fn devices_are_made_or_noted() {
    let tar = Tar::default().add(EntryType::Fifo, "pipe", "", b"");
    assert_eq!(tar.index().unwrap().get(b"pipe").unwrap().kind, Kind::Fifo);
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Char);
    header.as_old_mut().name[..4].copy_from_slice(b"null");
    header.set_mode(0o666);
    header.set_mtime(0);
    header.set_size(0);
    header.set_uid(rustix::process::geteuid().as_raw().into());
    header.set_gid(rustix::process::getegid().as_raw().into());
    header.set_device_major(1).unwrap();
    header.set_device_minor(3).unwrap();
    header.set_cksum();
    let index = Tar(header.as_bytes().to_vec()).index().unwrap();
    assert_eq!(index.get(b"null").unwrap().kind, Kind::Char { major: 1, minor: 3 });
}

#[test]
fn any_bytes_are_an_error_or_an_index() {
    let good = Tar::default()
        .pax(&[("path", "x")])
        .file("a", b"hello")
        .symlink("b", "a")
        .hardlink("c", "x");
    let mut seed = 1_u64;
    for _ in 0..2000 {
        let mut bytes = good.0.clone();
        for _ in 0..3 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let position = (seed >> 33) as usize % bytes.len();
            bytes[position] = (seed >> 20) as u8;
        }
        for block in bytes.chunks_mut(512) {
            // Half of the damage passes the checksum.
            if seed & 1 << 40 != 0
                && let Ok(block) = <&mut [u8; 512]>::try_from(block)
            {
                let mut header = Header::new_old();
                header.as_mut_bytes().copy_from_slice(block);
                header.set_cksum();
                (&mut block[..]).write_all(header.as_bytes()).unwrap();
            }
        }
        let _ = unpack(bytes.as_slice(), Limits::default(), Whiteouts::Apply, None);
    }
}
