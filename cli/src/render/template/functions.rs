//! The functions of templates: Go's own, as far as they make sense here, and those that docker adds.

use serde_json::Value;

use super::TemplateError;

/// All of them, for whoever mistypes one.
const NAMES: &str = "and, eq, ge, gt, index, join, json, le, len, lower, lt, ne, not, or, pad, print, printf, println, \
                     slice, split, title, truncate and upper";

/// Calls a function.
pub(super) fn call(name: &str, arguments: Vec<Value>) -> Result<Value, TemplateError> {
    let wrong = |wanted: &str| TemplateError::new(format!("`{name}` is used as {wanted}"));
    Ok(match (name, arguments.as_slice()) {
        ("json", [value]) => value.to_string().into(),
        ("upper", [value]) => show(value).to_uppercase().into(),
        ("lower", [value]) => show(value).to_lowercase().into(),
        ("title", [value]) => title(&show(value)).into(),
        ("len", [value]) => length(value)
            .ok_or_else(|| TemplateError::new(format!("{value} has no length")))?
            .into(),
        ("not", [value]) => (!is_true(value)).into(),
        ("and" | "or", [_, ..]) => {
            let wanted = name == "or";
            let found = arguments.iter().find(|value| is_true(value) == wanted);
            found.or(arguments.last()).cloned().unwrap_or_default()
        }
        ("eq", [value, others @ ..]) if !others.is_empty() => others.contains(value).into(),
        ("ne", [one, other]) => (one != other).into(),
        ("lt" | "le" | "gt" | "ge", [one, other]) => compare(name, one, other)?.into(),
        ("index", [value, path @ ..]) => index(value, path)?,
        ("slice", [value, bounds @ ..]) if bounds.len() <= 2 => slice(value, bounds)?,
        ("split", [value, separator]) => {
            let (value, separator) = (show(value), show(separator));
            value.split(separator.as_str()).map(Value::from).collect()
        }
        ("join", [Value::Array(items), separator]) => {
            items.iter().map(show).collect::<Vec<_>>().join(&show(separator)).into()
        }
        ("join", [Value::Null, _]) => "".into(),
        ("truncate", [value, Value::Number(length)]) => {
            let length = usize::try_from(length.as_u64().unwrap_or_default()).unwrap_or_default();
            show(value).chars().take(length).collect::<String>().into()
        }
        ("pad", [value, Value::Number(before), Value::Number(after)]) => {
            let blanks = |count: &serde_json::Number| {
                " ".repeat(
                    usize::try_from(count.as_u64().unwrap_or_default().min(4096))
                        .unwrap_or_default(),
                )
            };
            let text = show(value);
            if text.is_empty() {
                text.into()
            } else {
                format!("{}{text}{}", blanks(before), blanks(after)).into()
            }
        }
        ("print", values) => values.iter().map(show).collect::<String>().into(),
        ("println", values) => {
            let words: Vec<String> = values.iter().map(show).collect();
            format!("{}\n", words.join(" ")).into()
        }
        ("printf", [Value::String(format), values @ ..]) => printf(format, values)?.into(),
        ("json" | "upper" | "lower" | "title" | "len" | "not", _) => {
            return Err(wrong(&format!("{{{{{name} VALUE}}}}")));
        }
        ("and" | "or" | "eq" | "ne" | "lt" | "le" | "gt" | "ge", _) => {
            return Err(wrong(&format!("{{{{{name} VALUE VALUE}}}}")));
        }
        ("index", _) => return Err(wrong("{{index LIST NUMBER}} or {{index MAP KEY}}")),
        ("slice", _) => return Err(wrong("{{slice VALUE FROM TO}}")),
        ("split", _) => return Err(wrong("{{split TEXT SEPARATOR}}")),
        ("join", _) => return Err(wrong("{{join LIST SEPARATOR}}")),
        ("truncate", _) => return Err(wrong("{{truncate TEXT LENGTH}}")),
        ("pad", _) => return Err(wrong("{{pad TEXT BEFORE AFTER}}")),
        ("printf", _) => return Err(wrong("{{printf FORMAT VALUE}}")),
        _ => {
            let why = format!("there is no function `{name}`; there are {NAMES}");
            return Err(TemplateError::new(why));
        }
    })
}

/// What counts as true: anything but nothing, zero and the empty.
pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(value) => value.as_f64() != Some(0.0),
        Value::String(_) | Value::Array(_) | Value::Object(_) => length(value) != Some(0),
    }
}

/// A value as Go prints it.
pub(super) fn show(value: &Value) -> String {
    match value {
        Value::Null => "<no value>".into(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" "))
        }
        Value::Object(fields) => {
            let mut words: Vec<String> =
                fields.iter().map(|(key, value)| format!("{key}:{}", show(value))).collect();
            words.sort();
            format!("map[{}]", words.join(" "))
        }
    }
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.len()),
        Value::Array(items) => Some(items.len()),
        Value::Object(fields) => Some(fields.len()),
        Value::Null => Some(0),
        Value::Bool(_) | Value::Number(_) => None,
    }
}

fn title(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect()
}

fn compare(name: &str, one: &Value, other: &Value) -> Result<bool, TemplateError> {
    let order = match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64().partial_cmp(&other.as_f64()),
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        _ => None,
    };
    let order =
        order.ok_or_else(|| TemplateError::new(format!("{one} and {other} cannot be compared")))?;
    Ok(match name {
        "lt" => order.is_lt(),
        "le" => order.is_le(),
        "gt" => order.is_gt(),
        _ => order.is_ge(),
    })
}

fn index(value: &Value, path: &[Value]) -> Result<Value, TemplateError> {
    let mut value = value.clone();
    for key in path {
        value = match (&value, key) {
            (Value::Object(fields), Value::String(key)) => {
                // As of Go's map of texts: what is not there is an empty one.
                fields.get(key).cloned().unwrap_or_else(|| "".into())
            }
            (Value::Array(items), Value::Number(number)) => {
                let position = number.as_u64().and_then(|it| usize::try_from(it).ok());
                let found = position.and_then(|position| items.get(position));
                found.cloned().ok_or_else(|| {
                    let count = items.len();
                    TemplateError::new(format!(
                        "index {number} is out of range: there {} {count}",
                        if count == 1 { "is" } else { "are" }
                    ))
                })?
            }
            (Value::Null, Value::String(_)) => "".into(),
            (Value::Null, Value::Number(number)) => {
                return Err(TemplateError::new(format!(
                    "index {number} is out of range: there are 0"
                )));
            }
            _ => return Err(TemplateError::new(format!("{value} has no index {key}"))),
        };
    }
    Ok(value)
}

fn slice(value: &Value, bounds: &[Value]) -> Result<Value, TemplateError> {
    let bound = |number: usize, default: usize| match bounds.get(number) {
        Some(bound) => bound.as_u64().and_then(|it| usize::try_from(it).ok()),
        None => Some(default),
    };
    let length = length(value).unwrap_or_default();
    let range = bound(0, 0).zip(bound(1, length)).filter(|(from, to)| from <= to && *to <= length);
    let wrong = || TemplateError::new(format!("{value} cannot be sliced so"));
    let (from, to) = range.ok_or_else(wrong)?;
    match value {
        Value::String(text) => text.get(from..to).map(Value::from).ok_or_else(wrong),
        Value::Array(items) => Ok(items[from..to].to_vec().into()),
        _ => Err(wrong()),
    }
}

/// `%s`, `%v`, `%d`, `%q`, `%%`, with widths: `%-20s`, `%.12s`.
fn printf(format: &str, values: &[Value]) -> Result<String, TemplateError> {
    let mut values = values.iter();
    let mut out = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let end = after
            .find(|c: char| !(c.is_ascii_digit() || matches!(c, '-' | '.' | '+')))
            .ok_or_else(|| {
                TemplateError::new(format!("`{format}` ends in the middle of a verb"))
            })?;
        let (flags, verb) = (&after[..end], after[end..].chars().next().unwrap_or_default());
        rest = &after[end + verb.len_utf8()..];
        if verb == '%' {
            out.push('%');
            continue;
        }
        let value = values
            .next()
            .ok_or_else(|| TemplateError::new(format!("`{format}` asks for more values")))?;
        let mut text = match verb {
            's' | 'v' | 'd' => show(value),
            'q' => Value::from(show(value)).to_string(),
            _ => return Err(TemplateError::new(format!("printf knows no `%{verb}`"))),
        };
        let (width, precision) = flags.split_once('.').unwrap_or((flags, ""));
        if let Ok(most) = precision.parse() {
            text = text.chars().take(most).collect();
        }
        let wide = width.trim_start_matches(['-', '+']).parse().unwrap_or(0_usize).min(4096);
        let blanks = " ".repeat(wide.saturating_sub(text.chars().count()));
        match width.starts_with('-') {
            true => out.push_str(&format!("{text}{blanks}")),
            false => out.push_str(&format!("{blanks}{text}")),
        }
    }
    out.push_str(rest);
    Ok(out)
}
