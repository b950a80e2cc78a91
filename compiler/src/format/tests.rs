//! Formatting: what changes, and what must not.

use grammar::SourceFile;

use super::*;

fn formatted(text: &str) -> Option<String> {
    let source = SourceFile::new("Dockerfile", text);
    format(&source, &grammar::parse(&source), &Style { width: 40, indent: 4 })
}

/// What comes behind `FROM a` and a line break.
fn line(text: &str) -> String {
    let text = formatted(&format!("FROM a\n{text}")).expect("there are no errors");
    text.strip_prefix("FROM a\n").expect("FROM stays").to_owned()
}

#[test]
fn keywords_blanks_and_arrays() {
    assert_eq!(formatted("\n\n  from  a  as b  ").as_deref(), Some("FROM a AS b\n"));
    assert_eq!(line("copy  a   b\t /c/ \n\n\n\nUSER x\n\n"), "COPY a b /c/\n\n\nUSER x\n");
    assert_eq!(line("cmd [ \"a\",\"b\" ]"), "CMD [\"a\", \"b\"]\n");
    assert_eq!(line("entrypoint []"), "ENTRYPOINT []\n");
    assert_eq!(line("healthcheck none"), "HEALTHCHECK NONE\n");
    assert_eq!(line("run [\"a\",\\\n\"b\"]"), "RUN [\"a\", \\\n    \"b\"]\n");
    assert_eq!(line("onbuild  run   x  y"), "ONBUILD run   x  y\n");
}

#[test]
fn old_pairs() {
    for (old, new) in [
        ("env a b", "ENV a=b\n"),
        ("ENV a  b  c", "ENV a=\"b  c\"\n"),
        ("ENV a \"b c\"", "ENV a=\"b c\"\n"),
        ("ENV a b=\"c d\"", "ENV a=b=\"c d\"\n"),
        ("ENV a $b ${c:-d e}", "ENV a=\"$b ${c:-d e}\"\n"),
        ("ENV a say \"b c\" d", "ENV a=\"say b c d\"\n"),
        ("ENV a b '$c'", "ENV a=\"b \\$c\"\n"),
        ("ENV a b\\ c d", "ENV a=\"b c d\"\n"),
        ("LABEL a b \\\n  c", "LABEL a=\"b   c\"\n"),
        ("LABEL a b \\\n# c\n  d", "LABEL a b \\\n# c\n  d\n"),
    ] {
        assert_eq!(line(old), new);
    }
}

#[test]
fn flags_have_one_order() {
    let text = "COPY --chown=a  --exclude=b --from=c --exclude=a d e";
    assert_eq!(
        line(text),
        "COPY --from=c \\\n    --chown=a \\\n    --exclude=b \\\n    --exclude=a \\\n    d \\\n    e\n"
    );
    let comments = "COPY --chown=a \\\n  # why\n  --from=b c d\n";
    assert_eq!(line(comments), "COPY --chown=a \\\n    # why\n    --from=b c d\n");
}

#[test]
fn commands_keep_their_text() {
    assert_eq!(line("run   a  &&   b"), "RUN a  &&   b\n");
    assert_eq!(
        line("RUN a && \\\n\n      b \\  \n # c\n  && d"),
        "RUN a && \\\n      b \\\n # c\n  && d\n"
    );
    let long = "RUN apt-get update && apt-get install -y a && rm -r b";
    assert_eq!(line(long), "RUN apt-get update\\\n && apt-get install -y a\\\n && rm -r b\n");
    let quoted = "RUN echo 'a && b' && echo \"c && d\" $(e && f)";
    assert_eq!(line(quoted), "RUN echo 'a && b'\\\n && echo \"c && d\" $(e && f)\n");
}

#[test]
fn lists_that_are_too_long_get_a_line_each() {
    let text = "ENV aaaaaaaaaaaaa=1 bbbbbbbbbbbbbbb=2 ccccccccccc=3";
    let wanted = "ENV aaaaaaaaaaaaa=1 \\\n    bbbbbbbbbbbbbbb=2 \\\n    ccccccccccc=3\n";
    assert_eq!(line(text), wanted);
    assert_eq!(line(wanted), wanted);
}

#[test]
fn heredocs_comments_and_directives_stay() {
    let body = "run  <<EOF   cat\n  a  \n\n\n\n\n# b\nEOF\n  # c  \nuser  x";
    assert_eq!(line(body), "RUN <<EOF   cat\n  a  \n\n\n\n\n# b\nEOF\n  # c  \nUSER x\n");
    let top = "#  escape = `\n\n\n\n# check=skip=all\nfrom a\nrun b `\n\n c\\d\n";
    let wanted = "#  escape = `\n\n\n# check=skip=all\nFROM a\nRUN b `\n c\\d\n";
    assert_eq!(formatted(top).as_deref(), Some(wanted));
    // With the empty line gone the comment would be a directive.
    assert_eq!(formatted("\n# escape=`\nFROM a\n").as_deref(), Some("\n# escape=`\nFROM a\n"));
}

#[test]
fn line_breaks_are_those_of_the_first_line() {
    let text = "from a\r\nrun b \\\n c\r\nrun <<E\nx\ny\r\nE\n";
    let wanted = "FROM a\r\nRUN b \\\r\n c\r\nRUN <<E\r\nx\ny\r\nE\r\n";
    assert_eq!(formatted(text).as_deref(), Some(wanted));
}

#[test]
fn comments_switch_formatting_off() {
    let text = "from  a\n# fmt: off\nuser  b\n\n\n\nuser  c\n  # fmt: on\nuser  d\n";
    let wanted = "FROM a\n# fmt: off\nuser  b\n\n\n\nuser  c\n  # fmt: on\nUSER d\n";
    assert_eq!(formatted(text).as_deref(), Some(wanted));
    let skipped = "# fmt: skip\nfrom  a\n\n# fmt: skip\n# why\nuser  b \nuser  c\nuser  d";
    let wanted = "# fmt: skip\nfrom  a\n\n# fmt: skip\n# why\nuser  b \nUSER c\nUSER d\n";
    assert_eq!(formatted(skipped).as_deref(), Some(wanted));
    let rest = "from  a\n# fmt: off\nuser  b\n\n\n\n# c\n\n";
    assert_eq!(formatted(rest).as_deref(), Some(&*rest.replace("from  a", "FROM a")));
    assert_eq!(line("run a \\\n# fmt: off\n  b\nuser  c\n"), "RUN a \\\n# fmt: off\n  b\nUSER c\n");
}

#[test]
fn what_cannot_be_read_stays() {
    assert_eq!(formatted("FROM a\nRUNN b\n"), None);
    assert_eq!(formatted("FROM a\nRUN <<EOF\nb\n"), None);
    assert_eq!(line("RUN  a \\\n"), "RUN  a \\\n");
    assert_eq!(line("COPY a <<\r\u{c}b=c  d\n"), "COPY a <<\r\u{c}b=c  d\n");
    let source = SourceFile::from_bytes("Dockerfile", b"from a\n# \xff\n");
    assert_eq!(format(&source, &grammar::parse(&source), &Style::default()), None);
}

#[test]
fn edits_are_small() {
    let source = SourceFile::new("Dockerfile", "FROM a\nRUN b \\\n  c\nuser  d\n");
    let edits = edits(&source, &grammar::parse(&source), &Style::default());
    assert_eq!(edits, [(Span::new(19, 27), "USER d\n".to_owned())]);
}
