//! Builders that the command line describes: `--peer NAME=COMMAND`.

use std::path::Path;
use std::process::Command;

use super::{Build, Builder, Call, Problem, builds_only, missing};

/// A command for the shell, with holes.
#[derive(Debug)]
pub(super) struct Template {
    name: String,
    build: String,
    forget: Option<String>,
}

/// What fills a hole.
type Filling<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Template {
    /// # Errors
    /// Names a hole that there is not.
    pub(super) fn new(name: &str, build: &str, forget: Option<&str>) -> Result<Template, String> {
        fill(build, &|hole| HOLES.contains(&hole).then(|| "x".to_owned()))
            .map_err(|problem| format!("--peer {name}: {problem}"))?;
        let forget = forget.map(str::to_owned);
        Ok(Template { name: name.to_owned(), build: build.to_owned(), forget })
    }
}

/// The names of the holes.
const HOLES: [&str; 6] =
    ["context", "dockerfile", "dockerfile-folder", "archive", "compression", "no-cache"];

/// Puts values into a template: `{NAME}` is the value, `{NAME:TEXT}` is TEXT, with its own holes, if there is a
/// value, and else nothing.
fn fill(template: &str, value: Filling<'_>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        filled.push_str(&rest[..open]);
        let close = closing(&rest[open..])
            .ok_or_else(|| format!("`{{` without `}}` in `{}`", &rest[open..]))?;
        let inside = &rest[open + 1..open + close];
        let (name, text) = match inside.split_once(':') {
            Some((name, text)) => (name, Some(text)),
            None => (inside, None),
        };
        if !HOLES.contains(&name) {
            return Err(format!("no placeholder {{{name}}}: one of {}", HOLES.join(", ")));
        }
        match (value(name), text) {
            (Some(_), Some(text)) => filled.push_str(&fill(text, value)?),
            (Some(value), None) => filled.push_str(&value),
            (None, _) => {}
        }
        rest = &rest[open + close + 1..];
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Where the brace is that closes the one at the beginning.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.bytes().position(|byte| {
        depth += i32::from(byte == b'{') - i32::from(byte == b'}');
        depth == 0
    })
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

impl Builder for Template {
    fn name(&self) -> &str {
        &self.name
    }

    fn version(&self) -> String {
        self.build.clone()
    }

    fn memory(&self) -> &'static str {
        "the command and its children; a daemon's is not seen"
    }

    fn build(&self, build: &Build<'_>) -> Result<Command, Problem> {
        let has = |name: &str| self.build.contains(&format!("{{{name}"));
        if build.archive.is_some() && !has("archive") {
            return missing("its command has no {archive}");
        }
        if !build.cached && !has("no-cache") {
            return missing("its command has no {no-cache:…}");
        }
        let value = |name: &str| match name {
            "context" => Some(quoted(build.context)),
            "dockerfile" => Some(quoted(build.dockerfile)),
            "dockerfile-folder" => build.dockerfile.parent().map(quoted),
            "archive" => build.archive.map(quoted),
            "compression" => build.archive.map(|_| build.compression.to_string()),
            _ => (!build.cached).then(String::new),
        };
        Ok(shell(&fill(&self.build, &value).map_err(Problem::Failed)?))
    }

    fn call(&self, _: Call<'_>) -> Result<Command, Problem> {
        builds_only()
    }

    fn forget(&mut self) -> Result<(), Problem> {
        let Some(forget) = &self.forget else {
            return missing(format!(
                "no --peer {}:forget=COMMAND that empties its store",
                self.name
            ));
        };
        let status = shell(forget).status()?;
        if status.success() { Ok(()) } else { Err(Problem::Failed(format!("{forget}: {status}"))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled() {
        let template = "b {context} {no-cache:--no-cache }{archive:-o type=oci,dest={archive}}";
        let all = |name: &str| Some(format!("<{name}>"));
        let some = |name: &str| (name == "context").then(|| "here".to_owned());
        let filled = fill(template, &all).unwrap();
        assert_eq!(filled, "b <context> --no-cache -o type=oci,dest=<archive>");
        assert_eq!(fill(template, &some).unwrap(), "b here ");
    }

    #[test]
    fn unknown_and_open_holes_are_named() {
        assert!(Template::new("x", "b {contxt}", None).unwrap_err().contains("{contxt}"));
        assert!(Template::new("x", "b {archive:{archive}", None).is_err());
    }
}
