//! Scripts in all the forms that a RUN has, and places in them.

use super::*;

/// Each command of the first RUN: what its words are, and how they are written in the file.
fn commands(text: &str) -> Vec<String> {
    let source = grammar::SourceFile::new("Dockerfile", text);
    let tree = grammar::parse(&source).tree;
    let run = tree.statements.iter().find(|it| it.keyword.value.eq_ignore_ascii_case("run"));
    let Some(script) = ShellScript::of(run.expect("there is a RUN")) else {
        return vec!["unread".to_owned()];
    };
    let written = |command: &Command| {
        let words = command.words.iter().map(|word| {
            let written = &text[script.span(&word.range).range()];
            if written == word.text {
                word.text.clone()
            } else {
                format!("{}<{written}>", word.text)
            }
        });
        let mut line = words.collect::<Vec<_>>().join(" ");
        for (mark, is_so) in [
            ("?", !command.is_certain && !command.is_inside),
            ("$", command.is_inside),
            ("|<", command.reads_pipe),
            (">|", command.writes_pipe),
        ] {
            if is_so {
                line.push_str(&format!(" {mark}"));
            }
        }
        line
    };
    script.commands.iter().map(written).collect()
}

#[test]
fn words_are_found_through_continuations_and_comments() {
    let text = "FROM a\nRUN apt-get \\\n# why\n   update && \\\n\n  \"b c\" 'd'e\\\nf \u{1f40b} $X;\\\n g\n";
    let want = ["apt-get update", "b c<\"b c\"> def<'d'e\\\nf> \u{1f40b} $X", "g"];
    assert_eq!(commands(text), want);
    assert_eq!(commands(&text.replace('\n', "\r\n"))[0], "apt-get update");
}

#[test]
fn heredocs_are_scripts_or_input() {
    let text = "FROM a\nRUN <<EOF\nset -e\n  b  c # d\nEOF\n";
    assert_eq!(commands(text), ["set -e", "b c"]);
    assert_eq!(commands("FROM a\nRUN <<-'E'\n\t#!/usr/bin/env bash\n\tb\n\tE\n"), ["b"]);
    assert_eq!(commands("FROM a\nRUN <<E\n#!/usr/bin/python3\nimport x\nE\n"), ["unread"]);
    let text = "FROM a\nRUN cat <<A >x && b <<B && c\nd $(e)\nA\nf\nB\n";
    assert_eq!(commands(text), ["cat", "b", "c"]);
}

#[test]
fn what_is_around_a_command_is_known() {
    let text = "FROM a\nRUN a | b && (c || d); if e; then f; fi; g=\"$(h | i)\" j\nRUN x\n";
    let want = ["a >|", "b |<", "c", "d ?", "e ?", "f ?", "j", "h $ >|", "i $ |<"];
    assert_eq!(commands(text), want);
}

#[test]
fn programs_are_found_behind_wrappers() {
    let text = "FROM a\nRUN A=1 sudo -E -u me env B=2 /usr/bin/apt-get -o x=y install -qy b; exec timeout -k 5 10 c\n";
    let source = grammar::SourceFile::new("Dockerfile", text);
    let script = ShellScript::of(&grammar::parse(&source).tree.statements[1]).unwrap();
    let [apt, c] = script.commands.as_slice() else { panic!("{script:?}") };
    assert_eq!((apt.program(), c.program()), ("apt-get", "c"));
    assert!(apt.wrapper("sudo").is_some() && apt.flag("y", &["yes"]).is_some());
    let operands: Vec<&str> = apt.operands(&["-o"]).map(|it| it.text.as_str()).collect();
    assert_eq!(operands, ["install", "b"]);
    let names: Vec<&str> = apt.assignments.iter().map(|it| it.0.as_str()).collect();
    assert_eq!(names, ["A", "B"]);
}

#[test]
fn the_end_is_where_a_command_may_follow() {
    for (run, want) in [
        ("a && b", Some("a && b|")),
        ("a; b ;", Some("a; b| ;")),
        ("a \\\n  b \\\n  c", Some("a \\\n  b \\\n  c|")),
        ("if a; then b; fi # c", Some("if a; then b; fi| # c")),
        ("a &", None),
        ("a; exit 0", None),
        ("cat <<E\nx\nE", None),
        ("<<E\na\nb\nE", Some("<<E\na\nb|\nE")),
    ] {
        let text = format!("FROM x\nRUN {run}\n");
        let source = grammar::SourceFile::new("Dockerfile", text.as_str());
        let script = ShellScript::of(&grammar::parse(&source).tree.statements[1]).unwrap();
        let found = script.end().map(|span| {
            let mut text = text.clone();
            text.insert(span.end as usize, '|');
            text
        });
        assert_eq!(found, want.map(|want| format!("FROM x\nRUN {want}\n")), "{run}");
    }
}

#[test]
fn nothing_makes_it_panic_or_wait() {
    for piece in [
        "(",
        "$(",
        "{ ",
        "${a:-",
        "\"$(",
        "`",
        "$((",
        "if ",
        "case a in b) ",
        "a && ",
        "a | ",
        "<<X\n",
        "@(",
    ] {
        let text = piece.repeat(40_000 / piece.len());
        ShellScript::read(Word::verbatim(text.clone(), Span::new(0, text.len())));
    }
    // Pieces of shell in any order.
    const PIECES: [&str; 36] = [
        "a",
        " ",
        ";",
        "&&",
        "||",
        "|",
        "&",
        "(",
        ")",
        "{",
        "}",
        "\"",
        "'",
        "`",
        "$",
        "$(",
        "${",
        "$((",
        "\\",
        "\n",
        "<",
        ">",
        "<<E\n",
        "E\n",
        "if ",
        "then ",
        "fi ",
        "case ",
        "in ",
        "esac ",
        "for x ",
        "do ",
        "done ",
        "#",
        "=",
        "\u{1f40b}",
    ];
    let mut seed = 7_u64;
    for _ in 0..3_000 {
        let mut text = String::new();
        for _ in 0..30 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            text.push_str(PIECES[(seed >> 33) as usize % PIECES.len()]);
        }
        let word = Word::verbatim(text.clone(), Span::new(0, text.len()));
        let Some(script) = ShellScript::read(word) else { continue };
        for command in &script.commands {
            for word in &command.words {
                assert!(text.get(word.range.clone()).is_some(), "{text:?}: {word:?}");
            }
        }
        assert!(script.end().is_none_or(|end| text.is_char_boundary(end.end as usize)), "{text:?}");
    }
}
