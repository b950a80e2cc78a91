//! `--build-context NAME=VALUE`: folders and images that FROM and --from find by a name.

use std::collections::BTreeMap;
use std::path::PathBuf;

use compiler::address::without_credentials;
use compiler::{NamedContext, RemoteContext};

use crate::env::Env;
use crate::error::CliError;

/// The named contexts of a build.
#[derive(Debug, Default)]
pub(crate) struct Contexts {
    /// For the compiler, in the order given; the last of a name counts.
    pub(crate) named: Vec<(String, NamedContext)>,
    /// Where the local ones are.
    pub(crate) folders: BTreeMap<String, PathBuf>,
}

impl Contexts {
    /// Reads the values of the flag.
    ///
    /// # Errors
    /// No `=`, a reference that is none, a folder that is not there.
    pub(crate) fn parse(specs: &[String], env: &Env) -> Result<Contexts, CliError> {
        let mut contexts = Contexts::default();
        for spec in specs {
            contexts.add(spec, env)?;
        }
        Ok(contexts)
    }

    fn add(&mut self, spec: &str, env: &Env) -> Result<(), CliError> {
        let Some((name, value)) = spec.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(CliError::usage(format!("--build-context `{spec}`: a name is missing"))
                .help(
                    "write NAME=FOLDER, NAME=docker-image://REF, NAME=oci-layout://PATH[:TAG] or NAME=URL",
                ));
        };
        let name = familiar(name);
        let context = if let Some(image) = value.strip_prefix("docker-image://") {
            if image == "scratch" {
                NamedContext::Scratch
            } else {
                let reference = image.parse().map_err(|error| {
                    CliError::usage(format!("--build-context `{spec}`: {error}"))
                })?;
                NamedContext::Image(reference)
            }
        } else if let Some(layout) = value.strip_prefix("oci-layout://") {
            let path = env.path(layout);
            let path = path.to_str().ok_or_else(|| {
                CliError::usage(format!("--build-context `{spec}`: the path is not valid UTF-8"))
            })?;
            NamedContext::Layout(format!("oci-layout://{path}"))
        } else {
            match RemoteContext::parse(value).filter(|_| !env.path(value).is_dir()) {
                Some(Ok(RemoteContext::Git(_))) => NamedContext::Git(value.to_owned()),
                Some(Ok(RemoteContext::Http(_))) => NamedContext::Http(value.to_owned()),
                Some(Err(reason)) => {
                    let spec = without_credentials(spec);
                    return Err(CliError::usage(format!("--build-context `{spec}`: {reason}")));
                }
                None => {
                    self.folders.insert(name.clone(), folder(spec, value, env)?);
                    NamedContext::Local
                }
            }
        };
        self.named.retain(|(known, _)| *known != name);
        self.named.push((name, context));
        Ok(())
    }
}

/// The name as FROM writes it: without the default registry and the default tag.
fn familiar(name: &str) -> String {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    let name = name.strip_prefix("library/").unwrap_or(name);
    name.strip_suffix(":latest").unwrap_or(name).to_owned()
}

fn folder(spec: &str, value: &str, env: &Env) -> Result<PathBuf, CliError> {
    let path = env.path(value);
    match path.metadata() {
        Ok(data) if data.is_dir() => Ok(path),
        Ok(_) => {
            Err(CliError::failed(format!("--build-context `{spec}`: `{value}` is not a folder")))
        }
        Err(error) => {
            Err(CliError::io(format_args!("--build-context `{spec}`: `{value}`"), &error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(spec: &str) -> Result<Contexts, CliError> {
        Contexts::parse(&[spec.to_owned()], &Env::of_test(&[]))
    }

    #[test]
    fn tells_the_kinds_apart() {
        let kind = |spec: &str| parse(spec).unwrap().named.pop().unwrap();
        assert_eq!(kind("src=/"), ("src".into(), NamedContext::Local));
        assert_eq!(kind("a=docker-image://scratch"), ("a".into(), NamedContext::Scratch));
        assert_eq!(
            kind("docker.io/library/b:latest=oci-layout://x/y:1"),
            ("b".into(), NamedContext::Layout("oci-layout:///start/x/y:1".into()))
        );
        let git = "https://example.org/x.git#main";
        assert_eq!(kind(&format!("g={git}")), ("g".into(), NamedContext::Git(git.into())));
        for git in ["git@h:a/b", "ssh://git@h/a", "github.com/a/b", "https://h/x.git?tag=v1"] {
            assert_eq!(kind(&format!("g={git}")).1, NamedContext::Git(git.into()));
        }
        let tar = "https://example.org/x.tar.gz";
        assert_eq!(kind(&format!("h={tar}")).1, NamedContext::Http(tar.into()));
    }

    #[test]
    fn refuses_what_is_not_there() {
        assert!(parse("nothing").is_err());
        assert!(parse("a=/nowhere/at/all").is_err());
        let error = parse("a=https://me:hidden@h/x.git?what=1").unwrap_err().to_string();
        assert!(error.contains("what") && !error.contains("hidden"), "{error}");
    }
}
