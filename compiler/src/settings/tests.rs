//! `dfc.toml` as it is read, and what choices make of findings.

use grammar::{Severity, SourceFile};

use super::*;

fn read(text: &str) -> (Settings, Vec<String>) {
    let source = SourceFile::new(FILE, text);
    let (settings, problems) = Settings::parse(&source);
    let line = |it: &grammar::Diagnostic| {
        let word = source.slice(it.span().unwrap());
        format!("{word}: {} | {}", it.message, it.help.as_deref().unwrap_or_default())
    };
    (settings, problems.iter().map(line).collect())
}

#[test]
fn everything_is_read() {
    let (settings, problems) = read(
        "[check]\nselect = [\"buildkit\"]\nignore = [\"StageNameCasing\"]\nerror-on = \"warning\"\n\
         [check.rules]\nMaintainerDeprecated = \"off\"\nUndefinedVar = \"error\"\n\
         [build]\nargs = { VERSION = \"1\" }\n[fmt]\nwidth = 100\nindent = 2\n",
    );
    assert_eq!(problems, [""; 0]);
    assert_eq!(settings.check.select, Some(vec![Selector::Buildkit]));
    assert_eq!(settings.check.rules["UndefinedVar"], Level::On(Severity::Error));
    assert_eq!(settings.check.error_on, Some(Threshold::Warning));
    assert_eq!(settings.build_args["VERSION"], "1");
    assert_eq!(settings.fmt, FmtSettings { width: Some(100), indent: Some(2) });
}

#[test]
fn mistakes_have_a_place_and_the_rest_counts() {
    let (settings, problems) = read(
        "[chekc]\nx = 1\n[check]\nselct = []\nignore = [\"StageNameCasin\", 3]\n\
         rules = { undefinedvar = \"off\", UndefinedVar = \"loud\" }\n[fmt]\nwidth = 3\nindent = 8\n",
    );
    assert_eq!(
        problems,
        [
            "chekc: there is no table `chekc` | did you mean check?",
            "selct: there is no key `selct` | did you mean select?",
            "\"StageNameCasin\": there is no rule `StageNameCasin` | did you mean StageNameCasing?",
            "3: `ignore` is the name of a rule | ",
            "undefinedvar: there is no rule `undefinedvar` | did you mean UndefinedVar?",
            "\"loud\": `UndefinedVar` is one of off, note, warning, error | ",
            "3: `width` is a number from 40 to 1000 | ",
        ]
    );
    assert_eq!(settings.fmt.indent, Some(8));
    let (_, problems) = read("[check\nselect = 3");
    assert!(problems.iter().any(|it| it.contains("no TOML")), "{problems:?}");
    let (_, problems) = read("check = 1\n");
    assert_eq!(problems, ["1: `check` is a table | "]);
}

#[test]
fn the_last_choice_is_the_strongest() {
    let rule = |name: &str| Selector::parse(name).unwrap();
    let file = Choice {
        ignore: vec![rule("UndefinedVar")],
        rules: [("StageNameCasing".to_owned(), Level::On(Severity::Note))].into(),
        ..Choice::default()
    };
    let line = Choice { select: Some(vec![rule("UndefinedVar")]), ..Choice::default() };
    let of = |name: &str, choices: &[&Choice]| lint_config(choices).rules[name];
    assert_eq!(of("UndefinedVar", &[&file]), Level::Off);
    assert_eq!(of("UndefinedVar", &[&file, &line]), Level::Default);
    assert_eq!(of("StageNameCasing", &[&file]), Level::On(Severity::Note));
    assert_eq!(of("StageNameCasing", &[&file, &line]), Level::Off);
    assert_eq!(of("FromAsCasing", &[]), Level::Default);
    let none = Choice { ignore: vec![rule("SC2086"), rule("buildkit")], ..Choice::default() };
    assert_eq!(of("SC2086", &[&none]), Level::Off);
    assert_eq!(of("FromAsCasing", &[&none]), Level::Off);
    assert_eq!(rule("SC2086"), Selector::Rules(vec!["SC2086".into()]));
    assert!(Selector::parse("SC20").is_err());
}
