//! `dfc login` and `dfc logout`, and where credentials come from.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::image::Image;
use super::server::{NAME, PASSWORD, Registry};
use super::user::{User, says};
use super::web::Answer;
use crate::Outcome;
use crate::need::{Need, trial};

const NEEDS: &[Need] =
    &[Need::StaticBusybox, Need::Program("docker-registry"), Need::Program("skopeo")];

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("registries::login::keeps_and_forgets", NEEDS, keeps_and_forgets),
        trial("registries::login::with_a_helper", NEEDS, with_a_helper),
        trial("registries::login::other_files", NEEDS, other_files),
        trial("registries::login::namespaces", &[], namespaces),
        trial("registries::login::what_cannot_be", &[], what_cannot_be),
    ]
}

fn keeps_and_forgets() -> Outcome {
    let registry = Registry::with_password()?;
    let (user, host, name) = (User::new()?, registry.host(), registry.name("base:1"));
    user.file(".docker/config.json", "{\"HttpHeaders\":{\"A\":\"b\"}}")?;
    let refused = user.run(&["pull", &name])?.expect(1)?;
    says(&refused.stderr, &[&format!("needs `dfc login {host}`")])?;
    let login = ["login", "-u", NAME, "--password-stdin", &host];
    let wrong = user.run_with(&login, "wrong\n")?.expect(1)?;
    says(&wrong.stderr, &["did not accept name and password"])?;
    if user.docker_config().contains("auths") {
        return Err("a wrong password is kept".into());
    }
    let done = user.run_with(&login, &format!("{PASSWORD}\n"))?.expect(0)?;
    says(&done.stdout, &["Login Succeeded"])?;
    says(&done.stderr, &["unencrypted", "config.json"])?;
    says(&user.docker_config(), &["HttpHeaders", &host])?;
    let mode = fs::metadata(user.path(".docker/config.json"))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(format!("others may read it: {mode:o}").into());
    }
    user.run(&["pull", &name])?.expect(0)?;
    let copy = registry.name("copy:1");
    user.run(&["tag", &name, &copy])?.expect(0)?;
    user.run(&["push", &copy])?.expect(0)?;
    let again = user.run(&["login", &host])?.expect(0)?;
    says(&again.stderr, &["with what is kept"])?;
    let out = user.run(&["logout", &host])?.expect(0)?;
    says(&out.stderr, &["Removed"])?;
    if user.docker_config().contains(&host) || !user.docker_config().contains("HttpHeaders") {
        return Err(user.docker_config().into());
    }
    let twice = user.run(&["logout", &host])?.expect(0)?;
    says(&twice.stderr, &["Not logged in"])?;
    // Docker's other ways to write it.
    let address = format!("http://{host}/v2/");
    let shown = user.run(&["login", "-u", NAME, "-p", PASSWORD, &address])?.expect(0)?;
    says(&shown.stderr, &["--password-stdin"])?;
    user.run(&["pull", &name])?.expect(0).map(drop)
}

/// A helper gets the password and gives it; it stands in no file.
fn with_a_helper() -> Outcome {
    let registry = Registry::with_password()?;
    let (user, host) = (User::new()?, registry.host());
    let kept = user.path("kept").display().to_string();
    user.program(
        "docker-credential-fake",
        &format!(
            "case $1 in\nstore) cat > {kept};;\n\
             get) read -r key; grep -q \"\\\"$key\\\"\" {kept} 2>/dev/null && cat {kept} || \
             {{ echo 'credentials not found in native keychain'; exit 1; }};;\n\
             erase) rm -f {kept};;\nesac"
        ),
    )?;
    let config = json!({ "credHelpers": { host.clone(): "fake" } });
    user.file(".docker/config.json", &config.to_string())?;
    let login = ["login", "-u", NAME, "--password-stdin", &host];
    let done = user.run_with(&login, PASSWORD)?.expect(0)?;
    if done.stderr.contains("unencrypted") || user.docker_config().contains("auths") {
        return Err(format!("{}{}", done.stderr, user.docker_config()).into());
    }
    let secret: Value = serde_json::from_str(&fs::read_to_string(user.path("kept"))?)?;
    if secret["Secret"] != PASSWORD || secret["ServerURL"] != host.as_str() {
        return Err(secret.to_string().into());
    }
    user.run(&["pull", &registry.name("base:1")])?.expect(0)?;
    let out = user.run(&["logout", &host])?.expect(0)?;
    says(&out.stderr, &["Removed"])?;
    if user.path("kept").exists() {
        return Err("the helper has it still".into());
    }
    user.run(&["pull", &registry.name("base:1")])?.expect(1)?;
    // A helper for all hosts that is broken is named.
    user.file(".docker/config.json", "{\"credsStore\":\"gone\"}")?;
    let broken = user.run(&["pull", &registry.name("base:1")])?.expect(1)?;
    says(&broken.stderr, &["docker-credential-gone"])
}

/// What `podman login` keeps is read, and what `$REGISTRY_AUTH_FILE` names comes first.
fn other_files() -> Outcome {
    let registry = Registry::with_password()?;
    let name = registry.name("base:1");
    let auths = |password: &str| {
        let entry = json!({ "username": NAME, "password": password });
        json!({ "auths": { registry.host(): entry } }).to_string()
    };
    let user = User::new()?;
    user.file("run/containers/auth.json", &auths(PASSWORD))?;
    let mut command = user.command(&["pull", &name])?;
    command.env("XDG_RUNTIME_DIR", user.path("run"));
    crate::dfc::Done::from(command.output()?).expect(0)?;
    let user = User::new()?;
    user.file(".config/containers/auth.json", &auths(PASSWORD))?;
    user.run(&["pull", &name])?.expect(0)?;
    let user = User::new()?;
    user.file(".docker/config.json", &auths("wrong"))?;
    let file = user.file("auth.json", &auths(PASSWORD))?;
    user.run(&["pull", &name])?.expect(1)?;
    let mut command = user.command(&["pull", &name])?;
    command.env("REGISTRY_AUTH_FILE", file);
    crate::dfc::Done::from(command.output()?).expect(0)?;
    // What podman keeps is podman's to forget.
    user.file(".config/containers/auth.json", &auths(PASSWORD))?;
    let out = user.run(&["logout", &registry.host()])?.expect(0)?;
    says(&out.stderr, &["Removed the login", "still counts", "podman logout"])
}

/// A password for a namespace goes with requests for what is in it, and with no other.
fn namespaces() -> Outcome {
    let image = Image::new(1000)?;
    let web = image.clone().start(move |asked, image| {
        let own = asked.path.strip_prefix("/v2/team/")?;
        let path = format!("/v2/{own}");
        match asked.header("authorization") {
            Some(_) => Some(image.serve(&super::web::Asked { path, ..asked.clone() })),
            None => Some(Answer::of(401).with("www-authenticate", "Basic realm=\"x\"")),
        }
    })?;
    let (user, host) = (User::new()?, web.host());
    let login = ["login", "-u", "u", "--password-stdin", &format!("{host}/team")];
    user.run_with(&login, "secret")?.expect(0)?;
    user.run(&["pull", &format!("{host}/team/a")])?.expect(0)?;
    user.run(&["pull", &format!("{host}/a")])?.expect(0)?;
    for asked in web.asked() {
        let is_shown = asked.headers.contains_key("authorization");
        if is_shown && !asked.path.starts_with("/v2/team/") && asked.path != "/v2/" {
            return Err(format!("{} was shown the password", asked.path).into());
        }
    }
    user.run(&["logout", &host])?.expect(0)?;
    user.run(&["pull", &format!("{host}/team/a")])?.expect(0)?;
    user.run(&["logout", &format!("{host}/team")])?.expect(0)?;
    user.run(&["pull", &format!("{host}/team/a")])?.expect(1).map(drop)
}

fn what_cannot_be() -> Outcome {
    let user = User::new()?;
    let nameless = user.run_with(&["login", "--password-stdin", "localhost:1"], "x")?.expect(2)?;
    says(&nameless.stderr, &["--username"])?;
    let terminal = user.run(&["login", "localhost:1"])?.expect(2)?;
    says(&terminal.stderr, &["terminal", "--password-stdin"])?;
    let both = user.run(&["login", "-u", "a", "-p", "b", "--password-stdin", "localhost:1"])?;
    both.expect(2)?;
    let empty = user.run_with(&["login", "-u", "a", "--password-stdin", "localhost:1"], "\n")?;
    says(&empty.expect(2)?.stderr, &["must not be empty"])?;
    let nobody = user.run_with(&["login", "-u", "a", "--password-stdin", "localhost:1"], "b")?;
    says(&nobody.expect(1)?.stderr, &["cannot reach localhost:1"])?;
    user.file(".docker/config.json", "{ broken")?;
    let broken = user.run(&["logout", "localhost:1"])?.expect(1)?;
    says(&broken.stderr, &["config.json"])?;
    let odd = user.run(&["logout", "a b"])?.expect(2)?;
    says(&odd.stderr, &["is no registry"])
}
