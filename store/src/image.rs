//! Images and their names. An image is a manifest (or an index of several) that the database knows; what it refers to
//! may be elsewhere.

use std::collections::BTreeMap;

use oci::manifest::{Document, media_type};
use oci::{Digest, ImageConfig, Manifest, Platform, Reference};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::db::digest;
use crate::error::{Doing, StoreError};
use crate::lease::{Hold, Lease};
use crate::store::{Store, now};

/// An image of the store.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageRecord {
    /// Digest of its manifest, or of the index of several.
    pub manifest: Digest,
    /// Media type of that.
    pub media_type: String,
    /// Digest of the config, which is its id for people; `None` for an index.
    pub config: Option<Digest>,
    /// What machine it is for; `None` for an index.
    pub platform: Option<Platform>,
    /// `created` of the config, RFC 3339.
    pub created: Option<String>,
    /// The sum of its layers' blobs and config, in bytes.
    pub size: u64,
    /// When it came into the store, seconds since 1970.
    pub added: i64,
    /// Its names, sorted.
    pub names: Vec<Reference>,
    /// The manifests of an index.
    pub members: Vec<Digest>,
}

impl Store {
    /// Stores a manifest or an index; what it refers to need not be here. The config should be, for then the image has
    /// a platform and a time.
    pub fn put_manifest(&self, bytes: &[u8], media_type: &str) -> Result<Digest, StoreError> {
        let found = self.described(bytes, media_type)?;
        let manifest = self.put_blob(bytes)?;
        let doing = || "add an image".to_owned();
        let is_new = self.db.write("add an image", |db| {
            let is_known = is_known(db, &manifest).doing(doing)?;
            insert_image(db, &manifest, &found).doing(doing)?;
            Ok(!is_known)
        })?;
        if is_new {
            self.made().images.insert(manifest);
        }
        Ok(manifest)
    }

    /// Gives an image a name, which it takes from any other. A name without a tag gets `latest`; a digest in it does
    /// not count.
    pub fn tag(&self, name: &Reference, manifest: &Digest) -> Result<(), StoreError> {
        let doing = || "tag an image".to_owned();
        let is_tagged = self.db.write("tag an image", |db| {
            let is_known = is_known(db, manifest).doing(doing)?;
            if is_known {
                insert_tag(db, name, manifest).doing(doing)?;
            }
            Ok(is_known)
        })?;
        if is_tagged {
            return Ok(());
        }
        // Somebody else has removed it since it was put here or found; its bytes are still here.
        let bytes = self.read_blob(manifest)?;
        let media_type = crate::archive::parse(&bytes, manifest)?.media_type().to_owned();
        let found = self.described(&bytes, &media_type)?;
        self.db.write("tag an image", |db| {
            insert_image(db, manifest, &found)
                .and_then(|()| insert_tag(db, name, manifest))
                .doing(doing)
        })
    }

    /// Takes a name away; `false` if there was none.
    pub fn untag(&self, name: &Reference) -> Result<bool, StoreError> {
        let sql = "DELETE FROM tag WHERE registry = ?1 AND repository = ?2 AND tag = ?3";
        let values = params![name.registry, name.repository, tag_of(name)];
        Ok(self.db.execute("untag an image", sql, values)? > 0)
    }

    /// Forgets an image that has no name, and is no part of another unless that is `wanted_part`; `false` if nothing was
    /// removed. Its bytes go with the next prune.
    pub fn remove_image(&self, manifest: &Digest, wanted_part: bool) -> Result<bool, StoreError> {
        // One statement: it may get a name at any moment.
        let sql = "DELETE FROM image WHERE manifest = ?1
                   AND NOT EXISTS (SELECT 1 FROM tag WHERE tag.manifest = ?1)
                   AND (?2 OR NOT EXISTS (SELECT 1 FROM member WHERE member.manifest = ?1))";
        let values = params![manifest.as_bytes(), wanted_part];
        Ok(self.db.execute("remove an image", sql, values)? > 0)
    }

    /// All images, the newest first.
    pub fn images(&self) -> Result<Vec<ImageRecord>, StoreError> {
        self.db.read("list images", |db| {
            let mut ask =
                db.prepare_cached("SELECT * FROM image ORDER BY added DESC, rowid DESC")?;
            let mut images: Vec<ImageRecord> =
                ask.query_map([], read_image)?.collect::<Result<_, _>>()?;
            // Two questions for all of them, rather than two for each.
            let sql = "SELECT manifest, registry, repository, tag FROM tag ORDER BY 2, 3, 4";
            let mut names: BTreeMap<Digest, Vec<Reference>> = BTreeMap::new();
            let mut ask = db.prepare_cached(sql)?;
            let mut rows = ask.query([])?;
            while let Some(row) = rows.next()? {
                let (registry, repository, tag) = (row.get(1)?, row.get(2)?, Some(row.get(3)?));
                let name = Reference { registry, repository, tag, digest: None };
                names.entry(digest(row, "manifest")?).or_default().push(name);
            }
            let sql = "SELECT parent, manifest FROM member ORDER BY parent, position";
            let mut members: BTreeMap<Digest, Vec<Digest>> = BTreeMap::new();
            let mut ask = db.prepare_cached(sql)?;
            let mut rows = ask.query([])?;
            while let Some(row) = rows.next()? {
                members.entry(digest(row, "parent")?).or_default().push(digest(row, "manifest")?);
            }
            for image in &mut images {
                image.names = names.remove(&image.manifest).unwrap_or_default();
                image.members = members.remove(&image.manifest).unwrap_or_default();
            }
            Ok(images)
        })
    }

    /// One image by its manifest's digest.
    pub fn image(&self, manifest: &Digest) -> Result<Option<ImageRecord>, StoreError> {
        let held = self.hold()?;
        let found = self.db.read("read an image", |db| by_manifest(db, manifest))?;
        self.lease_image(&held, found.as_ref());
        Ok(found)
    }

    /// The image with this name: by its digest if the name has one, else by its tag.
    pub fn image_named(&self, name: &Reference) -> Result<Option<ImageRecord>, StoreError> {
        let held = self.hold()?;
        let found = self.db.read("look for an image", |db| by_name(db, name))?;
        self.lease_image(&held, found.as_ref());
        Ok(found)
    }

    /// Notes that an image is in use, and with it all that it consists of.
    fn lease_image(&self, held: &Hold<'_>, image: Option<&ImageRecord>) {
        for digest in image.iter().flat_map(|it| std::iter::once(&it.manifest).chain(&it.members)) {
            self.lease(held, Lease::Blob(*digest));
        }
    }

    /// The image that a person means: a digest, a name, an id or the beginning of one (in this order).
    pub fn resolve(&self, text: &str) -> Result<Option<ImageRecord>, StoreError> {
        let hex = text.strip_prefix("sha256:").unwrap_or(text);
        let is_hex = !hex.is_empty() && hex.len() <= 64;
        let is_hex = is_hex && hex.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        let named = match Reference::parse(text) {
            Ok(name) if hex.len() == text.len() => self.image_named(&name)?,
            Ok(_) | Err(_) => None,
        };
        if named.is_some() || !is_hex {
            return Ok(named);
        }
        let held = self.hold()?;
        let found: Vec<ImageRecord> = self.db.read("look for an image", |db| {
            let sql = "SELECT * FROM image
                       WHERE lower(hex(config)) GLOB ?1 || '*' OR lower(hex(manifest)) GLOB ?1 || '*'
                       ORDER BY added DESC, rowid DESC";
            let mut ask = db.prepare_cached(sql)?;
            let images: Vec<ImageRecord> =
                ask.query_map([hex], read_image)?.collect::<Result<_, _>>()?;
            images.into_iter().map(|image| complete(db, image)).collect()
        })?;
        let mut images = found.into_iter();
        let Some(first) = images.next() else { return Ok(None) };
        // Several manifests with one config are one image in different packing.
        if images.any(|other| other.config != first.config || first.config.is_none()) {
            return Err(StoreError::Ambiguous(text.to_owned()));
        }
        self.lease_image(&held, Some(&first));
        Ok(Some(first))
    }

    /// What the words of a manifest or an index tell.
    fn described(&self, bytes: &[u8], media_type: &str) -> Result<Described, StoreError> {
        let document = Document::parse(bytes, Some(media_type)).map_err(|err| {
            StoreError::Archive { what: "the manifest".into(), why: err.to_string() }
        })?;
        let found = match &document {
            Document::Index(index) => {
                let members = index.manifests.iter().map(|it| it.digest).collect();
                Described { members, ..Described::default() }
            }
            Document::Manifest(manifest) => self.describe(manifest)?,
        };
        Ok(Described { media_type: media_type.to_owned(), ..found })
    }

    fn describe(&self, manifest: &Manifest) -> Result<Described, StoreError> {
        let mut found = Described {
            config: Some(manifest.config.digest),
            size: manifest.layers.iter().map(|layer| layer.size).sum::<u64>()
                + manifest.config.size,
            ..Described::default()
        };
        if media_type::is_config(&manifest.config.media_type)
            && self.has_blob(&manifest.config.digest)
        {
            let bytes = self.read_blob(&manifest.config.digest)?;
            let what = || format!("the config {}", manifest.config.digest);
            let config: ImageConfig = serde_json::from_slice(&bytes)
                .map_err(|source| StoreError::Json { what: what(), source })?;
            found.platform = Some(config.platform());
            found.created = config.created;
        }
        Ok(found)
    }
}

/// What a manifest tells.
#[derive(Default)]
struct Described {
    media_type: String,
    config: Option<Digest>,
    platform: Option<Platform>,
    created: Option<String>,
    size: u64,
    members: Vec<Digest>,
}

fn to_json(platform: &Platform) -> String {
    serde_json::to_string(platform).expect("a platform has a form in JSON")
}

/// Adds an image; again, so that what is known now (the config came later) is noted.
fn insert_image(db: &Connection, manifest: &Digest, found: &Described) -> rusqlite::Result<()> {
    let Described { media_type, config, platform, created, size, members } = found;
    let sql = "INSERT INTO image (manifest, media_type, config, platform, created, size, added)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
               ON CONFLICT DO UPDATE SET platform = ?4, created = ?5, size = ?6";
    let key = manifest.as_bytes();
    let config = config.as_ref().map(|it| it.as_bytes().as_slice());
    let platform = platform.as_ref().map(to_json);
    let values = params![key, media_type, config, platform, created, size.cast_signed(), now()];
    db.prepare_cached(sql)?.execute(values)?;
    let sql = "INSERT OR IGNORE INTO member (parent, position, manifest) VALUES (?1, ?2, ?3)";
    for (position, member) in (0_i64..).zip(members) {
        db.prepare_cached(sql)?.execute(params![key, position, member.as_bytes()])?;
    }
    Ok(())
}

fn insert_tag(db: &Connection, name: &Reference, manifest: &Digest) -> rusqlite::Result<()> {
    let sql = "INSERT INTO tag (registry, repository, tag, manifest) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT DO UPDATE SET manifest = ?4";
    let values = params![name.registry, name.repository, tag_of(name), manifest.as_bytes()];
    db.prepare_cached(sql)?.execute(values).map(drop)
}

fn is_known(db: &Connection, manifest: &Digest) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM image WHERE manifest = ?1")?.exists([manifest.as_bytes()])
}

fn tag_of(name: &Reference) -> &str {
    name.tag.as_deref().unwrap_or("latest")
}

fn by_manifest(db: &Connection, manifest: &Digest) -> rusqlite::Result<Option<ImageRecord>> {
    let mut ask = db.prepare_cached("SELECT * FROM image WHERE manifest = ?1")?;
    let image = ask.query_row([manifest.as_bytes()], read_image).optional()?;
    image.map(|image| complete(db, image)).transpose()
}

fn by_name(db: &Connection, name: &Reference) -> rusqlite::Result<Option<ImageRecord>> {
    if let Some(manifest) = &name.digest {
        return by_manifest(db, manifest);
    }
    let sql = "SELECT manifest FROM tag WHERE registry = ?1 AND repository = ?2 AND tag = ?3";
    let values = params![name.registry, name.repository, tag_of(name)];
    let found =
        db.prepare_cached(sql)?.query_row(values, |row| digest(row, "manifest")).optional()?;
    found.map_or(Ok(None), |manifest| by_manifest(db, &manifest))
}

fn read_image(row: &Row<'_>) -> rusqlite::Result<ImageRecord> {
    let config: Option<[u8; 32]> = row.get("config")?;
    let platform: Option<String> = row.get("platform")?;
    let size: i64 = row.get("size")?;
    Ok(ImageRecord {
        manifest: digest(row, "manifest")?,
        media_type: row.get("media_type")?,
        config: config.map(Digest::from_bytes),
        platform: platform.and_then(|text| serde_json::from_str(&text).ok()),
        created: row.get("created")?,
        size: size.cast_unsigned(),
        added: row.get("added")?,
        names: Vec::new(),
        members: Vec::new(),
    })
}

fn complete(db: &Connection, mut image: ImageRecord) -> rusqlite::Result<ImageRecord> {
    let key = image.manifest.as_bytes();
    let sql = "SELECT registry, repository, tag FROM tag WHERE manifest = ?1 ORDER BY 1, 2, 3";
    let name = |row: &Row<'_>| {
        let (registry, repository) = (row.get(0)?, row.get(1)?);
        Ok(Reference { registry, repository, tag: Some(row.get(2)?), digest: None })
    };
    image.names = db.prepare_cached(sql)?.query_map([key], name)?.collect::<Result<_, _>>()?;
    let sql = "SELECT manifest FROM member WHERE parent = ?1 ORDER BY position";
    let member = |row: &Row<'_>| digest(row, "manifest");
    image.members = db.prepare_cached(sql)?.query_map([key], member)?.collect::<Result<_, _>>()?;
    Ok(image)
}

#[cfg(test)]
mod tests {
    use oci::manifest::Descriptor;

    use super::*;
    use crate::gc::PrunePolicy;
    use crate::testing::store;

    fn image(store: &Store, author: &str) -> (Digest, Digest) {
        let mut config = ImageConfig { author: Some(author.into()), ..ImageConfig::default() };
        (config.os, config.architecture) = ("linux".into(), "amd64".into());
        let config = store.put_blob(&config.to_json()).unwrap();
        let manifest = Manifest::oci(Descriptor::new(media_type::OCI_CONFIG, config, 7), vec![]);
        (store.put_manifest(&manifest.to_json(), media_type::OCI_MANIFEST).unwrap(), config)
    }

    #[test]
    fn an_image_is_found_by_name_digest_and_beginning() {
        let (_folder, store) = store();
        let (manifest, config) = image(&store, "a");
        let (other, _) = image(&store, "b");
        let name = Reference::parse("example/app").unwrap();
        store.tag(&name, &manifest).unwrap();
        for text in [
            "example/app",
            "example/app:latest",
            &manifest.to_string(),
            &config.to_string(),
            &config.hex(),
            &config.hex()[..12],
            &format!("example/app@{manifest}"),
        ] {
            let found = store.resolve(text).unwrap().unwrap_or_else(|| panic!("{text} is there"));
            assert_eq!((found.manifest, found.config), (manifest, Some(config)), "{text}");
            assert_eq!(found.names, std::slice::from_ref(&name));
            assert_eq!(found.platform, Some(Platform::linux("amd64")));
        }
        assert_eq!(store.resolve("example/other").unwrap(), None);
        store.tag(&name, &other).unwrap();
        assert_eq!(store.image_named(&name).unwrap().unwrap().manifest, other);
        assert!(store.image(&manifest).unwrap().unwrap().names.is_empty());
        assert_eq!(store.images().unwrap().len(), 2);
        assert!(!store.remove_image(&other, true).unwrap(), "it has a name");
        assert!(store.untag(&name).unwrap() && !store.untag(&name).unwrap());
        assert!(
            store.remove_image(&other, false).unwrap()
                && !store.remove_image(&other, false).unwrap()
        );
    }

    #[test]
    fn a_beginning_of_two_is_refused() {
        let (_folder, store) = store();
        for author in 0..20 {
            image(&store, &author.to_string());
        }
        let ids: Vec<String> =
            store.images().unwrap().iter().map(|it| it.config.unwrap().hex()).collect();
        let shared = ids.iter().find(|id| ids.iter().filter(|it| it[..1] == id[..1]).count() > 1);
        let error = store.resolve(&shared.unwrap()[..1]).unwrap_err();
        assert!(matches!(error, StoreError::Ambiguous(_)), "{error}");
    }

    #[test]
    fn what_is_removed_meanwhile_gets_its_name_all_the_same() {
        let (folder, store) = store();
        let (manifest, config) = image(&store, "a");
        let other = Store::open(folder.path()).unwrap();
        let all = PrunePolicy { untagged: true, ..PrunePolicy::default() };
        assert_eq!(other.prune(&all).unwrap().images, [], "it is about to be named");
        other.remove_image(&manifest, false).unwrap();
        other.prune(&all).unwrap();
        let name = Reference::parse("x").unwrap();
        store.tag(&name, &manifest).unwrap();
        let found = other.image_named(&name).unwrap().unwrap();
        assert_eq!((found.config, found.platform), (Some(config), Some(Platform::linux("amd64"))));
    }

    #[test]
    fn only_what_is_there_gets_a_name() {
        let (_folder, store) = store();
        let name = Reference::parse("x").unwrap();
        assert!(matches!(store.tag(&name, &Digest::of(b"?")), Err(StoreError::NoBlob(_))));
    }
}
