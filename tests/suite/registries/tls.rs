//! Registries behind TLS, with an authority that the machine does not know.

use std::fs;

use libtest_mimic::Trial;

use super::server::Registry;
use super::user::{User, says};
use crate::Outcome;
use crate::need::{Need, trial};

const NEEDS: &[Need] = &[
    Need::StaticBusybox,
    Need::Program("docker-registry"),
    Need::Program("skopeo"),
    Need::Program("openssl"),
];

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("registries::tls::unknown_authority", NEEDS, unknown_authority),
        trial("registries::tls::authority_in_a_folder", NEEDS, authority_in_a_folder),
        trial("registries::tls::authority_in_the_settings", NEEDS, authority_in_the_settings),
        trial("registries::tls::client_certificates", NEEDS, client_certificates),
        trial("registries::tls::broken_certificates", NEEDS, broken_certificates),
    ]
}

fn filled(clients: bool) -> Result<Registry, libtest_mimic::Failed> {
    let registry = Registry::with_tls(clients)?;
    let folder = registry.authority().parent().map(|it| it.join("certs")).ok_or("no folder")?;
    fs::create_dir(&folder)?;
    if clients {
        let own = registry.authority().with_file_name("client.pem");
        fs::copy(own, folder.join("client.cert"))?;
        fs::copy(registry.authority().with_file_name("client.key"), folder.join("client.key"))?;
    }
    registry.fill("base:1", &["--dest-cert-dir", &folder.display().to_string()])?;
    Ok(registry)
}

fn unknown_authority() -> Outcome {
    let registry = filled(false)?;
    let (user, name) = (User::new()?, registry.name("base:1"));
    let done = user.run(&["pull", &name])?.expect(1)?;
    says(
        &done.stderr,
        &["no secure connection", "/etc/docker/certs.d/localhost:", "insecure = true"],
    )?;
    user.config(&format!("[registry.\"{}\"]\ninsecure = true\n", registry.host()))?;
    user.run(&["pull", &name])?.expect(0).map(drop)
}

fn authority_in_a_folder() -> Outcome {
    let registry = filled(false)?;
    for place in ["docker", "containers"] {
        let user = User::new()?;
        let folder = user.path(&format!(".config/{place}/certs.d/{}", registry.host()));
        fs::create_dir_all(&folder)?;
        fs::copy(registry.authority(), folder.join("ca.crt"))?;
        user.run(&["pull", &registry.name("base:1")])?.expect(0)?;
        let copy = registry.name("copy:1");
        user.run(&["tag", &registry.name("base:1"), &copy])?.expect(0)?;
        user.run(&["push", &copy])?.expect(0)?;
    }
    Ok(())
}

fn authority_in_the_settings() -> Outcome {
    let registry = filled(false)?;
    let user = User::new()?;
    // A path counts from the folder of the file.
    fs::create_dir_all(user.path(".config/dfc"))?;
    fs::copy(registry.authority(), user.path(".config/dfc/lan.pem"))?;
    user.config(&format!("[registry.\"{}\"]\nca = \"lan.pem\"\n", registry.host()))?;
    user.run(&["pull", &registry.name("base:1")])?.expect(0)?;
    // It is trusted for this host and for no other.
    let other = filled(false)?;
    let done = user.run(&["pull", &other.name("base:1")])?.expect(1)?;
    says(&done.stderr, &["no secure connection"])
}

fn client_certificates() -> Outcome {
    let registry = filled(true)?;
    let user = User::new()?;
    let ca = registry.authority();
    user.config(&format!("[registry.\"{}\"]\nca = \"{}\"\n", registry.host(), ca.display()))?;
    user.run(&["pull", &registry.name("base:1")])?.expect(1)?;
    user.config(&format!(
        "[registry.\"{}\"]\nca = \"{}\"\ncert = \"{}\"\nkey = \"{}\"\n",
        registry.host(),
        ca.display(),
        ca.with_file_name("client.pem").display(),
        ca.with_file_name("client.key").display()
    ))?;
    user.run(&["pull", &registry.name("base:1")])?.expect(0)?;
    let user = User::new()?;
    let folder = user.path(&format!(".config/docker/certs.d/{}", registry.host()));
    fs::create_dir_all(&folder)?;
    fs::copy(&ca, folder.join("ca.crt"))?;
    fs::copy(ca.with_file_name("client.pem"), folder.join("client.cert"))?;
    fs::copy(ca.with_file_name("client.key"), folder.join("client.key"))?;
    user.run(&["pull", &registry.name("base:1")])?.expect(0).map(drop)
}

/// What is wrong with the certificates of one host does not matter to another.
fn broken_certificates() -> Outcome {
    let plain = Registry::start()?;
    let registry = filled(false)?;
    let user = User::new()?;
    user.config(&format!("[registry.\"{}\"]\nca = \"/nowhere.pem\"\n", registry.host()))?;
    let done = user.run(&["pull", &registry.name("base:1")])?.expect(1)?;
    says(&done.stderr, &["cannot read `/nowhere.pem`: there is no such file"])?;
    user.run(&["pull", &plain.name("base:1")])?.expect(0)?;
    user.file(".config/dfc/empty.pem", "nothing\n")?;
    user.config(&format!("[registry.\"{}\"]\nca = \"empty.pem\"\n", registry.host()))?;
    let done = user.run(&["pull", &registry.name("base:1")])?.expect(1)?;
    says(&done.stderr, &["cannot use the certificates for localhost", "has no certificate"])
}
