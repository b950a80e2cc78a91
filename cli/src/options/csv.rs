//! `name=value,name=value` as docker's flags have it: one record of comma-separated values, quotes as in CSV files.

use crate::error::CliError;

/// The fields of a flag's value in order; a field without `=` has no value. Names are in lower case.
///
/// # Errors
/// A quote that is not closed, or a field without a name.
pub(crate) fn fields(flag: &str, text: &str) -> Result<Vec<(String, Option<String>)>, CliError> {
    let wrong = |why: &str| CliError::usage(format!("--{flag} `{text}`: {why}"));
    let mut fields = Vec::new();
    for field in record(text).ok_or_else(|| wrong("a quote is not closed"))? {
        let (name, value) = match field.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (field.as_str(), None),
        };
        if name.trim().is_empty() {
            return Err(wrong("a name is missing"));
        }
        fields.push((name.trim().to_lowercase(), value));
    }
    Ok(fields)
}

/// Splits at commas outside of quotes. A quote counts only at the start of a field; inside, `""` is one quote.
fn record(text: &str) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let field;
        if let Some(quoted) = rest.strip_prefix('"') {
            (field, rest) = quoted_field(quoted)?;
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            field = rest[..end].to_owned();
            rest = &rest[end..];
        }
        fields.push(field);
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None if rest.is_empty() => return Some(fields),
            None => return None,
        }
    }
}

/// The rest of a quoted field, and what follows its closing quote.
fn quoted_field(mut rest: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    loop {
        let quote = rest.find('"')?;
        field.push_str(&rest[..quote]);
        rest = &rest[quote + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None => return Some((field, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_commas_outside_of_quotes() {
        let got = fields("output", r#"type=oci,"dest=a,""b""",tar"#).unwrap();
        let want = [("type", Some("oci")), ("dest", Some("a,\"b\"")), ("tar", None)]
            .map(|(name, value)| (name.to_owned(), value.map(str::to_owned)));
        assert_eq!(got, want);
    }

    #[test]
    fn refuses_what_is_no_record() {
        assert!(fields("output", "\"type=oci").is_err());
        assert!(fields("output", "\"type=oci\"x,a").is_err());
        assert!(fields("output", "=x").is_err());
    }
}
