//! The images that the cases build on, made from the machine's static busybox: three OCI layouts that
//! share one layer. All times inside are fixed, so that the same busybox gives the same bytes.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use flate2::{Compression, GzBuilder};
use libtest_mimic::Failed;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tar::{EntryType, Header};

use crate::{need, scratch};

/// The names of the bases; `FROM` finds them as named contexts.
pub(crate) const NAMES: [&str; 3] = ["busybox", "configured", "onbuild"];

/// Every time stamp inside a base.
const EPOCH: u64 = 1_700_000_000;
const STAMP: &str = "2023-11-14T22:13:20Z";
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const MEDIA: &str = "application/vnd.oci.image.";

const FOLDERS: [(&str, u32, u64); 13] = [
    ("bin", 0o755, 0),
    ("dev", 0o755, 0),
    ("etc", 0o755, 0),
    ("home", 0o755, 0),
    ("home/app", 0o750, 1000),
    ("proc", 0o755, 0),
    ("root", 0o700, 0),
    ("sys", 0o755, 0),
    ("tmp", 0o1777, 0),
    ("usr", 0o755, 0),
    ("usr/bin", 0o755, 0),
    ("var", 0o755, 0),
    ("var/tmp", 0o1777, 0),
];
const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
                      app:x:1000:1000:app:/home/app:/bin/sh\n\
                      nobody:x:65534:65534:nobody:/:/bin/false\n";
const GROUP: &str = "root:x:0:\nstaff:x:50:app\napp:x:1000:\nnogroup:x:65534:\n";

/// The folder of the bases (`FOLDER/NAME` is a layout), made by the first that asks.
pub(crate) fn folder() -> Result<&'static Path, Failed> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match FOLDER.get_or_init(|| make().map_err(|problem| problem.to_string())) {
        Ok(folder) => Ok(folder),
        Err(problem) => Err(Failed::from(problem)),
    }
}

/// The flags that hand the bases to a build.
pub(crate) fn flags() -> Result<Vec<String>, Failed> {
    let folder = folder()?.display();
    let context = |name| format!("{name}=oci-layout://{folder}/{name}:latest");
    Ok(NAMES.iter().flat_map(|name| ["--build-context".to_owned(), context(name)]).collect())
}

fn make() -> io::Result<PathBuf> {
    let busybox = need::busybox().map_err(io::Error::other)?;
    let layer = layer(&busybox)?;
    let folder = scratch::folder().join("bases");
    for name in NAMES {
        write_layout(&folder.join(name), &config(name), &layer)?;
    }
    Ok(folder)
}

fn layer(busybox: &Path) -> io::Result<Vec<u8>> {
    let listed = Command::new(busybox).arg("--list").output()?.stdout;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let applets: BTreeSet<&str> =
        listed.split_whitespace().filter(|name| *name != "busybox").collect();

    let mut tar = tar::Builder::new(Vec::new());
    let mut add = |name: &str, kind, mode, owner, body: &[u8]| {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(owner);
        header.set_gid(owner);
        header.set_mtime(EPOCH);
        if kind == EntryType::Symlink {
            header.set_size(0);
            return tar.append_link(&mut header, name, "busybox");
        }
        header.set_size(body.len() as u64);
        tar.append_data(&mut header, name, body)
    };
    for (name, mode, owner) in FOLDERS {
        add(name, EntryType::Directory, mode, owner, b"")?;
    }
    add("bin/busybox", EntryType::Regular, 0o755, 0, &fs::read(busybox)?)?;
    for applet in applets {
        add(&format!("bin/{applet}"), EntryType::Symlink, 0o777, 0, b"")?;
    }
    add("etc/passwd", EntryType::Regular, 0o644, 0, PASSWD.as_bytes())?;
    add("etc/group", EntryType::Regular, 0o644, 0, GROUP.as_bytes())?;
    tar.into_inner()
}

fn config(name: &str) -> Value {
    match name {
        "configured" => json!({
            "Env": [PATH, "FROM_BASE=yes", "GREETING=hello"],
            "Entrypoint": ["/bin/sh", "-c"], "Cmd": ["echo base"],
            "WorkingDir": "/home/app", "User": "app:staff",
            "Labels": {"base.label": "1", "team": "base"},
            "ExposedPorts": {"8080/tcp": {}}, "Volumes": {"/data": {}}, "StopSignal": "SIGQUIT",
            "Healthcheck": {"Test": ["CMD-SHELL", "true"], "Interval": 5_000_000_000_u64},
        }),
        "onbuild" => json!({
            "Env": [PATH], "Cmd": ["sh"],
            "OnBuild": ["ENV TRIGGERED=yes", "COPY . /from-context/",
                        "RUN echo triggered > /triggered", "WORKDIR /from-context"],
        }),
        _ => json!({"Env": [PATH], "Cmd": ["sh"]}),
    }
}

fn write_layout(folder: &Path, config: &Value, layer: &[u8]) -> io::Result<()> {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let put = |data: &[u8], media: &str| -> io::Result<Value> {
        let digest = sha256(data);
        fs::write(blobs.join(&digest), data)?;
        let media = format!("{MEDIA}{media}");
        Ok(json!({"mediaType": media, "digest": format!("sha256:{digest}"), "size": data.len()}))
    };

    let image = json!({
        "created": STAMP, "architecture": "amd64", "os": "linux", "config": config,
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", sha256(layer))]},
        "history": [{"created": STAMP, "created_by": "base layer"}],
    });
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
    gzip.write_all(layer)?;
    let manifest = json!({
        "schemaVersion": 2, "mediaType": format!("{MEDIA}manifest.v1+json"),
        "config": put(image.to_string().as_bytes(), "config.v1+json")?,
        "layers": [put(&gzip.finish()?, "layer.v1.tar+gzip")?],
    });
    let mut entry = put(manifest.to_string().as_bytes(), "manifest.v1+json")?;
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": "latest"});
    let media = format!("{MEDIA}index.v1+json");
    let index = json!({"schemaVersion": 2, "mediaType": media, "manifests": [entry]});
    fs::write(folder.join("index.json"), index.to_string())?;
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)
}

/// The sha256 of `data` as lower-case hex digits.
pub(crate) fn sha256(data: &[u8]) -> String {
    Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect()
}
