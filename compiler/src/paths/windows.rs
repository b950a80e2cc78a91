//! Paths as Windows images write them: backslashes, and a drive that must be C.

/// Why a path is none for an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathError {
    /// A drive alone.
    #[error("No relative path specified in {0:?}")]
    DriveAlone(String),
    /// `\\server\share`
    #[error("UNC paths are not supported")]
    Network,
    /// Another drive.
    #[error("The specified path is not on the system drive (C:)")]
    OtherDrive,
}

/// A path with slashes and without its drive, cleaned; a slash at its end stays if `keep_slash`.
pub(crate) fn plain(path: &str, keep_slash: bool) -> Result<String, PathError> {
    let path = path.replace('\\', "/");
    if path.len() == 2 && path.ends_with(':') {
        return Err(PathError::DriveAlone(path));
    }
    if path.starts_with("//") {
        return Err(PathError::Network);
    }
    let rest = match path.split_once(':') {
        Some((drive, rest)) if drive.eq_ignore_ascii_case("c") => rest,
        Some(_) => return Err(PathError::OtherDrive),
        None => &path,
    };
    let mut clean = super::clean(rest);
    if keep_slash && clean.len() > 1 && rest.ends_with('/') {
        clean.push('/');
    }
    Ok(clean)
}

/// A path with backslashes, as configs of Windows images have it.
pub(crate) fn native(path: &str) -> String {
    path.replace('/', "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drives() {
        for (path, keep_slash, want) in [
            ("C:\\a\\..\\b\\", true, "/b/"),
            ("c:/a/", false, "/a"),
            ("c:xy", false, "xy"),
            ("a\\b", false, "a/b"),
            ("", true, "."),
        ] {
            assert_eq!(plain(path, keep_slash).as_deref(), Ok(want), "{path}");
        }
        for path in ["c:", "\\\\server\\share", "d:\\a"] {
            assert!(plain(path, false).is_err(), "{path}");
        }
        assert_eq!(native("/a/b"), "\\a\\b");
    }
}
