//! ENV and LABEL with an equals sign.

use grammar::{Code, Diagnostic, Instruction};

use crate::lint::{Cx, Rule};

/// ## What it does
/// Finds ENV and LABEL with a blank between name and value.
///
/// ## Why is this bad
/// That form takes the rest of the line as the value, so a second pair on the line is not one, and quotes stay in some
/// places where one would not expect it.
///
/// ## Example
/// ```dockerfile
/// FROM busybox
/// ENV MODE fast
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox
/// ENV MODE=fast
/// ```
#[derive(Debug)]
pub(super) struct LegacyKeyValueFormat;

impl Rule for LegacyKeyValueFormat {
    fn name(&self) -> Code {
        "LegacyKeyValueFormat"
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            for (place, statement) in stage.statements() {
                let (Instruction::Env(it) | Instruction::Label(it)) = &statement.instruction else {
                    continue;
                };
                let (true, Some((name, value))) = (it.legacy, it.pairs.first()) else { continue };
                let keyword = &statement.keyword.value;
                let message = format!(
                    "\"{keyword} key=value\" should be used instead of legacy \"{keyword} key value\" format"
                );
                let span = name.span.to(value.span);
                let mut warning = Diagnostic::warning(self.name(), message, span);
                let written = format!("{} {}", name.text, value.text);
                warning = match with_equals(&name.text, &value.text) {
                    Some(pair) if blank_between(cx.written(span), &written) => {
                        warning.help(format!("write `{keyword} {pair}`")).fix("use `=`", pair)
                    }
                    Some(_) | None => warning.help(format!("write `{keyword} {}=...`", name.text)),
                };
                cx.warn(place, warning);
            }
        }
    }
}

/// The pair in the new form; `None` where that is not plain to see.
fn with_equals(name: &str, value: &str) -> Option<String> {
    let is_plain = |text: &str| !text.contains(['"', '\'', '\\', '`', '\n', '=']);
    if !is_plain(name) || !is_plain(value) || value.is_empty() {
        return None;
    }
    Some(match value.contains(char::is_whitespace) {
        true => format!("{name}=\"{value}\""),
        false => format!("{name}={value}"),
    })
}

/// Whether name and value stand on one line, with nothing but blanks between.
fn blank_between(source: &str, written: &str) -> bool {
    let words = |text: &str| text.split([' ', '\t']).filter(|it| !it.is_empty()).count();
    !source.contains('\n') && words(source) == words(written)
}
