//! `ENV name value` and `LABEL name value` to `name=value`.

use grammar::word::Part;
use grammar::{SourceFile, Word};

use super::same;

/// The pair in the form with `=`, quoted as it must be; `None` if no way of writing it says the same.
pub(super) fn with_equals(name: &Word, value: &Word, escape: char) -> Option<String> {
    let is_plain = !value.text.contains('"');
    let candidates = [
        Some(value.text.clone()),
        is_plain.then(|| format!("\"{}\"", value.text)),
        requoted(value, escape),
    ];
    candidates.into_iter().flatten().map(|it| format!("{}={it}", name.text)).find(|pair| {
        let text = format!("# escape={escape}\nENV {pair}\n");
        let source = SourceFile::new("", text);
        let statements = grammar::parse(&source).tree.statements;
        let [statement] = statements.as_slice() else { return false };
        let [new_name, new_value] = statement.args.as_slice() else { return false };
        !same::is_old_form(&statement.instruction)
            && new_name.text == name.text
            && same::values(value, new_value, escape)
    })
}

/// A value in double quotes, with what has a meaning there escaped, but for variables.
fn requoted(value: &Word, escape: char) -> Option<String> {
    // Places of parts then count in the text.
    let value = Word::verbatim(value.text.as_str(), grammar::Span::new(0, value.text.len()));
    let mut out = String::from("\"");
    for part in value.parts(escape).ok()? {
        match part {
            Part::Text { text, .. } => {
                for c in text.chars() {
                    if matches!(c, '"' | '$') || c == escape {
                        out.push(escape);
                    }
                    out.push(c);
                }
            }
            Part::Variable(variable) => out.push_str(value.text.get(variable.span.range())?),
        }
    }
    out.push('"');
    Some(out)
}
