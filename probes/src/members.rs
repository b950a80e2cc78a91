//! Archives: whatever a tar names, its index stays inside the root and is a tree.
//!
//! The input is text, a member a line: a letter for its kind, a blank, its name, and for links a tab and the target.
//! `d` folder, `f` file, `h` hard link, `l` symbolic link, `x` PAX record `NAME<tab>VALUE` for the next member. Headers
//! with right checksums are made of it, which a fuzzer would not guess.

use std::collections::BTreeSet;
use std::sync::Arc;

use store::layer::index::{is_below, parent};
use store::layer::tar::Limits;
use store::layer::unpack::{Whiteouts, index_of};
use store::{Follow, Kind, LayerIndex, TreeView};

/// A block of a tar.
const BLOCK: usize = 512;
/// More members than that would only take time.
const MEMBERS: usize = 64;

/// Reads the tar as a layer and as an archive.
pub fn bytes(bytes: &[u8]) {
    let tar = tar(bytes);
    let limits = Limits { content: 1 << 20, members: 2 * MEMBERS as u64, path: 4096 };
    for whiteouts in [Whiteouts::Apply, Whiteouts::Literal] {
        if let Ok(index) = index_of(tar.as_slice(), limits, whiteouts) {
            check(index);
        }
    }
    // The bytes themselves, for what headers may hold.
    let _ = index_of(bytes, limits, Whiteouts::Apply);
}

fn tar(text: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    for line in text.split(|byte| *byte == b'\n').filter(|line| line.len() > 2).take(MEMBERS) {
        let (kind, rest) = (line[0], &line[2..]);
        let tab = rest.iter().position(|byte| *byte == b'\t').unwrap_or(rest.len());
        let (name, target) = (&rest[..tab], rest.get(tab + 1..).unwrap_or_default());
        match kind {
            b'd' => member(&mut tar, b'5', name, b"", b""),
            b'h' => member(&mut tar, b'1', name, target, b""),
            b'l' => member(&mut tar, b'2', name, target, b""),
            b'x' => {
                let record = [name, b"=", target, b"\n"].concat();
                // The length counts its own digits; two or three of them do here.
                let length = record.len() + 3 + usize::from(record.len() + 3 > 99);
                let record = [format!("{length} ").as_bytes(), &record].concat();
                member(&mut tar, b'x', b"pax", b"", &record);
            }
            _ => member(&mut tar, b'0', name, b"", b"content"),
        }
    }
    tar.resize(tar.len() + 2 * BLOCK, 0);
    tar
}

fn member(tar: &mut Vec<u8>, kind: u8, name: &[u8], target: &[u8], content: &[u8]) {
    let mut header = [0_u8; BLOCK];
    let mut put = |at: usize, room: usize, bytes: &[u8]| {
        let length = bytes.len().min(room);
        header[at..at + length].copy_from_slice(&bytes[..length]);
    };
    put(0, 100, name);
    put(100, 8, b"0000755\0");
    put(108, 8, b"0000000\0");
    put(116, 8, b"0000000\0");
    put(124, 12, format!("{:011o}\0", content.len()).as_bytes());
    put(136, 12, b"00000000000\0");
    put(148, 8, b"        ");
    put(156, 1, &[kind]);
    put(157, 100, target);
    put(257, 8, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar.extend_from_slice(&header);
    tar.extend_from_slice(content);
    tar.resize(tar.len().next_multiple_of(BLOCK), 0);
}

fn check(index: LayerIndex) {
    let mut folders_below: BTreeSet<&[u8]> = BTreeSet::new();
    for entry in index.entries() {
        inside(&entry.path);
        let mut dir = parent(&entry.path);
        while !dir.is_empty() {
            folders_below.insert(dir);
            dir = parent(dir);
        }
        if let Kind::Hardlink { target } = &entry.kind {
            inside(target);
            assert_ne!(*target, entry.path, "a link to itself");
            let is_file = |entry: &store::Entry| matches!(entry.kind, Kind::File { .. });
            assert!(index.get(target).is_none_or(is_file), "a link to what is no file");
        }
    }
    for folder in folders_below {
        let is_folder = index.get(folder).is_none_or(store::Entry::is_dir);
        assert!(is_folder, "{} is no folder, and something is below", folder.escape_ascii());
    }
    assert_eq!(index.result_digest().to_string(), index.clone().result_digest().to_string());
    let paths: Vec<Vec<u8>> = index.entries().iter().map(|entry| entry.path.clone()).collect();
    let view = TreeView::new(&[Arc::new(index)]);
    for path in &paths {
        let _ = view.get(path);
        for (name, _) in view.children(path) {
            assert!(!name.is_empty() && !name.contains(&b'/'), "{}", name.escape_ascii());
        }
        for follow in [Follow::Last, Follow::Parents] {
            if let Ok(found) = view.resolve(path, follow) {
                inside(&found.path);
            }
        }
    }
    view.walk(b"", &mut |path, _| {
        inside(path);
        assert!(is_below(path, b"") || path.is_empty());
    });
}

/// A path below the root, without anything that could lead elsewhere.
fn inside(path: &[u8]) {
    let clean = |part: &[u8]| !matches!(part, b"" | b"." | b"..") && !part.contains(&0);
    assert!(
        path.is_empty() || path.split(|byte| *byte == b'/').all(clean),
        "{}",
        path.escape_ascii()
    );
}
