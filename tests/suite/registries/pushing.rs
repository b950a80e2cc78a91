//! What a push does not fetch: layers that nothing needs but the registry, which has them.

use std::fs;

use libtest_mimic::{Failed, Trial};

use super::cutting::Cutting;
use super::server::Registry;
use super::user::{User, says};
use crate::Outcome;
use crate::need::{Need, trial};

const NEEDS: &[Need] =
    &[Need::StaticBusybox, Need::Program("docker-registry"), Need::Program("skopeo")];

/// Bytes of the file that makes a layer big.
const BIG: usize = 2_000_000;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("registries::pushing::layers_of_a_cache_stay", NEEDS, layers_of_a_cache_stay),
        trial("registries::pushing::layers_of_a_base_stay", NEEDS, layers_of_a_base_stay),
        trial("registries::pushing::to_another_registry", NEEDS, to_another_registry),
        trial("registries::pushing::what_asks_for_the_image", NEEDS, what_asks_for_the_image),
        trial("registries::pushing::connections_that_break", NEEDS, connections_that_break),
    ]
}

/// Somebody with a context of a big file and a small one.
fn user() -> Result<User, Failed> {
    let user = User::new()?;
    let mut state = 88_172_645_463_325_252_u64;
    let mut content = String::new();
    while content.len() < 2 * BIG {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        content.push_str(&format!("{state:x}"));
    }
    user.file("context/big", &content)?;
    user.file("context/small", "small\n")?;
    user.file("context/Dockerfile", "FROM scratch\nCOPY big /big\nCOPY small /small\n")?;
    Ok(user)
}

fn build(user: &User, args: &[&str]) -> Outcome {
    let context = user.path("context").display().to_string();
    user.run(&[&["build"], args, &[&context]].concat())?.expect(0).map(drop)
}

/// Whether a layer with the big file is in the user's store.
fn has_big(user: &User) -> Result<bool, Failed> {
    let mut sizes = Vec::new();
    for blob in fs::read_dir(user.dfc.home().join("blobs/sha256"))? {
        sizes.push(blob?.metadata()?.len());
    }
    Ok(sizes.iter().any(|size| *size > BIG as u64))
}

fn expect_big(user: &User, wanted: bool, when: &str) -> Outcome {
    match has_big(user)? == wanted {
        true => Ok(()),
        false => Err(format!("the big layer is here: {}, {when}", !wanted).into()),
    }
}

/// Another machine gets the image as it is at the registry.
fn expect_whole(name: &str) -> Outcome {
    let other = User::new()?;
    other.run(&["pull", name])?.expect(0)?;
    expect_big(&other, true, "after a pull")?;
    other.file("from/Dockerfile", &format!("FROM {name}\n"))?;
    let (from, out) = (other.path("from"), other.path("out"));
    let (from, out) = (from.display().to_string(), out.display().to_string());
    other.run(&["build", "-o", &out, &from])?.expect(0)?;
    let (small, big) = (other.path("out/small"), other.path("out/big"));
    match fs::read_to_string(small)? == "small\n" && fs::metadata(big)?.len() > BIG as u64 {
        true => Ok(()),
        false => Err("other files".into()),
    }
}

fn layers_of_a_cache_stay() -> Outcome {
    let registry = Registry::empty()?;
    let (cache, app) = (registry.name("team/cache:1"), registry.name("team/app:1"));
    let to = format!("type=registry,ref={cache}");
    build(&user()?, &["--cache-to", &to])?;
    // The registry takes the layer over from the cache, into the image and into another cache.
    let second = user()?;
    let to = format!("type=registry,ref={}", registry.name("other/cache:1"));
    build(&second, &["-t", &app, "--push", "--cache-from", &cache, "--cache-to", &to])?;
    expect_big(&second, false, "after a build from the cache")?;
    if registry.open_uploads("team/app") + registry.open_uploads("other/cache") != 0 {
        return Err("an upload was left open".into());
    }
    expect_whole(&app)?;
    let third = user()?;
    build(&third, &["--cache-from", &registry.name("other/cache:1"), "-o", "type=image"])?;
    expect_big(&third, true, "though the image is to be kept here")
}

fn layers_of_a_base_stay() -> Outcome {
    let registry = Registry::empty()?;
    let (base, app) = (registry.name("base:big"), registry.name("team/app:1"));
    build(&user()?, &["-t", &base, "--push"])?;
    let second = user()?;
    let dockerfile = format!("FROM {base}\nENV A=1\nCOPY --link small /more\n");
    second.file("context/Dockerfile", &dockerfile)?;
    build(&second, &["-t", &app, "--push"])?;
    expect_big(&second, false, "after a build on the base")?;
    expect_whole(&app)
}

/// What the other registry does not have is fetched, and sent.
fn to_another_registry() -> Outcome {
    let (one, other) = (Registry::empty()?, Registry::empty()?);
    let cache = one.name("team/cache:1");
    build(&user()?, &["--cache-to", &format!("type=registry,ref={cache}")])?;
    let second = user()?;
    let app = other.name("team/app:1");
    build(&second, &["-t", &app, "--push", "--cache-from", &cache])?;
    expect_whole(&app)?;
    // So does a later push of an image whose layers were left.
    let third = user()?;
    let (near, far) = (one.name("team/app:2"), other.name("team/app:2"));
    build(&third, &["-t", &near, "--push", "--cache-from", &cache])?;
    expect_big(&third, false, "after a build from the cache")?;
    third.run(&["tag", &near, &far])?.expect(0)?;
    let empty = Registry::empty()?;
    let third_place = empty.name("a:1");
    third.run(&["tag", &near, &third_place])?.expect(0)?;
    third.run(&["push", &third_place])?.expect(0)?;
    expect_whole(&third_place)
}

/// Layers that a push has left come when somebody wants the image itself.
fn what_asks_for_the_image() -> Outcome {
    let registry = Registry::empty()?;
    let (cache, app) = (registry.name("cache:1"), registry.name("app:1"));
    build(&user()?, &["--cache-to", &format!("type=registry,ref={cache}")])?;
    let pushed = || -> Result<User, Failed> {
        let user = user()?;
        build(&user, &["-t", &app, "--push", "--cache-from", &cache])?;
        expect_big(&user, false, "after a build from the cache")?;
        Ok(user)
    };
    let saving = pushed()?;
    let archive = saving.path("app.tar").display().to_string();
    saving.run(&["save", "-o", &archive, &app])?.expect(0)?;
    if fs::metadata(&archive)?.len() < BIG as u64 {
        return Err("the archive lacks a layer".into());
    }
    let building = pushed()?;
    building.file("from/Dockerfile", &format!("FROM {app}\nCOPY --from={app} /big /copy\n"))?;
    let from = building.path("from").display().to_string();
    building.run(&["build", &from])?.expect(0)?;
    expect_big(&building, true, "after a build on the image")?;
    let without = pushed()?;
    drop(registry);
    let archive = without.path("app.tar").display().to_string();
    let failed = without.run(&["save", "-o", &archive, &app])?.expect(1)?;
    says(&failed.stderr, &["of localhost", "cannot be fetched", "cannot reach"])
}

/// The registry of Debian does not know how far an upload got: it begins anew, and ends whole.
fn connections_that_break() -> Outcome {
    let registry = Registry::empty()?;
    let way = Cutting::to(&registry.host(), 2, 1_000_000)?;
    let name = format!("{}/team/app:1", way.host());
    let pushing = user()?;
    build(&pushing, &["-t", &name])?;
    pushing.run(&["push", &name])?.expect(0)?;
    if way.left() != 0 {
        return Err(format!("{} connections were not cut", way.left()).into());
    }
    expect_whole(&registry.name("team/app:1"))
}
