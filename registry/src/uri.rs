//! Addresses: where a `Location` leads, and whether two are of the same origin.

use ureq::http::Uri;
use ureq::http::uri::Scheme;

/// Resolves the `Location` of an answer against the address that was asked (RFC 3986, section 5). `None` if it is broken or
/// neither http nor https.
pub(crate) fn join(base: &Uri, location: &str) -> Option<Uri> {
    let location = location.split('#').next().unwrap_or_default().trim();
    let (scheme, authority) = (base.scheme_str()?, base.authority()?);
    let absolute = match location {
        "" => base.to_string(),
        absolute if has_scheme(absolute) => absolute.to_owned(),
        rest if rest.starts_with("//") => format!("{scheme}:{rest}"),
        rest if rest.starts_with('/') => format!("{scheme}://{authority}{rest}"),
        rest if rest.starts_with('?') => format!("{scheme}://{authority}{}{rest}", base.path()),
        rest => {
            let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{scheme}://{authority}{folder}/{rest}")
        }
    };
    let uri: Uri = absolute.parse().ok()?;
    let is_http = [Scheme::HTTP, Scheme::HTTPS].iter().any(|scheme| uri.scheme() == Some(scheme));
    (is_http && uri.host().is_some()).then_some(uri)
}

/// Scheme, host and port.
pub(crate) fn origin(uri: &Uri) -> (bool, String, u16) {
    let is_https = uri.scheme() == Some(&Scheme::HTTPS);
    let default = if is_https { 443 } else { 80 };
    let host = uri.host().unwrap_or_default().to_ascii_lowercase();
    (is_https, host, uri.port_u16().unwrap_or(default))
}

/// Adds `key=value` to the query; the value is escaped.
pub(crate) fn with_query(uri: &str, key: &str, value: &str) -> String {
    let joint = match uri.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    format!("{uri}{joint}{key}={}", escape(value))
}

/// Percent-encodes all but letters, digits and `-._~`.
pub(crate) fn escape(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            byte => escaped.push_str(&format!("%{byte:02X}")),
        }
        escaped
    })
}

fn has_scheme(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme.bytes().all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_resolved() {
        let base: Uri = "https://r.example:5000/v2/a/blobs/uploads/1?x=y".parse().unwrap();
        for (location, expected) in [
            ("https://cdn.example/z?q", Some("https://cdn.example/z?q")),
            ("http://r.example/z", Some("http://r.example/z")),
            ("//cdn.example/z", Some("https://cdn.example/z")),
            ("/v2/b", Some("https://r.example:5000/v2/b")),
            ("2?n=1", Some("https://r.example:5000/v2/a/blobs/uploads/2?n=1")),
            ("?n=1", Some("https://r.example:5000/v2/a/blobs/uploads/1?n=1")),
            ("/z#part", Some("https://r.example:5000/z")),
            ("/v2/b?next=https://x/", Some("https://r.example:5000/v2/b?next=https://x/")),
            ("ftp://x/y", None),
            ("https://", None),
            ("file:///etc/passwd", None),
        ] {
            assert_eq!(
                join(&base, location).map(|uri| uri.to_string()).as_deref(),
                expected,
                "{location}"
            );
        }
    }

    #[test]
    fn origins_differ_by_scheme_host_and_port() {
        let same = |a: &str, b: &str| origin(&a.parse().unwrap()) == origin(&b.parse().unwrap());
        assert!(same("https://A.example/x", "https://a.example:443/y"));
        assert!(!same("https://a.example/x", "http://a.example:443/x"));
        assert!(!same("https://a.example/x", "https://b.example/x"));
        assert!(!same("http://a:1/x", "http://a:2/x"));
    }

    #[test]
    fn queries_are_escaped() {
        assert_eq!(
            with_query("http://a/b", "digest", "sha256:ff"),
            "http://a/b?digest=sha256%3Aff"
        );
        assert_eq!(with_query("http://a/b?c=d", "e", "f g"), "http://a/b?c=d&e=f%20g");
        assert_eq!(with_query("http://a/b?", "e", "f"), "http://a/b?e=f");
    }
}
