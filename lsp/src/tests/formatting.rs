//! Formatting: a file, a range, and behind a typed line break.

use serde_json::{Value, json};

use crate::position::Encoding;
use crate::testing::{Outside, Talk};

fn options() -> Value {
    json!({ "options": { "tabSize": 8, "insertSpaces": false } })
}

/// The text behind formatting; in it `[` and `]` are the ends of the range, if there is one.
fn formatted(text: &str, toml: &str) -> String {
    let mut texts = Vec::new();
    for (name, encoding) in [("utf-16", Encoding::Utf16), ("utf-32", Encoding::Utf32)] {
        let mut talk = Talk::counting(name, encoding, Outside::of(&[("dfc.toml", toml)]));
        let ends = text.find('<').zip(text.find('>'));
        talk.open("Dockerfile", &text.replacen('<', "", 1).replacen('>', "", 1));
        let mut params = options();
        let edits = match ends {
            Some((start, end)) => {
                params["range"] = talk.range(start, end - 1);
                talk.ask("rangeFormatting", params)
            }
            None => talk.ask("formatting", params),
        };
        texts.push(talk.edited(&edits));
    }
    assert_eq!(texts[0], texts[1]);
    texts.remove(0)
}

#[test]
fn a_file() {
    assert_eq!(formatted("from a\nrun  b 𝄞\n", ""), "FROM a\nRUN b 𝄞\n");
    assert_eq!(formatted("FROM a\r\nenv A b\r\n", ""), "FROM a\r\nENV A=b\r\n");
    // In the middle of an edit nothing is formatted.
    assert_eq!(formatted("from a\nCOPY", ""), "from a\nCOPY");
    assert_eq!(formatted("", ""), "");
}

#[test]
fn the_style_is_that_of_the_project() {
    let text = "FROM a\nENV A=1 \\\n B=2\n";
    assert_eq!(formatted(text, ""), "FROM a\nENV A=1 \\\n    B=2\n");
    assert_eq!(formatted(text, "[fmt]\nindent = 2\n"), "FROM a\nENV A=1 \\\n  B=2\n");
}

#[test]
fn a_range_is_the_instructions_that_it_touches() {
    let text = "from a\nuser  <b\n>workdir  /c\n";
    assert_eq!(formatted(text, ""), "from a\nUSER b\nworkdir  /c\n");
    assert_eq!(formatted("from a\nuser  b\n<>workdir  /c\n", ""), "from a\nuser  b\nWORKDIR /c\n");
}

/// The text behind a line break that was typed at `|`, with what the editor put in.
fn typed(text: &str, indent: &str) -> String {
    let mut talk = Talk::start(Outside::of(&[("dfc.toml", "[fmt]\nindent = 2\n")]));
    let at = text.find('|').unwrap();
    talk.open("Dockerfile", &text.replacen('|', "", 1));
    let eol = if text.contains('\r') { "\r\n" } else { "\n" };
    talk.edit(at, at, &format!("{eol}{indent}"));
    let mut params = options();
    params["ch"] = json!("\n");
    let edits = talk.at("onTypeFormatting", at + eol.len() + indent.len(), params);
    talk.edited(&edits)
}

#[test]
fn behind_a_line_break() {
    // The line goes on.
    assert_eq!(typed("FROM a\nRUN b \\|", ""), "FROM a\nRUN b \\\n  ");
    assert_eq!(
        typed("FROM a\r\nRUN b \\|\r\nRUN c\r\n", "\t"),
        "FROM a\r\nRUN b \\\r\n  \r\nRUN c\r\n"
    );
    assert_eq!(
        typed("FROM a\nRUN b \\\n     c && \\| d", ""),
        "FROM a\nRUN b \\\n     c && \\\n     d"
    );
    assert_eq!(typed("FROM a\nRUN b \\\n   # c|\n   d", ""), "FROM a\nRUN b \\\n   # c\n   \n   d");
    // It is over.
    assert_eq!(typed("FROM a\nRUN b \\\n  c|", "  "), "FROM a\nRUN b \\\n  c\n");
    assert_eq!(typed("from a as b|", ""), "FROM a AS b\n");
    assert_eq!(typed("FROM a\nrun 𝄞|\n", "  "), "FROM a\nRUN 𝄞\n\n");
    // What is not ours.
    assert_eq!(typed("FROM a\nRUN <<E\n  b \\|\nE\n", "  "), "FROM a\nRUN <<E\n  b \\\n  \nE\n");
    assert_eq!(typed("FROM a\nRUN <<E|\n", "  "), "FROM a\nRUN <<E\n  \n");
    assert_eq!(typed("|", ""), "\n");
    assert_eq!(typed("# a|", "  "), "# a\n  ");
}
