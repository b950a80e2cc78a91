//! Git references as ADD and contexts write them: `https://host/repo.git#ref:subdir`, `git@host:repo`, and the query
//! form `?ref=…&subdir=…`.

use crate::address::percent_decoded;
use crate::op::GitSource;
use crate::paths;

/// A git reference, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GitReference {
    /// The remote without query and fragment.
    pub remote: String,
    /// Branch, tag, `refs/…` or commit.
    pub reference: String,
    /// Folder in the repository, without slashes at its ends.
    pub subdir: String,
    /// The commit it must be.
    pub checksum: String,
    /// `keep-git-dir=`
    pub keep_git_dir: Option<bool>,
    /// `submodules=`
    pub submodules: Option<bool>,
    /// `mtime=commit`
    pub commit_times: bool,
    /// `fetch-by-commit=`
    pub fetch_by_commit: bool,
}

/// What a text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// Something else: a path, or a URL of a file.
    Other,
    /// A git reference.
    Git(GitReference),
    /// Meant as a git reference, but wrong; says why.
    Broken(String),
}

/// Tells git references from other words.
pub(crate) fn parse(text: &str) -> Parsed {
    if text.starts_with("./") || text.starts_with("../") {
        return Parsed::Other;
    }
    if text.starts_with("github.com/") {
        // Looks like a path, and is one; but a query in it is still checked.
        let (_, query, _) = split_url(text);
        return match query.map(|query| GitReference::default().with_query(query)) {
            Some(Err(reason)) => Parsed::Broken(reason),
            Some(Ok(_)) | None => Parsed::Other,
        };
    }
    match remote(text) {
        Some(remote) => parsed(reference_of(remote, text)),
        None => Parsed::Other,
    }
}

fn parsed(reference: Result<GitReference, String>) -> Parsed {
    reference.map_or_else(Parsed::Broken, Parsed::Git)
}

/// The reference to a remote with query and fragment of the text.
fn reference_of(remote: String, text: &str) -> Result<GitReference, String> {
    let (_, query, fragment) = split_url(text);
    let remote = split_url(&remote).0.to_owned();
    let (reference, subdir) = fragment.split_once(':').unwrap_or((fragment, ""));
    let found = GitReference {
        remote,
        reference: reference.to_owned(),
        subdir: paths::join("/", subdir).trim_start_matches('/').to_owned(),
        ..GitReference::default()
    };
    match query {
        None => Ok(found),
        Some(query) => found.with_query(query),
    }
}

/// As [`parse`], for contexts: there `github.com/NAME/REPO` is a repository.
pub(crate) fn parse_context(text: &str) -> Parsed {
    match text.starts_with("github.com/") {
        true => parsed(reference_of(format!("https://{text}"), text)),
        false => parse(text),
    }
}

/// Whether a word is the URL of a file (and not of a repository).
pub(crate) fn is_http(text: &str) -> bool {
    let is_url = text.starts_with("http://") || text.starts_with("https://");
    is_url && !matches!(parse(text), Parsed::Git(_))
}

/// The name that a downloaded file gets.
pub(crate) fn http_file_name(url: &str) -> String {
    let (rest, _, _) = split_url(url);
    let behind_scheme = rest.split_once("://").map_or(rest, |(_, rest)| rest);
    let path = behind_scheme.find('/').map_or("", |slash| &behind_scheme[slash..]);
    match percent_decoded(path) {
        Some(path) => match paths::base(&path) {
            "." | "/" => "__unnamed__".into(),
            // No name for a file.
            ".." => "download".into(),
            name if name.chars().any(char::is_control) => "download".into(),
            name => name.to_owned(),
        },
        None => "__unnamed__".into(),
    }
}

/// The remote without query and fragment, if it is one that git reads.
fn remote(text: &str) -> Option<String> {
    let (rest, _, _) = split_url(text);
    let alphanumeric =
        |scheme: &&str| !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric());
    if let Some(scheme) = text.split_once("://").map(|(scheme, _)| scheme).filter(alphanumeric) {
        let scheme_lower = scheme.to_ascii_lowercase();
        let behind = rest.get(scheme.len() + 3..)?;
        let path = behind.find('/').map_or("", |slash| &behind[slash..]);
        let known = match scheme_lower.as_str() {
            "http" | "https" => path.ends_with(".git"),
            "ssh" | "git" => true,
            _ => false,
        };
        let sound = !behind.contains(|c: char| c.is_ascii_control() || c == ' ');
        return (known && sound).then(|| format!("{scheme_lower}://{behind}"));
    }
    // git@host:path
    let (user, behind) = rest.split_once('@')?;
    let (host, path) = behind.split_once(':')?;
    let user_fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let host_fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let fits = !user.is_empty()
        && user.chars().all(user_fits)
        && !host.is_empty()
        && host.chars().all(host_fits)
        && !path.contains('\n');
    fits.then(|| rest.to_owned())
}

/// What is before `?` and `#`, the query, and the fragment.
fn split_url(text: &str) -> (&str, Option<&str>, &str) {
    let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
    match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query), fragment),
        None => (rest, None, fragment),
    }
}

impl GitReference {
    /// As a source, with what ADD's flags say put in.
    pub(crate) fn source(self, checksum: Option<String>, keep_git_dir: bool) -> GitSource {
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        GitSource {
            url: self.remote.into(),
            reference: some(self.reference),
            subdir: some(self.subdir),
            checksum,
            keep_git_dir,
            submodules: self.submodules.unwrap_or(true),
            commit_times: self.commit_times,
            fetch_by_commit: self.fetch_by_commit,
        }
    }

    fn with_query(mut self, query: &str) -> Result<GitReference, String> {
        let mut seen: Vec<String> = Vec::new();
        let (mut tag, mut branch) = (String::new(), String::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';')) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(key), Some(value)) = (query_decoded(key), query_decoded(value)) else {
                continue;
            };
            if seen.contains(&key) {
                return Err(format!("query {key:?} has multiple values"));
            }
            let is_switch =
                matches!(key.as_str(), "submodules" | "keep-git-dir" | "fetch-by-commit");
            if value.is_empty() && !is_switch {
                return Err(format!("query {key:?} has no value"));
            }
            match key.as_str() {
                "ref" => merge("ref", &mut self.reference, &value)?,
                "subdir" => merge("subdir", &mut self.subdir, &value)?,
                "tag" => tag = prefixed("refs/tags/", &value),
                "branch" => branch = prefixed("refs/heads/", &value),
                "checksum" | "commit" => self.checksum = value,
                "keep-git-dir" => self.keep_git_dir = Some(switch(&key, &value)?),
                "submodules" => self.submodules = Some(switch(&key, &value)?),
                "fetch-by-commit" => self.fetch_by_commit = switch(&key, &value)?,
                "mtime" if matches!(value.as_str(), "checkout" | "commit") => {
                    self.commit_times = value == "commit";
                }
                "mtime" => {
                    let allowed = "must be \"checkout\" or \"commit\"";
                    return Err(format!("invalid mtime value: {value:?} ({allowed})"));
                }
                _ => return Err(format!("unexpected query {key:?}")),
            }
            seen.push(key);
        }
        if !tag.is_empty() {
            merge("ref", &mut self.reference, &tag)?;
        }
        if !branch.is_empty() {
            if !tag.is_empty() {
                return Err("branch conflicts with tag".into());
            }
            merge("ref", &mut self.reference, &branch)?;
        }
        Ok(self)
    }
}

fn merge(what: &str, old: &mut String, new: &str) -> Result<(), String> {
    if !old.is_empty() && old != new {
        return Err(format!("{what} conflicts: {old:?} vs {new:?}"));
    }
    *old = new.to_owned();
    Ok(())
}

fn prefixed(prefix: &str, name: &str) -> String {
    match name.starts_with(prefix) {
        true => name.to_owned(),
        false => format!("{prefix}{name}"),
    }
}

fn switch(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "" => Ok(true),
        value => {
            crate::lower::boolean(value).ok_or_else(|| format!("invalid {key} value: {value:?}"))
        }
    }
}

fn query_decoded(text: &str) -> Option<String> {
    percent_decoded(&text.replace('+', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(remote: &str, reference: &str, subdir: &str) -> Parsed {
        Parsed::Git(GitReference {
            remote: remote.into(),
            reference: reference.into(),
            subdir: subdir.into(),
            ..GitReference::default()
        })
    }

    #[test]
    fn references() {
        let url = "https://github.com/a/b.git";
        for (text, want) in [
            ("https://github.com/a/b.git", git(url, "", "")),
            ("https://github.com/a/b.git#v1:/sub/", git(url, "v1", "sub")),
            ("https://github.com/a/b.git?ref=v1&subdir=sub", git(url, "v1", "sub")),
            ("https://github.com/a/b.git?tag=v1", git(url, "refs/tags/v1", "")),
            ("git@github.com:a/b.git#main", git("git@github.com:a/b.git", "main", "")),
            ("ssh://git@h/a.git", git("ssh://git@h/a.git", "", "")),
            ("https://github.com/a/b", Parsed::Other),
            ("github.com/a/b.git", Parsed::Other),
            ("ftp://h/a.git", Parsed::Other),
            ("./a@b:c", Parsed::Other),
            ("a/b@c:d", Parsed::Other),
        ] {
            assert_eq!(parse(text), want, "{text}");
        }
    }

    #[test]
    fn queries_are_checked() {
        for (query, want) in [
            ("foo=1", "unexpected query \"foo\""),
            ("ref", "query \"ref\" has no value"),
            ("ref=a&ref=b", "query \"ref\" has multiple values"),
            ("tag=a&branch=b", "branch conflicts with tag"),
            ("keep-git-dir=x", "invalid keep-git-dir value: \"x\""),
        ] {
            let text = format!("https://h/a.git?{query}");
            assert_eq!(parse(&text), Parsed::Broken(want.into()), "{query}");
        }
    }

    #[test]
    fn names_of_downloads() {
        for (url, want) in [
            ("http://h/f", "f"),
            ("https://example.com/a/b.tar.gz?x=1#y", "b.tar.gz"),
            ("http://example.com/", "__unnamed__"),
            ("http://example.com", "__unnamed__"),
            ("http://example.com/a%20b", "a b"),
            ("http://example.com/a/%2e%2e", "download"),
            ("http://example.com/a%0ab", "download"),
            ("http://example.com/a%2Fb", "b"),
        ] {
            assert_eq!(http_file_name(url), want);
        }
        assert!(is_http("https://h/f") && !is_http("https://h/f.git") && !is_http("f"));
    }
}
