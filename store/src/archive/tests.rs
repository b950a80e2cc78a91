//! Images through archives and back.

use std::io::Cursor;

use ::oci::manifest::{Compression, Descriptor, media_type};
use ::oci::{ImageConfig, ImageIndex, Manifest, Platform};
use tar::{Builder, EntryType, Header};

use super::layout::{Layout, LayoutName};
use super::*;
use crate::LayOut;
use crate::testing::{small_layer, store};

/// An image of one layer, with two names.
fn image(store: &Store, compression: Compression) -> Archived {
    let packed = store.pack(small_layer(store), compression, None).unwrap();
    let mut config = ImageConfig::default();
    (config.os, config.architecture) = ("linux".into(), Platform::host().architecture);
    config.rootfs.diff_ids = vec![packed.diff_id];
    let bytes = config.to_json();
    let config = store.put_blob(&bytes).unwrap();
    let config = Descriptor::new(media_type::OCI_CONFIG, config, bytes.len() as u64);
    let layer = Descriptor::new(compression.oci_layer(), packed.blob, packed.size);
    let manifest = Manifest::oci(config, vec![layer]).to_json();
    let manifest = store.put_manifest(&manifest, media_type::OCI_MANIFEST).unwrap();
    let names = ["example.org/app:1", "tool"].map(|name| Reference::parse(name).unwrap());
    Archived { manifest, names: names.to_vec() }
}

/// Reads an archive whose images have whole names, or none.
fn read(store: &Store, stream: impl Read + Send) -> Result<Vec<Archived>, StoreError> {
    let archived = |(manifest, loaded): (Digest, Loaded)| {
        assert!(loaded.tags.is_empty());
        Archived { manifest, names: loaded.names }
    };
    Ok(super::read(store, stream)?.into_iter().map(archived).collect())
}

/// The layer of a loaded image can be imported, and holds what it held.
fn check(store: &Store, image: &Archived) {
    let Document::Manifest(manifest) = document(store, &image.manifest).unwrap() else { panic!() };
    let config = store.read_blob(&manifest.config.digest).unwrap();
    let config: ImageConfig = serde_json::from_slice(&config).unwrap();
    let diff_id = config.rootfs.diff_ids[0];
    let id = store.import_layer(&manifest.layers[0].digest, &diff_id, LayOut::Yes).unwrap();
    let file = store.lay_out(id).unwrap().join("a/b");
    assert_eq!(std::fs::read(file).unwrap(), b"hello");
}

#[test]
fn an_oci_archive_comes_back() {
    let (_here, store) = store();
    let image = image(&store, Compression::Zstd);
    let mut bytes = Vec::new();
    oci::write(&store, std::slice::from_ref(&image), &mut bytes).unwrap();
    let mut again = Vec::new();
    oci::write(&store, std::slice::from_ref(&image), &mut again).unwrap();
    assert!(bytes == again, "the same image makes the same archive");
    let gzip = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&bytes).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = zstd::bulk::compress(&bytes, 1).unwrap();
    for stream in [bytes, gzip, zstd] {
        let (_there, other) = super::tests::store();
        let read = read(&other, stream.as_slice()).unwrap();
        assert_eq!(read, std::slice::from_ref(&image));
        assert_eq!(other.images().unwrap().len(), 1);
        check(&other, &read[0]);
    }
}

#[test]
fn a_docker_archive_comes_back_without_zstd() {
    let (_here, store) = store();
    for compression in [Compression::Gzip, Compression::None, Compression::Zstd] {
        let image = image(&store, compression);
        let mut bytes = Vec::new();
        docker::write(&store, std::slice::from_ref(&image), &Platform::host(), &mut bytes).unwrap();
        let (_there, other) = super::tests::store();
        let read = read(&other, bytes.as_slice()).unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].names, image.names);
        assert_eq!(read[0].manifest == image.manifest, compression != Compression::Zstd);
        check(&other, &read[0]);
    }
}

fn add(tar: &mut Builder<Vec<u8>>, path: &str, content: &[u8]) {
    let mut header = Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, path, content).unwrap();
}

/// As `docker save` of Docker 20.10 has it: a folder a layer, the second one a link to the first.
fn old_archive(store: &Store) -> Builder<Vec<u8>> {
    let packed = store.pack(small_layer(store), Compression::None, None).unwrap();
    let layer = std::fs::read(store.blob_path(&packed.blob)).unwrap();
    let mut config = ImageConfig::default();
    config.rootfs.diff_ids = vec![packed.diff_id, packed.diff_id];
    archive_of(&layer, &config)
}

fn archive_of(layer: &[u8], config: &ImageConfig) -> Builder<Vec<u8>> {
    let config = config.to_json();
    let mut tar = Builder::new(Vec::new());
    add(&mut tar, "abc/VERSION", b"1.0");
    add(&mut tar, "abc/json", b"{}");
    add(&mut tar, "abc/layer.tar", layer);
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, "def/layer.tar", "../abc/layer.tar").unwrap();
    add(&mut tar, "c0ffee.json", &config);
    add(&mut tar, "repositories", br#"{"app":{"2":"def"}}"#);
    tar
}

#[test]
fn an_archive_of_an_older_docker() {
    let (_here, store) = store();
    let mut tar = old_archive(&store);
    let json = br#"[{"Config":"c0ffee.json","RepoTags":["app:2"],"Layers":["abc/layer.tar","def/layer.tar"]}]"#;
    add(&mut tar, "manifest.json", json);
    let (_there, other) = super::tests::store();
    let images = read(&other, Cursor::new(tar.into_inner().unwrap())).unwrap();
    assert_eq!(images[0].names, [Reference::parse("app:2").unwrap()]);
    check(&other, &images[0]);
}

#[test]
fn a_tag_alone_is_no_name() {
    let (_here, store) = store();
    for (tags, name) in [
        (r#"["latest"]"#, None),
        (r#"["latest", "<none>:<none>", ""]"#, None),
        (r#"["app:latest", "latest"]"#, Some("app:latest")),
    ] {
        let mut tar = old_archive(&store);
        let layers = r#"["abc/layer.tar","def/layer.tar"]"#;
        let json = format!(r#"[{{"Config":"c0ffee.json","RepoTags":{tags},"Layers":{layers}}}]"#);
        add(&mut tar, "manifest.json", json.as_bytes());
        let read = super::read(&store, Cursor::new(tar.into_inner().unwrap())).unwrap();
        let wanted: Vec<_> = name.into_iter().map(|it| Reference::parse(it).unwrap()).collect();
        assert_eq!(read[0].1, Loaded { names: wanted, tags: vec!["latest".into()] });
    }
    let mut image = image(&store, Compression::Gzip);
    image.names.truncate(1);
    let mut bytes = Vec::new();
    oci::write(&store, std::slice::from_ref(&image), &mut bytes).unwrap();
    // As skopeo and umoci write it: the annotation holds a tag, and nothing holds the name.
    let index = oci::index(&store, &[image]).unwrap();
    assert_eq!(index.manifests[0].annotations[annotation::REF_NAME], "1");
    let mut index = index;
    index.manifests[0].annotations.remove(annotation::CONTAINERD_NAME);
    let mut tar = Builder::new(Vec::new());
    add(&mut tar, "index.json", &index.to_json());
    let read = super::read(&store, Cursor::new(tar.into_inner().unwrap())).unwrap();
    assert_eq!(read[0].1, Loaded { names: vec![], tags: vec!["1".into()] });
}

#[test]
fn an_image_is_what_its_words_say() {
    let (_here, store) = store();
    let packed = store.pack(small_layer(&store), Compression::None, None).unwrap();
    let layer = std::fs::read(store.blob_path(&packed.blob)).unwrap();
    let mut config = ImageConfig::default();
    config.rootfs.diff_ids = vec![packed.diff_id];
    let try_load = |layer: &[u8], config: &ImageConfig| {
        let mut tar = archive_of(layer, config);
        let json = br#"[{"Config":"c0ffee.json","RepoTags":["a:1"],"Layers":["abc/layer.tar"]}]"#;
        add(&mut tar, "manifest.json", json);
        let (folder, other) = super::tests::store();
        let read = read(&other, Cursor::new(tar.into_inner().unwrap()));
        let error = read.map(drop).map_err(|error| error.to_string());
        other.take_back(&[]).unwrap();
        let left = std::fs::read_dir(folder.path().join("blobs/sha256")).unwrap().count();
        let left = left + std::fs::read_dir(folder.path().join("layers")).unwrap().count();
        // What was taken has no name yet.
        assert_eq!((left, other.images().unwrap().len()), (0, 0));
        error
    };
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    try_load(&layer, &config).unwrap();
    try_load(&gzip(&layer), &config).unwrap();
    let mut other = layer.clone();
    let at = other.windows(5).position(|bytes| bytes == b"hello").unwrap();
    other[at] = b'j';
    for layer in [other.clone(), gzip(&other)] {
        let error = try_load(&layer, &config).unwrap_err();
        assert!(error.contains(&format!("{} was expected", packed.diff_id)), "{error}");
    }
    // A file that is said to have 20 GiB, in a few bytes.
    let mut header = Header::new_gnu();
    header.set_path("bomb").unwrap();
    header.set_size(20 << 30);
    header.set_cksum();
    let bomb = [header.as_bytes().as_slice(), &[0; 1 << 20]].concat();
    let error = try_load(&gzip(&bomb), &config).unwrap_err();
    assert!(error.contains("unpacks to more than 17179869184 bytes"), "{error}");
    let error = try_load(&gzip(b"no tar at all"), &config).unwrap_err();
    assert!(error.contains("layer sha256:"), "{error}");
}

#[test]
fn another_blob_of_a_known_layer_is_looked_into() {
    let (_here, store) = store();
    let id = small_layer(&store);
    let packed = store.pack(id, Compression::None, None).unwrap();
    let zstd = |bytes: &[u8]| store.put_blob(&zstd::bulk::compress(bytes, 1).unwrap()).unwrap();
    let tar = std::fs::read(store.blob_path(&packed.blob)).unwrap();
    let (same, other) = (zstd(&tar), zstd(&[&tar[..], &[0; 512]].concat()));
    assert_eq!(store.check_layer(&same, &packed.diff_id).unwrap(), id);
    assert_eq!(store.layer(id).unwrap().packed.len(), 2);
    let error = store.check_layer(&other, &packed.diff_id).unwrap_err();
    assert!(matches!(error, StoreError::Digest { .. }), "{error}");
}

#[test]
fn sizes_and_numbers_of_an_oci_archive() {
    let (_here, store) = store();
    let image = image(&store, Compression::Gzip);
    let whole = oci::index(&store, std::slice::from_ref(&image)).unwrap();
    let Document::Manifest(manifest) = document(&store, &image.manifest).unwrap() else { panic!() };
    let load = |index: &ImageIndex| {
        let mut tar = Builder::new(Vec::new());
        add(&mut tar, "index.json", &index.to_json());
        read(&store, Cursor::new(tar.into_inner().unwrap())).unwrap_err().to_string()
    };
    let of = |manifest: &Manifest| {
        let bytes = manifest.to_json();
        let digest = store.put_blob(&bytes).unwrap();
        ImageIndex::oci(vec![Descriptor::new(media_type::OCI_MANIFEST, digest, bytes.len() as u64)])
    };
    let mut index = whole;
    index.manifests[0].size += 1;
    assert!(load(&index).contains("bytes, and is said to have"), "of the manifest");
    let mut other = manifest.clone();
    other.layers[0].size -= 1;
    assert!(load(&of(&other)).contains("bytes, and is said to have"), "of a layer");
    let mut other = manifest.clone();
    other.layers.push(other.layers[0].clone());
    let error = load(&of(&other));
    assert!(error.contains("an image has 2 layers, and its config speaks of 1"), "{error}");
}

#[test]
fn archives_that_cannot_be_loaded() {
    let (_here, store) = store();
    let load = |json: &str| {
        let mut tar = old_archive(&store);
        add(&mut tar, "manifest.json", json.as_bytes());
        read(&store, Cursor::new(tar.into_inner().unwrap())).unwrap_err().to_string()
    };
    let error = load(r#"[{"Config":"c0ffee.json","Layers":["abc/layer.tar"]}]"#);
    assert!(error.contains("names 1 layers, and the config 2"), "{error}");
    let error = load(r#"[{"Config":"c0ffee.json","Layers":["x","y"]}]"#);
    assert!(error.contains("names `x`, which it does not hold"), "{error}");
    let error = load(r#"[{"Config":"../../etc/passwd","Layers":[]}]"#);
    assert!(error.contains("leads out of the root"), "{error}");
    assert!(load("[").contains("manifest.json of the archive is broken"));
    let nothing = read(&store, Cursor::new(old_archive(&store).into_inner().unwrap()));
    assert!(nothing.unwrap_err().to_string().contains("neither index.json nor manifest.json"));
    let mut tar = Builder::new(Vec::new());
    add(&mut tar, &format!("blobs/sha256/{}", Digest::of(b"good").hex()), b"evil");
    let error = read(&store, Cursor::new(tar.into_inner().unwrap())).unwrap_err();
    assert!(matches!(error, StoreError::Digest { .. }), "{error}");
    let mut tar = Builder::new(Vec::new());
    let absent = Descriptor::new(media_type::OCI_MANIFEST, Digest::of(b"absent"), 6);
    add(&mut tar, "index.json", &ImageIndex::oci(vec![absent]).to_json());
    let error = read(&store, Cursor::new(tar.into_inner().unwrap())).unwrap_err().to_string();
    assert!(error.contains("and does not hold it"), "{error}");
}

#[test]
fn an_index_of_several_comes_back() {
    let (_here, store) = store();
    let member = image(&store, Compression::Gzip);
    let size = store.blob_size(&member.manifest).unwrap();
    let mut descriptor = Descriptor::new(media_type::OCI_MANIFEST, member.manifest, size);
    descriptor.platform = Some(Platform::host());
    let index = ImageIndex::oci(vec![descriptor]).to_json();
    let index = store.put_manifest(&index, media_type::OCI_INDEX).unwrap();
    let image = Archived { manifest: index, names: member.names.clone() };
    let mut bytes = Vec::new();
    oci::write(&store, std::slice::from_ref(&image), &mut bytes).unwrap();
    let (_there, other) = super::tests::store();
    assert_eq!(read(&other, bytes.as_slice()).unwrap(), std::slice::from_ref(&image));
    assert_eq!(other.image(&index).unwrap().unwrap().members, [member.manifest]);
    let mut bytes = Vec::new();
    docker::write(&store, &[image], &Platform::host(), &mut bytes).unwrap();
    assert_eq!(read(&other, bytes.as_slice()).unwrap(), [member]);
}

#[test]
fn a_layout_folder() {
    let (folder, store) = store();
    let image = image(&store, Compression::Gzip);
    let path = folder.path().join("layout");
    oci::write_folder(&store, std::slice::from_ref(&image), &path).unwrap();
    oci::write_folder(&store, std::slice::from_ref(&image), &path).unwrap();
    let layout = Layout::open(&path).unwrap();
    assert_eq!(layout.index().manifests.len(), 2, "a name stands once");
    let config = store.image(&image.manifest).unwrap().unwrap().platform;
    assert!(config.is_some() && layout.index().manifests[0].platform == config);
    for suffix in [":1", ":latest", "", &format!(":1@{}", image.manifest)] {
        let name = LayoutName::parse(&format!("{}{suffix}", path.display())).unwrap();
        assert_eq!(name.path, path);
        assert_eq!(layout.find(&name).unwrap().digest, image.manifest, "{suffix}");
    }
    let name = LayoutName::parse(&format!("{}:9", path.display())).unwrap();
    assert!(layout.find(&name).unwrap_err().to_string().contains("no image with the tag `9`"));
    assert!(LayoutName::parse("x@sha256:short").is_none());
    let (_there, other) = super::tests::store();
    layout.copy_blob(&image.manifest, &other).unwrap();
    assert_eq!(other.read_blob(&image.manifest).unwrap(), layout.read(&image.manifest).unwrap());
    std::fs::write(path.join("blobs/sha256").join(image.manifest.hex()), "evil").unwrap();
    assert!(matches!(layout.read(&image.manifest), Err(StoreError::Digest { .. })));
}
