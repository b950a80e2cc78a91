//! Tables of patterns and paths, after those of moby/patternmatcher.

use super::matcher::{Kind, translate};
use super::*;

fn ignoring(patterns: &[&str]) -> IgnoreFile {
    IgnoreFile::from_patterns("--exclude", patterns).unwrap_or_else(|error| panic!("{error}"))
}

/// As a walk comes to a path: through each of its parents.
fn walked(file: &IgnoreFile, path: &str) -> Verdict {
    let mut verdict = Verdict::default();
    for (position, _) in path.match_indices('/') {
        verdict = file.enter(&verdict, &path.as_bytes()[..position]);
    }
    file.enter(&verdict, path.as_bytes())
}

#[test]
fn one_pattern_matches_a_path_or_a_parent() {
    for (pattern, path, expected) in [
        ("**", "file", true),
        ("**/", "file", true),
        ("**", "dir/file", true),
        ("**/**", "dir/file", true),
        ("dir/**", "dir", false),
        ("dir/**", "dir/file", true),
        ("dir/**", "dir/dir2/file", true),
        ("dir/**/**", "dir/x", true),
        ("**/dir", "dir", true),
        ("**/dir", "dir/file", true),
        ("**/dir", "xdir", false),
        ("**/dir2/*", "dir/dir2/file", true),
        ("**/dir2/**", "dir/dir2/dir3/file", true),
        ("**file", "file", true),
        ("**file", "dir/file", true),
        ("**file", "dir/myfile", true),
        ("**/file", "dir/myfile", false),
        ("**file*", "myfile", false),
        ("**file*", "a/file1", true),
        ("**/file*", "dir/dir/file.txt", true),
        ("**/file*txt", "dir/dir/file.txt", true),
        ("**/file*.txt*", "dir/dir/file.txt", true),
        ("**/**/*.txt", "dir/dir/file.txt", true),
        ("**/**/*.txt", "file.txt", true),
        ("**/**/*.txt2", "dir/dir/file.txt", false),
        ("a**/*.txt", "a/file.txt", true),
        ("a**/*.txt", "a/dir/dir/file.txt", true),
        ("a**/*.txt", "ab/file.txt", true),
        ("a**/*.txt", "b/file.txt", false),
        ("a**b", "ab", true),
        ("a**b", "a/x/b", true),
        ("a**b", "ax/b", true),
        ("a/**/b", "a/b", true),
        ("a/**/b", "a/x/y/b", true),
        ("a/**/b", "a/xb", false),
        ("a/*.txt", "a/dir/file.txt", false),
        ("a/*.txt**", "a/file.txt", true),
        ("***", "a/b", true),
        ("a[b-d]e", "ae", false),
        ("a[b-d]e", "ace", true),
        ("a[^b-d]e", "aze", true),
        ("a[^b-d]e", "a/e", true),
        ("a[!b]e", "ace", false),
        ("a[!b]e", "a!e", true),
        (".*", ".foo", true),
        (".*", "foo", false),
        ("abc.def", "abcZdef", false),
        ("abc?def", "abcZdef", true),
        ("abc?def", "abc/def", false),
        ("abc", "x/abc", false),
        ("*", "a/b/c", true),
        ("*/b", "a/b/c", true),
        ("*/*/*", "a/b", false),
        ("**/.foo", "bar.foo", false),
        ("a(b)c/def", "a(b)c/def", true),
        ("a.|)$(}+{bc", "a.|)$(}+{bc", true),
        ("{a,b}*", "a", false),
        ("dist/*.whl", "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl", true),
        (r"a\\", r"a\", true),
        (r"a\*b", "a*b", true),
        (r"a\*b", "axb", false),
        (r"a\?", "a?", true),
        (r"\!a", "!a", true),
        ("a*b*c", "a1b2c", true),
        ("a b*", "a b c", true),
        ("[a-ζ]*", "α", true),
        ("?", "☺", true),
        ("./a/../b/", "b", true),
        ("a//b", "a/b", true),
        ("../a", "a", false),
        ("..", "a", false),
        (".", "a", false),
        ("/a", "a", false),
        ("a/b", "a", false),
    ] {
        let file = ignoring(&[pattern]);
        assert_eq!(file.matches(path.as_bytes()), expected, "{pattern} {path}");
        assert_eq!(walked(&file, path).is_ignored, expected, "{pattern} {path} in a walk");
    }
}

#[test]
fn oddities_of_the_expression_are_kept() {
    for (pattern, path, expected) in [
        // The inside of a class is translated, too.
        ("[*]", "*", false),
        ("[*]", "[^/]", true),
        ("[?]", "^]", true),
        ("[a.b]", ".", true),
        // Letters after a backslash are the expression's escapes.
        (r"bin\Debug", "binXebug", true),
        (r"bin\Debug", r"bin\Debug", false),
        (r"v\d", "v7", true),
        (r"a\x2fb", "a/b", true),
        (r"a\055b", "a-b", true),
        (r"a\bb", "ab", false),
        (r"a\b-*", "a-x", true),
        (r"[\w]x", "_x", true),
        (r"[\W]x", "_x", false),
        (r"[\W]x", "-x", true),
        ("[[:digit:]]x", "5x", true),
        ("[[:^digit:]]x", "5x", false),
        // A `^` is an anchor, but in a plain pattern.
        ("^a", "^a", true),
        ("^a*", "^ab", false),
        ("^a*", "ab", true),
        ("a^b*", "a^b", false),
        // `.` does not match a line's end.
        ("**/x*", "a\nb/x", false),
        ("a*", "a\nb", true),
    ] {
        assert_eq!(ignoring(&[pattern]).matches(path.as_bytes()), expected, "{pattern} {path:?}");
    }
}

#[test]
fn the_last_pattern_wins() {
    let table: &[(&[&str], &str, bool, Option<usize>)] = &[
        (&["!file", "*.go"], "file.go", true, Some(2)),
        (&["*.go", "!file.go"], "file.go", false, Some(2)),
        (&["docs", "!docs/README.md"], "docs/README.md", false, Some(2)),
        (&["docs", "!docs/README.md"], "docs/x", true, Some(1)),
        (&["docs/*", "!docs/README.md"], "docs/README.md", false, Some(2)),
        (&["**", "!util/docker/web"], "util/docker/web/foo", false, Some(2)),
        (&["**", "!util/docker/web", "util/docker/web/foo"], "util/docker/web/foo", true, Some(3)),
        (&["**", "!dist/*.whl"], "dist/a+b.whl", false, Some(2)),
        (&["a", "!a", "a/b", "!a/b/c"], "a/b/c/d", false, Some(4)),
        (&["a", "!b"], "c", false, None),
        (&["*", "!*"], "x/y", false, Some(2)),
    ];
    for (patterns, path, expected, line) in table {
        let file = ignoring(patterns);
        assert_eq!(file.matches(path.as_bytes()), *expected, "{patterns:?} {path}");
        assert_eq!(walked(&file, path).is_ignored, *expected, "{patterns:?} {path} in a walk");
        assert_eq!(
            file.decided_by(path.as_bytes()).map(|rule| rule.line),
            *line,
            "{patterns:?} {path}"
        );
    }
}

#[test]
fn a_walk_forgets_exceptions_that_nothing_needed() {
    let file = ignoring(&["a/b", "!a"]);
    assert!(!file.matches(b"a/b"));
    assert!(walked(&file, "a/b").is_ignored);
}

#[test]
fn folders_are_left_out_only_if_nothing_comes_back() {
    let table: &[(&[&str], &str, bool)] = &[
        (&["a"], "a", false),
        (&["a", "!b"], "a", false),
        (&["a", "!a/x"], "a", true),
        (&["a", "!a/x/y"], "a/x", true),
        (&["a", "!a/x/y"], "a/z", false),
        (&["*", "!*/keep"], "a", true),
        (&["*", "!*/keep"], "a/b", false),
        (&["*", "!?/keep"], "abc", false),
        (&["*", "!**/keep"], "a/b", true),
        (&["*", "!a/**/keep"], "a/b/c", true),
        (&["*", "!a/**/keep"], "b", false),
        (&["*", "!a/**"], "a", true),
        (&["*", "!a/**"], "ab", false),
        (&["!a/x", "a"], "a", false),
        (&["*", "!a"], "a/b", false),
        (&["*", "!src/*.c"], "src", true),
        (&["*", "!src/*.c"], "srcs", false),
        (&["*", "!s*/*.c"], "src", true),
    ];
    for (patterns, folder, expected) in table {
        let file = ignoring(patterns);
        let verdict = walked(&file, folder);
        assert_eq!(
            file.could_reinclude_below(&verdict, folder.as_bytes()),
            *expected,
            "{patterns:?} {folder}"
        );
    }
}

#[test]
fn files_are_read_line_by_line() {
    let text = "\u{feff}# comment\r\n  # no comment\r\n\r\n /abs/path/ \n! /kept \n!/\u{a0}x\na/../b\n./c\n//d\n\t\ne\\ f";
    let file = IgnoreFile::parse(".dockerignore", text).unwrap();
    let rules: Vec<(usize, String)> =
        file.rules().iter().map(|rule| (rule.line, rule.to_string())).collect();
    let expected = [
        (2, "# no comment"),
        (4, "abs/path"),
        (5, "!kept"),
        (6, "!\u{a0}x"),
        (7, "b"),
        (8, "c"),
        (9, "d"),
        (11, "e\\ f"),
    ];
    assert_eq!(rules, expected.map(|(line, rule)| (line, rule.to_owned())));
    assert!(file.has_exceptions() && !file.is_empty());
    assert!(IgnoreFile::parse("x", "").unwrap().is_empty());
    assert!(IgnoreFile::parse("x", "\u{feff}#a\n#b").unwrap().is_empty());
}

#[test]
fn broken_files_are_refused_with_the_line() {
    for (text, line, message) in [
        ("a\n!", 2, "failed parsing .dockerignore: illegal exclusion pattern: \"!\" (line 2)"),
        ("!/", 1, "failed parsing .dockerignore: illegal exclusion pattern: \"!\" (line 1)"),
        ("a\n\n[b", 3, "failed parsing .dockerignore: line 3: syntax error in pattern `[b`"),
        ("!a[]b", 1, "failed parsing .dockerignore: line 1: syntax error in pattern `!a[]b`"),
        ("obj\\", 1, "failed parsing .dockerignore: line 1: syntax error in pattern `obj\\`"),
        ("[z-a]", 1, "failed parsing .dockerignore: line 1: syntax error in pattern `[z-a]`"),
        (
            r"src\main",
            1,
            r"failed parsing .dockerignore: line 1: syntax error in pattern `src\main`",
        ),
        (
            "[Local-Only]/",
            1,
            "failed parsing .dockerignore: line 1: syntax error in pattern `[Local-Only]`",
        ),
        (
            r"\p{Greek}",
            1,
            r"failed parsing .dockerignore: line 1: syntax error in pattern `\p{Greek}`",
        ),
    ] {
        let error = IgnoreFile::parse(".dockerignore", text).expect_err(text);
        assert_eq!((error.line(), error.to_string().as_str()), (line, message));
    }
    let long = format!("a\n{}", "b".repeat(MAX_LINE + 1));
    assert!(matches!(IgnoreFile::parse("x", &long), Err(IgnoreError::LongLine { line: 2, .. })));
}

#[test]
fn names_need_not_be_utf8() {
    assert!(ignoring(&["a*b"]).matches(b"a\xffb"));
    assert!(ignoring(&["?"]).matches(b"\xff"));
    assert!(ignoring(&["**/*.o"]).matches(b"\xff/\xfe.o"));
    assert!(!ignoring(&["x"]).matches(b"\xff"));
}

#[test]
fn no_pattern_hangs() {
    let pattern = format!("{}b", "**/*a".repeat(300));
    let path = "a/".repeat(1_000);
    assert!(!ignoring(&[&pattern]).matches(path.as_bytes()));
    let stars = format!("{}b*", "*a".repeat(300));
    assert!(!ignoring(&[&stars]).matches("a".repeat(4_000).as_bytes()));
}

#[test]
fn patterns_become_the_expressions_of_patternmatcher() {
    for (pattern, kind, expression) in [
        ("*", Kind::Expression, "[^/]*"),
        ("a*/b", Kind::Expression, "a[^/]*/b"),
        ("**", Kind::Suffix, ""),
        ("**/**", Kind::Expression, "(.*/)?.*"),
        ("dir/**", Kind::Prefix, "dir/"),
        ("**/dir", Kind::Suffix, "(.*/)?dir"),
        ("**/dir2/**", Kind::Expression, "(.*/)?dir2/.*"),
        ("**/**/*.txt", Kind::Expression, r"(.*/)?(.*/)?[^/]*\.txt"),
        ("a[b-d]e", Kind::Expression, "a[b-d]e"),
        ("abc.def", Kind::Exact, r"abc\.def"),
        ("a.b/**", Kind::Prefix, r"a\.b/"),
    ] {
        assert_eq!(translate(pattern), (kind, expression.to_owned()), "{pattern}");
    }
}

#[test]
fn there_is_a_limit_to_everything() {
    let limit = |text: &str| match IgnoreFile::parse(".dockerignore", text) {
        Err(IgnoreError::TooMuch { line, limit, .. }) => Some((line, limit)),
        Ok(_) | Err(_) => None,
    };
    let patterns = "a\n".repeat(10_000);
    assert_eq!(limit(&patterns), None);
    assert_eq!(limit(&(patterns + "b")), Some((10_001, 10_000)));
    assert_eq!(limit(&"#\n".repeat(1 << 19)), None);
    assert_eq!(limit(&("#\n".repeat(1 << 19) + "#")), Some((524_289, 1 << 20)));
    assert_eq!(limit(&"**/".repeat(1_366)), Some((1, 4096)));
}
