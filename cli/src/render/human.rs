//! Diagnostics for people: the source line, the word underlined, what to do. The one file that knows miette.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use grammar::{Diagnostic, Severity, SourceFile, SourceId, Span};
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents,
    NamedSource, SourceCode, SourceSpan, SpanContents, ThemeCharacters, ThemeStyles,
};

use super::snippet::{self, Cut, Snippet};

/// How it may look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// Whether colors are wanted.
    pub(crate) color: bool,
    /// How wide the terminal is.
    pub(crate) width: usize,
}

/// Diagnostics as text, in the order given, a blank line between them. `sources` are those that spans are in; the
/// Dockerfile comes first.
pub(crate) fn diagnostics(
    diagnostics: &[Diagnostic],
    sources: &[SourceFile],
    look: Look,
) -> String {
    let styles = if look.color { ThemeStyles::ansi() } else { ThemeStyles::none() };
    let theme = GraphicalTheme { characters: ThemeCharacters::unicode(), styles };
    let handler =
        GraphicalReportHandler::new_themed(theme).with_width(look.width).with_links(false);
    let mut text = String::new();
    for diagnostic in unique(diagnostics) {
        let shown = Shown::new(diagnostic, sources);
        if !text.is_empty() {
            text.push('\n');
        }
        let start = text.len();
        if handler.render_report(&mut text, &shown).is_err() {
            // The source cannot be shown; the words still can.
            text.truncate(start);
            text.push_str(&plain(diagnostic, sources));
        }
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    text
}

/// Each thing once: of what is said twice about a word, the graver stays. What an ONBUILD holds is a warning until
/// something runs it.
pub(crate) fn unique<'d>(
    diagnostics: impl IntoIterator<Item = &'d Diagnostic>,
) -> Vec<&'d Diagnostic> {
    let mut unique: Vec<&Diagnostic> = Vec::new();
    let mut places = HashMap::new();
    for diagnostic in diagnostics {
        let place = places.entry((&diagnostic.message, diagnostic.span())).or_insert(unique.len());
        match unique.get_mut(*place) {
            Some(known) if diagnostic.severity < known.severity => *known = diagnostic,
            Some(_) => {}
            None => unique.push(diagnostic),
        }
    }
    unique
}

/// `FILE:LINE:COLUMN: message` of one diagnostic, without the source.
pub(crate) fn plain(diagnostic: &Diagnostic, sources: &[SourceFile]) -> String {
    let place = diagnostic.span().and_then(|span| {
        let source = source(sources, span.source)?;
        let (line, column) = source.lines().position(source.text(), span.start);
        Some(format!("{}:{line}:{column}: ", source.name()))
    });
    let word = severity(diagnostic.severity);
    let message = snippet::message(&diagnostic.message);
    format!("{}{word}: {message}\n", place.unwrap_or_default())
}

/// The word for a severity.
pub(crate) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// The primary place of a diagnostic, with its source.
pub(crate) fn place<'s>(
    diagnostic: &Diagnostic,
    sources: &'s [SourceFile],
) -> Option<(&'s SourceFile, Span)> {
    let span = diagnostic.span()?;
    Some((source(sources, span.source)?, span))
}

/// The source with an id.
pub(crate) fn source(sources: &[SourceFile], id: SourceId) -> Option<&SourceFile> {
    sources.iter().find(|source| source.id() == id)
}

/// A diagnostic in miette's terms.
#[derive(Debug)]
struct Shown<'a> {
    diagnostic: &'a Diagnostic,
    /// The Dockerfile's name, for what has no place in it.
    file: Option<&'a str>,
    source: Option<Excerpt>,
    labels: Vec<LabeledSpan>,
}

impl<'a> Shown<'a> {
    fn new(diagnostic: &'a Diagnostic, sources: &'a [SourceFile]) -> Shown<'a> {
        let found = diagnostic.span().and_then(|span| source(sources, span.source));
        // One snippet shows one source; labels elsewhere are left out.
        let here = |label: &&grammar::Label| found.is_some_and(|it| it.id() == label.span.source);
        let kept: Vec<&grammar::Label> = diagnostic.labels.iter().filter(here).collect();
        let text = found.map_or("", SourceFile::text);
        let ranges: Vec<Range<usize>> =
            kept.iter().map(|label| visible(text, label.span.range())).collect();
        let Snippet { text, ranges, cuts } = Snippet::new(text, &ranges);
        let labels = kept.iter().zip(ranges).enumerate();
        let labels = labels
            .filter_map(|(position, (label, range))| {
                let text = (!label.text.is_empty()).then(|| label.text.clone());
                Some(match position {
                    0 => LabeledSpan::new_primary_with_span(text, range?),
                    _ => LabeledSpan::new_with_span(text, range?),
                })
            })
            .collect();
        let source =
            found.map(|found| Excerpt { text: NamedSource::new(found.name(), text), cuts });
        let file = sources.first().map(SourceFile::name);
        Shown { diagnostic, file, source, labels }
    }
}

/// A source of which not all is there.
#[derive(Debug)]
struct Excerpt {
    text: NamedSource<String>,
    cuts: Vec<Cut>,
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let found = self.text.read_span(span, before, after)?;
        // Without lines before it, the column is that of the span: it is told as it is in the file.
        let cut = self.cuts.iter().find(|cut| before == 0 && cut.line.contains(&span.offset()));
        let Some(cut) = cut else { return Ok(found) };
        let name = self.text.name().to_owned();
        let (data, line, column) = (found.data(), found.line(), found.column() + cut.by);
        let (span, count) = (*found.span(), found.line_count());
        Ok(Box::new(MietteSpanContents::new_named(name, data, span, line, column, count)))
    }
}

/// The first line of a range: a label over a whole heredoc would hide what it is about.
fn visible(text: &str, range: Range<usize>) -> Range<usize> {
    let slice = text.get(range.clone()).unwrap_or_default();
    let line = slice.find('\n').map_or(slice, |end| &slice[..end]);
    range.start..range.start + line.trim_end().len()
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (None, Some(file)) = (&self.source, self.file) {
            write!(f, "{file}: ")?;
        }
        f.write_str(&snippet::message(&self.diagnostic.message))
    }
}

impl std::error::Error for Shown<'_> {}

impl miette::Diagnostic for Shown<'_> {
    fn code<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        Some(Box::new(format!("{}[{}]", severity(self.diagnostic.severity), self.diagnostic.code)))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Note => miette::Severity::Advice,
        })
    }

    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        let help = self.diagnostic.help.as_ref()?;
        Some(Box::new(snippet::message(help)))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_line_and_word() {
        let source = SourceFile::new("x/Dockerfile", "FROM scratch\nCPOY a b\n");
        let found = Diagnostic::error(
            "unknown-instruction",
            "unknown instruction: CPOY",
            Span::new(13, 17),
        )
        .help("did you mean COPY?");
        let look = Look { color: false, width: 80 };
        let text = diagnostics(&[found.clone(), found], &[source], look);
        assert!(text.contains("x/Dockerfile:2:1"), "{text}");
        assert!(text.contains("unknown instruction: CPOY"), "{text}");
        assert!(text.contains("did you mean COPY?"), "{text}");
        assert!(!text.contains('\x1b'), "{text}");
    }

    #[test]
    fn a_word_far_out_in_an_endless_line_has_its_column() {
        let text = format!("FROM scratch\nCOPY {} --frm=x y\n", "z".repeat(10_000_000));
        let at = text.find("frm").unwrap();
        let source = SourceFile::new("Dockerfile", text.as_str());
        let found = Diagnostic::error("x", "unknown flag", Span::new(at, at + 3));
        let text = diagnostics(&[found], &[source], Look { color: false, width: 80 });
        assert!(text.contains("Dockerfile:2:10000009"), "{}", text.len());
        assert!(text.contains("zz --frm=x y") && text.len() < 1000, "{}", text.len());
    }

    #[test]
    fn needs_no_place() {
        let found = Diagnostic::without_place("empty", "the Dockerfile cannot be empty");
        let text = diagnostics(&[found], &[], Look { color: false, width: 80 });
        assert!(text.contains("the Dockerfile cannot be empty"), "{text}");
    }
}
