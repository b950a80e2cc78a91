//! A `docker-registry` of Debian on a port of its own: plain, behind TLS, behind a password, or behind a token server.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use tempfile::TempDir;

use crate::Outcome;
use crate::dfc::Done;
use crate::need::program;
use crate::{bases, scratch};

/// Who may use a registry behind a password.
pub(super) const NAME: &str = "some-one";
/// Their password.
pub(super) const PASSWORD: &str = "pass-word";
/// The same for the server: bcrypt.
const HTPASSWD: &str = "some-one:$2y$05$abcdefghijklmnopqrstuulQElbHkP7vjLqXxb3Lzm18cJsfRyGH6\n";

/// A registry; it ends with this value.
pub(super) struct Registry {
    server: Child,
    port: u16,
    folder: TempDir,
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It is gone already if this fails.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Registry {
    /// Plain HTTP for everybody, with `base:1` in it.
    pub(super) fn start() -> Result<Registry, Failed> {
        let registry = Registry::with("", |_| Ok(String::new()))?;
        registry.fill("base:1", &[])?;
        Ok(registry)
    }

    /// Plain HTTP, and empty.
    pub(super) fn empty() -> Result<Registry, Failed> {
        Registry::with("", |_| Ok(String::new()))
    }

    /// Plain HTTP, [`NAME`] and [`PASSWORD`], with `base:1` in it.
    pub(super) fn with_password() -> Result<Registry, Failed> {
        let registry = Registry::with("", |folder| {
            fs::write(folder.join("htpasswd"), HTPASSWD)?;
            let path = folder.join("htpasswd");
            Ok(format!("auth:\n  htpasswd:\n    realm: tests\n    path: {}\n", path.display()))
        })?;
        registry.fill("base:1", &["--dest-creds", &format!("{NAME}:{PASSWORD}")])?;
        Ok(registry)
    }

    /// TLS with a certificate of an authority that nobody knows ([`Registry::authority`]); with `clients`, only for those who
    /// show a certificate of it.
    pub(super) fn with_tls(clients: bool) -> Result<Registry, Failed> {
        let mut tls =
            "  tls:\n    certificate: FOLDER/server.pem\n    key: FOLDER/server.key\n".to_owned();
        if clients {
            tls.push_str("    clientcas:\n      - FOLDER/ca.pem\n");
        }
        Registry::with(&tls, |folder| make_certificates(folder).map(|()| String::new()))
    }

    /// Plain HTTP, with a token server at `realm` whose certificate [`make_certificates`] has put into `folder`.
    pub(super) fn with_tokens(realm: &str, folder: &Path) -> Result<Registry, Failed> {
        let certificate = folder.join("ca.pem");
        Registry::with("", |_| {
            Ok(format!(
                "auth:\n  token:\n    realm: {realm}\n    service: tests\n    issuer: tests\n    \
                 rootcertbundle: {}\n",
                certificate.display()
            ))
        })
    }

    fn with(
        http: &str,
        more: impl Fn(&Path) -> Result<String, Failed>,
    ) -> Result<Registry, Failed> {
        let folder = scratch::fresh("registry-")?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let more = more(folder.path())?;
        let place = folder.path().display().to_string();
        let http = http.replace("FOLDER", &place);
        let config = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  delete:\n    enabled: true\n  filesystem:\n    \
             rootdirectory: {place}/data\n{more}http:\n  addr: 127.0.0.1:{port}\n{http}"
        );
        let path = folder.path().join("config.yml");
        fs::write(&path, config)?;
        let mut command = Command::new(program("docker-registry").ok_or("no docker-registry")?);
        command.arg("serve").arg(&path).stdin(Stdio::null()).stdout(Stdio::null());
        let log = fs::File::create(folder.path().join("log"))?;
        let server = command.stderr(log).spawn()?;
        let registry = Registry { server, port, folder };
        registry.wait()?;
        Ok(registry)
    }

    fn wait(&self) -> Outcome {
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if deadline < Instant::now() {
                return Err("docker-registry does not answer".into());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Copies the base into it by skopeo.
    pub(super) fn fill(&self, image: &str, flags: &[&str]) -> Outcome {
        let base = format!("oci:{}:latest", bases::folder()?.join("busybox").display());
        let target = format!("docker://{}", self.name(image));
        let mut command = Command::new("skopeo");
        command.args(["copy", "--quiet", "--dest-tls-verify=false"]).args(flags);
        if !flags.contains(&"--dest-creds") {
            command.arg("--dest-no-creds");
        }
        command.args([&base, &target]);
        Done::from(command.output()?).expect(0)?;
        Ok(())
    }

    /// What an image of it is called.
    pub(super) fn name(&self, image: &str) -> String {
        format!("{}/{image}", self.host())
    }

    /// Host and port.
    pub(super) fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// The certificate of its authority; `client.pem` and `client.key` are beside it.
    pub(super) fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// How many uploads were begun and not ended.
    pub(super) fn open_uploads(&self, repository: &str) -> usize {
        let folder = self.folder.path().join("data/docker/registry/v2/repositories");
        fs::read_dir(folder.join(repository).join("_uploads")).map_or(0, Iterator::count)
    }
}

/// An authority, and certificates of it for `localhost` and for a client, made by openssl.
pub(super) fn make_certificates(folder: &Path) -> Outcome {
    let script = r#"
        set -e
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=tests authority" \
            -keyout ca.key -out ca.pem
        for who in server client; do
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$who" \
                -keyout $who.key -out $who.csr
            printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' > $who.ext
            openssl x509 -req -days 2 -in $who.csr -CA ca.pem -CAkey ca.key -CAcreateserial \
                -extfile $who.ext -out $who.pem
        done
    "#;
    let made = Command::new("sh").args(["-c", script]).current_dir(folder).output()?;
    Done::from(made).expect(0)?;
    Ok(())
}
