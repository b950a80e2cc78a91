//! Certificates for single registries: `ca`, `cert` and `key` of config.toml, and the folders that docker and podman
//! have for them.
//!
//! ```text
//! /etc/docker/certs.d/HOST[:PORT]/*.crt            authorities that are trusted for the host
//!                                 *.cert, *.key    what the host is shown; NAME.cert goes with NAME.key
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use registry::{Certificates, Hosts};

use crate::env::Env;

/// Where distributions keep the authorities of the system, as one file.
const BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// All certificates for single hosts, by host and port. What is wrong with one is said when its host is needed.
pub(crate) fn read(env: &Env, hosts: &Hosts) -> BTreeMap<String, Certificates> {
    let mut found: BTreeMap<String, Certificates> = BTreeMap::new();
    for folder in folders(env) {
        for host in names(&folder) {
            let certificates = found.entry(host.clone()).or_default();
            if let Err(problem) = add_folder(certificates, &folder.join(&host)) {
                certificates.problem = Some(problem);
            }
        }
    }
    for (host, settings) in hosts {
        let (ca, cert, key) = (&settings.ca, &settings.cert, &settings.key);
        if ca.is_none() && cert.is_none() && key.is_none() {
            continue;
        }
        let mut own = Certificates::default();
        let added = match (cert, key) {
            (Some(cert), Some(key)) => add_client(&mut own, cert, key),
            (None, None) => Ok(()),
            (Some(_), None) | (None, Some(_)) => {
                Err("`cert` and `key` in config.toml belong together".to_owned())
            }
        };
        let added = added.and_then(|()| ca.as_deref().map_or(Ok(()), |ca| add_root(&mut own, ca)));
        own.problem = added.err();
        found.insert(host.clone(), own);
    }
    found.retain(|_, it| !it.roots.is_empty() || it.client.is_some() || it.problem.is_some());
    let system = found.values().any(|it| !it.roots.is_empty()).then(|| bundle(env)).flatten();
    for certificates in found.values_mut().filter(|it| !it.roots.is_empty()) {
        certificates.roots.extend(system.clone());
    }
    found
}

fn folders(env: &Env) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        ["/etc/containers/certs.d", "/etc/docker/certs.d"].map(PathBuf::from).into();
    if let Some(home) = env.user_config() {
        folders.extend(["containers/certs.d", "docker/certs.d"].map(|name| home.join(name)));
    }
    folders
}

/// The hosts that a folder has folders for.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn add_folder(certificates: &mut Certificates, folder: &Path) -> Result<(), String> {
    for name in names(folder) {
        let path = folder.join(&name);
        match path.extension().and_then(|it| it.to_str()) {
            Some("crt") => add_root(certificates, &path)?,
            Some("cert") => {
                let key = path.with_extension("key");
                if !key.exists() {
                    return Err(format!("`{}` has no `{}`", path.display(), key.display()));
                }
                add_client(certificates, &path, &key)?;
            }
            Some("key") if !path.with_extension("cert").exists() => {
                let cert = path.with_extension("cert");
                return Err(format!("`{}` has no `{}`", path.display(), cert.display()));
            }
            Some(_) | None => {}
        }
    }
    Ok(())
}

fn add_root(certificates: &mut Certificates, path: &Path) -> Result<(), String> {
    certificates.roots.push(read_file(path)?);
    Ok(())
}

fn add_client(certificates: &mut Certificates, cert: &Path, key: &Path) -> Result<(), String> {
    certificates.client = Some((read_file(cert)?, read_file(key)?));
    Ok(())
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => error.to_string(),
        };
        format!("cannot read `{}`: {why}", path.display())
    })
}

/// The authorities of the system, which count for such hosts, too.
fn bundle(env: &Env) -> Option<Vec<u8>> {
    let named = env.var("SSL_CERT_FILE").map(PathBuf::from);
    let usual = BUNDLES.iter().map(PathBuf::from);
    named.into_iter().chain(usual).find_map(|path| fs::read(path).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_settings_are_put_together() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("docker/certs.d/r.lan:5000");
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in [("ca.crt", "A"), ("client.cert", "C"), ("client.key", "K"), ("x", "")]
        {
            fs::write(folder.join(name), text).unwrap();
        }
        let broken = home.path().join("containers/certs.d/broken.lan");
        fs::create_dir_all(&broken).unwrap();
        fs::write(broken.join("client.cert"), "C").unwrap();
        let env = Env::of_test(&[("XDG_CONFIG_HOME", home.path().to_str().unwrap())]);
        let text = "[\"t.lan\"]\nca = \"/nowhere/ca\"\n[\"plain.lan\"]\nhttp = true\n";
        let found = read(&env, &toml::from_str(text).unwrap());
        let own = &found["r.lan:5000"];
        assert_eq!(own.roots[0], b"A");
        assert_eq!(own.client, Some((b"C".to_vec(), b"K".to_vec())));
        assert!(found["broken.lan"].problem.as_deref().unwrap().contains("client.key"));
        let problem = found["t.lan"].problem.as_deref().unwrap();
        assert_eq!(problem, "cannot read `/nowhere/ca`: there is no such file");
        assert!(!found.contains_key("plain.lan"));
    }
}
