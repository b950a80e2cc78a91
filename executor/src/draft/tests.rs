//! Changes over a base.

use std::sync::Arc;

use super::*;
use crate::tree::display;

fn entry(path: &str, kind: Kind) -> Entry {
    Entry {
        path: path.as_bytes().to_vec(),
        kind,
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: Mtime::default(),
        xattrs: Vec::new(),
    }
}

fn dir(path: &str) -> Entry {
    Entry { mode: 0o700, ..entry(path, Kind::Dir { opaque: false }) }
}

fn file(path: &str, text: &str) -> Entry {
    let digest = store::FileDigest(*blake3::hash(text.as_bytes()).as_bytes());
    entry(path, Kind::File { size: text.len() as u64, digest })
}

fn bytes(text: &str) -> Option<Content> {
    Some(Content::Bytes(Arc::from(text.as_bytes())))
}

fn base(entries: Vec<Entry>) -> Base {
    let index = Arc::new(LayerIndex::new(entries).unwrap());
    Base::new(TreeView::new(&[index]), vec![LayerId(1)])
}

fn show(draft: Draft<'_>) -> Vec<String> {
    let (index, contents) = draft.finish().unwrap();
    let line = |(entry, content): (&Entry, &Option<Content>)| {
        let what = match &entry.kind {
            Kind::Dir { opaque: true } => "/ opaque".to_owned(),
            Kind::Dir { opaque: false } => format!("/ {:o}", entry.mode),
            Kind::File { size, .. } => format!(" {size}"),
            Kind::Hardlink { target } => format!(" = {}", display(target)),
            Kind::Whiteout => " gone".to_owned(),
            Kind::Symlink { .. } | Kind::Char { .. } | Kind::Block { .. } | Kind::Fifo => {
                String::new()
            }
        };
        assert_eq!(content.is_some(), matches!(entry.kind, Kind::File { .. }));
        format!("{}{what}", display(&entry.path))
    };
    index.entries().iter().zip(&contents).map(line).collect()
}

const ROOT: Owner = Owner { uid: 0, gid: 0 };
const FOLDER: NewFolder = NewFolder { mode: 0o755, owner: ROOT, mtime: None };

#[test]
fn folders_of_the_base_come_along_as_they_are() {
    let base = base(vec![dir("a"), dir("a/b"), file("a/old", "x")]);
    let mut draft = Draft::new(Some(&base), Mtime::default());
    draft.make_folders(b"a/b/c", FOLDER).unwrap();
    draft.put(file("a/b/c/f", "1"), bytes("1"));
    assert_eq!(draft.get(b"a/old").map(|entry| entry.mode), Some(0o644));
    assert_eq!(show(draft), ["a/ 700", "a/b/ 700", "a/b/c/ 755", "a/b/c/f 1"]);
}

#[test]
fn a_file_in_the_place_of_a_folder_hides_it() {
    let base = base(vec![dir("a"), file("a/x", "1")]);
    let mut draft = Draft::new(Some(&base), Mtime::default());
    draft.put(file("a", "22"), bytes("22"));
    assert_eq!(draft.get(b"a/x"), None);
    draft.put(dir("a"), None);
    assert_eq!(draft.get(b"a/x"), None);
    assert_eq!(show(draft), ["a/ opaque"]);
}

#[test]
fn a_folder_that_joins_one_hides_nothing() {
    let base = base(vec![dir("a"), file("a/x", "1")]);
    let mut draft = Draft::new(Some(&base), Mtime::default());
    draft.put(Entry { mode: 0o711, ..dir("a") }, None);
    assert!(draft.get(b"a/x").is_some());
    draft.hide(b"a/x");
    assert_eq!(draft.get(b"a/x"), None);
    assert_eq!(show(draft), ["a/ 711", "a/x gone"]);
}

#[test]
fn links_survive_the_loss_of_their_first_name() {
    let mut draft = Draft::new(None, Mtime::default());
    draft.put(file("a", "same"), bytes("same"));
    draft.link(file("b", "same"), b"a");
    draft.link(file("c", "same"), b"a");
    draft.put(file("a", "other!"), bytes("other!"));
    assert_eq!(show(draft), ["a 6", "b 4", "c = b"]);
}

#[test]
fn the_first_name_in_order_holds_the_content() {
    let mut draft = Draft::new(None, Mtime::default());
    draft.put(file("z", "same"), bytes("same"));
    draft.link(file("a", "same"), b"z");
    assert_eq!(show(draft), ["a 4", "z = a"]);
}

#[test]
fn nothing_is_made_below_a_file() {
    let base = base(vec![file("f", "1")]);
    let mut draft = Draft::new(Some(&base), Mtime::default());
    let error = draft.make_folders(b"f/x", FOLDER).unwrap_err();
    assert!(error.to_string().contains("`/f`"), "{error}");
}

#[test]
fn overlays_get_each_layer_once() {
    let [full, other, empty] = [vec![file("a", "1")], vec![file("b", "1")], Vec::new()]
        .map(|entries| Arc::new(LayerIndex::new(entries).unwrap()));
    let layers: Vec<LayerId> = [1, 2, 1, 3, 3].map(LayerId).to_vec();
    let stack = [&full, &other, &full, &empty, &empty].map(Arc::clone);
    let base = Base::new(TreeView::new(&stack), layers);
    assert_eq!(base.visible_layers(), [LayerId(2), LayerId(1)]);
}

#[test]
fn what_the_base_has_just_so_is_no_change() {
    let later = Mtime { secs: 7, nanos: 0 };
    let base = base(vec![
        dir("d"),
        file("d/same", "one"),
        file("d/touched", "one"),
        file("d/other", "one"),
        dir("e"),
        file("e/first", "two"),
        dir("f"),
        file("f/in", "two"),
    ]);
    let mut draft = Draft::new(Some(&base), Mtime::default());
    draft.put(Entry { mtime: later, ..dir("d") }, None);
    draft.put(file("d/same", "one"), bytes("one"));
    draft.put(Entry { mtime: later, ..file("d/touched", "one") }, bytes("one"));
    draft.put(file("d/other", "new"), bytes("new"));
    draft.put(Entry { mtime: later, ..dir("e") }, None);
    draft.put(file("e/first", "two"), bytes("two"));
    draft.put(dir("f"), None);
    draft.put(file("f/in", "two"), bytes("two"));
    draft.link(entry("f/new", Kind::Fifo), b"f/in");
    assert_eq!(show(draft), ["d/ 700", "d/other 3", "d/touched 3", "f/ 700", "f/new 3"]);
}
