//! COPY from a context on disk into a draft: a table of what goes where.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use compiler::op::{CopyAction, Parents};
use store::Mtime;

use super::*;
use crate::env::LocalContext;
use crate::testing::{World, copy_action};

struct Source {
    world: World,
    disk: Arc<Disk>,
}

/// Files hold their own names; what ends in `/` is a folder, `a->b` a link.
fn source(paths: &[&str]) -> Source {
    let world = World::new();
    for path in paths {
        match (path.split_once("->"), path.strip_suffix('/')) {
            (Some((name, target)), _) => symlink(target, world.context().join(name)).unwrap(),
            (None, Some(folder)) => std::fs::create_dir_all(world.context().join(folder)).unwrap(),
            (None, None) => world.write(path, path),
        }
    }
    let context = LocalContext { root: world.context(), ignore: None };
    let disk = Arc::new(Disk::open_context(&context).unwrap());
    Source { world, disk }
}

impl Source {
    fn mode(self, path: &str, mode: u32) -> Source {
        let path = self.world.context().join(path);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    /// Copies into an empty tree; paths with modes.
    fn copy(&self, action: &CopyAction) -> Result<Vec<String>, Cause> {
        let selection = select::select(self.disk.as_ref(), action)?;
        let mut draft = Draft::new(None, Mtime::default());
        let how = Lay {
            dest: &action.dest,
            owner: None,
            chmod: chmod(action.chmod.as_deref())?,
            keep_owner: false,
            as_folder: false,
        };
        for one in &selection.matches {
            let content = |found: &Found| Ok(crate::op::source::disk_content(&self.disk, found));
            copy::lay(&mut draft, one, &how, &content)?;
        }
        let (index, _) = draft.finish()?;
        let line = |entry: &store::Entry| match &entry.kind {
            Kind::Symlink { target } => format!("{} -> {}", display(&entry.path), display(target)),
            Kind::Hardlink { target } => format!("{} = {}", display(&entry.path), display(target)),
            Kind::Dir { .. } => format!("{}/ {:o}", display(&entry.path), entry.mode),
            Kind::Whiteout
            | Kind::File { .. }
            | Kind::Char { .. }
            | Kind::Block { .. }
            | Kind::Fifo => format!("{} {:o}", display(&entry.path), entry.mode),
        };
        Ok(index.entries().iter().map(line).collect())
    }

    fn check(&self, from: &str, to: &str, want: &[&str]) {
        let got = self.copy(&copy_action(from, to)).unwrap_or_else(|cause| panic!("{cause}"));
        assert_eq!(got, want, "COPY {from} {to}");
    }
}

#[test]
fn files_and_folders() {
    let source = source(&["a", "dir/x", "dir/sub/y", "empty/"]).mode("a", 0o640).mode("dir", 0o700);
    source.check("/a", "/b", &["b 640"]);
    source.check("/a", "/b/", &["b/ 755", "b/a 640"]);
    source.check("/a", "/new/deep/b", &["new/ 755", "new/deep/ 755", "new/deep/b 640"]);
    // The contents of a folder, not the folder: a new destination has 755.
    source.check("/dir", "/d", &["d/ 755", "d/sub/ 755", "d/sub/y 644", "d/x 644"]);
    source.check("/dir/.", "/", &["sub/ 755", "sub/y 644", "x 644"]);
    source.check("/empty", "/e", &["e/ 755"]);
    source.check("/../../a", "/b", &["b 640"]);
}

#[test]
fn links_are_followed_only_at_the_top() {
    let source = source(&["real/f", "link->real", "to->link/f", "out->../../etc/passwd"]);
    source.check("/link", "/d", &["d/ 755", "d/f 644"]);
    source.check("/to", "/d/", &["d/ 755", "d/to 644"]);
    source.check(
        "/",
        "/d",
        &[
            "d/ 755",
            "d/link -> real",
            "d/out -> ../../etc/passwd",
            "d/real/ 755",
            "d/real/f 644",
            "d/to -> link/f",
        ],
    );
    let error = source.copy(&copy_action("/out", "/d")).unwrap_err();
    assert_eq!(error.to_string(), "\"/out\": not found");
}

#[test]
fn wildcards() {
    let source = source(&["a.txt", ".b.txt", "c.md", "d1/x.txt", "d2/y.txt", "d2/s/z.txt"]);
    source.check("/*.txt", "/o/", &["o/ 755", "o/.b.txt 644", "o/a.txt 644"]);
    source.check(
        "/d?",
        "/o/",
        &["o/ 755", "o/s/ 755", "o/s/z.txt 644", "o/x.txt 644", "o/y.txt 644"],
    );
    source.check("/*/*.txt", "/o/", &["o/ 755", "o/x.txt 644", "o/y.txt 644"]);
    source.check("/none*", "/o/", &[]);
    let literal = CopyAction { wildcard: false, ..copy_action("/*.txt", "/o") };
    assert!(source.copy(&literal).is_err());
}

#[test]
fn patterns_leave_out_and_take_back() {
    let source = source(&["d/a.txt", "d/b.md", "d/s/c.txt", "d/s/d.md"]);
    let exclude = |patterns: &[&str]| CopyAction {
        exclude: patterns.iter().map(|pattern| (*pattern).to_owned()).collect(),
        ..copy_action("/d", "/o")
    };
    let got = source.copy(&exclude(&["*.txt"])).unwrap();
    assert_eq!(got, ["o/ 755", "o/b.md 644", "o/s/ 755", "o/s/c.txt 644", "o/s/d.md 644"]);
    let got = source.copy(&exclude(&["s", "!s/*.md"])).unwrap();
    assert_eq!(got, ["o/ 755", "o/a.txt 644", "o/b.md 644", "o/s/ 755", "o/s/d.md 644"]);
}

#[test]
fn parents_come_along() {
    let source = source(&["d/s/a.txt", "d/s/b.md", "top.txt"]).mode("d", 0o711);
    let parents = |source: &str, pattern: &str, required| CopyAction {
        parents: Some(Parents { pattern: pattern.into(), required }),
        ..copy_action(source, "/o/")
    };
    let got = source.copy(&parents("/", "**/*.txt", false)).unwrap();
    assert_eq!(got, ["o/ 755", "o/d/ 711", "o/d/s/ 755", "o/d/s/a.txt 644", "o/top.txt 644"]);
    let got = source.copy(&parents("/d", "s/b.md", true)).unwrap();
    assert_eq!(got, ["o/ 755", "o/s/ 755", "o/s/b.md 644"]);
    let error = source.copy(&parents("/", "d/no", true)).unwrap_err();
    assert_eq!(error.to_string(), "\"/d/no\": not found");
}

#[test]
fn modes_are_set() {
    let source = source(&["d/f"]).mode("d/f", 0o600);
    let with = |chmod: &str| CopyAction { chmod: Some(chmod.into()), ..copy_action("/d", "/n/o") };
    assert_eq!(source.copy(&with("640")).unwrap(), ["n/ 640", "n/o/ 640", "n/o/f 640"]);
    assert_eq!(source.copy(&with("go=u")).unwrap(), ["n/ 755", "n/o/ 755", "n/o/f 666"]);
    assert!(source.copy(&with("10000")).is_err());
}

#[test]
fn the_digest_is_of_what_is_copied_and_nothing_else() {
    let source = source(&["d/f", "other"]);
    let digest_of = |from: &str| {
        let disk = Disk::open_context(&LocalContext { root: source.world.context(), ignore: None });
        let disk = disk.unwrap();
        let mut selection = select::select(&disk, &copy_action(from, "/o")).unwrap();
        let stats = crate::context::StatCaches::default();
        let now = std::time::SystemTime::now();
        hash_files(&disk, &source.world.store, &stats, now, selection.found_mut()).unwrap();
        digest::digest(&selection, false).digest
    };
    let before = digest_of("/d");
    source.world.write("other", "changed");
    let file = std::fs::File::options().write(true).open(source.world.context().join("d/f"));
    file.unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(digest_of("/d"), before);
    source.world.write("d/f", "changed");
    assert_ne!(digest_of("/d"), before);
}
