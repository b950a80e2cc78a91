//! How much text one conversion may make. A few lines that name each other can ask for more than there is memory.

use grammar::{Diagnostic, Span, Word};
use oci::ImageConfig;

use super::{Conversion, Stage};
use crate::expand::{Expansion, TOO_LARGE};

/// The most text that one conversion may make, in bytes: 32 MiB.
pub(crate) const MAX_SPENT: usize = 32 << 20;

/// What a thing takes up beyond its text.
const OVERHEAD: usize = 100;

impl Conversion<'_> {
    /// Counts text that was made for an instruction at `span`.
    ///
    /// # Errors
    /// There is too much.
    pub(crate) fn spend(&mut self, bytes: usize, span: Span) -> Result<(), Diagnostic> {
        self.spent = self.spent.saturating_add(bytes);
        if self.spent > MAX_SPENT { Err(too_large(span)) } else { Ok(()) }
    }

    /// Expands a word of a FROM.
    ///
    /// # Errors
    /// A mistake in the word, or there is too much text already.
    pub(super) fn expand_global(&mut self, word: &Word) -> Result<Expansion, Diagnostic> {
        self.spend(0, word.span)?;
        let expansion = self.expand(word, &self.globals)?;
        self.spend(expansion.work, word.span)?;
        Ok(expansion)
    }
}

/// The refusal of a file that asks for too much.
pub(crate) fn too_large(span: Span) -> Diagnostic {
    let message = format!("the expanded file has more than {MAX_SPENT} bytes");
    Diagnostic::error(TOO_LARGE, message, span)
        .help("variables that hold each other grow fast; shorten their values")
}

/// What a stage that starts from this one takes over from it.
pub(super) fn weight(stage: &Stage<'_>) -> usize {
    let ImageConfig { config, history, .. } = &stage.image;
    let texts = |texts: &[String]| texts.iter().map(|it| it.len() + OVERHEAD).sum::<usize>();
    let history = history.iter().map(|entry| entry.created_by.len() + OVERHEAD).sum::<usize>();
    let labels = config.labels.iter().map(|(name, value)| name.len() + value.len() + OVERHEAD);
    let ports_and_volumes = config.exposed_ports.len() + config.volumes.len();
    texts(&config.env)
        + texts(&config.on_build)
        + texts(&config.cmd.clone().unwrap_or_default())
        + history
        + labels.sum::<usize>()
        + ports_and_volumes * OVERHEAD
        + stage.tree.env.weight()
        + stage.tree.layers.len() * size_of::<usize>()
        + stage.args.weight()
}
