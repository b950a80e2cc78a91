//! RUN with heredocs: what is given to the shell.

use grammar::tree::Heredoc;

use crate::lower::name;

/// What a RUN line means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// The shell reads this; heredocs are in it for the shell to understand.
    Line(String),
    /// `RUN <<EOF` alone: the body is the script.
    Body {
        /// The heredoc's word.
        name: String,
        /// The script.
        body: String,
        /// Its first line.
        remark: String,
    },
}

/// Reads a RUN line with its heredocs.
pub(super) fn read(line: &str, heredocs: &[Heredoc]) -> Command {
    let Some(first) = heredocs.first() else { return Command::Line(line.to_owned()) };
    if grammar::is_heredoc(line) {
        let content = &first.content.value;
        return Command::Body {
            name: first.name.value.clone(),
            body: first.chomped().text,
            remark: name::summary(content),
        };
    }
    let mut text = line.to_owned();
    for heredoc in heredocs {
        text.push('\n');
        text.push_str(&heredoc.content.value);
        text.push_str(&heredoc.name.value);
    }
    Command::Line(text)
}

#[cfg(test)]
mod tests {
    use grammar::{Span, Spanned};

    use super::*;

    fn heredoc(name: &str, content: &str, chomp: bool) -> Heredoc {
        let at = |text: &str| Spanned::new(text.to_owned(), Span::new(0, 0));
        Heredoc { name: at(name), content: at(content), expand: true, chomp, fd: 0 }
    }

    #[test]
    fn a_lone_heredoc_is_the_script() {
        let got = read("<<-EOF", &[heredoc("EOF", "\techo 1\n\techo 2\n", true)]);
        let body = "echo 1\necho 2\n".to_owned();
        assert_eq!(got, Command::Body { name: "EOF".into(), body, remark: "echo 1...".into() });
    }

    #[test]
    fn others_go_to_the_shell() {
        let got = read("cat <<A <<B", &[heredoc("A", "1\n", false), heredoc("B", "2\n", false)]);
        assert_eq!(got, Command::Line("cat <<A <<B\n1\nA\n2\nB".into()));
        assert_eq!(read("make", &[]), Command::Line("make".into()));
    }
}
