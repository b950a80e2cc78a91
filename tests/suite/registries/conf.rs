//! Which host is asked: the default registry, mirrors and blocks of `config.toml` and `registries.conf`.

use libtest_mimic::Trial;

use super::image::Image;
use super::server::Registry;
use super::user::{User, says};
use super::web::{Answer, Web};
use crate::Outcome;
use crate::need::{Need, trial};

const NEEDS: &[Need] =
    &[Need::StaticBusybox, Need::Program("docker-registry"), Need::Program("skopeo")];

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("registries::conf::names_without_a_registry", &[], names_without_a_registry),
        trial("registries::conf::mirrors", NEEDS, mirrors),
        trial("registries::conf::registries_conf", NEEDS, registries_conf),
        trial("registries::conf::mirrors_are_shown_no_password", &[], no_password_for_mirrors),
        trial("registries::conf::broken_settings", &[], broken_settings),
    ]
}

/// `x` is `docker.io/library/x:latest`, `y/x:1` is `docker.io/y/x:1`.
fn names_without_a_registry() -> Outcome {
    let web = Web::start(|asked| match asked.path.as_str() {
        "/v2/" => Answer::ok(b"{}"),
        _ => Answer::of(404),
    })?;
    let user = User::new()?;
    user.config(&format!("[registry.\"docker.io\"]\nmirrors = [\"{}\"]\n", web.host()))?;
    let mut command = user.command(&["pull", "x"])?;
    // Nobody asks Docker Hub from here.
    command.env("HTTPS_PROXY", "http://127.0.0.1:1");
    crate::dfc::Done::from(command.output()?).expect(1)?;
    let mut command = user.command(&["pull", "y/x:1"])?;
    command.env("HTTPS_PROXY", "http://127.0.0.1:1");
    let done = crate::dfc::Done::from(command.output()?).expect(1)?;
    says(&done.stderr, &["docker.io"])?;
    let paths: Vec<String> = web.asked().into_iter().map(|asked| asked.path).collect();
    for path in ["/v2/library/x/manifests/latest", "/v2/y/x/manifests/1"] {
        if !paths.iter().any(|asked| asked == path) {
            return Err(format!("nobody asked for {path}, but for {paths:?}").into());
        }
    }
    Ok(())
}

fn mirrors() -> Outcome {
    let registry = Registry::start()?;
    registry.fill("library/only:1", &[])?;
    let user = User::new()?;
    user.config(&format!(
        "[registry.\"docker.io\"]\nmirrors = [\"localhost:1\", \"{}\"]\n\
         [registry.\"far.example\"]\nmirrors = [\"{}/library\"]\n",
        registry.host(),
        registry.host()
    ))?;
    user.run(&["pull", "only:1"])?.expect(0)?;
    let images = user.run(&["images"])?.expect(0)?;
    says(&images.stdout, &["only"])?;
    user.run(&["pull", "far.example/only:1"])?.expect(0).map(drop)
}

fn registries_conf() -> Outcome {
    let registry = Registry::start()?;
    registry.fill("moved/here/base:1", &[])?;
    let user = User::new()?;
    let host = registry.host();
    user.file(
        ".config/containers/registries.conf",
        &format!(
            "unqualified-search-registries = [\"{host}\"]\n\
             [[registry]]\nprefix = \"old.example/team\"\nlocation = \"{host}/moved/here\"\n\
             [[registry]]\nlocation = \"far.example\"\n[[registry.mirror]]\nlocation = \"localhost:1\"\n\
             [[registry.mirror]]\nlocation = \"{host}\"\n\
             [[registry]]\nlocation = \"bad.example\"\nblocked = true\n"
        ),
    )?;
    user.run(&["pull", "old.example/team/base:1"])?.expect(0)?;
    user.run(&["pull", "far.example/base:1"])?.expect(0)?;
    let blocked = user.run(&["pull", "bad.example/base:1"])?.expect(1)?;
    says(&blocked.stderr, &["`bad.example/base:1` is blocked", "registries.conf"])?;
    // A push goes where the name leads, and to no mirror.
    user.run(&["tag", "old.example/team/base:1", "old.example/team/pushed:1"])?.expect(0)?;
    user.run(&["push", "old.example/team/pushed:1"])?.expect(0)?;
    user.run(&["pull", &registry.name("moved/here/pushed:1")])?.expect(0)?;
    // Later files count, and config.toml more than all of them.
    user.file(
        ".config/containers/registries.conf.d/10-more.conf",
        &format!(
            "[[registry]]\nlocation = \"bad.example\"\n[[registry.mirror]]\nlocation = \"{host}\"\n"
        ),
    )?;
    user.run(&["pull", "bad.example/base:1"])?.expect(0)?;
    user.config(&format!("[registry.\"own.example\"]\nmirrors = [\"{host}\"]\n"))?;
    user.file(
        ".config/containers/registries.conf.d/20-own.conf",
        "[[registry]]\nlocation = \"own.example\"\nblocked = true\n",
    )?;
    user.run(&["pull", "own.example/base:1"])?.expect(0).map(drop)
}

/// The password for a registry is not for its mirrors.
fn no_password_for_mirrors() -> Outcome {
    let image = Image::new(1000)?;
    let mirror = Web::start(|asked| match asked.header("authorization") {
        Some(_) => Answer::of(500),
        None => Answer::of(401).with("www-authenticate", "Basic realm=\"m\""),
    })?;
    let web = image.start(|asked, _| match asked.header("authorization") {
        Some(_) => None,
        None => Some(Answer::of(401).with("www-authenticate", "Basic realm=\"r\"")),
    })?;
    let user = User::new()?;
    let host = web.host();
    user.config(&format!("[registry.\"{host}\"]\nmirrors = [\"{}\"]\n", mirror.host()))?;
    let auths =
        serde_json::json!({ "auths": { host.clone(): { "username": "u", "password": "p" } } });
    user.file(".docker/config.json", &auths.to_string())?;
    user.run(&["pull", &format!("{host}/a")])?.expect(0)?;
    let asked = mirror.asked();
    if asked.is_empty() || asked.iter().any(|asked| asked.headers.contains_key("authorization")) {
        return Err(format!("{asked:?}").into());
    }
    Ok(())
}

fn broken_settings() -> Outcome {
    let user = User::new()?;
    user.file(".config/containers/registries.conf", "[[registry\n")?;
    let done = user.run(&["pull", "localhost:1/a"])?.expect(1)?;
    says(&done.stderr, &["registries.conf"])?;
    user.config("[transfer]\ndownload = 3\n")?;
    let done = user.run(&["pull", "localhost:1/a"])?.expect(1)?;
    says(&done.stderr, &["config.toml", "download"])
}
