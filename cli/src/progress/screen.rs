//! [`Screen`]: standard error as indicatif draws on it, with the cursor behind the last text and not at the right edge.
//!
//! indicatif fills every line with blanks up to the right edge, so that what is written next begins a new line. The `^C`
//! that a terminal shows of Ctrl-C would begin one, too: then all is one line higher than indicatif thinks, and a line
//! of it stays for good. So blanks are not written, and the line is ended when the next one begins.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::TermLike;

/// Standard error. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Screen {
    /// Whether the cursor is behind a text whose line is over.
    line_is_over: Arc<AtomicBool>,
}

impl Screen {
    /// Ends the last line: somebody else writes next.
    pub(super) fn end_line(&self) {
        if self.line_is_over.swap(false, Ordering::Relaxed) {
            // A terminal that is gone is no reason to stop.
            let _ = write("\n");
        }
    }

    /// What is to be written for a text that indicatif writes.
    fn text<'a>(&self, text: &'a str) -> (&'static str, &'a str) {
        let is_filler = text.bytes().all(|byte| byte == b' ');
        let was_over = self.line_is_over.swap(is_filler, Ordering::Relaxed);
        match (is_filler, was_over) {
            (true, _) => ("", ""),
            (false, true) => ("\n", text),
            (false, false) => ("", text),
        }
    }
}

fn write(text: &str) -> io::Result<()> {
    io::stderr().lock().write_all(text.as_bytes())
}

/// Moves the cursor by `count` in the direction of a letter.
fn go(count: usize, letter: char) -> io::Result<()> {
    if count == 0 { Ok(()) } else { write(&format!("\x1b[{count}{letter}")) }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        super::tty::size_of_terminal().0
    }

    fn height(&self) -> u16 {
        super::tty::size_of_terminal().1
    }

    fn move_cursor_up(&self, count: usize) -> io::Result<()> {
        go(count, 'A')
    }

    fn move_cursor_down(&self, count: usize) -> io::Result<()> {
        go(count, 'B')
    }

    fn move_cursor_right(&self, count: usize) -> io::Result<()> {
        go(count, 'C')
    }

    fn move_cursor_left(&self, count: usize) -> io::Result<()> {
        go(count, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        let (before, text) = self.text(text);
        self.line_is_over.store(false, Ordering::Relaxed);
        write(&format!("{before}{text}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        let (before, text) = self.text(text);
        write(&format!("{before}{text}"))
    }

    fn clear_line(&self) -> io::Result<()> {
        self.line_is_over.store(false, Ordering::Relaxed);
        write("\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_when_the_next_begins() {
        let screen = Screen::default();
        assert_eq!(screen.text("one"), ("", "one"));
        assert_eq!(screen.text("     "), ("", ""));
        assert_eq!(screen.text("two"), ("\n", "two"));
        assert_eq!(screen.text("more of two"), ("", "more of two"));
        assert_eq!(screen.text(""), ("", ""));
        assert_eq!(screen.text("three"), ("\n", "three"));
    }
}
