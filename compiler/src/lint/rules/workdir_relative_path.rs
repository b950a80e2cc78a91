//! WORKDIR with an absolute path.

use std::collections::BTreeMap;

use grammar::{Code, Diagnostic, Instruction, Span};

use crate::facts::Fact;
use crate::image::quoted;
use crate::lint::{Cx, Rule};

/// ## What it does
/// Finds a stage whose first WORKDIR is relative, unless a stage that it starts from has a WORKDIR already.
///
/// ## Why is this bad
/// A relative path counts from the folder that the base image was left in. A newer base image may have another one, and the
/// files go elsewhere.
///
/// ## Example
/// ```dockerfile
/// FROM busybox
/// WORKDIR app
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox
/// WORKDIR /app
/// ```
#[derive(Debug)]
pub(super) struct WorkdirRelativePath;

impl Rule for WorkdirRelativePath {
    fn name(&self) -> Code {
        "WorkdirRelativePath"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["DL3000"]
    }

    fn check(&self, cx: &mut Cx<'_>) {
        let relative: BTreeMap<Span, &str> = cx
            .facts
            .iter()
            .filter_map(|fact| {
                let Fact::RelativeWorkdir { path, span } = fact else { return None };
                Some((*span, path.as_str()))
            })
            .collect();
        // By FROM: whether the stage has a WORKDIR. A base stands above the stages that start from it.
        let mut set: BTreeMap<Span, bool> = BTreeMap::new();
        for stage in cx.stages.clone() {
            let base = stage.lowered.base.and_then(|base| set.get(&base).copied());
            let mut is_set = base.unwrap_or(false);
            for (place, statement) in stage.statements() {
                let Instruction::Workdir(workdir) = &statement.instruction else { continue };
                if let (false, Some(path)) = (is_set, relative.get(&workdir.path.span)) {
                    let message = format!(
                        "Relative workdir {} can have unexpected results if the base image changes",
                        quoted(path)
                    );
                    let warning = Diagnostic::warning(self.name(), message, workdir.path.span)
                        .help("begin the path with `/`");
                    cx.warn(place, warning);
                }
                is_set = true;
            }
            set.insert(stage.from.span, is_set);
        }
    }
}
