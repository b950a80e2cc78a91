//! Stacks of layers as trees.

use super::*;
use crate::layer::testing::{dir, entry, file, hardlink, symlink, whiteout};

fn view(layers: Vec<Vec<Entry>>) -> TreeView {
    let index = |entries| Arc::new(LayerIndex::new(entries).unwrap());
    TreeView::new(&layers.into_iter().map(index).collect::<Vec<_>>())
}

fn opaque(path: &str) -> Entry {
    Entry { kind: Kind::Dir { opaque: true }, ..dir(path) }
}

/// All paths below the root; folders end with a slash.
fn all(view: &TreeView) -> Vec<String> {
    let mut paths = Vec::new();
    view.walk(b"", &mut |path, node| {
        let slash = if node.entry.is_dir() { "/" } else { "" };
        paths.push(format!("{}{slash}", String::from_utf8_lossy(path)));
    });
    // Whatever a walk finds, a lookup finds, and the reverse.
    for path in &paths {
        let path = path.trim_end_matches('/').as_bytes();
        assert!(view.get(path).is_some(), "{path:?}");
        assert_eq!(view.resolve(path, Follow::Parents).unwrap().path, path);
    }
    paths
}

fn resolved(view: &TreeView, path: &str) -> String {
    let found = view.resolve(path.as_bytes(), Follow::Last).unwrap();
    let mark = if found.node.is_some() { "" } else { "?" };
    format!("{}{mark}", String::from_utf8_lossy(&found.path))
}

#[test]
fn layers_add_replace_and_remove() {
    let view = view(vec![
        vec![
            dir("a"),
            file("a/keep", b"1"),
            file("a/gone", b"1"),
            file("b", b"1"),
            dir("c"),
            file("c/x", b""),
        ],
        vec![
            dir("a"),
            whiteout("a/gone"),
            file("a/new", b"2"),
            whiteout("b"),
            file("c", b"now a file"),
        ],
    ]);
    assert_eq!(all(&view), ["a/", "a/keep", "a/new", "c"]);
    assert!(view.get(b"a/gone").is_none() && view.get(b"b").is_none());
    assert!(view.get(b"c/x").is_none(), "below a file there is nothing");
    assert_eq!(view.get(b"a/keep").unwrap().at, Some(Place { layer: 0, position: 2 }));
}

#[test]
fn what_was_removed_can_come_back_without_its_content() {
    let view = view(vec![
        vec![dir("a"), dir("a/b"), file("a/b/old", b"")],
        vec![whiteout("a")],
        vec![dir("a"), dir("a/b"), file("a/b/new", b"")],
    ]);
    assert_eq!(all(&view), ["a/", "a/b/", "a/b/new"]);
}

#[test]
fn opaque_folders_hide_what_is_below_them() {
    let view = view(vec![
        vec![dir("a"), dir("a/b"), file("a/b/old", b""), file("a/side", b"")],
        vec![dir("a"), opaque("a/b"), file("a/b/new", b"")],
        vec![dir("a"), dir("a/b"), file("a/b/newest", b"")],
    ]);
    assert_eq!(all(&view), ["a/", "a/b/", "a/b/new", "a/b/newest", "a/side"]);
    assert_eq!(view.children(b"a/b").len(), 2);
}

#[test]
fn an_opaque_root_hides_everything() {
    let mut root = opaque("");
    root.mode = 0o700;
    let view = view(vec![vec![file("old", b"")], vec![root, file("new", b"")]]);
    assert_eq!(all(&view), ["new"]);
    assert_eq!(view.resolve(b"/", Follow::Last).unwrap().node.unwrap().entry.mode, 0o700);
}

#[test]
fn folders_without_an_entry_take_it_from_below() {
    let mut tmp = dir("tmp");
    tmp.mode = 0o1777;
    let view = view(vec![vec![tmp, file("f", b"")], vec![file("tmp/x", b""), file("f/y", b"")]]);
    assert_eq!(view.get(b"tmp").unwrap().entry.mode, 0o1777);
    let implicit = view.get(b"f").unwrap();
    assert!(implicit.entry.is_dir() && implicit.at.is_none());
    assert_eq!(all(&view), ["f/", "f/y", "tmp/", "tmp/x"]);
}

#[test]
fn a_file_over_a_folder_over_a_file() {
    let view =
        view(vec![vec![file("a", b"")], vec![dir("a"), file("a/x", b"")], vec![file("a", b"top")]]);
    assert_eq!(all(&view), ["a"]);
    assert_eq!(view.get(b"a").unwrap().at, Some(Place { layer: 2, position: 0 }));
}

#[test]
fn names_that_sort_between_a_folder_and_its_content() {
    let view = view(vec![vec![dir("a"), file("a/x", b""), file("a-b", b""), file("a.b", b"")]]);
    assert_eq!(all(&view), ["a/", "a/x", "a-b", "a.b"]);
}

#[test]
fn links_are_followed_inside_the_root() {
    let view = view(vec![vec![
        dir("usr"),
        dir("usr/lib"),
        file("usr/lib/x", b""),
        symlink("lib", "usr/lib"),
        symlink("abs", "/usr"),
        symlink("up", "../../../usr"),
        symlink("usr/back", "../lib/x"),
        symlink("dangling", "nowhere/at/all"),
        symlink("loop", "loop"),
    ]]);
    assert_eq!(resolved(&view, "/lib/x"), "usr/lib/x");
    assert_eq!(resolved(&view, "abs/lib/../lib//./x"), "usr/lib/x");
    assert_eq!(resolved(&view, "up/back"), "usr/lib/x");
    assert_eq!(resolved(&view, "../../etc/passwd"), "etc/passwd?");
    assert_eq!(resolved(&view, "dangling/more"), "nowhere/at/all/more?");
    assert_eq!(resolved(&view, "lib/.."), "usr", "`..` is of the folder, not of the link");
    assert_eq!(resolved(&view, "new/../usr"), "usr?", "what does not exist is taken as text");
    assert_eq!(resolved(&view, "/"), "");
    let link = view.resolve(b"lib", Follow::Parents).unwrap();
    assert_eq!(link.path, b"lib");
    assert!(matches!(link.node.unwrap().entry.kind, Kind::Symlink { .. }));
    let error = view.resolve(b"loop/x", Follow::Parents).unwrap_err();
    assert_eq!(error, ResolveError::TooManyLinks(b"loop/x".to_vec()));
    let error = view.resolve(b"usr/lib/x/y", Follow::Last).unwrap_err();
    assert_eq!(error, ResolveError::NotADirectory(b"usr/lib/x".to_vec()));
}

#[test]
fn links_cross_layers() {
    let view = view(vec![
        vec![symlink("lib", "usr/lib")],
        vec![dir("usr"), dir("usr/lib"), file("usr/lib/a", b"")],
    ]);
    assert_eq!(resolved(&view, "lib/a"), "usr/lib/a");
}

#[test]
fn contents_of_hard_links() {
    let view = view(vec![
        vec![file("a", b"one"), hardlink("b", "a")],
        vec![file("a", b"other"), hardlink("c", "b")],
    ]);
    let digest = |path: &[u8]| view.content(view.get(path).unwrap()).unwrap().digest;
    let one = FileDigest(blake3::hash(b"one").into());
    assert_eq!(digest(b"b"), one, "a link is to the file of its own layer");
    assert_eq!(digest(b"c"), one, "or, if that has none, of those below");
    assert_eq!(digest(b"a"), FileDigest(blake3::hash(b"other").into()));
    let fifo = super::super::testing::entry("p", Kind::Fifo);
    let fifos = self::view(vec![vec![fifo]]);
    assert_eq!(fifos.content(fifos.get(b"p").unwrap()), None);
}

#[test]
fn the_first_of_linked_names_holds_the_content() {
    let entries = vec![hardlink("a", "c"), hardlink("b", "c"), file("c", b"x")];
    let index = LayerIndex::new(entries).unwrap();
    assert!(matches!(index.entries()[0].kind, Kind::File { .. }));
    for entry in &index.entries()[1..] {
        assert_eq!(entry.kind, Kind::Hardlink { target: b"a".to_vec() });
    }
}

#[test]
fn entries_that_are_no_layer() {
    for path in ["/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "a\0"] {
        assert!(LayerIndex::new(vec![file(path, b"")]).is_err(), "{path:?}");
    }
    assert!(LayerIndex::new(vec![file("a", b""), dir("a")]).is_err());
    assert!(LayerIndex::new(vec![file("a", b""), file("a/b", b"")]).is_err());
    assert!(LayerIndex::new(vec![file("a", b""), file("a-", b""), file("a/b/c", b"")]).is_err());
}

#[test]
fn the_result_digest_is_of_everything_but_times() {
    let base = || file("a", b"x");
    let digest = |entry: Entry| LayerIndex::new(vec![entry]).unwrap().result_digest();
    let later = Entry { mtime: crate::Mtime { secs: 9, nanos: 9 }, ..base() };
    assert_eq!(digest(later), digest(base()));
    let others = [
        Entry { mode: 0o600, ..base() },
        Entry { uid: 1, ..base() },
        Entry { gid: 1, ..base() },
        Entry { xattrs: vec![(b"user.a".to_vec(), vec![])], ..base() },
        file("a", b"y"),
        file("b", b"x"),
        entry("a", Kind::Fifo),
        whiteout("a"),
    ];
    for other in others {
        assert_ne!(digest(other.clone()), digest(base()), "{other:?}");
    }
}

#[test]
fn a_hundred_thousand_entries_answer_quickly() {
    let mut entries = Vec::new();
    for dir_number in 0..1000 {
        entries.push(dir(&format!("d{dir_number}")));
        entries.extend((0..100).map(|n| file(&format!("d{dir_number}/f{n}"), b"")));
    }
    let layer = Arc::new(LayerIndex::new(entries).unwrap());
    let top = Arc::new(LayerIndex::new(vec![whiteout("d5"), file("d6/new", b"")]).unwrap());
    let view = TreeView::new(&[layer]).with(top);
    let start = std::time::Instant::now();
    for number in 0..10_000 {
        let path = format!("d{}/f{}", number % 1000, number % 100);
        assert_eq!(view.get(path.as_bytes()).is_some(), number % 1000 != 5);
    }
    let mut count = 0;
    view.walk(b"", &mut |_, _| count += 1);
    assert_eq!(count, 101_000 - 101 + 1);
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}
