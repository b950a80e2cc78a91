//! Tables of names, after those of distribution/reference.

use super::*;

const HEX: &str = "7cc4b5aefd1d0cadf8d97d4350462ba51c694ebca145b08d7d41b41acc8db5aa";

#[test]
fn names_are_taken_apart_and_shown() {
    // written, full form, familiar form
    let table = [
        ("python:2.7-slim", "docker.io/library/python:2.7-slim", "python:2.7-slim"),
        ("alpine", "docker.io/library/alpine:latest", "alpine:latest"),
        ("docker.io/alpine", "docker.io/library/alpine:latest", "alpine:latest"),
        ("index.docker.io/alpine", "docker.io/library/alpine:latest", "alpine:latest"),
        ("library/alpine", "docker.io/library/alpine:latest", "alpine:latest"),
        ("docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"),
        ("user/image:1", "docker.io/user/image:1", "user/image:1"),
        ("localhost/x", "localhost/x:latest", "localhost/x:latest"),
        ("localhost", "docker.io/library/localhost:latest", "localhost:latest"),
        ("localhost:5000", "docker.io/library/localhost:5000", "localhost:5000"),
        ("localhost:5000/x", "localhost:5000/x:latest", "localhost:5000/x:latest"),
        ("localhost:5000/x/y:v1.0_-", "localhost:5000/x/y:v1.0_-", "localhost:5000/x/y:v1.0_-"),
        ("host:80/x", "host:80/x:latest", "host:80/x:latest"),
        ("ghcr.io/a/b", "ghcr.io/a/b:latest", "ghcr.io/a/b:latest"),
        ("127.0.0.1/x", "127.0.0.1/x:latest", "127.0.0.1/x:latest"),
        ("[::1]/x:y", "[::1]/x:y", "[::1]/x:y"),
        ("[2001:db8::1]:5000/x", "[2001:db8::1]:5000/x:latest", "[2001:db8::1]:5000/x:latest"),
        ("Foo/bar", "Foo/bar:latest", "Foo/bar:latest"),
        (
            "a__b/c--d---e/f_g.h",
            "docker.io/a__b/c--d---e/f_g.h:latest",
            "a__b/c--d---e/f_g.h:latest",
        ),
        ("x:UPPER", "docker.io/library/x:UPPER", "x:UPPER"),
        ("x:_", "docker.io/library/x:_", "x:_"),
    ];
    for (written, full, familiar) in table {
        let reference =
            Reference::parse(written).unwrap_or_else(|error| panic!("{written}: {error}"));
        assert_eq!(reference.to_string(), full, "{written}");
        assert_eq!(reference.familiar(), familiar, "{written}");
        assert_eq!(Reference::parse(full).unwrap(), reference, "{written}");
    }
}

#[test]
fn digests_stand_alone_or_beside_a_tag() {
    let pinned = Reference::parse(&format!("alpine@sha256:{HEX}")).unwrap();
    assert_eq!((pinned.tag.as_deref(), pinned.digest.unwrap().hex().as_str()), (None, HEX));
    assert_eq!(pinned.selector(), format!("sha256:{HEX}"));
    let both = Reference::parse(&format!("alpine:3@sha256:{HEX}")).unwrap();
    assert_eq!(both.to_string(), format!("docker.io/library/alpine:3@sha256:{HEX}"));
    assert_eq!(both.familiar_name(), "alpine");
    assert_eq!(both.with_tag("4").unwrap().to_string(), "docker.io/library/alpine:4");
    assert_eq!(both.with_tag("a b"), Err(ReferenceError::Tag));
    let untagged = Reference::parse_untagged("alpine").unwrap();
    assert_eq!((untagged.tag.as_deref(), untagged.selector().as_str()), (None, "latest"));
}

#[test]
fn broken_names_are_refused_in_the_words_of_distribution() {
    let format = "invalid reference format";
    let long = "a".repeat(256);
    let (long_tag, short_digest) =
        (format!("x:{}", "a".repeat(129)), format!("x@sha256:{}", &HEX[..40]));
    let (upper_digest, sha512) =
        (format!("x:t@sha256:{}", HEX.to_uppercase()), format!("x@sha512:{HEX}{HEX}"));
    let table = [
        ("", format),
        (":latest", format),
        ("@x", format),
        ("x:", format),
        ("x@", format),
        ("x/", format),
        ("/x", format),
        ("a//b", format),
        (" x", format),
        ("x y", format),
        ("-x", format),
        ("x-", format),
        ("x..y", format),
        ("x___y", format),
        ("x._y", format),
        ("x@sha256:abc", format),
        ("x:a:b", format),
        ("host:port/x", format),
        ("[::1/x", format),
        ("[fe80::1%eth0]/x", format),
        ("ex-.com/x", format),
        ("$BASE", "invalid reference format: repository name (library/$BASE) must be lowercase"),
        ("Alpine", "invalid reference format: repository name (library/Alpine) must be lowercase"),
        ("ghcr.io/A/b:T", "invalid reference format: repository name (A/b) must be lowercase"),
        ("A_B/x", "repository name must be lowercase"),
        (
            HEX,
            &format!("invalid repository name ({HEX}), cannot specify 64-byte hexadecimal strings"),
        ),
        (&long, "repository name must not be more than 255 characters"),
        (&long_tag, format),
        (&short_digest, "invalid checksum digest length"),
        (&upper_digest, "invalid checksum digest format"),
        (&sha512, "unsupported digest algorithm"),
    ];
    for (written, expected) in table {
        let error = Reference::parse(written).expect_err(written);
        assert_eq!(error.to_string(), expected, "{written}");
    }
}

#[test]
fn goes_through_json_as_text() {
    let reference: Reference = serde_json::from_str("\"alpine:3\"").unwrap();
    assert_eq!(serde_json::to_string(&reference).unwrap(), "\"docker.io/library/alpine:3\"");
    assert!(serde_json::from_str::<Reference>("\"A B\"").is_err());
}
