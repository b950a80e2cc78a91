//! The rules against the examples of their own documentation, which becomes `docs/rules`.

#![expect(clippy::disallowed_methods, reason = "documentation is read from the rules' own files")]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use grammar::Severity;

use super::{
    ContextView, Entry, Finding, Level, LintConfig, Origin, RULES, Rule, Subject, check, findings,
};
use crate::checks::CheckOptions;
use crate::testing::{TestWorld, options};
use crate::world::BuildOptions;

const HEADINGS: [&str; 4] =
    ["## What it does", "## Why is this bad", "## Example", "## Use instead"];

fn found_in(world: &TestWorld, text: &str) -> Vec<Finding> {
    let source = grammar::SourceFile::new("Dockerfile", text);
    let parsed = grammar::parse(&source);
    let compiled = crate::compile(&parsed.tree, &source, &options(), world);
    let check = CheckOptions::of(&parsed.tree, &options()).unwrap();
    findings(&parsed.tree, &compiled, &check)
}

/// What all rules find in all stages.
fn checked(world: &TestWorld, text: &str, options: &BuildOptions, files: &[&str]) -> Vec<Finding> {
    let source = grammar::SourceFile::new("Dockerfile", text);
    let parsed = grammar::parse(&source);
    let options = BuildOptions { all_stages: true, ..options.clone() };
    let compiled = crate::compile(&parsed.tree, &source, &options, world);
    let context = Files(files.iter().map(|it| (*it).to_owned()).collect());
    // Those that are off by default, too.
    let rules = RULES.iter().filter(|rule| rule.origin() == Origin::Dfc);
    let rules = rules.map(|rule| (rule.name().to_owned(), Level::Default)).collect();
    check(&Subject {
        file: &parsed.tree,
        compiled: &compiled,
        checks: &CheckOptions::of(&parsed.tree, &options).unwrap(),
        options: &options,
        context: (!files.is_empty()).then_some(&context),
        config: &LintConfig { rules },
    })
}

/// A context that holds files of these names.
#[derive(Debug)]
struct Files(Vec<String>);

impl ContextView for Files {
    fn entry(&self, path: &str) -> Entry {
        let is_below = |file: &String| file.starts_with(&format!("{path}/"));
        match path {
            "." => Entry::Folder,
            _ if self.0.iter().any(|file| file == path) => Entry::File,
            _ if self.0.iter().any(is_below) => Entry::Folder,
            _ => Entry::Missing,
        }
    }

    fn list(&self, folder: &str) -> Option<Vec<String>> {
        let prefix = if folder == "." { String::new() } else { format!("{folder}/") };
        let inside = self.0.iter().filter_map(|file| file.strip_prefix(&prefix));
        let mut names: Vec<String> =
            inside.filter_map(|file| Some(file.split('/').next()?.to_owned())).collect();
        names.dedup();
        Some(names)
    }
}

/// The rule, the first line and the underlined words of each finding.
fn found(text: &str) -> Vec<String> {
    let found = found_in(&TestWorld::default(), text);
    let line = |it: &Finding| {
        let word = &text[it.diagnostic.span().unwrap().range()];
        format!("{} {} {word}", it.diagnostic.code, it.lines.0)
    };
    found.iter().map(line).collect()
}

/// `StageNameCasing` with `-` or `_` between its words.
fn spelled(name: &str, between: char) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut text = String::new();
    for (at, c) in chars.iter().enumerate() {
        let next_is_lower = chars.get(at + 1).is_some_and(|next| next.is_lowercase());
        if at > 0 && c.is_uppercase() && (chars[at - 1].is_lowercase() || next_is_lower) {
            text.push(between);
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

/// The documentation of a rule's type.
fn documentation(rule: &dyn Rule) -> String {
    let file = format!("src/lint/rules/{}.rs", spelled(rule.name(), '_'));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file:?}: {error}"));
    let lines = text.lines().filter_map(|line| line.strip_prefix("///"));
    // Only that of the type begins with a heading.
    let lines = lines.skip_while(|line| line.trim() != HEADINGS[0]);
    let end = text.lines().position(|line| line.starts_with("pub(super) struct"));
    let count = text.lines().take(end.expect("a rule is a type"));
    let count = count.filter(|line| line.starts_with("///")).count();
    lines.take(count).map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect()
}

/// The code blocks of a language below a heading.
fn block(text: &str, heading: &str, language: &str) -> Option<String> {
    let text = text.split_once(&format!("{heading}\n"))?.1;
    let text = text.split("\n## ").next()?;
    let text = text.split_once(&format!("```{language}\n"))?.1;
    Some(text.split("```").next()?.to_owned())
}

#[test]
fn examples_are_found_and_what_to_use_instead_is_not() {
    for rule in RULES {
        let text = documentation(*rule);
        let mut at = 0;
        for heading in HEADINGS {
            let next = text.find(heading).unwrap_or_else(|| panic!("{}: {heading}", rule.name()));
            assert!(at <= next, "{}: {heading} out of order", rule.name());
            at = next;
        }
        let world = TestWorld {
            ignore_file: block(&text, "## Example", "dockerignore"),
            ..TestWorld::default()
        };
        let bad = block(&text, "## Example", "dockerfile").expect("there is an example");
        let good = block(&text, "## Use instead", "dockerfile").expect("there is a better one");
        if rule.origin() == Origin::Dfc {
            let files = ["app.py", "src/lib.rs"];
            let mut options = options();
            if rule.name() == "UnconsumedBuildArg" {
                options.build_args.insert("VERSON".into(), "2".into());
            }
            let finds = |text: &str, options: &BuildOptions| {
                let found = checked(&world, text, options, &files);
                found.iter().filter(|it| it.diagnostic.code == rule.name()).count()
            };
            assert_eq!(finds(&bad, &options), 1, "{}: {bad}", rule.name());
            options.build_args.clear();
            assert_eq!(finds(&good, &options), 0, "{}: {good}", rule.name());
            continue;
        }
        let codes: Vec<_> = found_in(&world, &bad).iter().map(|it| it.diagnostic.code).collect();
        assert_eq!(codes, [rule.name()], "{bad}");
        assert_eq!(found_in(&world, &good), [], "{}: {good}", rule.name());
    }
}

/// `fixtures/rules/NAME.Dockerfile` holds cases, with `# ---` between them. A finding is wanted where `# hit` stands right
/// above an instruction, and nowhere else. `# context:`, `# ignore:` and `# build-arg:` say what is around a case.
#[test]
fn fixtures_hit_and_miss() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/rules");
    let mut fixed = std::collections::BTreeSet::new();
    for rule in RULES.iter().filter(|rule| rule.origin() == Origin::Dfc) {
        let path = folder.join(format!("{}.Dockerfile", spelled(rule.name(), '-')));
        let cases = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        assert!(cases.contains("# hit\n"), "{path:?} has no hit");
        for case in cases.split("# ---\n") {
            let said = |name: &str| {
                let prefix = format!("# {name}: ");
                let lines = case.lines().filter_map(|line| line.strip_prefix(&prefix));
                lines.flat_map(str::split_whitespace).collect::<Vec<&str>>()
            };
            let ignored = Some(said("ignore").join("\n")).filter(|it| !it.is_empty());
            let world = TestWorld { ignore_file: ignored, ..TestWorld::default() };
            let world = [
                "alpine:3.22",
                "node:22-slim",
                "debian:12",
                "node:22",
                "alpine",
                "debian",
                "fedora:43",
                WINDOWS,
            ]
            .iter()
            .fold(world, |world, name| world.with(name, oci::ContainerConfig::default()));
            let mut options = options();
            let given = said("build-arg").into_iter().filter_map(|it| it.split_once('='));
            options.build_args.extend(given.map(|(name, value)| (name.into(), value.into())));
            let found = checked(&world, case, &options, &said("context"));
            let mine = found.iter().filter(|it| it.diagnostic.code == rule.name());
            let lines: std::collections::BTreeSet<u32> = mine.map(|it| it.lines.0).collect();
            let all: Vec<&str> = case.lines().collect();
            let wanted = (1..=all.len() as u32)
                .filter(|line| *line > 1 && all[*line as usize - 2] == "# hit")
                .collect();
            assert_eq!(lines, wanted, "{}\n{case}", rule.name());
            let mine = mine_of(&found, *rule);
            let fixes: Vec<&grammar::Fix> =
                mine.iter().filter_map(|it| it.diagnostic.fix.as_deref()).collect();
            for fix in &fixes {
                mends(case, fix, *rule, &|text| checked(&world, text, &options, &said("context")));
            }
            fixed.extend((!fixes.is_empty()).then_some(rule.name()));
        }
    }
    println!("with a fix: {fixed:?}");
    assert!(fixed.contains("AptListsLeftBehind") && fixed.contains("InstallWithoutYes"));
}

const WINDOWS: &str = "mcr.microsoft.com/windows/servercore:ltsc2022";

fn mine_of<'f>(found: &'f [Finding], rule: &dyn Rule) -> Vec<&'f Finding> {
    found.iter().filter(|it| it.diagnostic.code == rule.name()).collect()
}

/// A fix takes its finding away and no other, leaves the file one that parses, and changes nothing but what it says.
fn mends(case: &str, fix: &grammar::Fix, rule: &dyn Rule, check: &dyn Fn(&str) -> Vec<Finding>) {
    let mended = crate::fixes::apply(case, [fix]).text;
    assert_ne!(mended, case, "{}: {fix:?}", rule.name());
    let (before, after) = (check(case), check(&mended));
    let count = |found: &[Finding]| mine_of(found, rule).len();
    assert_eq!(count(&after) + 1, count(&before), "{}\n{mended}", rule.name());
    let errors =
        |text: &str| grammar::parse(&grammar::SourceFile::new("D", text)).diagnostics.len();
    assert_eq!(errors(case), errors(&mended), "{}\n{mended}", rule.name());
    let others = |found: &[Finding]| {
        let others = found.iter().filter(|it| it.diagnostic.code != rule.name());
        others.map(|it| it.diagnostic.message.clone()).collect::<Vec<_>>()
    };
    if fix.is_safe {
        let before = others(&before);
        let new: Vec<_> = others(&after).into_iter().filter(|it| !before.contains(it)).collect();
        assert_eq!(new, [""; 0], "{}\n{mended}", rule.name());
    }
    // Without what was inserted and taken out, nothing has changed.
    let mut edits = fix.edits.clone();
    edits.sort_by_key(|(span, _)| span.start);
    let (mut at, mut place) = (0, 0);
    for (span, new) in &edits {
        let kept = &case[place..span.start as usize];
        assert_eq!(&mended[at..at + kept.len()], kept);
        at += kept.len() + new.len();
        place = span.end as usize;
    }
    assert_eq!(&mended[at..], &case[place..]);
}

#[test]
fn hadolint_is_heard_and_builds_do_not_hear_it() {
    let codes = |text: &str| {
        let found = checked(&TestWorld::default(), text, &options(), &[]);
        found.iter().filter(|it| it.diagnostic.code == "FloatingTag").count()
    };
    assert_eq!(codes("FROM busybox\n"), 1);
    assert_eq!(codes("# hadolint ignore=DL3008, DL3006\nFROM busybox\n"), 0);
    assert_eq!(codes("# check=skip=FloatingTag\nFROM busybox\n"), 0);
    assert_eq!(codes("# hadolint global ignore=DL3006\n\nFROM busybox\n"), 0);
    assert_eq!(found("# hadolint global ignore=all\nFROM busybox\n"), [""; 0]);
}

#[test]
fn no_rule_is_forgotten() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lint/rules");
    let mut files: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut registered: Vec<String> =
        RULES.iter().map(|rule| format!("{}.rs", spelled(rule.name(), '_'))).collect();
    files.sort();
    registered.sort();
    assert_eq!(files, registered);
}

#[test]
fn fixes_mend_their_findings() {
    let mut fixed = 0;
    for rule in RULES {
        let bad = block(&documentation(*rule), "## Example", "dockerfile").unwrap();
        let found = found_in(&TestWorld::default(), &bad);
        let Some(fix) = found.first().and_then(|it| it.diagnostic.fix.as_deref()) else { continue };
        let mut mended = bad.clone();
        for (span, text) in fix.edits.iter().rev() {
            mended.replace_range(span.range(), text);
        }
        assert_eq!(found_in(&TestWorld::default(), &mended), [], "{mended}");
        fixed += 1;
    }
    assert_eq!(fixed, 10);
}

#[test]
fn empty_lines_go_with_their_line_breaks() {
    for (text, want) in [
        ("FROM scratch\nRUN a \\\n\n b\n", "FROM scratch\nRUN a \\\n b\n"),
        ("FROM scratch\r\nRUN a \\\r\n\r\n b\r\n", "FROM scratch\r\nRUN a \\\r\n b\r\n"),
        ("FROM scratch\nRUN a \\\n  ", "FROM scratch\nRUN a \\\n"),
    ] {
        let found = found_in(&TestWorld::default(), text);
        let fix = found.iter().find_map(|it| it.diagnostic.fix.as_ref()).expect("an empty line");
        let [(span, new)] = fix.edits.as_slice() else { panic!("{fix:?}") };
        let mut mended = text.to_owned();
        mended.replace_range(span.range(), new);
        assert_eq!(mended, want);
    }
}

#[test]
fn legacy_values_are_quoted_where_they_must_be() {
    for (written, want) in [
        ("ENV A b", Some("A=b")),
        ("ENV A   b c", Some("A=\"b c\"")),
        ("LABEL a $B", Some("a=$B")),
        ("ENV A \"b\"", None),
        ("ENV A b\\ c", None),
        ("ENV A b \\\n  c", None),
    ] {
        let found = found_in(&TestWorld::default(), &format!("FROM scratch\nARG B=1\n{written}\n"));
        assert_eq!(found.len(), 1, "{written}");
        let fix = found[0].diagnostic.fix.as_deref();
        assert_eq!(fix.map(|fix| fix.edits[0].1.as_str()), want, "{written}");
    }
}

#[test]
fn only_what_the_target_needs_is_looked_at() {
    let text = "FROM scratch AS a\nENV A b\nFROM scratch\nCMD x\n";
    assert_eq!(found(text), ["JSONArgsRecommended 4 x"]);
}

#[test]
fn triggers_count_as_the_from_that_runs_them() {
    let text = "FROM scratch AS a\nONBUILD ENV A b\nFROM a\nENV B c\n";
    assert_eq!(found(text), ["LegacyKeyValueFormat 3 a", "LegacyKeyValueFormat 4 B c"]);
}

#[test]
fn a_base_stage_may_set_shell_and_workdir() {
    let text = "FROM scratch AS a\nSHELL [\"/sh\"]\nWORKDIR /x\nFROM a\nWORKDIR y\nCMD z\n";
    assert_eq!(found(text), [""; 0]);
}

#[test]
fn rules_can_be_left_out() {
    let text = "FROM scratch\n# check=skip=JSONArgsRecommended\nCMD x\nENTRYPOINT y\n";
    assert_eq!(found(text), ["JSONArgsRecommended 4 y"]);
    assert_eq!(found(&format!("# check=skip=all\n{text}")), [""; 0]);
    let text = "FROM scratch\n# check=skip=ConsistentInstructionCasing\nCmd [\"x\"]\n";
    assert_eq!(found(text), ["ConsistentInstructionCasing 3 Cmd"]);
}

#[test]
fn findings_may_be_errors() {
    let world = TestWorld::default();
    let text = "# check=error=true\nFROM scratch\nCMD x\nENV A b\nENTRYPOINT y\n";
    let compiled = world.compile(text, &options());
    assert!(compiled.graph.is_none());
    let [error] = compiled.diagnostics.as_slice() else { panic!("{:?}", compiled.diagnostics) };
    assert_eq!(error.severity, Severity::Error);
    let want = "lint violation found for rules: JSONArgsRecommended, LegacyKeyValueFormat";
    assert_eq!((error.message.as_str(), error.labels.len()), (want, 3));
    let mut options = options();
    options.build_args.insert(CheckOptions::BUILD_ARG.into(), "skip=all".into());
    assert!(world.compile(text, &options).graph.is_some());
}

#[test]
fn pages_are_fresh() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rules");
    let mut pages: Vec<(PathBuf, String)> = Vec::new();
    let mut list = String::from(
        "# Lint rules\n\nWhat `dfc check` warns of. Those of BuildKit have its names and its words; they are also all that \
         `dfc build --check`\nand the end of a build say. [check.md](../check.md) says how to leave rules out, and how to make \
         errors of them.\n\n| rule | of | finds |\n|---|---|---|\n",
    );
    let mut rules: Vec<&&dyn Rule> = RULES.iter().collect();
    rules.sort_by_key(|rule| rule.name());
    for rule in rules {
        let (name, text) = (rule.name(), documentation(*rule));
        let page = format!("{}.md", spelled(name, '-'));
        let what = text.trim_start_matches(HEADINGS[0]).trim_start();
        let what = what.replace('\n', " ");
        let end = [". ", ": "].iter().filter_map(|end| what.find(end)).min();
        let what = &what[..end.expect("a sentence ends")];
        let what = what.strip_prefix("Finds ").expect("it begins with what it finds");
        let of = if rule.origin() == Origin::Dfc { "dfc" } else { "BuildKit" };
        writeln!(list, "| [{name}]({page}) | {of} | {what} |").unwrap();
        let mut content = format!("# {name}\n\n{}", text.trim_end());
        if let [first, others @ ..] = rule.aliases() {
            let others: String = others.iter().map(|alias| format!(", {alias}")).collect();
            write!(content, "\n\n## Names in hadolint\n{first}{others}").unwrap();
        }
        if !rule.hears_comments() {
            content.push_str(
                "\n\n## Leaving it out\nAs in BuildKit, only the directive at the top of the file can: comments above \
                 instructions are read later.",
            );
        }
        pages.push((folder.join(page), format!("{content}\n")));
    }
    pages.push((folder.join("README.md"), list));
    let update = std::env::var_os("UPDATE_GOLDENS").is_some();
    for (path, wanted) in &pages {
        if update {
            fs::create_dir_all(&folder).unwrap();
            fs::write(path, wanted).unwrap();
        }
        let there = fs::read_to_string(path).unwrap_or_default();
        assert_eq!(&there, wanted, "{path:?}: rewrite it with UPDATE_GOLDENS=1");
    }
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        assert!(pages.iter().any(|(page, _)| page == &path), "{path:?} is no rule's page");
    }
}

#[test]
fn lists_that_a_later_run_needs_stay() {
    let fixes = |text: &str| {
        let found = checked(&TestWorld::default(), text, &options(), &[]);
        let mine = found.iter().filter(|it| it.diagnostic.code == "AptListsLeftBehind");
        mine.map(|it| it.diagnostic.fix.is_some()).collect::<Vec<_>>()
    };
    let update = "FROM debian:12 AS a\nRUN apt-get update\n";
    assert_eq!(fixes(update), [true]);
    assert_eq!(fixes(&format!("{update}RUN apt-get install -y b\n")), [false]);
    assert_eq!(fixes(&format!("{update}FROM a\nRUN true\nRUN apt-get install -y b\n")), [false]);
    let again = "RUN apt-get update && apt-get install -y b && rm -rf /var/lib/apt/lists/*\n";
    assert_eq!(fixes(&format!("{update}{again}")), [true]);
}
