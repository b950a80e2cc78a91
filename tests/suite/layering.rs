//! Which crate may use which: the picture in ARCHITECTURE.md, held against `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::process::Command;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::Outcome;
use crate::cases::workspace;
use crate::image::text;
use crate::tidy;

/// The crates of the product, and what of ours each may use.
const EDGES: &[(&str, &[&str])] = &[
    ("dfc-grammar", &[]),
    ("dfc-oci", &[]),
    ("dfc-sandbox", &[]),
    ("dfc-compiler", &["dfc-grammar", "dfc-oci"]),
    ("dfc-store", &["dfc-oci"]),
    ("dfc-registry", &["dfc-oci", "dfc-store"]),
    ("dfc-executor", &["dfc-compiler", "dfc-oci", "dfc-store", "dfc-sandbox"]),
    ("dfc-lsp", &["dfc-compiler", "dfc-grammar"]),
    (
        "dfc",
        &[
            "dfc-grammar",
            "dfc-compiler",
            "dfc-executor",
            "dfc-oci",
            "dfc-store",
            "dfc-registry",
            "dfc-sandbox",
            "dfc-lsp",
        ],
    ),
    ("dfc-probes", &["dfc-grammar", "dfc-compiler", "dfc-oci", "dfc-store"]),
    // The tests see the product from outside, as its users do.
    ("dfc-tests", &[]),
    ("dfc-probes", &["dfc-grammar", "dfc-compiler", "dfc-oci", "dfc-store"]),
    ("xtask", &[]),
];

/// Packages that live in one place, so that they can be replaced there.
const HOMES: &[(&str, &[&str])] = &[
    ("pest", &["dfc-grammar"]),
    ("pest_derive", &["dfc-grammar"]),
    ("petgraph", &["dfc-compiler"]),
    ("rayon", &["dfc-executor", "dfc-store"]),
    ("seccompiler", &["dfc-sandbox"]),
    ("rusqlite", &["dfc-store"]),
    ("postcard", &["dfc-store"]),
    ("ureq", &["dfc-registry"]),
    ("clap", &["dfc"]),
    ("miette", &["dfc"]),
    ("indicatif", &["dfc"]),
    ("lsp-server", &["dfc-lsp"]),
    ("lsp-types", &["dfc-lsp"]),
];

/// A trial for each question.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("layering::edges_are_those_of_the_picture", edges),
        Trial::test("layering::packages_stay_at_home", homes),
        Trial::test("layering::versions_stand_in_one_place", versions),
        Trial::test("layering::dependencies_are_used", used),
        Trial::test("layering::graph_library_stays_in_the_graph", graph_library),
    ]
}

/// The packages of the workspace: name, and the names of their dependencies.
fn packages() -> Result<BTreeMap<String, BTreeSet<String>>, Failed> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["metadata", "--format-version", "1", "--no-deps"]).current_dir(workspace());
    let metadata: Value = serde_json::from_slice(&cargo.output()?.stdout)?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    let dependencies = |package: &Value| -> BTreeSet<String> {
        let list = package["dependencies"].as_array().into_iter().flatten();
        list.map(|dependency| text(&dependency["name"])).collect()
    };
    Ok(packages.iter().map(|package| (text(&package["name"]), dependencies(package))).collect())
}

fn edges() -> Outcome {
    let packages = packages()?;
    for (package, dependencies) in &packages {
        let Some((_, allowed)) = EDGES.iter().find(|(name, _)| name == package) else {
            return Err(format!("`{package}` has no place in the picture").into());
        };
        let ours = dependencies.iter().filter(|name| packages.contains_key(*name));
        for dependency in ours {
            if !allowed.contains(&dependency.as_str()) {
                return Err(format!("`{package}` may not use `{dependency}`").into());
            }
        }
    }
    Ok(())
}

fn homes() -> Outcome {
    for (package, dependencies) in packages()? {
        for (dependency, homes) in HOMES {
            if dependencies.contains(*dependency) && !homes.contains(&package.as_str()) {
                let homes = homes.join(" and ");
                return Err(format!("`{dependency}` is at home in {homes}, not `{package}`").into());
            }
        }
    }
    Ok(())
}

fn versions() -> Outcome {
    for folder in fs::read_dir(workspace())?.flatten() {
        let Ok(manifest) = fs::read_to_string(folder.path().join("Cargo.toml")) else { continue };
        let manifest: toml::Table = manifest.parse()?;
        // Not a member, but a workspace of its own (fuzz/).
        if manifest.contains_key("workspace") {
            continue;
        }
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(toml::Value::Table(dependencies)) = manifest.get(table) else { continue };
            for (name, value) in dependencies {
                let inherited = value.get("workspace").and_then(toml::Value::as_bool);
                if inherited != Some(true) {
                    let place = folder.path().join("Cargo.toml");
                    let place = place.display();
                    return Err(format!("{place}: `{name}` has a version of its own").into());
                }
            }
        }
    }
    Ok(())
}

/// A dependency that no source file names only costs time.
fn used() -> Outcome {
    let sources = tidy::sources()?;
    for (package, dependencies) in packages()? {
        let folder = match package.as_str() {
            "dfc" => "cli",
            name => name.strip_prefix("dfc-").unwrap_or(name),
        };
        let own = sources.iter().filter(|source| source.path.starts_with(folder));
        let text: String = own.map(|source| source.text.as_str()).collect();
        for dependency in dependencies {
            let name = dependency.strip_prefix("dfc-").unwrap_or(&dependency).replace('-', "_");
            if !text.contains(&format!("{name}::")) && !text.contains(&format!("use {name}")) {
                return Err(format!("`{package}` does not use `{dependency}`").into());
            }
        }
    }
    Ok(())
}

fn graph_library() -> Outcome {
    for source in tidy::sources()? {
        let graph = source.path.to_string_lossy().starts_with("compiler/src/graph");
        let this = source.path.starts_with("tests");
        if source.text.contains("petgraph::") && !graph && !this {
            return Err(format!("{} names petgraph", source.path.display()).into());
        }
    }
    Ok(())
}
