//! Manifests first, the rest of the context behind.

use grammar::instruction::Source;
use grammar::{Code, Diagnostic, Instruction, Statement};

use crate::lint::{Cx, Origin, Rule};

/// ## What it does
/// Finds `COPY . .` before a RUN that installs what a manifest lists (`npm ci` and package.json, `pip install -r` and
/// requirements.txt, `go mod download` and go.mod, and their like), and names these steps.
///
/// ## Why is this bad
/// Any change of any file runs the installation again. If only the manifest is copied before it, it stays cached until that
/// changes.
///
/// ## Example
/// ```dockerfile
/// FROM node:22
/// WORKDIR /app
/// COPY . .
/// RUN npm ci
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM node:22
/// WORKDIR /app
/// COPY package.json package-lock.json ./
/// RUN npm ci
/// COPY . .
/// ```
///
/// ## What it does not see
/// Whether the installation needs more than the manifest: local packages (`file:../lib`), workspaces, scripts that run after
/// it. Commands other than those in its table, or inside of scripts. A stage that installed with the same program before is left alone.
#[derive(Debug)]
pub(super) struct CopyAllBeforeInstall;

/// Words that begin an installation, and what it needs.
const INSTALLS: &[(&[&str], &str)] = &[
    (&["npm", "ci"], "package.json and package-lock.json"),
    (&["npm", "install"], "package.json"),
    (&["npm", "i"], "package.json"),
    (&["yarn", "install"], "package.json and yarn.lock"),
    (&["yarn"], "package.json and yarn.lock"),
    (&["pnpm", "install"], "package.json and pnpm-lock.yaml"),
    (&["pnpm", "i"], "package.json and pnpm-lock.yaml"),
    (&["bun", "install"], "package.json"),
    (&["pip", "install"], "requirements.txt"),
    (&["pip3", "install"], "requirements.txt"),
    (&["pipenv", "install"], "Pipfile and Pipfile.lock"),
    (&["pipenv", "sync"], "Pipfile and Pipfile.lock"),
    (&["go", "mod", "download"], "go.mod and go.sum"),
    (&["cargo", "fetch"], "Cargo.toml and Cargo.lock"),
    (&["bundle", "install"], "Gemfile and Gemfile.lock"),
    (&["composer", "install"], "composer.json and composer.lock"),
    (&["mvn", "dependency:go-offline"], "pom.xml"),
    (&["mvn", "dependency:resolve"], "pom.xml"),
    (&["dotnet", "restore"], "the project files"),
    (&["mix", "deps.get"], "mix.exs and mix.lock"),
];

impl Rule for CopyAllBeforeInstall {
    fn name(&self) -> Code {
        "CopyAllBeforeInstall"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            let Some(at) = stage.own.iter().position(copies_all) else { continue };
            let (before, behind) = stage.own.split_at(at);
            let done: Vec<&str> = before.iter().filter_map(installs).map(|it| it.0).collect();
            let steps: Vec<(&Statement, &str)> = behind
                .iter()
                .filter_map(|it| Some((it, installs(it)?)))
                .filter(|(_, (program, _))| !done.contains(program))
                .map(|(it, (_, needs))| (it, needs))
                .collect();
            let (Some((_, needs)), Some(copy)) = (steps.first(), behind.first()) else { continue };
            let Some(place) = cx.place(copy.span) else { continue };
            let lines: Vec<String> = steps.iter().map(|it| it.0.lines.0.to_string()).collect();
            let noun = if lines.len() == 1 { "line" } else { "lines" };
            let message = format!(
                "any change in the context installs everything again, in {noun} {}",
                lines.join(", ")
            );
            let mut warning = Diagnostic::warning(self.name(), message, copy.head)
                .help(format!("copy {needs} first, install, then copy the rest"));
            for (step, needs) in &steps {
                warning = warning.also(step.keyword.span, format!("needs only {needs}"));
            }
            cx.warn(place, warning);
        }
    }
}

/// Whether an instruction copies the whole context.
fn copies_all(statement: &Statement) -> bool {
    let transfer = if let Instruction::Add(add) = &statement.instruction {
        &add.transfer
    } else if let Instruction::Copy(copy) = &statement.instruction
        && copy.from.is_none()
    {
        &copy.transfer
    } else {
        return false;
    };
    let is_all = |source: &Source| matches!(source, Source::Path(word) if matches!(word.text.as_str(), "." | "./" | "/" | "./."));
    transfer.sources.iter().any(is_all)
}

/// The program that installs what a manifest lists, and what it needs.
fn installs(statement: &Statement) -> Option<(&'static str, &'static str)> {
    let Instruction::Run(_) = &statement.instruction else { return None };
    let text = &statement.original;
    let bodies = statement.heredocs.iter().map(|it| it.content.value.as_str());
    std::iter::once(text.as_str())
        .chain(bodies)
        .flat_map(|text| text.split(['&', ';', '|', '\n', '(', ')']))
        .find_map(command)
}

fn command(text: &str) -> Option<(&'static str, &'static str)> {
    let is_before = |word: &&str| {
        word.eq_ignore_ascii_case("run") || word.starts_with("--") || word.contains('=')
    };
    let words: Vec<&str> = text.split_whitespace().skip_while(is_before).collect();
    let known = INSTALLS.iter().find(|(start, _)| words.starts_with(start))?;
    let (start, needs) = *known;
    let rest = &words[start.len()..];
    let fits = match start {
        // A file must be named; a package or a folder is something else.
        ["pip" | "pip3", ..] => {
            let file = rest.iter().position(|it| matches!(*it, "-r" | "--requirement"));
            let is_folder = |it: &&str| matches!(*it, "." | "-e" | "--editable" | "./");
            file.is_some() && !rest.iter().any(is_folder)
        }
        ["dotnet", ..] | ["mvn", ..] => true,
        // With a name it installs that and not the manifest.
        _ => rest
            .iter()
            .all(|it| it.starts_with('-') && !matches!(*it, "-g" | "--global" | "--version")),
    };
    fits.then_some((start[0], needs))
}
