//! What changes in a file, as a unified diff.

use similar::TextDiff;

/// How many unchanged lines stand around a change.
const CONTEXT: usize = 3;

/// The diff of a file; empty if nothing changes. It ends in a line break.
pub(crate) fn unified(name: &str, before: &str, after: &str, color: bool) -> String {
    let diff = TextDiff::from_lines(before, after);
    let text = diff.unified_diff().context_radius(CONTEXT).header(name, name).to_string();
    if color { colored(&text) } else { text }
}

fn colored(diff: &str) -> String {
    let mut out = String::with_capacity(2 * diff.len());
    for (number, line) in diff.split_inclusive('\n').enumerate() {
        let text = line.trim_end_matches('\n');
        let style = match line.chars().next() {
            Some('-' | '+') if number < 2 => "1",
            Some('-') => "31",
            Some('+') => "32",
            Some('@') => "36",
            Some(_) | None => "",
        };
        if style.is_empty() {
            out.push_str(line);
        } else {
            out.push_str(&format!("\x1b[{style}m{text}\x1b[0m{}", &line[text.len()..]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn diffs_have_a_head_and_context() {
        let text = unified("Dockerfile", "a\nb\nc\n", "a\nB\nc\n", false);
        assert_eq!(text, "--- Dockerfile\n+++ Dockerfile\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n");
        assert_eq!(unified("Dockerfile", "a\n", "a\n", true), "");
        assert!(unified("Dockerfile", "a\n", "b\n", true).contains("\x1b[32m+b\x1b[0m\n"));
    }
}
