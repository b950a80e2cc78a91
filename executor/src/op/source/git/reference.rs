//! What a branch, a tag or nothing means: a commit, as the other side lists it.

use compiler::op::GitSource;

use super::program::Git;
use crate::env::OutsideError;
use crate::error::Cause;

/// A commit, and how it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resolved {
    /// The commit.
    pub(super) commit: String,
    /// The full name of the branch or tag, if it is one.
    pub(super) name: Option<String>,
}

/// Finds the commit; asks the other side unless the source says it.
///
/// # Errors
/// There is no such branch or tag, it is another commit than the checksum says, or nobody answers.
pub(super) fn resolve(git: &Git<'_, '_>, source: &GitSource) -> Result<Resolved, Cause> {
    let checksum = checksum(source)?;
    let reference = source.reference.as_deref().unwrap_or("HEAD");
    if reference.starts_with('-') || reference.contains(|c: char| c.is_control() || c == ' ') {
        return Err(Cause::file(format!("`{reference}` is no name of a branch or tag")));
    }
    if is_commit(reference) {
        let commit = reference.to_ascii_lowercase();
        return matching(checksum.as_deref(), Resolved { commit, name: None }, None);
    }
    if source.fetch_by_commit {
        let Some(commit) = checksum.filter(|text| is_commit(text)) else {
            let message = "fetch-by-commit requires a full commit SHA as checksum or ref";
            return Err(Cause::file(message));
        };
        let name = source.reference.as_deref().map(|name| match name.starts_with("refs/") {
            true => name.to_owned(),
            false => format!("refs/heads/{name}"),
        });
        return Ok(Resolved { commit, name });
    }
    let peeled = format!("{reference}^{{}}");
    let listed = git.run(None, &["ls-remote", "--symref", "--", git.url(), reference, &peeled])?;
    let Some(found) = pick(&listed, reference) else {
        let help = match reference.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            true => "of a commit all 40 digits are needed",
            false => "name a branch, a tag or a commit",
        };
        let message = format!("repository does not contain ref {reference}: `{}`", source.url);
        return Err(Cause::Outside(OutsideError { message, help: Some(help.into()) }));
    };
    matching(checksum.as_deref(), found.resolved, found.tag_object.as_deref())
}

/// Whether a text is a whole commit.
pub(super) fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn checksum(source: &GitSource) -> Result<Option<String>, Cause> {
    let Some(text) = &source.checksum else { return Ok(None) };
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Cause::file(format!(
            "invalid checksum {text} for Git URL, expected hex commit hash"
        )));
    }
    Ok(Some(text.to_ascii_lowercase()))
}

/// The commit, if it is what the checksum says; that may name the object of an annotated tag, too.
fn matching(
    checksum: Option<&str>,
    resolved: Resolved,
    tag_object: Option<&str>,
) -> Result<Resolved, Cause> {
    let Some(checksum) = checksum else { return Ok(resolved) };
    let fits = |found: &str| found.starts_with(checksum);
    if fits(&resolved.commit) || tag_object.is_some_and(fits) {
        return Ok(resolved);
    }
    let also = tag_object.map(|object| format!(" or {object}")).unwrap_or_default();
    let commit = &resolved.commit;
    Err(Cause::file(format!("expected checksum to match {checksum}, got {commit}{also}")))
}

/// What `ls-remote` says of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Picked {
    resolved: Resolved,
    /// Of an annotated tag: the tag's own object.
    tag_object: Option<String>,
}

/// A tag counts as the commit it is of; branches come before tags of the same name.
fn pick(listed: &str, reference: &str) -> Option<Picked> {
    let find = |name: &str| {
        listed.lines().find_map(|line| {
            let (commit, known) = line.split_once('\t')?;
            (known == name && is_commit(commit)).then(|| commit.to_owned())
        })
    };
    if reference == "HEAD" {
        let name = listed.lines().find_map(|line| {
            let (name, of) = line.strip_prefix("ref: ")?.split_once('\t')?;
            (of == "HEAD" && name.starts_with("refs/")).then(|| name.to_owned())
        });
        let commit = find("HEAD")?;
        return Some(Picked { resolved: Resolved { commit, name }, tag_object: None });
    }
    let short = reference.strip_prefix("refs/").unwrap_or(reference);
    let names = [
        format!("refs/{short}"),
        format!("refs/heads/{reference}"),
        format!("refs/tags/{reference}"),
    ];
    names.into_iter().find_map(|name| {
        let object = find(&name)?;
        let (commit, tag_object) = match find(&format!("{name}^{{}}")) {
            Some(commit) => (commit, Some(object)),
            None => (object, None),
        };
        Some(Picked { resolved: Resolved { commit, name: Some(name) }, tag_object })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_commits() {
        let (a, b, c) = ("a".repeat(40), "b".repeat(40), "c".repeat(40));
        let listed = format!(
            "ref: refs/heads/main\tHEAD\n{a}\tHEAD\n{b}\trefs/tags/v1\n{c}\trefs/tags/v1^{{}}\n\
             {a}\trefs/heads/main\n{b}\trefs/heads/both\n{a}\trefs/tags/both\n"
        );
        let found = |reference| {
            let picked = pick(&listed, reference)?;
            Some((picked.resolved.commit, picked.resolved.name?, picked.tag_object))
        };
        let main = Some((a.clone(), "refs/heads/main".to_owned(), None));
        let tag = Some((c, "refs/tags/v1".to_owned(), Some(b.clone())));
        assert_eq!(found("HEAD"), main);
        assert_eq!(found("main"), main);
        assert_eq!(found("heads/main"), main);
        assert_eq!(found("refs/heads/main"), main);
        assert_eq!(found("v1"), tag);
        assert_eq!(found("refs/tags/v1"), tag);
        assert_eq!(found("both"), Some((b, "refs/heads/both".to_owned(), None)));
        assert_eq!(found("nope"), None);
    }

    #[test]
    fn checksums_may_be_short_and_of_the_tag() {
        let resolved = Resolved { commit: "abc1".into(), name: None };
        assert!(matching(None, resolved.clone(), None).is_ok());
        assert!(matching(Some("abc"), resolved.clone(), None).is_ok());
        assert!(matching(Some("d"), resolved.clone(), Some("def")).is_ok());
        let error = matching(Some("e"), resolved, Some("def")).unwrap_err().to_string();
        assert_eq!(error, "expected checksum to match e, got abc1 or def");
    }
}
