//! Files that are made to be too much: each is refused with the limit it breaks, and what is just below is not. Were
//! anything quadratic in such a file, these tests would be the slow ones.

use compiler::{BuildOptions, Compiled};
use grammar::limits::{
    MAX_ERRORS, MAX_FILE, MAX_INSTRUCTION, MAX_INSTRUCTIONS, MAX_NESTING, MAX_VARIABLES, MAX_WORDS,
};
use grammar::{Diagnostic, Parse, Severity, SourceFile};
use oci::Platform;

use crate::compile::Images;

/// What is wrong with a file, and the line of each mistake.
fn errors(text: &str) -> Vec<(String, u32)> {
    let file = SourceFile::new("Dockerfile", text);
    let Parse { tree, diagnostics } = grammar::parse(&file);
    let build_platform = Some(Platform::linux("amd64"));
    let options = BuildOptions { build_platform, all_stages: true, ..BuildOptions::default() };
    let Compiled { diagnostics: more, .. } = compiler::compile(&tree, &file, &options, &Images);
    let line = |found: &Diagnostic| found.span().map_or(0, |span| file.lines().line(span.start));
    let all = diagnostics.iter().chain(&more).filter(|found| found.severity == Severity::Error);
    all.map(|found| (format!("{}: {}", found.code, found.message), line(found))).collect()
}

/// Checks that the first thing wrong with a file is that it is too large, there, and why.
#[track_caller]
fn refused(text: &str, line: u32, why: &str) {
    let errors = errors(text);
    let (message, at) = errors.first().expect("it is refused");
    assert!(message.starts_with("too-large: "), "{message}");
    assert!(message.ends_with(why), "{message}");
    assert_eq!(*at, line, "{message}");
}

#[track_caller]
fn accepted(text: &str) {
    assert_eq!(errors(text), []);
}

/// A line as often as it takes, with its number in place of `#`.
fn lines(line: &str, count: usize) -> String {
    (0..count).map(|number| line.replace('#', &number.to_string())).collect()
}

/// Variables `A0` to `A20`, each twice as long as the one before; the last has `length << 20` bytes.
fn doubling(keyword: &str, length: usize) -> String {
    let first = format!("{keyword} A0={}\n", "a".repeat(length));
    let double = |number| format!("{keyword} A{}=$A{number}$A{number}\n", number + 1);
    first + &(0..20).map(double).collect::<String>()
}

#[test]
fn a_file_has_a_size() {
    let comment = "#\n".repeat((MAX_FILE - "FROM a\n".len()) / 2) + "FROM a\n";
    accepted(&comment);
    refused(&(comment + "\n\n"), 2_097_151, "4194304 bytes");
}

#[test]
fn a_file_has_so_many_instructions() {
    accepted(&lines("FROM a\n", 1_000));
    refused(&lines("FROM a\n", MAX_INSTRUCTIONS + 5), 10_001, "10000 instructions");
    refused(
        &("FROM a\n".to_owned() + &lines("ENV A#=b\n", MAX_INSTRUCTIONS)),
        10_001,
        "10000 instructions",
    );
}

#[test]
fn a_file_has_so_many_words() {
    let words = |count: usize| format!("FROM a\nCMD [\\\n{}\"\"]\n", "\"\",\\\n".repeat(count - 1));
    accepted(&words(MAX_WORDS - 1));
    refused(&words(MAX_WORDS), 2, "100000 words");
    accepted(&format!("FROM a\nENV {}\n", lines("A#=b \\\n", 20_000)));
    refused(&format!("FROM a\nCOPY {} /\n", lines("<<E# \\\n", MAX_WORDS)), 2, "words");
}

#[test]
fn an_instruction_has_a_size() {
    let line = "a".repeat(999) + "\\\n";
    accepted(&format!("FROM a\nRUN {}\n", line.repeat(1_000)));
    refused(
        &format!("FROM a\nRUN {}\n", line.repeat(2_000)),
        1_051,
        &format!("{MAX_INSTRUCTION} bytes"),
    );
}

#[test]
fn errors_end() {
    for line in ["FORM a\n", "# escape=x\n", "COPY a\n", "RUN --x=y a\n"] {
        let found = errors(&line.repeat(5_000)).len();
        assert!((MAX_ERRORS..2 * MAX_ERRORS + 10).contains(&found), "{found} of {line}");
    }
    let found = errors(&("FROM a\n".to_owned() + &lines("COPY --from=9# a b\n", 5_000))).len();
    assert_eq!(found, MAX_ERRORS + 1);
}

#[test]
fn depth_is_counted_and_not_occurrences() {
    let body = |line: &str, count: usize| format!("FROM a\nCOPY <<E /b\n{}E\n", line.repeat(count));
    accepted(&body("${a:-\"x\"} ${b:+'}'} ${c/\\//d}\n", 1_000));
    accepted(&format!("FROM a\nENV {}\n", "A=\"${a:-\"${b:-'}'}\"}\" \\\n".repeat(1_000)));
    let nested =
        |depth: usize| format!("FROM a\nENV A={}{}\n", "${a:-".repeat(depth), "}".repeat(depth));
    accepted(&nested(MAX_NESTING));
    for text in [nested(MAX_NESTING + 1), nested(10_000), body("${a:-\n", 10_000)] {
        let why = errors(&text);
        assert!(why[0].0.ends_with("more than 100 substitutions inside one another"), "{why:?}");
    }
    let why = errors(&body("$a$b$c\n", MAX_VARIABLES));
    assert!(why[0].0.ends_with("more than 100000 substitutions in one word"), "{why:?}");
}

#[test]
fn what_a_file_makes_has_a_size() {
    let refused = |text: &str| {
        let errors = errors(text);
        let (message, _) = errors.first().expect("it is refused");
        assert_eq!(message, "too-large: the expanded file has more than 33554432 bytes");
    };
    let big = doubling("ARG", 2);
    refused(&format!("FROM a\n{big}{}", lines("ARG B#=$A20\n", 50)));
    refused(&format!("{big}{}FROM a\n", lines("ARG B#=$A20\n", 50)));
    // Bases that are named so, and stages that begin with all that another made.
    refused(&(big + &lines("FROM A$A20 AS s#\n", 50)));
    refused(&format!("FROM a AS s\n{}{}", doubling("ENV", 1), lines("FROM s\n", 50)));
    // Environments, names and histories of commands; ports; triggers.
    let variables = lines("ENV A#=b\n", 1_000);
    refused(&format!("FROM a\n{variables}{}", "RUN c\n".repeat(1_000)));
    refused(&("FROM a\n".to_owned() + &"EXPOSE 1-65535\n".repeat(20)));
    let triggers = lines("ONBUILD RUN a\n", 1_000);
    refused(&format!("FROM a AS s\n{triggers}{}", "FROM s\n".repeat(1_000)));
}

#[test]
fn an_expansion_has_a_size() {
    refused(&("FROM a\n".to_owned() + &doubling("ARG", 5)), 22, "4194304 bytes");
    let big = "FROM a\n".to_owned() + &doubling("ARG", 2);
    refused(&format!("{big}ENV B=${{A20//a/$A20}}\n"), 23, "4194304 bytes");
    refused(&format!("{big}ENV B=${{A20##$A20}}\n"), 23, "(more than 67108864 steps)");
    refused(&format!("{big}{}", "ENV B=${A20##*a*a*b}\n".repeat(20)), 28, "33554432 bytes");
}
