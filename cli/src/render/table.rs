//! Tables: columns that line up, three blanks between them.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A table: its head and its rows, all of the same length.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with a head.
    pub(crate) fn new(head: &[&str]) -> Table {
        Table { rows: vec![head.iter().map(|&name| name.to_owned()).collect()] }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.rows[0].len(), "a row has a cell for each column");
        self.rows.push(cells);
    }

    /// The text, each row a line.
    pub(crate) fn text(&self) -> String {
        let width =
            |column: usize| self.rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.rows[0].len()).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + 3));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// Shortens a text to `max` columns of a terminal, with an ellipsis if something is missing. Control characters become
/// blanks, line ends among them.
pub(crate) fn shorten(text: &str, max: usize) -> String {
    let blank = |char: char| if char.is_control() { ' ' } else { char };
    let text: String = text.chars().map(blank).collect();
    if text.width() <= max {
        return text;
    }
    let mut short = String::new();
    let mut used = 1;
    for char in text.chars() {
        used += char.width().unwrap_or(0);
        if used > max {
            break;
        }
        short.push(char);
    }
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_up() {
        let mut table = Table::new(&["NAME", "SIZE"]);
        table.row(vec!["größer".into(), "1B".into()]);
        assert_eq!(table.text(), "NAME     SIZE\ngrößer   1B\n");
        table.row(vec!["日本語".into(), "2B".into()]);
        assert!(table.text().ends_with("größer   1B\n日本語   2B\n"));
    }

    #[test]
    fn shortens_by_columns() {
        assert_eq!(shorten("äöü", 3), "äöü");
        assert_eq!(shorten("äöüß\n", 3), "äö…");
        assert_eq!(shorten("日本語", 6), "日本語");
        assert_eq!(shorten("日本語", 5), "日本…");
        assert_eq!(shorten("日本語", 4), "日…");
    }
}
