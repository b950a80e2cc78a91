//! What `check` found as commands of GitHub's workflows, which become annotations of the change.

use grammar::{Diagnostic, Severity, SourceFile};

use crate::render::{human, snippet};

/// A line for each diagnostic. `file` is the path in the repository.
pub(crate) fn lines(file: &str, diagnostics: &[Diagnostic], sources: &[SourceFile]) -> String {
    diagnostics.iter().map(|found| line(file, found, sources)).collect()
}

fn line(file: &str, diagnostic: &Diagnostic, sources: &[SourceFile]) -> String {
    let command = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let mut text = format!("::{command} file={}", property(file));
    if let Some((source, span)) = human::place(diagnostic, sources) {
        let (line, column) = source.lines().position(source.text(), span.start);
        let (end_line, end_column) = source.lines().position(source.text(), span.end);
        text.push_str(&format!(",line={line},endLine={end_line}"));
        // GitHub refuses columns of what goes on over several lines.
        if line == end_line {
            text.push_str(&format!(",col={column},endColumn={end_column}"));
        }
    }
    let mut message = snippet::message(&diagnostic.message);
    if let Some(help) = &diagnostic.help {
        message = format!("{message}\n{}", snippet::message(help));
    }
    format!("{text},title={}::{}\n", property(diagnostic.code), data(&message))
}

/// What may stand in a message.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// What may stand in a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use grammar::Span;

    use super::*;

    #[test]
    fn nothing_breaks_out_of_a_command() {
        let source = SourceFile::new("D", "FROM a\nRUN b \\\n c\n");
        let found = Diagnostic::warning("Rule", "100%\n::error::x", Span::new(7, 10)).help("h");
        let several = Diagnostic::error("other", "over lines", Span::new(7, 17));
        let text = lines("a,b:c/D", &[found, several], &[source]);
        assert_eq!(
            text,
            "::warning file=a%2Cb%3Ac/D,line=2,endLine=2,col=1,endColumn=4,title=Rule::100%25%0A::error::x%0Ah\n\
             ::error file=a%2Cb%3Ac/D,line=2,endLine=3,title=other::over lines\n"
        );
    }
}
