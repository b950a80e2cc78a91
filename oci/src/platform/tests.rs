//! Tables of platforms, after those of containerd/platforms.

use super::*;

#[test]
fn specifiers_are_parsed_and_normalized() {
    let host = Platform::host();
    let linux_host = format!("linux/{}", host.architecture);
    // written, parsed, normal form
    let table = [
        ("linux/amd64", "linux/amd64", "linux/amd64"),
        ("linux/x86_64", "linux/amd64", "linux/amd64"),
        ("Linux/X86-64", "linux/amd64", "linux/amd64"),
        ("linux/amd64/v1", "linux/amd64", "linux/amd64"),
        ("linux/amd64/v2", "linux/amd64/v2", "linux/amd64/v2"),
        ("linux/i386", "linux/386", "linux/386"),
        ("linux/aarch64", "linux/arm64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64/v8", "linux/arm64"),
        ("linux/arm64/8", "linux/arm64/v8", "linux/arm64"),
        ("linux/arm64/9", "linux/arm64/v9", "linux/arm64/v9"),
        ("linux/arm", "linux/arm", "linux/arm/v7"),
        ("linux/arm/v7", "linux/arm/v7", "linux/arm/v7"),
        ("linux/arm/6", "linux/arm/v6", "linux/arm/v6"),
        ("linux/armhf", "linux/arm", "linux/arm/v7"),
        ("linux/armel", "linux/arm/v6", "linux/arm/v6"),
        ("linux", &linux_host, &linux_host),
        ("arm64", "linux/arm64", "linux/arm64"),
        ("armhf", "linux/arm", "linux/arm/v7"),
        ("s390x", "linux/s390x", "linux/s390x"),
        ("macos/arm64", "darwin/arm64", "darwin/arm64"),
        ("foo/bar", "foo/bar", "foo/bar"),
        ("foo/bar/baz", "foo/bar/baz", "foo/bar/baz"),
    ];
    for (written, parsed, normal) in table {
        let platform =
            Platform::parse(written).unwrap_or_else(|error| panic!("{written}: {error}"));
        assert_eq!(platform.to_string(), parsed, "{written}");
        assert_eq!(platform.normalized().to_string(), normal, "{written}");
    }
    assert_eq!(Platform::default().to_string(), "unknown");
    assert_eq!(host, host.normalized());
}

#[test]
fn options_of_the_system_are_kept() {
    let platform = Platform::parse("windows(10.0.17763+win32k+a%2Bb)/amd64").unwrap();
    assert_eq!(platform.os_version.as_deref(), Some("10.0.17763"));
    assert_eq!(platform.os_features, ["win32k", "a+b"]);
    assert_eq!(platform.with_os_options(), "windows(10.0.17763+a%2Bb+win32k)/amd64");
    assert_eq!(platform.to_string(), "windows/amd64");
    assert!(Platform::parse("windows(1%zz)/amd64").is_err());
    assert!(Platform::parse("windows(1+)/amd64").is_err());
}

#[test]
fn broken_specifiers_are_refused_in_the_words_of_containerd() {
    let part = r#"platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid argument"#;
    let table = [
        ("*", r#""*": wildcards not yet supported: invalid argument"#.to_owned()),
        ("foo", r#""foo": unknown operating system or architecture: invalid argument"#.to_owned()),
        ("linux/", format!(r#""" is an invalid component of "linux/": {part}"#)),
        ("linux/a b", format!(r#""a b" is an invalid component of "linux/a b": {part}"#)),
        ("linux/arm/$V", format!(r#""$V" is an invalid component of "linux/arm/$V": {part}"#)),
        ("a/b/c/d", r#""a/b/c/d": cannot parse platform specifier: invalid argument"#.to_owned()),
    ];
    for (written, expected) in table {
        assert_eq!(Platform::parse(written).expect_err(written).to_string(), expected);
    }
    for written in ["", "/amd64", "lin ux/amd64", "linux(/amd64", "a/b/c/d/e"] {
        assert!(Platform::parse(written).is_err(), "{written}");
    }
    let error = Platform::parse("").unwrap_err().to_string();
    assert!(error.starts_with(r#""" is an invalid OS component of """#), "{error}");
}

#[test]
fn the_best_of_an_index_is_chosen() {
    // wanted, what there is, what is taken
    let table: &[(&str, &[&str], Option<&str>)] = &[
        ("linux/amd64", &["linux/arm64", "linux/amd64"], Some("linux/amd64")),
        ("linux/amd64", &["linux/386", "linux/arm64"], Some("linux/386")),
        ("linux/amd64", &["linux/amd64/v2", "linux/386"], Some("linux/386")),
        ("linux/amd64/v3", &["linux/amd64", "linux/amd64/v2"], Some("linux/amd64/v2")),
        ("linux/amd64/v3", &["linux/386", "linux/amd64"], Some("linux/amd64")),
        ("linux/amd64", &["linux/arm64"], None),
        ("linux/amd64", &["windows/amd64"], None),
        ("linux/arm/v7", &["linux/arm/v5", "linux/arm/v6"], Some("linux/arm/v6")),
        ("linux/arm", &["linux/arm/v5", "linux/arm/v7"], Some("linux/arm/v7")),
        ("linux/arm/v6", &["linux/arm/v7", "linux/arm/v5"], Some("linux/arm/v5")),
        ("linux/arm/v6", &["linux/arm/v7"], None),
        ("linux/arm64", &["linux/arm/v7", "linux/arm64/v8"], Some("linux/arm64/v8")),
        ("linux/arm64", &["linux/arm/v6", "linux/arm/v7"], Some("linux/arm/v7")),
        ("linux/arm64/v9", &["linux/arm64", "linux/arm64/v8.5"], Some("linux/arm64/v8.5")),
        ("linux/arm64", &["linux/arm64/v8.1"], None),
        ("linux/s390x", &["linux/s390x"], Some("linux/s390x")),
    ];
    for (wanted, there, taken) in table {
        let wanted = Platform::parse(wanted).unwrap();
        let there: Vec<Platform> =
            there.iter().map(|text| Platform::parse(text).unwrap()).collect();
        let chosen = wanted.choose(there.iter().map(|platform| (platform, platform)));
        assert_eq!(chosen.map(Platform::to_string).as_deref(), *taken, "{wanted}: {there:?}");
    }
}

#[test]
fn builds_of_windows_must_be_the_same() {
    let wanted = Platform::parse("windows(10.0.17763.1)/amd64").unwrap();
    assert!(wanted.matches(&Platform::parse("windows(10.0.17763.99)/amd64").unwrap()));
    assert!(!wanted.matches(&Platform::parse("windows(10.0.20348)/amd64").unwrap()));
    assert!(wanted.matches(&Platform::parse("windows/amd64").unwrap()));
}
