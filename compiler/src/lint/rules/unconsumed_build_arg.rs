//! `--build-arg` that an ARG takes.

use std::collections::BTreeSet;

use grammar::{Code, Diagnostic, Instruction};

use crate::checks::CheckOptions;
use crate::lint::{Cx, Origin, Rule};
use crate::suggest::nearest;

/// ## What it does
/// Finds a build argument that was given (`--build-arg`, `build-args` in dfc.toml), and that no ARG of the file declares.
///
/// ## Why is this bad
/// The value goes nowhere: the name is misspelt, or the ARG is gone.
///
/// ## Example
/// With `--build-arg VERSON=2`:
///
/// ```dockerfile
/// FROM busybox
/// ARG VERSION=1
/// COPY app-$VERSION /app
/// ```
///
/// ## Use instead
/// The name that the file declares, `--build-arg VERSION=2`:
///
/// ```dockerfile
/// FROM busybox
/// ARG VERSION=2
/// COPY app-$VERSION /app
/// ```
///
/// ## What it does not see
/// Whether the stage that declares it is one that the target needs.
#[derive(Debug)]
pub(super) struct UnconsumedBuildArg;

/// What is always there: platforms and proxies.
const PREDEFINED: [&str; 6] =
    ["BUILD", "TARGET", "BUILDKIT_", "SOURCE_DATE_EPOCH", "CONTEXT", "DOCKERFILE"];

impl Rule for UnconsumedBuildArg {
    fn name(&self) -> Code {
        "UnconsumedBuildArg"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn check(&self, cx: &mut Cx<'_>) {
        let triggers = cx.stages.iter().flat_map(|stage| &stage.lowered.triggers);
        let mut declared = BTreeSet::new();
        for statement in cx.file.statements.iter().chain(triggers) {
            if let Instruction::Arg(arg) = &statement.instruction {
                declared.extend(arg.args.iter().map(|it| it.name.text.as_str()));
            }
        }
        let is_from = |it: &&grammar::Statement| matches!(it.instruction, Instruction::From(_));
        let Some(from) = cx.file.statements.iter().find(is_from) else { return };
        let Some(place) = cx.place(from.span) else { return };
        for name in cx.options.build_args.keys() {
            let is_predefined = is_proxy(name)
                || name == CheckOptions::BUILD_ARG
                || PREDEFINED.iter().any(|known| name.starts_with(known));
            if declared.contains(name.as_str()) || is_predefined {
                continue;
            }
            let message = format!("build argument {name} is given, but no ARG declares it");
            let help = match nearest(name, declared.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("declare it with `ARG {name}` where it is used, or do not give it"),
            };
            let warning = Diagnostic::warning(self.name(), message, from.keyword.span).help(help);
            cx.warn(place, warning);
        }
    }
}

fn is_proxy(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"].contains(&name.as_str())
}
