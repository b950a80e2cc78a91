//! [`Address`]: where something outside is. A name and a password in it are used, and shown nowhere.

use std::fmt;

/// The address of a download or a repository. What it is printed as, by `Display` and `Debug`, has no password.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address {
    whole: String,
    shown: String,
}

impl Address {
    /// Takes an address as the user wrote it.
    pub fn new(whole: impl Into<String>) -> Address {
        let whole = whole.into();
        let shown = without_credentials(&whole);
        Address { whole, shown }
    }

    /// The address without name and password; of `ssh` addresses the name stays, since it is no secret.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// All of it: for the program that goes there, and for nobody else.
    pub fn with_credentials(&self) -> &str {
        &self.whole
    }

    /// The host, in lower case, without port; empty if there is none.
    pub fn host(&self) -> String {
        let host = self.host_and_port();
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        name.to_ascii_lowercase()
    }

    /// The host as it is written, with its port.
    pub fn host_and_port(&self) -> &str {
        let Some((_, rest)) = self.shown.split_once("://") else {
            // git@host:path
            let rest = self.shown.split_once('@').map_or(self.shown.as_str(), |(_, rest)| rest);
            return rest.split(':').next().unwrap_or_default();
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority.rsplit_once('@').map_or(authority, |(_, host)| host)
    }

    /// Name and password of an http or https address, with what is percent-encoded decoded.
    pub fn credentials(&self) -> Option<(String, String)> {
        let (scheme, rest) = self.whole.split_once("://")?;
        let is_http = ["http", "https"].iter().any(|it| scheme.eq_ignore_ascii_case(it));
        let authority = rest.split(['/', '?', '#']).next().filter(|_| is_http)?;
        let (user_info, _) = authority.rsplit_once('@')?;
        let (name, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        let decoded = |text: &str| percent_decoded(text).unwrap_or_else(|| text.to_owned());
        Some((decoded(name), decoded(password)))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.shown, f)
    }
}

impl From<String> for Address {
    fn from(text: String) -> Address {
        Address::new(text)
    }
}

impl From<&str> for Address {
    fn from(text: &str) -> Address {
        Address::new(text)
    }
}

/// A text with the names and passwords cut out of all addresses in it.
pub fn without_credentials(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, behind) = rest.split_at(at + 3);
        shown.push_str(before);
        let scheme = before[..at].rsplit(|c: char| !c.is_ascii_alphanumeric()).next();
        let is_end = |c: char| c.is_whitespace() || "/?#\"'<>,]`".contains(c);
        let authority = &behind[..behind.find(is_end).unwrap_or(behind.len())];
        rest = behind;
        let Some((user_info, host)) = authority.rsplit_once('@') else { continue };
        if scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("ssh")) {
            let name = user_info.split(':').next().unwrap_or_default();
            shown.push_str(name);
            shown.push('@');
        }
        rest = &behind[authority.len() - host.len()..];
    }
    shown.push_str(rest);
    shown
}

/// Takes `%XX` out; `None` if that is wrong or gives no text.
pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        for (text, want) in [
            ("https://me:hidden@h/x.git#a@b", "https://h/x.git#a@b"),
            ("https://hidden@h:80", "https://h:80"),
            ("ssh://git:hidden@h/x", "ssh://git@h/x"),
            ("ssh://git@h/x", "ssh://git@h/x"),
            ("git@h:x", "git@h:x"),
            ("https://h/a@b", "https://h/a@b"),
            (
                r#"ADD ["https://a:hid@den@h/x","http://b@h/y"] /"#,
                r#"ADD ["https://h/x","http://h/y"] /"#,
            ),
            ("ADD http://h/?x=http://u:hidden@h /", "ADD http://h/?x=http://h /"),
        ] {
            assert_eq!(without_credentials(text), want);
            assert_eq!(format!("{:?}", Address::new(text)), format!("{want:?}"));
        }
    }

    #[test]
    fn credentials_and_hosts() {
        let address = Address::new("https://m%65:a%3Ab@Host.example:8080/x");
        assert_eq!(address.credentials(), Some(("me".into(), "a:b".into())));
        assert_eq!(
            (address.host().as_str(), address.host_and_port()),
            ("host.example", "Host.example:8080")
        );
        assert_eq!(Address::new("https://[::1]:1/x").host(), "::1");
        assert_eq!(Address::new("git@h:x").host_and_port(), "h");
        assert_eq!(Address::new("ssh://git:pw@h/x").credentials(), None);
    }
}
