//! Base images as OCI layouts, made with the machine's gzip and sha256sum: no builder has a hand in them.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::json::Json;
use super::tar;
use crate::process;

/// A layout in the making.
#[derive(Debug)]
pub(super) struct Writer {
    blobs: PathBuf,
    folder: PathBuf,
    layers: Vec<Json>,
    diff_ids: Vec<String>,
}

/// Writes a layer's members; the end of the archive is added.
type Members<'a> = &'a mut dyn FnMut(&mut dyn Write) -> io::Result<()>;

impl Writer {
    pub(super) fn new(folder: &Path) -> io::Result<Writer> {
        let blobs = folder.join("blobs/sha256");
        fs::create_dir_all(&blobs)?;
        let folder = folder.to_owned();
        Ok(Writer { blobs, folder, layers: Vec::new(), diff_ids: Vec::new() })
    }

    /// Packs a layer with gzip.
    pub(super) fn layer(&mut self, members: Members<'_>) -> io::Result<()> {
        let part = self.folder.join("layer.part");
        let quiet = |program: &str| {
            let mut command = Command::new(program);
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
            command
        };
        let mut gzip = quiet("gzip").arg("-n").stdout(File::create(&part)?).spawn()?;
        let mut sum = quiet("sha256sum").spawn()?;
        let mut both = io::BufWriter::with_capacity(1 << 18, Tee(&mut gzip, &mut sum));
        members(&mut both)?;
        tar::finish(&mut both)?;
        both.flush()?;
        drop(both);
        if !gzip.wait()?.success() {
            return Err(io::Error::other("gzip failed"));
        }
        drop(sum.stdin.take());
        self.diff_ids.push(sum_of(&sum.wait_with_output()?.stdout)?);

        let digest = digest_of(&part)?;
        let size = fs::metadata(&part)?.len();
        fs::rename(part, self.blob(&digest))?;
        self.layers.push(described("application/vnd.oci.image.layer.v1.tar+gzip", &digest, size));
        Ok(())
    }

    /// Writes config, manifest and index; gives the digests of the layers' contents.
    pub(super) fn finish(self) -> io::Result<Vec<String>> {
        let list =
            |texts: &[&str]| Json::List(texts.iter().map(|text| Json::text(*text)).collect());
        let diff_ids = Json::List(self.diff_ids.iter().map(Json::text).collect());
        // Some builders compare the history with the layers.
        let made = ("created_by", Json::text("cargo xtask bench"));
        let history = self.layers.iter().map(|_| Json::object([made.clone()])).collect();
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let config = Json::object([
            ("architecture", Json::text(architecture)),
            ("os", Json::text("linux")),
            ("created", Json::text("2023-11-14T22:13:20Z")),
            (
                "config",
                Json::object([
                    ("Env", list(&["PATH=/usr/local/bin:/usr/bin:/bin"])),
                    ("Cmd", list(&["sh"])),
                ]),
            ),
            ("history", Json::List(history)),
            ("rootfs", Json::object([("type", Json::text("layers")), ("diff_ids", diff_ids)])),
        ]);
        let config = self.write("application/vnd.oci.image.config.v1+json", &config)?;
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let manifest = Json::object([
            ("schemaVersion", Json::Number(2.0)),
            ("mediaType", Json::text(kind)),
            ("config", config),
            ("layers", Json::List(self.layers.clone())),
        ]);
        let manifest = self.write(kind, &manifest)?;
        let index = Json::object([
            ("schemaVersion", Json::Number(2.0)),
            ("manifests", Json::List(vec![manifest])),
        ]);
        fs::write(self.folder.join("index.json"), index.to_string())?;
        Ok(self.diff_ids)
    }

    fn write(&self, kind: &str, value: &Json) -> io::Result<Json> {
        let part = self.folder.join("blob.part");
        let text = value.to_string();
        fs::write(&part, &text)?;
        let digest = digest_of(&part)?;
        fs::rename(part, self.blob(&digest))?;
        Ok(described(kind, &digest, text.len() as u64))
    }

    fn blob(&self, digest: &str) -> PathBuf {
        self.blobs.join(digest.trim_start_matches("sha256:"))
    }
}

fn described(kind: &str, digest: &str, size: u64) -> Json {
    Json::object([
        ("mediaType", Json::text(kind)),
        ("digest", Json::text(digest)),
        ("size", Json::Number(size as f64)),
    ])
}

fn digest_of(file: &Path) -> io::Result<String> {
    let printed = process::output(Command::new("sha256sum").stdin(File::open(file)?))?;
    sum_of(printed.as_bytes())
}

fn sum_of(printed: &[u8]) -> io::Result<String> {
    let sum = printed.get(..64).ok_or_else(|| io::Error::other("sha256sum printed no sum"))?;
    Ok(format!("sha256:{}", String::from_utf8_lossy(sum)))
}

/// Writes to the inputs of two programs; the first one's is closed when this goes.
struct Tee<'a>(&'a mut Child, &'a mut Child);

impl Write for Tee<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for child in [&mut *self.0, &mut *self.1] {
            child.stdin.as_mut().expect("it is piped").write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Tee<'_> {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
    }
}
