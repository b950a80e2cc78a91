//! Images by a tag that says which.

use grammar::{Code, Diagnostic, Instruction, Word};

use crate::lint::{Cx, Origin, Place, Rule};

/// ## What it does
/// Finds images in FROM and `COPY --from` without a tag, or with the tag `latest`, and without a digest.
///
/// ## Why is this bad
/// Tomorrow's build starts from something else, without a change in the file.
///
/// ## Example
/// ```dockerfile
/// FROM busybox
/// RUN touch /made
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox:1.37
/// RUN touch /made
/// ```
///
/// ## What it does not see
/// Names with a variable: who gives the value decides. Other tags that move, such as `stable` or `3`.
#[derive(Debug)]
pub(super) struct FloatingTag;

impl Rule for FloatingTag {
    fn name(&self) -> Code {
        "FloatingTag"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["DL3006", "DL3007"]
    }

    fn check(&self, cx: &mut Cx<'_>) {
        let mut stage_names: Vec<String> = Vec::new();
        let named =
            |name: &str| cx.options.contexts.iter().any(|it| it.0.eq_ignore_ascii_case(name));
        let mut found = Vec::new();
        for statement in &cx.file.statements {
            let image = if let Instruction::From(it) = &statement.instruction {
                Some(&it.image)
            } else if let Instruction::Copy(it) = &statement.instruction {
                it.from.as_ref()
            } else {
                None
            };
            if let Some(word) = image
                && !stage_names.contains(&word.text.to_lowercase())
                && !named(&word.text)
                && let Some(message) = floating(word)
            {
                found.push((statement, word.span, message));
            }
            if let Instruction::From(it) = &statement.instruction {
                stage_names.extend(it.name.iter().map(|name| name.value.to_lowercase()));
            }
        }
        for (statement, span, message) in found {
            let warning = Diagnostic::warning(self.name(), message, span)
                .help("name the version that the file was written for: `IMAGE:TAG`");
            cx.warn(Place::of(statement), warning);
        }
    }
}

/// What is wrong with a word as an image's name.
fn floating(word: &Word) -> Option<String> {
    let text = word.text.as_str();
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    if text.contains(['$', '@']) || text.eq_ignore_ascii_case("scratch") || is_number {
        return None;
    }
    match text.rsplit('/').next()?.split_once(':') {
        None => Some(format!("{text} has no tag, which means `latest`")),
        Some((_, "latest")) => Some(format!("{text} is another image from one day to the next")),
        Some(_) => None,
    }
}
