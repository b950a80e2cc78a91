//! Against a real registry, if DFC_TEST_REGISTRY names one (`localhost:5000`) that may be written to. DFC_TEST_DOCKER_CONFIG is
//! the path of a config.json with the credentials for it.

use super::*;
use crate::client::push::ImageToPush;

#[test]
fn an_image_goes_there_and_back() {
    let Ok(host) = std::env::var("DFC_TEST_REGISTRY") else {
        eprintln!("skipped: DFC_TEST_REGISTRY names no registry");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let store = store::Store::open(&folder.path().join("one")).unwrap();
    let layer: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let image = Image::new(&layer);
    for bytes in [&image.layer, &image.config] {
        store.put_blob(bytes).unwrap();
    }
    let reference = Reference::parse(&format!("{host}/dfc/test:one")).unwrap();
    let to_push = ImageToPush {
        blobs: vec![descriptor(media_type::OCI_CONFIG, &image.config), image.layer_descriptor()],
        media_type: media_type::OCI_MANIFEST.to_owned(),
        manifest: image.manifest.clone(),
        ..ImageToPush::default()
    };
    let credentials = std::env::var("DFC_TEST_DOCKER_CONFIG").map(std::fs::read_to_string);
    let credentials =
        Credentials::parse(&credentials.unwrap_or(Ok(String::new())).unwrap()).unwrap();
    let limits = Limits::default();
    let client = Client::new(Config { limits, credentials, ..config() }).unwrap();
    let pushed = client.push_image(&reference, &to_push, &store, &Quiet).unwrap();
    assert_eq!(pushed.digest, Digest::of(&image.manifest));
    client.push_image(&reference, &to_push, &store, &Quiet).unwrap();
    let mounted = ImageToPush {
        mount_from: [(Digest::of(&layer), vec![reference.clone()])].into(),
        ..to_push
    };
    let other = Reference::parse(&format!("{host}/dfc/other:two")).unwrap();
    client.push_image(&other, &mounted, &store, &Quiet).unwrap();

    let second = store::Store::open(&folder.path().join("two")).unwrap();
    let found = client.resolve(&other, &amd64(), &Quiet).unwrap();
    assert_eq!(found.digest, pushed.digest);
    client.fetch_image(&found, &second, &Quiet).unwrap();
    assert_eq!(second.blob_size(&Digest::of(&layer)).unwrap(), layer.len() as u64);
    assert_eq!(client.head(&other, &Quiet).unwrap().digest, pushed.digest);
    let missing = reference.with_tag("nope").unwrap();
    let error = client.resolve(&missing, &amd64(), &Quiet).unwrap_err();
    assert!(matches!(error, RegistryError::NotFound { .. }), "{error}");
}

#[test]
fn an_image_of_another_tool_is_fetched() {
    let Ok(name) = std::env::var("DFC_TEST_IMAGE") else {
        eprintln!("skipped: DFC_TEST_IMAGE names no image of a registry");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let store = store::Store::open(folder.path()).unwrap();
    let client = Client::new(Config { limits: Limits::default(), ..config() }).unwrap();
    let reference = Reference::parse(&name).unwrap();
    let found = client.resolve(&reference, &Platform::host(), &Quiet).unwrap();
    client.fetch_image(&found, &store, &Quiet).unwrap();
    assert!(found.manifest.layers.iter().all(|layer| store.has_blob(&layer.digest)));
}
