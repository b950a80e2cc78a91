//! Items to lines.

use super::items::Item;

/// What lines are made with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// What continues a line.
    pub(super) escape: char,
    /// How many characters a line may have.
    pub(super) width: usize,
    /// How many blanks a continuation line begins with.
    pub(super) indent: usize,
    /// Whether the blanks before continuation lines stay as written: where a shell command goes on over several lines,
    /// its blanks cannot change, and what stands before it goes along.
    pub(super) as_written: bool,
}

impl Layout {
    /// Writes items; lines end in `\n`.
    pub(super) fn write(self, keyword: &str, items: &[Item]) -> String {
        let mut out = keyword.to_owned();
        for Item { text, gap } in items {
            if gap.broken {
                let indent = match gap.indent.as_str() {
                    written if self.as_written && !written.is_empty() => written.to_owned(),
                    _ => " ".repeat(self.indent),
                };
                out.push(' ');
                out.push(self.escape);
                out.push('\n');
                for comment in &gap.comments {
                    out.push_str(&indent);
                    out.push_str(comment);
                    out.push('\n');
                }
                out.push_str(&indent);
            } else if !gap.tight {
                out.push(' ');
            }
            out.push_str(text);
        }
        out
    }

    /// Writes items; if a line gets too long, it is broken wherever it may be.
    pub(super) fn fit(self, keyword: &str, items: &mut [Item]) -> String {
        let written = self.write(keyword, items);
        if !self.is_too_wide(&written) {
            return written;
        }
        // The first item stays with the keyword.
        for item in items.iter_mut().skip(1).filter(|item| !item.gap.tight && item.gap.breakable) {
            item.gap.broken = true;
        }
        self.write(keyword, items)
    }

    /// Whether a line, other than a comment inside, has more characters than it may.
    pub(super) fn is_too_wide(self, text: &str) -> bool {
        let mut lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        lines.any(|line| line.chars().count() > self.width)
    }
}
