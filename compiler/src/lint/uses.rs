//! Which instructions may use a variable, as far as their text shows.

use std::collections::BTreeSet;

use grammar::{Instruction, Span, Statement};

use super::{Cx, Reached};

/// Programs that read variables which no command line names: scripts, and what runs scripts of a project.
const READERS: &[&str] = &[
    "make",
    "cmake",
    "ninja",
    "meson",
    "bazel",
    "bazelisk",
    "npm",
    "npx",
    "yarn",
    "pnpm",
    "bun",
    "node",
    "deno",
    "python",
    "python2",
    "python3",
    "pip",
    "pip3",
    "uv",
    "poetry",
    "tox",
    "ruby",
    "bundle",
    "rake",
    "rails",
    "gem",
    "perl",
    "cpan",
    "cpanm",
    "php",
    "composer",
    "cargo",
    "rustup",
    "go",
    "mage",
    "gradle",
    "gradlew",
    "mvn",
    "mvnw",
    "ant",
    "sbt",
    "lein",
    "dotnet",
    "msbuild",
    "nuget",
    "swift",
    "mix",
    "rebar3",
    "stack",
    "cabal",
    "opam",
    "dune",
    "nix",
    "nix-build",
    "sh",
    "bash",
    "ash",
    "zsh",
    "dash",
    "source",
    "env",
    "printenv",
    "envsubst",
    "eval",
    "conan",
    "vcpkg",
    "apt-get",
    "dpkg-reconfigure",
    "git",
    "curl",
    "wget",
    "hatch",
    "just",
    "task",
    "powershell",
    "pwsh",
    "cmd",
    "julia",
    "Rscript",
    "R",
    "conda",
    "mamba",
    "micromamba",
    "export",
    "set",
];

/// Whether a name stands in a text, and not as a part of a longer one.
pub(super) fn mentions(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty()
        && text.match_indices(name).any(|(at, found)| {
            !text[..at].chars().next_back().is_some_and(is_part)
                && !text[at + found.len()..].chars().next().is_some_and(is_part)
        })
}

/// Whether an instruction names a variable, in its words or its heredocs.
pub(super) fn names(statement: &Statement, name: &str) -> bool {
    mentions(&statement.original, name)
        || statement.heredocs.iter().any(|it| mentions(&it.content.value, name))
}

/// Whether an instruction runs what may read variables that it does not name.
pub(super) fn may_read_environment(statement: &Statement) -> bool {
    let Instruction::Run(_) = &statement.instruction else { return false };
    let is_reader = |word: &str| {
        let word = word.trim_matches(['"', '\'', ',', '[', ']', '(', ')', '`', '{', '}']);
        let is_script =
            [".sh", ".py", ".pl", ".rb", ".js", ".ps1"].iter().any(|end| word.ends_with(end));
        let base = word.rsplit('/').next().unwrap_or(word);
        is_script || word.starts_with("./") || READERS.contains(&base)
    };
    let text = &statement.original;
    let bodies = statement.heredocs.iter().map(|it| it.content.value.as_str());
    std::iter::once(text.as_str())
        .chain(bodies)
        .flat_map(|text| {
            text.split(|c: char| c.is_whitespace() || matches!(c, ';' | '|' | '&' | '='))
        })
        .any(is_reader)
}

/// Whether an instruction is a RUN.
pub(super) fn is_run(statement: &Statement) -> bool {
    matches!(statement.instruction, Instruction::Run(_))
}

/// The stages that start from a stage, and those that start from these.
pub(super) fn heirs<'a>(cx: &Cx<'a>, stage: &Reached<'a>) -> Vec<Reached<'a>> {
    let mut known: BTreeSet<Span> = [stage.from.span].into();
    let mut found = Vec::new();
    // A base stands above the stages that start from it.
    for other in &cx.stages {
        if other.lowered.base.is_some_and(|base| known.contains(&base)) {
            known.insert(other.from.span);
            found.push(*other);
        }
    }
    found
}

/// The stages that a stage starts from, the nearest first, itself before them.
pub(super) fn line_of<'a>(cx: &Cx<'a>, stage: &Reached<'a>) -> Vec<Reached<'a>> {
    let mut found = vec![*stage];
    while let Some(base) = found.last().and_then(|it| it.lowered.base) {
        match cx.stages.iter().find(|it| it.from.span == base) {
            Some(base) if found.len() <= cx.stages.len() => found.push(*base),
            Some(_) | None => break,
        }
    }
    found
}
