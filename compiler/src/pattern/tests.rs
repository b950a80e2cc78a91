//! Tables of patterns and names.

use super::*;

#[test]
fn names_match_as_in_go() {
    for (pattern, name, expected) in [
        ("", "", true),
        ("", "a", false),
        ("abc", "abc", true),
        ("abc", "abd", false),
        ("*", "", true),
        ("*", "abc", true),
        ("*", "a/b", false),
        ("**", "a/b", false),
        ("*c", "abc", true),
        ("a*", "a", true),
        ("a*", "ab/c", false),
        ("a*/b", "abc/b", true),
        ("a*/b", "a/c/b", false),
        ("a*b*c*d*e*/f", "axbxcxdxe/f", true),
        ("a*b*c*d*e*/f", "axbxcxdxexxx/f", true),
        ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", false),
        ("a*b*c*d*e*/f", "axbxcxdxexxx/fff", false),
        ("a*b?c*x", "abxbbxdbxebxczzx", true),
        ("a*b?c*x", "abxbbxdbxebxczzy", false),
        ("*x", "xxx", true),
        ("*ab", "aab", true),
        ("ab[c]", "abc", true),
        ("ab[b-d]", "abc", true),
        ("ab[e-g]", "abc", false),
        ("ab[^c]", "abc", false),
        ("ab[^e-g]", "abc", true),
        ("ab[!c]", "abc", true),
        ("ab[!c]", "ab!", true),
        ("ab[!c]", "abd", false),
        ("[z-a]", "b", false),
        ("[a-cx-z]", "y", true),
        ("[a^]", "^", true),
        ("a[^b]c", "a/c", true),
        ("a[/]c", "a/c", true),
        (r"a\*b", "a*b", true),
        (r"a\*b", "ab", false),
        (r"\a\\", "a\\", true),
        (r"[\]a]", "]", true),
        (r"[\-]", "-", true),
        (r"[x\-]", "z", false),
        (r"[\-x]", "x", true),
        ("a]b", "a]b", true),
        ("a-b", "a-b", true),
        ("[*]", "*", true),
        ("[?]", "?", true),
        ("[*]", "a", false),
        ("a?b", "a☺b", true),
        ("a[^a]b", "a☺b", true),
        ("a???b", "a☺b", false),
        ("[a-ζ]*", "α", true),
        ("*[a-ζ]", "A", false),
        ("a?b", "a/b", false),
        ("a*b", "a/b", false),
        ("{a,b}", "a", false),
        ("é*", "état", true),
    ] {
        let parsed = Pattern::parse(pattern).unwrap_or_else(|_| panic!("{pattern} is bad"));
        assert_eq!(parsed.matches(name.as_bytes()), expected, "{pattern} {name}");
    }
}

#[test]
fn names_need_not_be_utf8() {
    let matches = |pattern: &str, name: &[u8]| Pattern::parse(pattern).unwrap().matches(name);
    assert!(matches("a?b", b"a\xffb"));
    assert!(matches("a*b", b"a\xff\xfeb"));
    assert!(!matches("a?b", b"a\xff\xfeb"));
    assert!(matches("a[^x]b", b"a\xffb"));
    assert!(matches("?", "é".as_bytes()));
    assert!(!matches("?", b"\xc3\xa9\xa9"));
}

#[test]
fn broken_patterns_are_found_wherever_they_break() {
    for pattern in [
        "[", "[^", "[^bc", "a[", "[]a]", "[]", "[^]", "[-]", "[x-]", "[-x]", "[a-b-c]", r"\",
        r"a\", r"[\", r"[a\", r"[a\]", "[a-]", "a*[", "x*y[a", "*[]",
    ] {
        assert_eq!(Pattern::parse(pattern), Err(BadPattern), "{pattern}");
    }
    assert_eq!(BadPattern.to_string(), "syntax error in pattern");
}

#[test]
fn many_stars_take_no_time() {
    let pattern = Pattern::parse(&"*a".repeat(200)).unwrap();
    let mut name = "a".repeat(5_000);
    assert!(pattern.matches(name.as_bytes()));
    name.push('b');
    let pattern = Pattern::parse(&format!("{}c", "*a".repeat(200))).unwrap();
    assert!(!pattern.matches(name.as_bytes()));
}

#[test]
fn wildcards_may_be_escaped() {
    for (path, expected) in [
        ("a/b", false),
        ("a*", true),
        ("?", true),
        ("[a]", true),
        (r"\*", false),
        (r"\\*", true),
        (r"\[a", false),
        ("]", false),
    ] {
        assert_eq!(has_wildcards(path), expected, "{path}");
    }
}

#[test]
fn globs_split_at_the_first_wildcard() {
    for (source, base, matching, others) in [
        ("*.go", "", vec!["a.go"], vec!["a/b.go", "a.c"]),
        ("./src/*/x", "src", vec!["a/x"], vec!["a/y", "a/b/x", "a"]),
        ("/src/*", "/src", vec!["a"], vec!["a/b"]),
        ("/*", "/", vec!["a"], vec![]),
        ("a/../b/c?", "b", vec!["cd"], vec!["c"]),
        ("a/b", "a/b", vec!["anything"], vec![]),
    ] {
        let glob = Glob::parse(source).unwrap();
        assert_eq!(glob.base, base, "{source}");
        assert!(matching.iter().all(|path| glob.matches(path.as_bytes())), "{source}");
        assert!(!others.iter().any(|path| glob.matches(path.as_bytes())), "{source}");
    }
    assert!(Glob::parse("a/[").is_err());
}

#[test]
fn folders_that_cannot_hold_a_match_are_known() {
    for (source, folder, expected) in [
        ("*/b/*.go", "x", true),
        ("*/b/*.go", "x/b", true),
        ("*/b/*.go", "x/c", false),
        ("*/b/*.go", "x/b/c", false),
        ("*.go", "x", false),
        ("s*/x", "t", false),
        ("a[^b]c", "a", true),
        ("x/y", "x", false),
    ] {
        assert_eq!(
            Glob::parse(source).unwrap().could_match_below(folder.as_bytes()),
            expected,
            "{source} {folder}"
        );
    }
}
