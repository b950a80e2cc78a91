//! No secrets in ARG and ENV.

use grammar::word::Part;
use grammar::{Code, Diagnostic, Instruction, Word};

use crate::image::quoted;
use crate::lint::{Cx, Rule};

/// ## What it does
/// Finds variables of ARG and ENV whose name is about a secret: one of its parts between `_` is `key`, `password`, `secret`,
/// `token`, `auth`, `credential` or the like, and none is `public`, `file` or `version`.
///
/// ## Why is this bad
/// ENV stays in the image, and ARG in its history: whoever has the image has the secret.
///
/// ## Example
/// ```dockerfile
/// FROM busybox
/// ARG API_TOKEN
/// RUN wget --header "Authorization: $API_TOKEN" http://example.com/
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox
/// RUN --mount=type=secret,id=api,env=API_TOKEN wget --header "Authorization: $API_TOKEN" http://example.com/
/// ```
#[derive(Debug)]
pub(super) struct SecretsUsedInArgOrEnv;

impl Rule for SecretsUsedInArgOrEnv {
    fn name(&self) -> Code {
        "SecretsUsedInArgOrEnv"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["DL3064"]
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            for (place, statement) in stage.statements() {
                let it = &statement.instruction;
                let (instruction, names): (_, Vec<&Word>) = if let Instruction::Arg(arg) = it {
                    ("ARG", arg.args.iter().map(|it| &it.name).collect())
                } else if let Instruction::Env(env) = it {
                    ("ENV", env.pairs.iter().map(|it| &it.0).collect())
                } else {
                    continue;
                };
                for word in names {
                    let name =
                        if instruction == "ENV" { unquoted(word, cx) } else { word.text.clone() };
                    if !is_secret(&name) {
                        continue;
                    }
                    let message = format!(
                        "Do not use ARG or ENV instructions for sensitive data ({instruction} {})",
                        quoted(&name)
                    );
                    let warning = Diagnostic::warning(self.name(), message, word.span)
                        .help("hand it to the RUN that needs it: `RUN --mount=type=secret,id=ID,env=NAME`");
                    cx.warn(place, warning);
                }
            }
        }
    }
}

/// A name without its quotes; what a variable in it would add is not known.
fn unquoted(word: &Word, cx: &Cx<'_>) -> String {
    let parts = word.parts(cx.file.dialect.escape).unwrap_or_default();
    let text = |part: &Part| match part {
        Part::Text { text, quoted: _ } => text.clone(),
        Part::Variable(_) => String::new(),
    };
    parts.iter().map(text).collect()
}

/// Whether a name is about a secret.
fn is_secret(name: &str) -> bool {
    const SECRET: [&str; 10] = [
        "apikey",
        "auth",
        "credential",
        "credentials",
        "key",
        "password",
        "pword",
        "passwd",
        "secret",
        "token",
    ];
    const PUBLIC: [&str; 3] = ["public", "file", "version"];
    let has = |words: &[&str]| {
        name.split('_').any(|part| words.iter().any(|word| part.eq_ignore_ascii_case(word)))
    };
    has(&SECRET) && !has(&PUBLIC)
}
