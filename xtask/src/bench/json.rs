//! JSON, as much as manifests of images and the report need.

use std::fmt;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads one value.
    ///
    /// # Errors
    /// Says at which byte the text is no JSON.
    pub(super) fn parse(text: &str) -> Result<Json, String> {
        let mut parser = Parser { bytes: text.as_bytes(), at: 0, depth: 0 };
        let value = parser.value()?;
        parser.space();
        if parser.at == text.len() { Ok(value) } else { Err(parser.wrong()) }
    }

    pub(super) fn object<const N: usize>(fields: [(&str, Json); N]) -> Json {
        Json::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    pub(super) fn text(text: impl Into<String>) -> Json {
        Json::Text(text.into())
    }

    /// A field of an object.
    pub(super) fn get(&self, name: &str) -> Option<&Json> {
        let Json::Object(fields) = self else { return None };
        fields.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub(super) fn str(&self) -> Option<&str> {
        if let Json::Text(text) = self { Some(text) } else { None }
    }

    /// The elements of a list; none if it is something else.
    pub(super) fn list(&self) -> &[Json] {
        if let Json::List(list) = self { list } else { &[] }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, indent: usize) -> fmt::Result {
        let next = |f: &mut fmt::Formatter<'_>, first: bool| {
            write!(f, "{}\n{:2$}", if first { "" } else { "," }, "", indent + 2)
        };
        match self {
            Json::Null => f.write_str("null"),
            Json::Bool(value) => write!(f, "{value}"),
            Json::Number(value) if value.is_finite() => write!(f, "{value}"),
            Json::Number(_) => f.write_str("null"),
            Json::Text(text) => quoted(f, text),
            Json::List(list) if list.iter().all(|it| matches!(it, Json::Number(_))) => {
                f.write_str("[")?;
                for (at, value) in list.iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { ", " })?;
                    value.write(f, indent)?;
                }
                f.write_str("]")
            }
            Json::List(list) => {
                f.write_str("[")?;
                for (at, value) in list.iter().enumerate() {
                    next(f, at == 0)?;
                    value.write(f, indent + 2)?;
                }
                write!(f, "\n{:1$}]", "", indent)
            }
            Json::Object(fields) => {
                f.write_str("{")?;
                for (at, (name, value)) in fields.iter().enumerate() {
                    next(f, at == 0)?;
                    quoted(f, name)?;
                    f.write_str(": ")?;
                    value.write(f, indent + 2)?;
                }
                write!(f, "\n{:1$}}}", "", indent)
            }
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            c if c < ' ' => write!(f, "\\u{:04x}", c as u32)?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn wrong(&self) -> String {
        format!("no JSON at byte {}", self.at)
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Passes `text` if it comes next.
    fn passes(&mut self, text: &str) -> bool {
        let found = self.bytes[self.at..].starts_with(text.as_bytes());
        self.at += if found { text.len() } else { 0 };
        found
    }

    fn value(&mut self) -> Result<Json, String> {
        self.space();
        if 64 < self.depth {
            return Err(self.wrong());
        }
        self.depth += 1;
        let value = match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.elements(),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ if self.passes("null") => Ok(Json::Null),
            _ if self.passes("true") => Ok(Json::Bool(true)),
            _ if self.passes("false") => Ok(Json::Bool(false)),
            _ => Err(self.wrong()),
        };
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Result<Json, String> {
        let mut fields = Vec::new();
        self.at += 1;
        self.space();
        if self.passes("}") {
            return Ok(Json::Object(fields));
        }
        loop {
            self.space();
            let name = self.string()?;
            self.space();
            if !self.passes(":") {
                return Err(self.wrong());
            }
            fields.push((name, self.value()?));
            self.space();
            if self.passes("}") {
                return Ok(Json::Object(fields));
            }
            if !self.passes(",") {
                return Err(self.wrong());
            }
        }
    }

    fn elements(&mut self) -> Result<Json, String> {
        let mut list = Vec::new();
        self.at += 1;
        self.space();
        if self.passes("]") {
            return Ok(Json::List(list));
        }
        loop {
            list.push(self.value()?);
            self.space();
            if self.passes("]") {
                return Ok(Json::List(list));
            }
            if !self.passes(",") {
                return Err(self.wrong());
            }
        }
    }

    fn number(&mut self) -> Result<Json, String> {
        let start = self.at;
        while self.peek().is_some_and(|it| it.is_ascii_digit() || b"+-.eE".contains(&it)) {
            self.at += 1;
        }
        let text = String::from_utf8_lossy(&self.bytes[start..self.at]);
        text.parse().map(Json::Number).map_err(|_| self.wrong())
    }

    fn string(&mut self) -> Result<String, String> {
        if !self.passes("\"") {
            return Err(self.wrong());
        }
        let mut text = Vec::new();
        loop {
            let byte = self.peek().ok_or_else(|| self.wrong())?;
            self.at += 1;
            match byte {
                b'"' => return String::from_utf8(text).map_err(|_| self.wrong()),
                b'\\' => {
                    let escaped = self.peek().ok_or_else(|| self.wrong())?;
                    self.at += 1;
                    match escaped {
                        b'n' => text.push(b'\n'),
                        b't' => text.push(b'\t'),
                        b'r' => text.push(b'\r'),
                        b'b' => text.push(8),
                        b'f' => text.push(12),
                        b'u' => {
                            let code = self.bytes.get(self.at..self.at + 4);
                            let code = code.and_then(|it| std::str::from_utf8(it).ok());
                            let code = code.and_then(|it| u32::from_str_radix(it, 16).ok());
                            self.at += 4;
                            // Halves of pairs do not occur in what is read here.
                            let c = code.and_then(char::from_u32).unwrap_or('\u{fffd}');
                            text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                        }
                        other => text.push(other),
                    }
                }
                other => text.push(other),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let value = Json::object([
            ("text", Json::text("a \"b\"\\\n")),
            ("list", Json::List(vec![Json::Number(1.5), Json::Null, Json::Bool(true)])),
            ("none", Json::Object(Vec::new())),
        ]);
        assert_eq!(Json::parse(&value.to_string()), Ok(value));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "{", "[1,]", "{\"a\" 1}", "\"a", "1 2", "nul", "\"\\u00"] {
            assert!(Json::parse(text).is_err(), "{text}");
        }
    }
}
