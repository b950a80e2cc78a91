//! Well-known causes of images that are not the same twice, and what to do about each.

use executor::compare::{PathDifference, Place};

/// Whether a cause is behind a path (with its first bytes), and what to do.
type Cause = (fn(&str, &[u8]) -> bool, &'static str);

/// The first that fits counts.
const CAUSES: &[Cause] = &[
    (
        |path, _| {
            let logs = ["var/log/apt", "var/log/dpkg.log", "var/log/alternatives.log"];
            logs.iter().any(|log| path.starts_with(log)) || path == "var/log/bootstrap.log"
        },
        "logs with times; remove them in the same RUN: \
         rm -rf /var/log/apt /var/log/dpkg.log /var/log/alternatives.log",
    ),
    (
        |path, _| path == "var/cache/ldconfig/aux-cache",
        "a cache with inodes and times; remove it in the same RUN: rm /var/cache/ldconfig/aux-cache",
    ),
    (
        |path, _| path.starts_with("var/cache/apt/") && path.ends_with(".bin"),
        "apt's caches; remove them in the same RUN: rm -f /var/cache/apt/*.bin",
    ),
    (
        |path, _| path.starts_with("var/lib/apt/lists") || path.starts_with("var/cache/apt"),
        "what the mirror had at that time; remove it in the same RUN \
         (rm -rf /var/lib/apt/lists/*), or keep it out with \
         --mount=type=cache,target=/var/lib/apt --mount=type=cache,target=/var/cache/apt",
    ),
    (
        |path, _| path.ends_with(".pyc") || path.ends_with("__pycache__"),
        "Python's compiled files have the time of their source; ENV PYTHONDONTWRITEBYTECODE=1 \
         makes none, python -m compileall --invalidation-mode checked-hash makes equal ones",
    ),
    (
        |path, _| path == "etc/machine-id" || path == "var/lib/dbus/machine-id",
        "a random number for each machine; empty it in the same RUN: : > /etc/machine-id",
    ),
    (
        |path, _| path.starts_with("etc/ssh/ssh_host_"),
        "secret keys that every container would share; remove them in the same RUN \
         (rm /etc/ssh/ssh_host_*) and make them at the first start",
    ),
    (
        |path, _| path.starts_with("etc/shadow") || path.starts_with("etc/gshadow"),
        "the day of the last change of a password, or a random salt; lock the account instead \
         (useradd without a password), or write the line with sed",
    ),
    (
        |path, _| path.contains("/.npm/") || path.starts_with("root/.npm"),
        "npm's cache and logs; remove them in the same RUN (npm cache clean --force; \
         rm -rf ~/.npm), or keep them out with --mount=type=cache,target=/root/.npm",
    ),
    (
        |path, _| {
            path.contains(".cache/") || path.starts_with("tmp/") || path.starts_with("var/tmp/")
        },
        "a left-over that the image does not need; remove it in the same RUN, or keep it out with \
         --mount=type=cache or --mount=type=tmpfs",
    ),
    (
        |path, _| path.contains(".git/") || path.ends_with(".git"),
        "git's own data have times; remove .git in the same RUN, or get the files with \
         ADD URL#COMMIT",
    ),
    (|path, _| path.starts_with("var/log/"), "a log with times; remove it in the same RUN"),
    (
        |path, _| path.starts_with("var/cache/"),
        "a cache; remove it in the same RUN, or keep it out with --mount=type=cache",
    ),
    (
        |path, _| {
            path.contains("/.cargo/")
                || path.contains("cargo/registry")
                || path.contains("cargo/git")
        },
        "cargo's downloads; keep them out with --mount=type=cache,target=/usr/local/cargo/registry",
    ),
    (
        |_, head| head.starts_with(b"PK\x03\x04"),
        "zip archives (jar, whl) hold times; set those of the files first \
         (touch -d @0), sort the names, and use zip -X",
    ),
    (
        |path, head| {
            path.ends_with(".tar") || head.starts_with(b"BZh") || head.starts_with(b"\xfd7zXZ")
        },
        "tar archives hold times and take files in the order of the disk: \
         tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner",
    ),
    (
        |_, head| head.starts_with(b"!<arch>\n"),
        "static libraries hold times and owners; ar D (ARFLAGS=Drvc) leaves them out",
    ),
    (
        |_, head| head.starts_with(b"SQLite format 3\0"),
        "a database; make it when the container starts, or write it with fixed times",
    ),
    (
        |_, head| head.starts_with(b"\x7fELF"),
        "a program with a time, a path or a random number in it: look for __DATE__ and __TIME__, \
         -Wdate-time, random build ids (go build -trimpath -buildvcs=false, rustc \
         --remap-path-prefix), and parallel builds that link in another order",
    ),
];

/// gzip's header ends here, but for a name.
const GZIP_HEADER: u64 = 10;
const GZIP_TIME: &str =
    "gzip writes the time of the file, or of now, into its header; gzip -n does not";
const GZIP_CONTENT: &str = "what is packed differs; for a tar: tar --sort=name --mtime=@0 --owner=0 --group=0 \
     --numeric-owner -c … | gzip -n";

/// What to do about a path, if its cause is a known one.
pub(super) fn of(path: &PathDifference) -> Option<&'static str> {
    let name = String::from_utf8_lossy(&path.path);
    let content = super::content(path);
    let head = content.map(|content| content.head.as_slice()).unwrap_or_default();
    let known = CAUSES.iter().find(|(fits, _)| fits(&name, head)).map(|(_, advice)| *advice);
    known.or_else(|| match (head.starts_with(b"\x1f\x8b"), content.map(|it| &it.place)) {
        (true, Some(Place::Byte(..GZIP_HEADER))) => Some(GZIP_TIME),
        (true, _) => Some(GZIP_CONTENT),
        (false, _) => None,
    })
    .or_else(|| match content.map(|content| &content.place) {
        Some(Place::Line(_, a, b)) if same_lines_in_another_order(a, b) => Some(
            "the same words in another order; sort them (ls and find give the order of the disk)",
        ),
        Some(Place::Line(_, a, b)) if looks_like_time(a) && looks_like_time(b) => Some(
            "holds the time of the build; leave it out, or write a fixed one: \
             date -u -d @$SOURCE_DATE_EPOCH",
        ),
        Some(Place::Line(..) | Place::Byte(_)) | None => None,
    })
}

fn same_lines_in_another_order(one: &str, two: &str) -> bool {
    let sorted = |text: &str| {
        let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        words.sort();
        words
    };
    one != two && sorted(one) == sorted(two)
}

/// Whether a line has `12:34` in it, or a number of seconds since 1970 of these decades.
fn looks_like_time(line: &str) -> bool {
    let bytes = line.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let clock = |at: usize| {
        bytes[at] == b':'
            && at >= 2
            && digit(at - 2)
            && digit(at - 1)
            && digit(at + 1)
            && digit(at + 2)
    };
    let seconds = |word: &str| {
        word.len() >= 10 && word.get(..2).is_some_and(|start| ("15".."22").contains(&start))
    };
    (0..bytes.len()).any(clock) || line.split(|char: char| !char.is_ascii_digit()).any(seconds)
}

#[cfg(test)]
mod tests {
    use executor::compare::{Aspect, ContentDifference};

    use super::*;

    fn advice(path: &str, head: &[u8], place: Place) -> Option<&'static str> {
        let content = ContentDifference { head: head.to_vec(), place };
        let aspects = vec![Aspect::Content(content)];
        of(&PathDifference { path: path.as_bytes().to_vec(), aspects })
    }

    #[test]
    fn well_known_causes_are_known() {
        let line = |a: &str, b: &str| Place::Line(1, a.to_owned(), b.to_owned());
        for (path, head, place, word) in [
            ("var/log/apt/history.log", &b"Start"[..], Place::Byte(1), "/var/log/apt"),
            ("var/cache/apt/pkgcache.bin", b"\xfe", Place::Byte(21), "apt/*.bin"),
            ("var/cache/ldconfig/aux-cache", b"glibc", Place::Byte(1), "aux-cache"),
            ("usr/lib/python3/a.pyc", b"\x6f\x0d", Place::Byte(8), "PYTHONDONTWRITEBYTECODE"),
            ("app/a.gz", b"\x1f\x8b\x08", Place::Byte(4), "gzip -n"),
            ("app/a.jar", b"PK\x03\x04", Place::Byte(10), "zip -X"),
            ("app/lib.a", b"!<arch>\n", Place::Byte(10), "ar D"),
            ("app/list", b"a b", line("a b", "b a"), "sort"),
            ("app/built", b"Mon", line("Mon 12:00:01", "Mon 12:00:02"), "time of the build"),
            ("app/built", b"179", line("1795477777", "1795477779"), "time of the build"),
        ] {
            let advice = advice(path, head, place).unwrap_or_default();
            assert!(advice.contains(word), "{path}: {advice}");
        }
        assert_eq!(advice("app/id", b"x", line("4711", "815")), None);
    }
}
