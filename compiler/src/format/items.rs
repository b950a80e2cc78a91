//! An instruction as items and the gaps before them: what may be laid out anew.

/// Something that is written as it is.
#[derive(Debug)]
pub(super) struct Item {
    /// The text; lines inside it end in `\n`.
    pub(super) text: String,
    /// What stands before it.
    pub(super) gap: Gap,
}

/// What stands before an item.
#[derive(Debug, Default, Clone)]
pub(super) struct Gap {
    /// Whether not even a blank belongs there: inside brackets.
    pub(super) tight: bool,
    /// Whether the line is to be broken there.
    pub(super) broken: bool,
    /// Whether it is a place to break the line if that gets too long.
    pub(super) breakable: bool,
    /// Comment lines between the broken lines, without the blanks before them.
    pub(super) comments: Vec<String>,
    /// The blanks that the line behind the break begins with as written.
    pub(super) indent: String,
}

/// Goes through an instruction's text and collects the items.
#[derive(Debug)]
pub(super) struct Reader<'t> {
    text: &'t str,
    escape: char,
    /// Where the last item ends.
    at: usize,
    gap: Gap,
    /// What there is so far.
    pub(super) items: Vec<Item>,
}

impl<'t> Reader<'t> {
    /// Starts behind a keyword.
    pub(super) fn new(text: &'t str, escape: char, at: usize) -> Reader<'t> {
        Reader { text, escape, at, gap: Gap::default(), items: Vec::new() }
    }

    /// Takes a range as an item, and says that a line may not be broken before it.
    pub(super) fn fixed(&mut self, start: usize, end: usize) -> Option<&mut Item> {
        self.skip(start)?;
        let text = clean(self.text.get(start..end)?, self.escape)?;
        self.at = end;
        self.push(text);
        self.items.last_mut()
    }

    /// Takes a range as an item.
    pub(super) fn item(&mut self, start: usize, end: usize) -> Option<&mut Item> {
        let item = self.fixed(start, end)?;
        item.gap.breakable = true;
        Some(item)
    }

    /// Takes the strings of a JSON array, and its brackets; `strings` are the places without quotes.
    pub(super) fn array(
        &mut self,
        strings: impl Iterator<Item = (usize, usize)>,
        end: usize,
    ) -> Option<()> {
        for (start, end) in strings {
            let (start, end) = (start.checked_sub(1)?, end + 1);
            self.skip(start)?;
            let text = self.text.get(start..end)?;
            if text.len() < 2
                || !text.starts_with('"')
                || !text.ends_with('"')
                || text.contains('\n')
            {
                return None;
            }
            self.at = end;
            self.gap.breakable = true;
            self.push(text.to_owned());
        }
        self.skip(end)
    }

    /// Makes sure that nothing is left up to an instruction's end.
    pub(super) fn end(&mut self, end: usize) -> Option<()> {
        self.skip(end)?;
        (!self.gap.broken).then_some(())
    }

    /// Reads the gap before the next item: nothing but blanks, continuations, comments, and the brackets and commas of
    /// an array may stand there.
    fn skip(&mut self, to: usize) -> Option<()> {
        let mut rest = self.text.get(self.at..to)?;
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            match c {
                '[' => {
                    self.push("[".to_owned());
                    self.gap.tight = true;
                }
                ']' => {
                    self.gap.tight = true;
                    self.push("]".to_owned());
                }
                ',' => self.items.last_mut()?.text.push(','),
                c if c == self.escape => {
                    let (line, behind) = rest.split_once('\n')?;
                    line.trim().is_empty().then_some(())?;
                    self.gap.broken = true;
                    rest = self.comments(behind);
                }
                c if c.is_whitespace() && c != '\n' => {
                    if self.gap.broken {
                        self.gap.indent.push(c);
                    }
                }
                _ => return None,
            }
        }
        self.at = to;
        Some(())
    }

    /// Reads comments and empty lines behind a continuation.
    fn comments(&mut self, mut rest: &'t str) -> &'t str {
        self.gap.indent.clear();
        while let Some((line, behind)) = rest.split_once('\n') {
            let line = line.trim_end_matches('\r');
            let comment = line.trim_start();
            if comment.starts_with('#') {
                self.gap.comments.push(comment.to_owned());
            } else if !comment.is_empty() {
                break;
            }
            rest = behind;
        }
        rest
    }

    fn push(&mut self, text: String) {
        let gap = std::mem::take(&mut self.gap);
        self.items.push(Item { text, gap });
    }
}

/// A text without what BuildKit drops from its lines: blanks behind the continuation character, and empty lines. The
/// rest, comments included, is as it was. `None` if the lines are not what they seem.
fn clean(text: &str, escape: char) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut lines = text.split('\n');
    let mut next = lines.next();
    let mut is_first = true;
    while let Some(line) = next {
        next = lines.next();
        if next.is_none() {
            out.push_str(line);
            break;
        }
        let line = line.trim_end_matches('\r');
        let trimmed = line.trim_start();
        if !is_first && trimmed.starts_with('#') {
            out.push_str(line);
            out.push('\n');
        } else if is_first || !trimmed.is_empty() {
            let line = line.trim_end_matches([' ', '\t']);
            line.ends_with(escape).then_some(())?;
            out.push_str(line);
            out.push('\n');
        }
        is_first = false;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn cleaning_takes_what_is_dropped_anyway() {
        let text = "a \\  \r\n\r\n  # c  \n b";
        assert_eq!(clean(text, '\\').as_deref(), Some("a \\\n  # c  \n b"));
        assert_eq!(clean("a\nb", '\\'), None);
    }
}
