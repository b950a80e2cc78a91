//! Paths inside images: slashes only, cleaned by the words alone, never looked up.

pub(crate) mod windows;

/// Takes out `.`, `..` and double slashes (Go's `path.Clean`); the empty path is `.`.
pub(crate) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".into(),
        (false, false) => parts.join("/"),
    }
}

/// Joins and cleans (Go's `path.Join`); empty if both are.
pub(crate) fn join(parent: &str, path: &str) -> String {
    match (parent.is_empty(), path.is_empty()) {
        (true, true) => String::new(),
        (true, false) => clean(path),
        (false, true) => clean(parent),
        (false, false) => clean(&format!("{parent}/{path}")),
    }
}

/// The last part (Go's `path.Base`).
pub(crate) fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let trimmed = path.trim_end_matches('/');
    match trimmed.is_empty() {
        true => "/",
        false => trimmed.rsplit('/').next().unwrap_or(trimmed),
    }
}

/// Makes a path absolute below a folder. An absolute path stays as it was written, a relative one is cleaned.
pub(crate) fn absolute(parent: &str, path: &str) -> String {
    let parent = match parent.starts_with('/') {
        true => parent.to_owned(),
        false => join("/", parent),
    };
    match path {
        "" => parent,
        path if path.starts_with('/') => path.to_owned(),
        path => join(&parent, path),
    }
}

/// The destination of a copy: absolute and clean, with the trailing slash or `/.` that says it is a folder.
pub(crate) fn destination(workdir: &str, path: &str) -> String {
    let path = if matches!(path, "" | ".") { "./" } else { path };
    let mut clean = match path.starts_with('/') {
        true => self::clean(path),
        false => join(&absolute("/", workdir), path),
    };
    if path.ends_with('/') && !clean.ends_with('/') {
        clean.push('/');
    } else if path.ends_with("/.") {
        if clean != "/" {
            clean.push('/');
        }
        clean.push('.');
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleaning() {
        for (path, want) in [
            ("", "."),
            ("/", "/"),
            ("a/./b//c/", "a/b/c"),
            ("../a", "../a"),
            ("a/../..", ".."),
            ("/../a", "/a"),
            ("/a/..", "/"),
        ] {
            assert_eq!(clean(path), want, "{path}");
        }
    }

    #[test]
    fn destinations_keep_their_slash() {
        for (workdir, path, want) in [
            ("/w", "", "/w/"),
            ("/w", ".", "/w/"),
            ("/w", "a", "/w/a"),
            ("/w", "a/", "/w/a/"),
            ("/w", "../a", "/a"),
            ("/w/", "/a//b/", "/a/b/"),
            ("/", "/", "/"),
            ("/w", "/a/.", "/a/."),
            ("", "a", "/a"),
        ] {
            assert_eq!(destination(workdir, path), want, "{workdir} {path}");
        }
    }

    #[test]
    fn names() {
        for (path, want) in [("", "."), ("/", "/"), ("/a/b/", "b"), ("a", "a")] {
            assert_eq!(base(path), want);
        }
        assert_eq!(absolute("/a", "b/../c"), "/a/c");
        assert_eq!(absolute("/a", "/b/"), "/b/");
        assert_eq!(absolute("", ""), "/");
    }
}
