//! [`WordBuffer`]: splits what an expansion gives into words.

/// Collects characters into words. Blanks end a word unless they came raw (quoted or escaped).
#[derive(Debug, Default)]
pub(super) struct WordBuffer {
    buffer: String,
    words: Vec<String>,
    in_word: bool,
}

impl WordBuffer {
    /// Adds text whose blanks split words.
    pub(super) fn add(&mut self, text: &str) {
        for c in text.chars() {
            if !c.is_whitespace() {
                self.buffer.push(c);
                self.in_word = true;
            } else if self.in_word && !self.buffer.is_empty() {
                self.words.push(std::mem::take(&mut self.buffer));
                self.in_word = false;
            }
        }
    }

    /// Adds text that stays together.
    pub(super) fn add_raw(&mut self, text: &str) {
        self.buffer.push_str(text);
        self.in_word = true;
    }

    /// Drops the word that is being collected.
    pub(super) fn clear(&mut self) {
        self.buffer.clear();
    }

    /// Ends the last word and gives all of them.
    pub(super) fn finish(&mut self) -> Vec<String> {
        if !self.buffer.is_empty() {
            self.words.push(std::mem::take(&mut self.buffer));
        }
        std::mem::take(&mut self.words)
    }
}
