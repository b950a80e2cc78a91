//! [`Checked`]: all there is to say about a Dockerfile, if nothing is built.

use std::path::Path;

use compiler::lint::Finding;
use grammar::{Diagnostic, Severity, SourceFile};
use serde_json::Value;

use crate::render::findings;
use crate::render::human::Look;

/// All there is to say about a file, with the sources it is in.
#[derive(Debug)]
pub(crate) struct Checked {
    /// What parsing and compiling said.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// What lint rules said.
    pub(crate) findings: Vec<Finding>,
    /// What spans are in.
    pub(crate) sources: Vec<SourceFile>,
}

impl Checked {
    /// Whether there is nothing to say.
    pub(crate) fn is_empty(&self) -> bool {
        self.diagnostics.is_empty() && self.findings.is_empty()
    }

    /// Whether there is nothing to say but notes.
    pub(crate) fn is_clean(&self) -> bool {
        self.findings.is_empty()
            && self.diagnostics.iter().all(|found| found.severity == Severity::Note)
    }

    /// How many findings `--fix` mends.
    pub(crate) fn safe_fixes(&self) -> usize {
        let fixes = self.findings.iter().filter_map(|it| it.diagnostic.fix.as_deref());
        fixes.filter(|fix| fix.is_safe).count()
    }

    /// For people, in the order of the file.
    pub(crate) fn text(&self, look: Look) -> String {
        findings::text(&self.diagnostics, &self.findings, &self.sources, look)
    }

    /// For tools: one object.
    pub(crate) fn json(&self, file: &Path) -> Value {
        let file = file.to_string_lossy();
        findings::json(&file, &self.diagnostics, &self.findings, &self.sources)
    }
}
