//! The text of a `dfc.toml` to [`Settings`]: every table and key by hand, so that each mistake has its place.

use grammar::{Diagnostic, SourceFile, Span};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::{
    Choice, LEVELS, Selector, Settings, Shellcheck, Threshold, UnknownRule, level_named,
    rules_named,
};
use crate::suggest::nearest;

/// How long a line may be asked to be.
const WIDTHS: std::ops::RangeInclusive<usize> = 40..=1000;
/// How far lines may be indented.
const INDENTS: std::ops::RangeInclusive<usize> = 0..=16;

type Key<'t> = Spanned<DeString<'t>>;
type Value<'t> = Spanned<DeValue<'t>>;

/// Reads a whole file.
pub(super) fn settings(source: &SourceFile) -> (Settings, Vec<Diagnostic>) {
    let mut reader = Reader { source, problems: Vec::new() };
    let mut settings = Settings::default();
    let (root, broken) = DeTable::parse_recoverable(source.text());
    for error in broken {
        let span = error.span().unwrap_or_default();
        let message = format!("this is no TOML: {}", error.message().trim_end());
        reader.problem("invalid-toml", message, span, None);
    }
    for (key, value) in root.get_ref() {
        match key.get_ref().as_ref() {
            "check" => reader.check(value, &mut settings),
            "build" => reader.build(value, &mut settings),
            "fmt" => reader.fmt(value, &mut settings),
            name => reader.unknown("table", name, key, &["check", "build", "fmt"]),
        }
    }
    // TOML's tables have no order of their own.
    reader.problems.sort_by_key(Diagnostic::span);
    (settings, reader.problems)
}

struct Reader<'s> {
    source: &'s SourceFile,
    problems: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn check(&mut self, value: &Value<'_>, settings: &mut Settings) {
        const KEYS: [&str; 5] = ["rules", "select", "ignore", "error-on", "shellcheck"];
        let choice = &mut settings.check;
        for (key, value) in self.table("check", value) {
            match key.get_ref().as_ref() {
                "rules" => self.rules(value, choice),
                "select" => choice.select = Some(self.selectors(key, value)),
                "ignore" => choice.ignore = self.selectors(key, value),
                "error-on" => {
                    let names = ["error", "warning", "note", "never"];
                    let level = self.one_of(key, value, &names);
                    choice.error_on = level.and_then(Threshold::parse);
                }
                "shellcheck" => {
                    let when = self.one_of(key, value, &["auto", "on", "off"]);
                    settings.shellcheck = when.and_then(Shellcheck::parse);
                }
                name => self.unknown("key", name, key, &KEYS),
            }
        }
    }

    fn rules(&mut self, value: &Value<'_>, choice: &mut Choice) {
        for (key, value) in self.table("check.rules", value) {
            let names = match rules_named(key.get_ref()) {
                Ok(names) => names,
                Err(error) => {
                    self.unknown_rule(&error, key.span());
                    continue;
                }
            };
            let Some(level) = self.one_of(key, value, &LEVELS).and_then(level_named) else {
                continue;
            };
            choice.rules.extend(names.into_iter().map(|name| (name, level)));
        }
    }

    fn selectors(&mut self, key: &Key<'_>, value: &Value<'_>) -> Vec<Selector> {
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(key, value, "a list of rules");
            return Vec::new();
        };
        let mut selectors = Vec::new();
        for item in items.iter() {
            match item.get_ref().as_str().map(Selector::parse) {
                Some(Ok(selector)) => selectors.push(selector),
                Some(Err(error)) => self.unknown_rule(&error, item.span()),
                None => self.wrong(key, item, "the name of a rule"),
            }
        }
        selectors
    }

    fn build(&mut self, value: &Value<'_>, settings: &mut Settings) {
        for (key, value) in self.table("build", value) {
            match key.get_ref().as_ref() {
                "args" => {
                    for (name, value) in self.table("build.args", value) {
                        match value.get_ref().as_str() {
                            Some(text) => {
                                let name = name.get_ref().clone().into_owned();
                                settings.build_args.insert(name, text.to_owned());
                            }
                            None => self.wrong(name, value, "a text"),
                        }
                    }
                }
                name => self.unknown("key", name, key, &["args"]),
            }
        }
    }

    fn fmt(&mut self, value: &Value<'_>, settings: &mut Settings) {
        for (key, value) in self.table("fmt", value) {
            match key.get_ref().as_ref() {
                "width" => settings.fmt.width = self.number(key, value, &WIDTHS),
                "indent" => settings.fmt.indent = self.number(key, value, &INDENTS),
                name => self.unknown("key", name, key, &["width", "indent"]),
            }
        }
    }

    fn number(
        &mut self,
        key: &Key<'_>,
        value: &Value<'_>,
        range: &std::ops::RangeInclusive<usize>,
    ) -> Option<usize> {
        let number = value.get_ref().as_integer();
        let number = number.and_then(|it| usize::from_str_radix(it.as_str(), it.radix()).ok());
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            self.wrong(key, value, &format!("a number from {} to {}", range.start(), range.end()));
        }
        number
    }

    /// The entries of a table, in the order of the file.
    fn table<'v, 't>(
        &mut self,
        name: &str,
        value: &'v Value<'t>,
    ) -> Vec<(&'v Key<'t>, &'v Value<'t>)> {
        let DeValue::Table(table) = value.get_ref() else {
            self.problem("invalid-setting", format!("`{name}` is a table"), value.span(), None);
            return Vec::new();
        };
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        entries
    }

    fn one_of<'v>(
        &mut self,
        key: &Key<'_>,
        value: &'v Value<'_>,
        names: &[&str],
    ) -> Option<&'v str> {
        let text = value.get_ref().as_str().filter(|text| names.contains(text));
        if text.is_none() {
            self.wrong(key, value, &format!("one of {}", names.join(", ")));
        }
        text
    }

    fn wrong(&mut self, key: &Key<'_>, value: &Value<'_>, wanted: &str) {
        let message = format!("`{}` is {wanted}", key.get_ref());
        self.problem("invalid-setting", message, value.span(), None);
    }

    fn unknown(&mut self, what: &str, name: &str, key: &Key<'_>, known: &[&str]) {
        let help = match nearest(name, known.iter().copied()) {
            Some(known) => format!("did you mean {known}?"),
            None => format!("there is {}", known.join(", ")),
        };
        self.problem(
            "unknown-setting",
            format!("there is no {what} `{name}`"),
            key.span(),
            Some(help),
        );
    }

    fn unknown_rule(&mut self, error: &UnknownRule, span: std::ops::Range<usize>) {
        self.problem("unknown-rule", error.to_string(), span, Some(error.help()));
    }

    fn problem(
        &mut self,
        code: grammar::Code,
        message: String,
        span: std::ops::Range<usize>,
        help: Option<String>,
    ) {
        let end = self.source.text().len();
        let (start, end) = (span.start.min(end), span.end.min(end));
        let span = Span::in_source(self.source.id(), start, end.max(start));
        let problem = Diagnostic::error(code, message, span);
        self.problems.push(match help {
            Some(help) => problem.help(help),
            None => problem,
        });
    }
}
