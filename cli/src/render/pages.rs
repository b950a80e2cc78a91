//! The rules for people: their list, and their pages of the manual.

use compiler::lint::{Origin, RULES, Rule};
use serde_json::{Value, json};

use crate::render::human;

/// By the name of a rule: the file of its page in `docs/rules`, and its text.
const PAGES: &[(&str, &str, &str)] = &include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// The page of a rule.
pub(crate) fn text(rule: &str) -> Option<&'static str> {
    page(rule).map(|(_, _, text)| *text)
}

/// Where the page of a rule is in the manual.
pub(crate) fn address(rule: &str) -> Option<String> {
    page(rule).map(|(_, file, _)| format!("rules/{file}"))
}

/// What a rule does, in a sentence.
pub(crate) fn summary(rule: &str) -> Option<String> {
    let text = text(rule)?.split_once("## What it does\n")?.1.trim_start();
    let paragraph = text.split("\n\n").next()?.replace('\n', " ");
    Some(paragraph.split_once(". ").map_or(paragraph.clone(), |(first, _)| format!("{first}.")))
}

fn page(rule: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    PAGES.iter().find(|(name, _, _)| *name == rule)
}

/// All rules, a line each.
pub(crate) fn list() -> String {
    let width = RULES.iter().map(|rule| rule.name().len()).max().unwrap_or_default();
    let mut lines: Vec<String> = RULES.iter().map(|rule| line(*rule, width)).collect();
    lines.sort();
    lines.concat()
}

fn line(rule: &dyn Rule, width: usize) -> String {
    let name = rule.name();
    let level = level(rule);
    let aliases = rule.aliases().join(" ");
    let finds = summary(name).unwrap_or_default();
    let also = if aliases.is_empty() { String::new() } else { format!(" ({aliases})") };
    format!("{name:width$}  {level:7}  {finds}{also}\n")
}

/// All rules, for tools.
pub(crate) fn list_json() -> Value {
    let mut rules: Vec<Value> = RULES
        .iter()
        .map(|rule| {
            let origin = match rule.origin() {
                Origin::BuildKit => "buildkit",
                Origin::Dfc => "dfc",
            };
            json!({
                "name": rule.name(),
                "origin": origin,
                "severity": level(*rule),
                "aliases": rule.aliases(),
                "summary": summary(rule.name()),
                "page": address(rule.name()),
            })
        })
        .collect();
    rules.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    rules.into()
}

/// What a rule's findings are taken for, if nobody says anything.
fn level(rule: &dyn Rule) -> &'static str {
    if !rule.is_on_by_default() || rule.is_experimental() {
        return "off";
    }
    human::severity(rule.default_severity())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_rule_has_a_page() {
        for rule in RULES {
            assert!(text(rule.name()).is_some(), "{}", rule.name());
            assert!(summary(rule.name()).is_some(), "{}", rule.name());
        }
        assert!(list().contains("StageNameCasing"));
        assert_eq!(list_json().as_array().map(Vec::len), Some(RULES.len()));
    }

    /// The part of docs/hadolint.md that is made from the rules.
    #[test]
    fn the_table_of_codes_is_fresh() {
        let mut codes: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for rule in RULES {
            let page = address(rule.name()).unwrap_or_else(|| "rules/README.md".to_owned());
            for code in rule.aliases() {
                codes.entry(code).or_default().push(format!("[{}]({page})", rule.name()));
            }
        }
        let mut table = String::from("| code | rule |\n| --- | --- |\n");
        for (code, mut rules) in codes {
            rules.sort();
            table.push_str(&format!("| {code} | {} |\n", rules.join(", ")));
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/hadolint.md");
        let there = fs::read_to_string(&path).unwrap();
        let (before, _) = there.split_once("| code |").expect("there is a table");
        let (_, after) = there.rsplit_once(" |\n").expect("the table ends");
        let wanted = format!("{before}{table}{after}");
        if std::env::var_os("UPDATE_GOLDENS").is_some() {
            fs::write(&path, &wanted).unwrap();
        }
        assert_eq!(there, wanted, "{path:?}: rewrite it with UPDATE_GOLDENS=1");
    }
}
