//! Builds that take results from another machine: two stores, with a registry or a folder between them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use super::NEEDS;
use super::server::Registry;
use crate::dfc::Dfc;
use crate::need::{Need, trial};
use crate::progress::Log;
use crate::project::{Built, Project};
use crate::{Outcome, hardship};

const WITHOUT_REGISTRY: &[Need] = &[Need::Sandbox, Need::StaticBusybox];

/// The first stage makes a file that is far bigger than all others, and different each time it is made.
const STAGES: &str = "\
FROM busybox AS tools
ARG TOKEN=none
RUN head -c 3000000 /dev/urandom > /tool
COPY source /source
RUN --mount=type=secret,id=key cat /source > /made
FROM busybox
RUN head -c 30 /dev/urandom > /random
COPY --from=tools /made /made
RUN cat /made > /last
";
const BIG: u64 = 2_000_000;

/// All trials with caches of other machines.
pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("registries::cache_max", NEEDS, max),
        trial("registries::cache_inline", NEEDS, inline),
        trial("registries::cache_passed_on", NEEDS, passed_on),
        trial("registries::cache_failures", NEEDS, failures),
        trial("registries::pulls_that_are_killed", NEEDS, killed_pulls),
        trial("registries::cache_of_a_loaded_image", WITHOUT_REGISTRY, loaded),
        trial("registries::cache_folder_min", WITHOUT_REGISTRY, folder_min),
        trial("registries::cache_changed_file", WITHOUT_REGISTRY, changed_file),
        trial("registries::cache_explained", WITHOUT_REGISTRY, explained),
        trial("registries::cache_holds_no_secrets", WITHOUT_REGISTRY, no_secrets),
        trial("registries::cache_that_lies", WITHOUT_REGISTRY, lies),
        trial("registries::cache_of_buildkit", WITHOUT_REGISTRY, buildkit),
        trial("registries::cache_with_epochs", WITHOUT_REGISTRY, epochs),
    ]
}

fn project() -> Result<Project, Failed> {
    let project = Project::new(STAGES)?;
    project.file("source", "one\n")?;
    project.file("../key", "swordfish")?;
    Ok(project)
}

/// The same project on a machine with an empty store.
fn elsewhere(project: &mut Project) -> Outcome {
    project.dfc = Dfc::new()?;
    Ok(())
}

fn expect_executed(built: &Built, wanted: &[&str]) -> Outcome {
    let executed: Vec<&str> = built
        .log
        .executed()
        .into_iter()
        .map(|it| it.rsplit(' ').next().unwrap_or_default())
        .collect();
    if executed == wanted {
        return Ok(());
    }
    Err(format!("executed {executed:?}, not {wanted:?}\n{}", built.log.text()).into())
}

fn expect(is: bool, what: &str, text: &str) -> Outcome {
    if is { Ok(()) } else { Err(format!("{what}\n{text}").into()) }
}

/// The sizes of the blobs in a store.
fn blob_sizes(home: &Path) -> Result<Vec<u64>, Failed> {
    let mut sizes = Vec::new();
    for blob in fs::read_dir(home.join("blobs/sha256"))? {
        sizes.push(blob?.metadata()?.len());
    }
    Ok(sizes)
}

fn max() -> Outcome {
    let registry = Registry::empty()?;
    let name = registry.name("team/cache:max");
    let mut project = project()?;
    let to = format!("type=registry,ref={name},mode=max");
    let first = project.build(&["--cache-to", &to])?;
    elsewhere(&mut project)?;
    let second = project.build(&["--cache-from", &name])?;
    expect_executed(&second, &[])?;
    expect(first.image.digest()? == second.image.digest()?, "another image", "")?;
    let sizes = blob_sizes(project.dfc.home())?;
    expect(sizes.iter().all(|size| *size < BIG), "a layer came that nothing needs", "")?;
    // What came is cached here from now on.
    let from_tools = STAGES.replace("cat /made > /last", "cat /made /random > /last");
    project.dockerfile(&from_tools)?;
    let third = project.build(&[])?;
    let executed = third.log.executed();
    expect(!executed.iter().any(|step| step.ends_with("> /random")), "not kept", third.log.text())?;

    // With another target the layers of the first stage are what is asked for.
    elsewhere(&mut project)?;
    project.dockerfile(STAGES)?;
    let tools = project.build(&["--cache-from", &name, "--target", "tools"])?;
    expect_executed(&tools, &[])?;
    let sizes = blob_sizes(project.dfc.home())?;
    expect(sizes.iter().any(|size| *size >= BIG), "the layer of the tool did not come", "")
}

fn inline() -> Outcome {
    let registry = Registry::empty()?;
    let name = registry.name("team/app:1");
    let mut project = project()?;
    let pushed = ["-t", &name, "--push", "--cache-to", "type=inline"];
    let first = project.build(&pushed)?;
    let again = project.build(&pushed)?;
    expect(first.image.digest()? == again.image.digest()?, "not the same every time", "")?;
    elsewhere(&mut project)?;
    let second = project.build(&["--cache-from", &name])?;
    expect_executed(&second, &[])?;
    let sizes = blob_sizes(project.dfc.home())?;
    expect(sizes.iter().all(|size| *size < BIG), "a layer came that nothing needs", "")
}

/// Pulls and builds from a cache are killed at any moment, with prunes between them; what is there is whole.
fn killed_pulls() -> Outcome {
    const KILLS: u32 = 24;
    const LONGEST_LIFE: u32 = 120;
    let registry = Registry::empty()?;
    let (name, cache) = (registry.name("app:1"), registry.name("app:cache"));
    let mut project = project()?;
    let to = format!("type=registry,ref={cache},mode=max");
    project.try_build(&["-t", &name, "--push", "--cache-to", &to])?.expect(0)?;
    elsewhere(&mut project)?;
    for kill in 0..KILLS {
        let mut command = match kill % 3 {
            0 => project.dfc.command(["pull", &name])?,
            1 => project.command(&["--cache-from", &cache, "--target", "tools"])?,
            _ => project.dfc.command(["prune", "--all", "--force"])?,
        };
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        thread::sleep(Duration::from_millis(u64::from(hardship::chance(LONGEST_LIFE))));
        child.kill()?;
        child.wait()?;
        hardship::blobs_are_true(project.dfc.home())?;
    }
    let built = project.build(&["--cache-from", &cache, "--target", "tools"])?;
    expect_executed(&built, &[])?;
    project.dfc.run(["pull", &name])?.expect(0)?;
    let said = project.dfc.run(["run", &name, "cat", "/last"])?.expect(0)?;
    expect(said.stdout == "one\n", "another content", &said.stdout)?;
    hardship::images_are_whole(&project.dfc, &project.beside(""))?;
    hardship::blobs_are_true(project.dfc.home())?;
    hardship::nothing_half_made(project.dfc.home())
}

/// An image that came as an archive brings its cache along.
fn loaded() -> Outcome {
    let mut project = project()?;
    let name = "localhost:1/team/app:1";
    let archive = project.beside("app.tar").display().to_string();
    project.build(&["-t", name, "--cache-to", "type=inline", "--output", "type=image"])?;
    project.dfc.run(["save", "-o", &archive, name])?.expect(0)?;
    elsewhere(&mut project)?;
    project.dfc.run(["load", "-i", &archive])?.expect(0)?;
    let second = project.build(&["--cache-from", name])?;
    expect_executed(&second, &[])
}

/// A cache is written with layers that this machine never had.
fn passed_on() -> Outcome {
    let registry = Registry::empty()?;
    let (first, second) = (registry.name("cache:1"), registry.name("cache:2"));
    let to = |name: &str| format!("type=registry,ref={name},mode=max");
    let mut project = project()?;
    project.build(&["--cache-to", &to(&first)])?;
    elsewhere(&mut project)?;
    project.build(&["--cache-from", &first, "--cache-to", &to(&second)])?;
    let sizes = blob_sizes(project.dfc.home())?;
    expect(sizes.iter().all(|size| *size < BIG), "the registry had the layer already", "")?;
    elsewhere(&mut project)?;
    let folder = project.beside("cache");
    let folder_to = format!("type=local,dest={},mode=max", folder.display());
    project.build(&["--cache-from", &second, "--cache-to", &folder_to])?;
    drop(registry);
    elsewhere(&mut project)?;
    let from = format!("type=local,src={}", folder.display());
    let built = project.build(&["--cache-from", &from, "--target", "tools"])?;
    expect_executed(&built, &[])
}

/// What is not there or cannot be reached is no reason to fail, unless it was to be written.
fn failures() -> Outcome {
    let registry = Registry::start()?;
    let project = project()?;
    let (gone, none) = (registry.name("cache:gone"), registry.name("base:1"));
    let done = project.try_build(&["--cache-from", &gone, "--cache-from", &none])?.expect(0)?;
    for wanted in ["no cache from", "was not found", "holds no cache of dfc"] {
        expect(done.stderr.contains(wanted), wanted, &done.stderr)?;
    }
    let to = "type=registry,ref=localhost:1/cache";
    let done = project.try_build(&["--cache-to", to])?.expect(1)?;
    expect(done.stderr.contains("cannot write the cache localhost:1/cache"), "", &done.stderr)?;
    let to = format!("{to},ignore-error=true");
    let done = project.try_build(&["--cache-to", &to])?.expect(0)?;
    expect(done.stderr.contains("no cache in localhost:1/cache"), "no warning", &done.stderr)?;
    let done = project.try_build(&["--cache-to", "type=gha"])?.expect(2)?;
    expect(done.stderr.contains("no caches of the type `gha`"), "", &done.stderr)
}

/// `--cache-to` and `--cache-from` of a folder beside the project.
fn folder_flags(project: &Project, more: &str) -> (PathBuf, String, String) {
    let folder = project.beside("cache");
    let to = format!("type=local,dest={}{more}", folder.display());
    let from = format!("type=local,src={}", folder.display());
    (folder, to, from)
}

/// Of the stages that are only copied from, a small cache knows what they made, but has no layers.
fn folder_min() -> Outcome {
    let mut project = project()?;
    let (folder, to, from) = folder_flags(&project, "");
    let first = project.build(&["--cache-to", &to])?;
    let blobs = fs::read_dir(folder.join("blobs/sha256"))?.count();
    expect(blobs == 5, &format!("{blobs} blobs: not three layers, config and manifest"), "")?;
    elsewhere(&mut project)?;
    let second = project.build(&["--cache-from", &from])?;
    expect_executed(&second, &[])?;
    expect(first.image.digest()? == second.image.digest()?, "another image", "")?;

    // Something else is taken from the stage: it has to run after all.
    elsewhere(&mut project)?;
    project.dockerfile(&STAGES.replace("--from=tools /made", "--from=tools /source"))?;
    let third = project.build(&["--cache-from", &from])?;
    let executed = third.log.executed();
    expect(executed.iter().any(|step| step.ends_with("/tool")), "no tool", third.log.text())?;
    expect(!executed.iter().any(|step| step.ends_with("/random")), "not cached", third.log.text())?;

    // What nothing needs any more goes from the folder.
    project.dockerfile("FROM busybox\nRUN echo 1 > /only\n")?;
    project.build(&["--cache-to", &to])?;
    let blobs = fs::read_dir(folder.join("blobs/sha256"))?.count();
    expect(blobs == 3, &format!("{blobs} blobs: not one layer, config and manifest"), "")
}

/// Only what depends on a changed file runs.
fn changed_file() -> Outcome {
    let mut project = project()?;
    let (_, to, from) = folder_flags(&project, ",mode=max,compression=zstd");
    project.build(&["--cache-to", &to])?;
    elsewhere(&mut project)?;
    project.file("source", "two\n")?;
    let second = project.build(&["--cache-from", &from])?;
    expect_executed(&second, &["/source", "/made", "/made", "/last"])?;
    let tree = second.image.tree()?;
    expect(tree.text("/last") == Some("two\n"), "the old content", second.log.text())?;
    // Back again: what it was is in the cache, beside what is here now.
    project.file("source", "one\n")?;
    let third = project.build(&["--cache-from", &from])?;
    expect_executed(&third, &[])
}

fn explained() -> Outcome {
    let mut project = project()?;
    let (folder, to, from) = folder_flags(&project, ",mode=max");
    project.build(&["--cache-to", &to])?;
    elsewhere(&mut project)?;
    let explain = |flags: &[&str]| -> Result<String, Failed> {
        let mut command = project.dfc.command(["explain"])?;
        command.args(crate::bases::flags()?).args(flags).arg(project.context());
        Ok(crate::dfc::Done::from(command.output()?).expect(0)?.stdout)
    };
    let text = explain(&["--cache-from", &from])?;
    let told = format!("(from {})", folder.display());
    expect(text.matches(&told).count() == 6, "not six steps", &text)?;
    let json: Value =
        serde_json::from_str(&explain(&["--cache-from", &from, "--format", "json"])?)?;
    let steps = json["steps"].as_array().cloned().unwrap_or_default();
    let named = steps.iter().filter(|step| step["from"] == json!(folder.display().to_string()));
    expect(named.count() == 6, "not six steps", &json.to_string())?;
    // Asking has made nothing: without the cache everything would run.
    let text = explain(&[])?;
    expect(!text.contains("CACHED     [tools"), "something was recorded", &text)
}

/// Only digests leave the machine, but for the layers.
fn no_secrets() -> Outcome {
    let project = project()?;
    let (folder, to, _) = folder_flags(&project, ",mode=max");
    let key = format!("id=key,src={}", project.beside("key").display());
    project.build(&["--cache-to", &to, "--build-arg", "TOKEN=hunter2", "--secret", &key])?;
    let mut seen = 0;
    for blob in fs::read_dir(folder.join("blobs/sha256"))? {
        let bytes = fs::read(blob?.path())?;
        let text = String::from_utf8_lossy(&bytes);
        if !text.starts_with('{') {
            continue;
        }
        seen += 1;
        let home = project.dfc.home().display().to_string();
        let context = project.context().display().to_string();
        for word in ["hunter2", "swordfish", "TOKEN", "RUN", "source", &home, &context] {
            expect(!text.contains(word), &format!("it says {word}"), &text)?;
        }
    }
    expect(seen == 2, "no config and manifest", "")
}

/// Changes the config of the cache in a folder, and all digests with it.
fn forge(folder: &Path, change: impl Fn(&mut Value, &mut Value)) -> Outcome {
    let blobs = folder.join("blobs/sha256");
    let read = |digest: &Value| -> Result<Value, Failed> {
        let digest = digest.as_str().unwrap_or_default().trim_start_matches("sha256:");
        Ok(serde_json::from_slice(&fs::read(blobs.join(digest))?)?)
    };
    let write = |value: &Value| -> Result<Value, Failed> {
        let bytes = serde_json::to_vec(value)?;
        let digest = sha256(&bytes);
        fs::write(blobs.join(&digest), &bytes)?;
        Ok(json!({ "digest": format!("sha256:{digest}"), "size": bytes.len() }))
    };
    let place = folder.join("index.json");
    let mut index: Value = serde_json::from_slice(&fs::read(&place)?)?;
    let mut manifest = read(&index["manifests"][0]["digest"])?;
    let mut config = read(&manifest["config"]["digest"])?;
    change(&mut config, &mut manifest);
    let told = write(&config)?;
    for field in ["digest", "size"] {
        manifest["config"][field] = told[field].clone();
    }
    let told = write(&manifest)?;
    for field in ["digest", "size"] {
        index["manifests"][0][field] = told[field].clone();
    }
    Ok(fs::write(place, serde_json::to_vec(&index)?)?)
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A cache that is not what it says is named and left alone; the image is right.
fn lies() -> Outcome {
    type Lie = (&'static str, fn(&mut Value, &mut Value), &'static str);
    let lies: [Lie; 7] = [
        (
            "another tree",
            |config, _| config["layers"][0]["result"] = json!("7".repeat(64)),
            "another tree",
        ),
        (
            "another tar",
            |config, _| {
                config["layers"][0]["diff_id"] = json!(format!("sha256:{}", "7".repeat(64)));
            },
            "cannot be used",
        ),
        (
            "a blob that is not there",
            |_, manifest| {
                manifest["layers"][0]["digest"] = json!(format!("sha256:{}", "7".repeat(64)));
            },
            "cannot be used",
        ),
        (
            "a layer that is not there",
            |config, _| config["steps"][0]["layer"] = json!(99),
            "no cache from",
        ),
        ("no key", |config, _| config["steps"][0]["keys"] = json!(["../../x"]), "no cache from"),
        (
            "no layer",
            |_, manifest| {
                manifest["layers"][0]["mediaType"] = json!("application/octet-stream");
            },
            "no cache from",
        ),
        ("the future", |config, _| config["version"] = json!(2), "another version of dfc"),
    ];
    for (name, lie, told) in lies {
        let mut project = Project::new("FROM busybox\nRUN echo right > /said\n")?;
        let (folder, to, from) = folder_flags(&project, "");
        project.build(&["--cache-to", &to])?;
        forge(&folder, lie)?;
        elsewhere(&mut project)?;
        let built = project.build(&["--cache-from", &from])?;
        expect(built.log.text().contains(told), &format!("{name}: not told"), built.log.text())?;
        let tree = built.image.tree()?;
        expect(tree.text("/said") == Some("right\n"), name, built.log.text())?;
        expect(built.log.executed().len() == 1, name, built.log.text())?;
    }
    damaged_layer()
}

/// Other bytes under the name of a layer.
fn damaged_layer() -> Outcome {
    let mut project = Project::new("FROM busybox\nRUN echo right > /said\n")?;
    let (folder, to, from) = folder_flags(&project, "");
    project.build(&["--cache-to", &to])?;
    for blob in fs::read_dir(folder.join("blobs/sha256"))? {
        let path = blob?.path();
        let mut bytes = fs::read(&path)?;
        if bytes.first() != Some(&b'{') {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(&path, bytes)?;
        }
    }
    elsewhere(&mut project)?;
    let built = project.build(&["--cache-from", &from])?;
    let tree = built.image.tree()?;
    expect(tree.text("/said") == Some("right\n"), "damaged", built.log.text())?;
    expect(built.log.text().contains("cannot be used"), "not told", built.log.text())
}

/// BuildKit's caches are told from dfc's.
fn buildkit() -> Outcome {
    let project = project()?;
    let (folder, _, from) = folder_flags(&project, "");
    fs::create_dir_all(folder.join("blobs/sha256"))?;
    let config = json!({
        "mediaType": "application/vnd.buildkit.cacheconfig.v0", "size": 2,
        "digest": format!("sha256:{}", sha256(b"{}")),
    });
    let inner = serde_json::to_vec(&json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [config],
    }))?;
    fs::write(folder.join("blobs/sha256").join(sha256(&inner)), &inner)?;
    let index = json!({ "schemaVersion": 2, "manifests": [{
        "mediaType": "application/vnd.oci.image.index.v1+json", "size": inner.len(),
        "digest": format!("sha256:{}", sha256(&inner)),
        "annotations": { "org.opencontainers.image.ref.name": "latest" },
    }]});
    fs::write(folder.join("index.json"), serde_json::to_vec(&index)?)?;
    let done = project.try_build(&["--cache-from", &from])?.expect(0)?;
    expect(done.stderr.contains("it is a cache of BuildKit"), "not told", &done.stderr)
}

/// A layer of another machine is packed anew where SOURCE_DATE_EPOCH is earlier. (Where it is later, times that were cut off
/// before are not known any more.)
fn epochs() -> Outcome {
    let mut project = Project::new("FROM busybox\nRUN echo 1 > /made\n")?;
    let (_, to, from) = folder_flags(&project, "");
    let build = |project: &Project, epoch: &str, flags: &[&str]| -> Result<(String, Log), Failed> {
        let archive = project.beside("image.tar");
        let output = format!("type=oci,dest={}", archive.display());
        let mut command = project.command(&[&["--output", output.as_str()], flags].concat())?;
        command.env("SOURCE_DATE_EPOCH", epoch);
        let done = crate::dfc::Done::from(command.output()?).expect(0)?;
        Ok((crate::image::Layout::read(&archive)?.digest()?, Log::read(&done.stderr)))
    };
    build(&project, "1700000000", &["--cache-to", &to])?;
    let (wanted, _) = build(&project, "1600000000", &["--no-cache"])?;
    elsewhere(&mut project)?;
    let (found, log) = build(&project, "1600000000", &["--cache-from", &from])?;
    expect(log.executed().is_empty(), "it ran", log.text())?;
    expect(found == wanted, "another image", log.text())
}
