//! `WWW-Authenticate`, taken apart (RFC 9110, section 11.6.1).

/// `Bearer realm="https://auth.example/token",service="registry.example"`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    /// As it was written.
    pub(super) scheme: String,
    /// Names in lower case.
    parameters: Vec<(String, String)>,
}

impl Challenge {
    pub(super) fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// A parameter that is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
}

/// Reads one header, which may hold several challenges. What makes no sense is passed over.
pub(super) fn parse(text: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let length = rest.find([' ', '\t', ',', '=', '"']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        if word.is_empty() {
            // Something stray: step over it, or stop at the end.
            match rest.chars().next() {
                Some(c) => rest = &rest[c.len_utf8()..],
                None => return challenges,
            }
            continue;
        }
        match after.trim_start_matches([' ', '\t']).strip_prefix('=') {
            Some(value) if !challenges.is_empty() => {
                let (value, after) = parse_value(value.trim_start_matches([' ', '\t']));
                if let Some(last) = challenges.last_mut() {
                    last.parameters.push((word.to_ascii_lowercase(), value));
                }
                rest = after;
            }
            Some(_) | None => {
                challenges.push(Challenge { scheme: word.to_owned(), parameters: Vec::new() });
                rest = after;
            }
        }
    }
}

/// A token or a quoted text, and what follows it.
fn parse_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let length = text.find([' ', '\t', ',']).unwrap_or(text.len());
        return (text[..length].to_owned(), &text[length..]);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((position, c)) = chars.next() {
        match c {
            '"' => return (value, &quoted[position + 1..]),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_hold_challenges() {
        for (text, expected) in [
            ("Basic realm=\"x\"", vec![("Basic", vec![("realm", "x")])]),
            (
                r#"Bearer realm="https://a/t",service="s" , scope="repository:a/b:pull,push""#,
                vec![(
                    "Bearer",
                    vec![
                        ("realm", "https://a/t"),
                        ("service", "s"),
                        ("scope", "repository:a/b:pull,push"),
                    ],
                )],
            ),
            (
                r#"bearer Realm=t, Basic realm="a \"b\"""#,
                vec![("bearer", vec![("realm", "t")]), ("Basic", vec![("realm", "a \"b\"")])],
            ),
            ("Negotiate", vec![("Negotiate", vec![])]),
            ("Negotiate, Basic", vec![("Negotiate", vec![]), ("Basic", vec![])]),
            ("", vec![]),
            (", ,\"=\"", vec![]),
            ("Bearer realm=\"open", vec![("Bearer", vec![("realm", "open")])]),
        ] {
            let found = parse(text);
            let found: Vec<(&str, Vec<(&str, &str)>)> = found
                .iter()
                .map(|challenge| {
                    let pairs = challenge.parameters.iter();
                    (
                        challenge.scheme.as_str(),
                        pairs.map(|(a, b)| (a.as_str(), b.as_str())).collect(),
                    )
                })
                .collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
