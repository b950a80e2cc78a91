//! Reading an OCI image archive, or layout folder, into a normal form that two builders can be held
//! against: configuration, history, number of layers, and every path that differs from the base.
//! Every digest on the way is checked.

mod tree;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use libtest_mimic::Failed;
use serde_json::{Map, Value, json};

use crate::bases::sha256;
pub(crate) use tree::Tree;

/// The bytes of an OCI image layout, by the names of its files.
#[derive(Debug)]
pub(crate) struct Layout {
    files: BTreeMap<String, Vec<u8>>,
}

/// The layer that an image begins with: paths that are as in it are left out of the normal form.
#[derive(Debug)]
pub(crate) struct Base {
    diff_id: String,
    tree: Tree,
}

impl Layout {
    /// Reads a layout folder or an archive of one.
    pub(crate) fn read(path: &Path) -> Result<Layout, Failed> {
        let mut files = BTreeMap::new();
        if path.is_dir() {
            files.insert("index.json".to_owned(), fs::read(path.join("index.json"))?);
            for blob in fs::read_dir(path.join("blobs/sha256"))?.flatten() {
                let name = format!("blobs/sha256/{}", blob.file_name().to_string_lossy());
                files.insert(name, fs::read(blob.path())?);
            }
            return Ok(Layout { files });
        }
        for member in tar::Archive::new(File::open(path)?).entries()? {
            let mut member = member?;
            let name = String::from_utf8_lossy(&member.path_bytes()).into_owned();
            let mut data = Vec::new();
            member.read_to_end(&mut data)?;
            files.insert(name, data);
        }
        Ok(Layout { files })
    }

    /// The digest of the one image (or index) that the layout holds.
    pub(crate) fn digest(&self) -> Result<String, Failed> {
        let index: Value = serde_json::from_slice(self.file("index.json")?)?;
        Ok(text(&index["manifests"][0]["digest"]))
    }

    /// The configuration of the image.
    pub(crate) fn config(&self) -> Result<Value, Failed> {
        self.json(&text(&self.manifest()?["config"]["digest"]))
    }

    fn file(&self, name: &str) -> Result<&[u8], Failed> {
        let data = self.files.get(name).ok_or_else(|| format!("the archive holds no `{name}`"))?;
        Ok(data)
    }

    fn blob(&self, digest: &str) -> Result<&[u8], Failed> {
        let data = self.file(&format!("blobs/{}", digest.replacen(':', "/", 1)))?;
        if format!("sha256:{}", sha256(data)) != digest {
            return Err(format!("blob {digest} does not match its digest").into());
        }
        Ok(data)
    }

    fn json(&self, digest: &str) -> Result<Value, Failed> {
        Ok(serde_json::from_slice(self.blob(digest)?)?)
    }

    fn manifest(&self) -> Result<Value, Failed> {
        let manifest = self.json(&self.digest()?)?;
        let Some(manifests) = manifest["manifests"].as_array() else { return Ok(manifest) };
        let kind = "vnd.docker.reference.type";
        let image = manifests
            .iter()
            .find(|entry| entry["annotations"][kind] != "attestation-manifest")
            .ok_or("the index holds no image")?;
        self.json(&text(&image["digest"]))
    }

    /// The layers of the image, unpacked, each with its diff id, which is checked.
    fn layers(&self, config: &Value) -> Result<Vec<(String, Vec<u8>)>, Failed> {
        let manifest = self.manifest()?;
        let diff_ids = config["rootfs"]["diff_ids"].as_array().cloned().unwrap_or_default();
        let layers = manifest["layers"].as_array().cloned().unwrap_or_default();
        if layers.len() != diff_ids.len() {
            return Err(format!("{} layers, {} diff ids", layers.len(), diff_ids.len()).into());
        }
        let mut found = Vec::new();
        for (layer, diff_id) in layers.iter().zip(&diff_ids) {
            let (digest, diff_id) = (text(&layer["digest"]), text(diff_id));
            let data = unpacked(self.blob(&digest)?)?;
            if format!("sha256:{}", sha256(&data)) != diff_id {
                return Err(format!("{diff_id} is not the digest of layer {digest}'s tar").into());
            }
            found.push((diff_id, data));
        }
        Ok(found)
    }

    /// The lowest layer of the image, as what other images begin with.
    pub(crate) fn base(&self) -> Result<Base, Failed> {
        let mut layers = self.layers(&self.config()?)?;
        layers.truncate(1);
        let (diff_id, data) = layers.pop().ok_or("the base has no layer")?;
        let mut tree = Tree::default();
        tree.apply(&data)?;
        Ok(Base { diff_id, tree })
    }

    /// The names in the topmost layer's tar, sorted.
    pub(crate) fn top_layer(&self) -> Result<Vec<String>, Failed> {
        let mut layers = self.layers(&self.config()?)?;
        let (_, data) = layers.pop().ok_or("the image has no layer")?;
        let mut names = Vec::new();
        for entry in tar::Archive::new(data.as_slice()).entries()? {
            names.push(entry?.path()?.to_string_lossy().trim_end_matches('/').to_owned());
        }
        names.sort();
        Ok(names)
    }

    /// The whole tree of the image.
    pub(crate) fn tree(&self) -> Result<Tree, Failed> {
        let mut tree = Tree::default();
        for (_, data) in self.layers(&self.config()?)? {
            tree.apply(&data)?;
        }
        Ok(tree)
    }

    /// The normal form. An image that does not begin with the layer of `base` is shown in full; the
    /// modification time is shown of the paths in `mtimes` alone.
    pub(crate) fn normal_form(&self, base: &Base, mtimes: &[String]) -> Result<Value, Failed> {
        let config = self.config()?;
        let layers = self.layers(&config)?;
        let history = config["history"].as_array().cloned().unwrap_or_default();
        let with_layer = history.iter().filter(|entry| entry["empty_layer"] != true).count();
        if with_layer != layers.len() {
            let count = layers.len();
            return Err(format!("history tells of {with_layer} layers, there are {count}").into());
        }
        let below = Tree::default();
        let on_base = layers.first().is_some_and(|(diff_id, _)| *diff_id == base.diff_id);
        let below = if on_base { &base.tree } else { &below };
        let mut tree = below.clone();
        for (_, data) in layers.iter().skip(usize::from(on_base)) {
            tree.apply(data)?;
        }

        let platform = ["os", "architecture", "variant"].map(|part| text(&config[part]));
        let mut form = Map::new();
        form.insert("platform".into(), platform.join("/").trim_end_matches('/').into());
        if !text(&config["author"]).is_empty() {
            form.insert("author".into(), config["author"].clone());
        }
        form.insert("config".into(), Value::Object(said(&config["config"])));
        form.insert("layers".into(), layers.len().into());
        form.insert("rootfs".into(), Value::Object(tree.changes(below, mtimes)));
        form.insert("removed".into(), tree.removed(below).into());
        form.insert("history".into(), history.iter().map(history_entry).collect());
        Ok(Value::Object(form))
    }
}

fn history_entry(entry: &Value) -> Value {
    let created_by = text(&entry["created_by"]);
    json!({
        "created_by": created_by.strip_suffix(" # buildkit").unwrap_or(&created_by),
        "empty_layer": entry["empty_layer"] == true,
    })
}

/// The fields of a configuration that say something.
fn said(config: &Value) -> Map<String, Value> {
    let fields = config.as_object().cloned().unwrap_or_default();
    let silent = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    };
    fields.into_iter().filter(|(name, value)| name != "ArgsEscaped" && !silent(value)).collect()
}

/// A JSON string, or nothing for any other value.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn unpacked(data: &[u8]) -> Result<Vec<u8>, Failed> {
    let mut plain = Vec::new();
    match data {
        [0x1f, 0x8b, ..] => {
            MultiGzDecoder::new(data).read_to_end(&mut plain)?;
        }
        _ => plain.extend_from_slice(data),
    }
    Ok(plain)
}
