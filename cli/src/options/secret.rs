//! `--secret` and `--ssh`: what may be read, and reading it when a step asks. Values go to the step and nowhere else.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use executor::OutsideError;

use crate::env::Env;
use crate::error::CliError;
use crate::options::agent::Agent;
use crate::options::csv;

/// BuildKit's limit, 500 KiB.
const MAX_SECRET: u64 = 500 * 1024;

/// All secrets and agent sockets of a build.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    secrets: BTreeMap<String, Source>,
    sockets: BTreeMap<String, PathBuf>,
    /// Those that were started for keys in files.
    agents: Vec<Agent>,
}

/// Where a secret is.
enum Source {
    File(PathBuf),
    Value(Vec<u8>),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File(path) => write!(f, "File({})", path.display()),
            Source::Value(_) => f.write_str("Value(…)"),
        }
    }
}

impl Secrets {
    /// Reads the values of both flags. A file must be there, a variable may be missing (then so is the secret).
    ///
    /// # Errors
    /// A wrong specification, a file that is not there.
    pub(crate) fn parse(
        secrets: &[String],
        ssh: &[String],
        env: &Env,
    ) -> Result<Secrets, CliError> {
        let mut all = Secrets::default();
        for spec in secrets {
            all.add_secret(spec, env)?;
        }
        for spec in ssh {
            all.add_socket(spec, env)?;
        }
        Ok(all)
    }

    fn add_secret(&mut self, spec: &str, env: &Env) -> Result<(), CliError> {
        let wrong = |why: String| {
            CliError::usage(format!("--secret `{spec}`: {why}"))
                .help("write id=ID,src=FILE or id=ID,env=NAME")
        };
        let (mut id, mut kind, mut file, mut variable) = (None, None, None, None);
        for (name, value) in csv::fields("secret", spec)? {
            let value = value.ok_or_else(|| wrong(format!("`{name}` needs a value")))?;
            match name.as_str() {
                "id" => id = Some(value),
                "type" => kind = Some(value),
                "src" | "source" => file = Some(value),
                "env" => variable = Some(value),
                _ => return Err(wrong(format!("there is no option `{name}`"))),
            }
        }
        let id = id.ok_or_else(|| wrong("the id is missing".into()))?;
        // As with docker: `type=env,src=NAME` names a variable; without a source, a variable named like the id comes
        // before a file of that name.
        match kind.as_deref() {
            None | Some("file") => {}
            Some("env") => variable = variable.or_else(|| file.take()).or_else(|| Some(id.clone())),
            Some(other) => return Err(wrong(format!("there is no type `{other}`"))),
        }
        if kind.is_none() && file.is_none() && variable.is_none() && env.vars.contains_key(&id) {
            variable = Some(id.clone());
        }
        if let Some(variable) = variable {
            if let Some(value) = env.vars.get(&variable) {
                self.secrets.insert(id, Source::Value(value.clone().into_bytes()));
            }
            return Ok(());
        }
        let path = env.path(file.as_deref().unwrap_or(&id));
        match path.metadata() {
            Ok(data) if data.is_file() && data.len() > MAX_SECRET => {
                Err(wrong(format!("`{}` is larger than 500 KiB", path.display())))
            }
            Ok(data) if data.is_dir() => Err(wrong(format!("`{}` is a folder", path.display()))),
            Ok(_) => {
                self.secrets.insert(id, Source::File(path));
                Ok(())
            }
            Err(error) => {
                let doing = format_args!("cannot read secret `{id}` from `{}`", path.display());
                Err(CliError::io(doing, &error))
            }
        }
    }

    fn add_socket(&mut self, spec: &str, env: &Env) -> Result<(), CliError> {
        use std::os::unix::fs::FileTypeExt;
        let (id, paths) = match spec.split_once('=') {
            Some((id, paths)) => (id, paths.split(',').map(|path| env.path(path)).collect()),
            None => (spec, env.var("SSH_AUTH_SOCK").map(PathBuf::from).into_iter().collect()),
        };
        let paths: Vec<PathBuf> = paths;
        if paths.is_empty() {
            return Err(CliError::usage(format!("--ssh `{spec}`: no agent is running"))
                .help("start ssh-agent, or name a socket or a key: --ssh default=PATH"));
        }
        let mut sockets = 0;
        for path in &paths {
            let data = path.metadata().map_err(|error| {
                CliError::io(
                    format_args!("--ssh `{spec}`: cannot read `{}`", path.display()),
                    &error,
                )
            })?;
            sockets += usize::from(data.file_type().is_socket());
            if data.is_dir() {
                let why = format!("--ssh `{spec}`: `{}` is a folder", path.display());
                return Err(CliError::usage(why).help("name a private key or an agent's socket"));
            }
        }
        match (sockets, paths.as_slice()) {
            (1, [socket]) => drop(self.sockets.insert(id.to_owned(), socket.clone())),
            (0, keys) => {
                let agent = Agent::start(keys)
                    .map_err(|why| CliError::failed(format!("--ssh `{spec}`: {why}")))?;
                self.sockets.insert(id.to_owned(), agent.socket());
                self.agents.push(agent);
            }
            (_, _) => {
                return Err(CliError::usage(format!("--ssh `{spec}`: a socket stands alone"))
                    .help("name one agent's socket, or private keys"));
            }
        }
        Ok(())
    }
}

impl executor::Secrets for Secrets {
    fn secret(&self, id: &str) -> Result<Option<Vec<u8>>, OutsideError> {
        let path = match self.secrets.get(id) {
            None => return Ok(None),
            Some(Source::Value(value)) => return Ok(Some(value.clone())),
            Some(Source::File(path)) => path,
        };
        let failed = |why: String| OutsideError {
            message: format!("cannot read secret `{id}` from `{}`: {why}", path.display()),
            help: None,
        };
        let mut value = Vec::new();
        File::open(path)
            .and_then(|file| file.take(MAX_SECRET + 1).read_to_end(&mut value))
            .map_err(|error| failed(error.to_string()))?;
        if value.len() as u64 > MAX_SECRET {
            return Err(failed("larger than 500 KiB".into()));
        }
        Ok(Some(value))
    }

    fn ssh_socket(&self, id: &str) -> Option<PathBuf> {
        self.sockets.get(id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use executor::Secrets as _;

    use super::*;

    #[test]
    fn reads_variables_and_files() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "from file").unwrap();
        let env = Env::of_test(&[("TOKEN", "from env"), ("plain", "by id")]);
        let specs = [
            "id=a,env=TOKEN".to_owned(),
            format!("id=b,src={}", file.path().display()),
            "id=plain".to_owned(),
            "type=env,id=c,src=TOKEN".to_owned(),
            "id=d,env=MISSING".to_owned(),
        ];
        let secrets = Secrets::parse(&specs, &[], &env).unwrap();
        let value = |id: &str| secrets.secret(id).unwrap().map(|v| String::from_utf8(v).unwrap());
        assert_eq!(value("a").as_deref(), Some("from env"));
        assert_eq!(value("b").as_deref(), Some("from file"));
        assert_eq!(value("plain").as_deref(), Some("by id"));
        assert_eq!(value("c").as_deref(), Some("from env"));
        assert_eq!(value("d"), None);
        assert!(!format!("{secrets:?}").contains("from env"));
    }

    #[test]
    fn refuses_a_missing_file() {
        let env = Env::of_test(&[]);
        assert!(Secrets::parse(&["id=a,src=/nowhere/at/all".into()], &[], &env).is_err());
        assert!(Secrets::parse(&["src=x".into()], &[], &env).is_err());
    }
}
