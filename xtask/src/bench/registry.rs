//! A registry of the generated base images, for pulling alone: all builders get their bases from it in the same way.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use super::json::Json;

/// Always the same where it is free, so that what builders remember from the last time still counts.
const PORT: u16 = 5917;

/// Where the registry is.
#[derive(Debug)]
pub(super) struct Registry {
    port: u16,
}

impl Registry {
    /// Serves the layouts in `images` for as long as this program runs.
    pub(super) fn start(images: PathBuf) -> io::Result<Registry> {
        let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let listener = bind(PORT).or_else(|_| bind(0))?;
        let port = listener.local_addr()?.port();
        let images = Arc::new(images);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let images = Arc::clone(&images);
                // A builder that hangs up is no concern of the registry's.
                thread::spawn(move || drop(serve(stream, &images)));
            }
        });
        Ok(Registry { port })
    }

    /// The name of a base image, for FROM.
    pub(super) fn reference(&self, base: &str) -> String {
        format!("localhost:{}/{base}:1", self.port)
    }
}

/// Answers the requests of a connection, one after the other.
fn serve(stream: TcpStream, images: &Path) -> io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(request) = lines.next() {
        let request = request?;
        for header in lines.by_ref() {
            if header?.is_empty() {
                break;
            }
        }
        let mut words = request.split(' ');
        let method = words.next().unwrap_or_default();
        let path = words.next().unwrap_or_default();
        match find(path, images) {
            Some(Answer::Hello) => head(&mut out, "200 OK", 0, "application/json", "")?,
            Some(Answer::File(path, kind, digest)) => {
                let mut file = File::open(path)?;
                let size = file.metadata()?.len();
                let digest = format!("Docker-Content-Digest: {digest}\r\n");
                head(&mut out, "200 OK", size, kind, &digest)?;
                if method == "GET" {
                    io::copy(&mut file, &mut out)?;
                }
            }
            None => head(&mut out, "404 Not Found", 0, "application/json", "")?,
        }
    }
    Ok(())
}

fn head(out: &mut TcpStream, status: &str, size: u64, kind: &str, more: &str) -> io::Result<()> {
    let text = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {size}\r\nContent-Type: {kind}\r\n\
         Docker-Distribution-Api-Version: registry/2.0\r\n{more}\r\n"
    );
    out.write_all(text.as_bytes())
}

enum Answer {
    Hello,
    /// A blob, its media type and its digest.
    File(PathBuf, &'static str, String),
}

fn find(path: &str, images: &Path) -> Option<Answer> {
    let path = path.split('?').next().unwrap_or_default();
    let rest = path.strip_prefix("/v2/")?;
    if rest.is_empty() {
        return Some(Answer::Hello);
    }
    let mut parts = rest.split('/');
    let (name, kind, wanted) = (parts.next()?, parts.next()?, parts.next()?);
    let plain = |text: &str| text.bytes().all(|it| it.is_ascii_alphanumeric() || it == b':');
    if parts.next().is_some() || !plain(name) || !plain(wanted) {
        return None;
    }
    let layout = images.join(name);
    let digest = if wanted.starts_with("sha256:") {
        wanted.to_owned()
    } else {
        let index = Json::parse(&fs::read_to_string(layout.join("index.json")).ok()?).ok()?;
        index.get("manifests")?.list().first()?.get("digest")?.str()?.to_owned()
    };
    let file = layout.join("blobs/sha256").join(digest.strip_prefix("sha256:")?);
    let kind = match kind {
        "manifests" => "application/vnd.oci.image.manifest.v1+json",
        "blobs" => "application/octet-stream",
        _ => return None,
    };
    file.is_file().then_some(Answer::File(file, kind, digest))
}
