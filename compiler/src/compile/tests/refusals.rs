//! What is refused, where it points, and what it says.

use crate::testing::{TestWorld, errors, options};
use crate::world::BuildOptions;

#[test]
fn one_mistake_each() {
    for (text, word, message) in [
        ("", "", "the Dockerfile cannot be empty"),
        ("ARG A", "", "dockerfile contains no stages to build"),
        ("FROM $X", "$X", "base name ($X) should not be blank"),
        (
            "FROM Busy",
            "Busy",
            "failed to parse stage name \"Busy\": invalid reference format: repository name (library/Busy) must be lowercase",
        ),
        ("FROM busybx", "busybx", "busybx: not found (did you mean busybox?)"),
        ("FROM --platform=$X busybox", "$X", "empty platform value from expression $X"),
        ("FROM busybox\nENV A=${B:?say}", "${B:?say}", "B: say"),
        ("FROM busybox\nENV A=${B@Q}", "@", "unsupported modifier (@) in substitution"),
        ("FROM busybox\nCOPY --from=3 a b", "3", "invalid stage index 3"),
        (
            "FROM busybox\nCOPY --chmod=999 a b",
            "999",
            "invalid chmod parameter: '999'. it should be octal string and between 0 and 07777",
        ),
        ("FROM busybox\nCOPY https://h/x /", "https://h/x", "source can't be a URL for COPY"),
        ("FROM busybox\nSTOPSIGNAL SIGX", "SIGX", "invalid signal: SIGX"),
        ("FROM busybox\nEXPOSE http", "http", "invalid containerPort: http"),
        ("FROM busybox\nRUN --mount=target=/ true", "/", "invalid mount target \"/\""),
        (
            "FROM busybox\nRUN --mount=type=cach,target=/c true",
            "cach",
            "unsupported mount type \"cach\" (did you mean cache?)",
        ),
        (
            "FROM busybox\nRUN --security=insecure true",
            "insecure",
            "security.insecure is not allowed",
        ),
        ("FROM busybox\nRUN []", "RUN []", "arguments are required"),
        (
            "# check=what\nFROM busybox",
            "what",
            "failed to parse check options: invalid check option \"what\"",
        ),
    ] {
        assert_eq!(errors(text, &options()), [(word.into(), message.into())], "{text}");
    }
}

#[test]
fn several_mistakes_are_all_told_but_not_what_follows_from_them() {
    let text = "FROM nosuchimage AS a\nFROM a AS b\nEXPOSE x\nFROM busybox\nEXPOSE y\nSTOPSIGNAL z\nCOPY --from=b / /\n";
    let words: Vec<String> = errors(text, &options()).into_iter().map(|(word, _)| word).collect();
    assert_eq!(words, ["nosuchimage", "x", "y", "z"]);
}

#[test]
fn stages_come_in_order() {
    let later = "FROM busybox AS one\nCOPY --from=two /x /\nFROM busybox AS two\nFROM one\n";
    assert_eq!(
        errors(later, &options()),
        [(
            "two".into(),
            "cannot copy from stage \"two\", it needs to be defined before current stage \"one\""
                .into()
        )]
    );
    let circle = "FROM busybox AS a\nCOPY --from=b / /\nFROM busybox AS b\nCOPY --from=a / /\n";
    assert_eq!(
        errors(circle, &options()),
        [("a".into(), "circular dependency detected on stage: a".into())]
    );
}

#[test]
fn targets_are_suggested() {
    let wrong = BuildOptions { target: Some("biuld".into()), ..options() };
    assert_eq!(
        errors("FROM busybox AS build\nFROM busybox", &wrong),
        [("".into(), "target stage \"biuld\" could not be found (did you mean build?)".into())]
    );
}

#[test]
fn triggers_of_this_file_point_at_their_words() {
    let text = "FROM busybox AS base\nONBUILD COPY --from=7 / /\nFROM base\n";
    let compiled = TestWorld::default().compile(text, &options());
    let [error] = compiled.diagnostics.as_slice() else { panic!("{:?}", compiled.diagnostics) };
    let places: Vec<&str> = error
        .labels
        .iter()
        .map(|label| {
            let id = label.span.source;
            let source = compiled.sources.iter().find(|it| it.id() == id).unwrap();
            source.slice(label.span)
        })
        .collect();
    assert_eq!((error.message.as_str(), places), ("invalid stage index 7", vec!["7", "base"]));
}

#[test]
fn images_of_triggers_of_this_file_point_at_their_words() {
    let text = "FROM busybox AS base\nONBUILD COPY --from=Xy / /\nFROM base\n";
    let compiled = TestWorld::default().compile(text, &options());
    let [error] = compiled.diagnostics.as_slice() else { panic!("{:?}", compiled.diagnostics) };
    let places: Vec<&str> = error.labels.iter().map(|label| &text[label.span.range()]).collect();
    assert_eq!((error.code, places), ("invalid-reference", vec!["Xy", "base"]));
}

#[test]
fn circles_hide_no_other_mistakes() {
    let text = "FROM busybox AS a\nCOPY --from=a /x /\nFROM busybox\nEXPOSE x ${X:?} y\n";
    let words: Vec<String> = errors(text, &options()).into_iter().map(|(word, _)| word).collect();
    assert_eq!(words, ["a", "${X:?}", "x", "y"]);
}

#[test]
fn an_instruction_is_searched_to_its_end() {
    for (text, want) in [
        ("FROM busybox\nENV A=${X:?} B=\"${Y:=z}\"\n", vec!["${X:?}", ":="]),
        ("FROM busybox\nCOPY --chmod=9 ${X:?} ${Y:?}\n", vec!["9", "${X:?}", "${Y:?}"]),
        ("FROM busybox\nEXPOSE a 80 b\n", vec!["a", "b"]),
        ("FROM busybox\nRUN --mount=type=bnd --mount=uid=x,bad=1 a\n", vec!["bnd", "x", "bad"]),
    ] {
        let words: Vec<String> =
            errors(text, &options()).into_iter().map(|(word, _)| word).collect();
        assert_eq!(words.len(), want.len(), "{text}: {words:?}");
        for (word, want) in words.iter().zip(want) {
            assert!(word.starts_with(want), "{text}: {words:?}");
        }
    }
}

#[test]
fn bytes_that_are_no_utf8() {
    let compile = |bytes: &[u8]| {
        let file = grammar::SourceFile::from_bytes("Dockerfile", bytes);
        let tree = grammar::parse(&file).tree;
        crate::compile(&tree, &file, &options(), &TestWorld::default()).diagnostics
    };
    assert_eq!(compile(b"FROM busybox\n# Jos\xe9\nLABEL by=Jos\xe9\nRUN a\n"), []);
    for (bytes, start) in [
        (&b"FROM busybox\nRUN echo Jos\xe9\n"[..], 25),
        (b"FROM busybox\nENV A=Jos\xe9\nRUN a\n", 22),
        (b"FROM busybox\nCOPY <<E /x\nJos\xe9\nE\n", 28),
    ] {
        let found = compile(bytes);
        let [error] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((error.code, error.span().unwrap().start), ("not-utf8", start));
    }
}

#[test]
fn broken_ignore_files_are_shown() {
    let world = TestWorld { ignore_file: Some("a\n[\n".into()), ..TestWorld::default() };
    let compiled = world.compile("FROM busybox\n", &options());
    let span = compiled.diagnostics[0].span().unwrap();
    let source = compiled.sources.iter().find(|it| it.id() == span.source).unwrap();
    assert_eq!((source.name(), source.slice(span)), (".dockerignore", "["));
}

#[test]
fn texts_that_grow_without_end_are_refused() {
    let text = format!("FROM busybox\nENV A=0123456789\n{}RUN x\n", "ENV A=$A$A$A$A\n".repeat(60));
    let words: Vec<(String, String)> = errors(&text, &options());
    assert_eq!(words, [("$A".into(), "the expansion has more than 4194304 bytes".into())]);
}
