//! Manifests, indexes and telling one from the other.

use super::*;
use crate::MAX_MANIFEST;

const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn descriptor(media_type: &str, platform: Option<&str>) -> Descriptor {
    let platform = platform.map(|text| Platform::parse(text).unwrap());
    Descriptor { platform, ..Descriptor::new(media_type, Digest::of(b""), 0) }
}

fn manifest_json() -> String {
    format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"c","digest":"sha256:{HEX}","size":2}},"layers":null,"annotations":null}}"#
    )
}

#[test]
fn documents_are_known_by_media_type_or_shape() {
    let manifest = manifest_json();
    let index = r#"{"schemaVersion":2,"manifests":[]}"#;
    let typed = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":null}"#;
    for (text, content_type, is_index) in [
        (manifest.as_str(), None, false),
        (&manifest, Some("application/json; charset=utf-8"), false),
        (&manifest, Some(media_type::DOCKER_MANIFEST), false),
        (index, None, true),
        (index, Some(media_type::DOCKER_LIST), true),
        (typed, None, true),
        (typed, Some("text/plain"), true),
    ] {
        let document = Document::parse(text.as_bytes(), content_type).unwrap();
        assert_eq!(matches!(document, Document::Index(_)), is_index, "{text} {content_type:?}");
    }
}

#[test]
fn documents_that_could_be_read_two_ways_are_refused() {
    let both = r#"{"schemaVersion":2,"config":{},"layers":[],"manifests":[]}"#;
    let typed = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    let manifest = manifest_json();
    for (text, content_type) in [
        (both, None),
        (typed, Some(media_type::OCI_MANIFEST)),
        (r#"{"schemaVersion":2,"manifests":[]}"#, Some(media_type::OCI_MANIFEST)),
        (&manifest, Some(media_type::OCI_INDEX)),
        (r#"{"schemaVersion":2}"#, None),
    ] {
        let error = Document::parse(text.as_bytes(), content_type).expect_err(text);
        assert!(matches!(error, DocumentError::Ambiguous(_) | DocumentError::Json(_)), "{error}");
    }
}

#[test]
fn other_documents_are_refused_with_a_reason() {
    let parse = |text: &str, kind| Document::parse(text.as_bytes(), kind).unwrap_err();
    assert!(matches!(parse(r#"{"schemaVersion":1}"#, None), DocumentError::Schema1));
    let v1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    assert!(matches!(parse("{}", Some(v1)), DocumentError::Schema1));
    let artifact = parse("{}", Some("application/vnd.example+json")).to_string();
    assert_eq!(artifact, "a manifest of the type `application/vnd.example+json` is not an image");
    assert!(matches!(parse("<html>", None), DocumentError::Json(_)));
    let big = vec![b' '; MAX_MANIFEST as usize + 1];
    assert!(matches!(Document::parse(&big, None), Err(DocumentError::TooBig(_))));
}

#[test]
fn the_image_for_a_platform_is_chosen() {
    let kind = media_type::OCI_MANIFEST;
    let mut index = ImageIndex::oci(vec![
        descriptor(kind, Some("unknown/unknown")),
        descriptor("application/vnd.example+json", Some("linux/amd64")),
        descriptor(kind, Some("linux/arm/v6")),
        descriptor(kind, Some("linux/amd64")),
    ]);
    let chosen = |index: &ImageIndex, text| {
        let platform = Platform::parse(text).unwrap();
        let position = |found: &Descriptor| index.manifests.iter().position(|d| d == found);
        index.choose(&platform).and_then(position)
    };
    assert_eq!(chosen(&index, "linux/amd64"), Some(3));
    assert_eq!(chosen(&index, "linux/arm/v7"), Some(2));
    assert_eq!(chosen(&index, "linux/riscv64"), None);
    assert_eq!(index.platforms().len(), 3);
    index.manifests.push(descriptor(kind, None));
    assert_eq!(chosen(&index, "linux/riscv64"), Some(4));
    assert_eq!(chosen(&index, "linux/amd64"), Some(3));
}

#[test]
fn layers_say_how_they_are_packed() {
    for (text, expected) in [
        (media_type::OCI_LAYER, Some(Compression::None)),
        (media_type::OCI_LAYER_GZIP, Some(Compression::Gzip)),
        (media_type::OCI_LAYER_ZSTD, Some(Compression::Zstd)),
        (media_type::DOCKER_LAYER_GZIP, Some(Compression::Gzip)),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", Some(Compression::Gzip)),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", Some(Compression::Gzip)),
        ("application/vnd.oci.image.layer.v1.tar+xz", None),
        (media_type::OCI_CONFIG, None),
    ] {
        assert_eq!(descriptor(text, None).compression(), expected, "{text}");
    }
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        assert_eq!(Compression::of_media_type(compression.oci_layer()), Some(compression));
        assert_eq!(Compression::of_media_type(compression.docker_layer()), Some(compression));
    }
}

#[test]
fn json_of_a_manifest_is_stable() {
    let layer = descriptor(media_type::OCI_LAYER_GZIP, None);
    let manifest = Manifest::oci(descriptor(media_type::OCI_CONFIG, None), vec![layer]);
    let bytes = manifest.to_json();
    let Document::Manifest(read) = Document::parse(&bytes, None).unwrap() else { panic!("index") };
    assert_eq!(read.to_json(), bytes);
}
