//! `# hadolint ignore=DL3008,DL3009`: what files say that were written for hadolint.

use std::collections::BTreeSet;

use grammar::{SourceId, Spanned};

use super::{Rule, Subject};

/// What the comments of a file leave out.
#[derive(Debug, Clone, Default)]
pub(super) struct Pragmas {
    /// Whether anybody listens.
    heard: bool,
    /// `# hadolint global ignore=`
    global: BTreeSet<String>,
}

impl Pragmas {
    /// BuildKit knows nothing of them.
    pub(super) fn unheard() -> Pragmas {
        Pragmas::default()
    }

    /// Looks for what counts in the whole file: before the first instruction.
    pub(super) fn of_file(subject: &Subject<'_>) -> Pragmas {
        let source = subject.compiled.sources.iter().find(|it| it.id() == SourceId::MAIN);
        let text = source.map_or("", |source| source.text());
        let lines = text.lines().map(str::trim);
        let comments = lines.take_while(|line| line.is_empty() || line.starts_with('#'));
        let lists = comments.filter_map(|line| codes(line.trim_start_matches('#'), "global"));
        Pragmas { heard: true, global: lists.flatten().map(str::to_owned).collect() }
    }

    /// The codes that count for the whole file.
    pub(super) fn global_codes(&self) -> impl Iterator<Item = &str> {
        self.global.iter().map(String::as_str)
    }

    /// Whether a finding of a rule is left out where these comments are above.
    pub(super) fn ignore(&self, rule: &dyn Rule, comments: &[Spanned<String>]) -> bool {
        let is_meant = |code: &str| rule.name() == code || rule.aliases().contains(&code);
        self.heard
            && (self.global.iter().any(|code| is_meant(code))
                || comments
                    .iter()
                    .filter_map(|comment| codes(&comment.value, ""))
                    .any(|mut codes| codes.any(is_meant)))
    }
}

/// The codes that a comment above an instruction leaves out there.
pub(super) fn local_codes(comment: &str) -> Vec<String> {
    codes(comment, "").into_iter().flatten().map(str::to_owned).collect()
}

/// The codes of a pragma, if the comment is one of that scope.
fn codes<'t>(comment: &'t str, scope: &str) -> Option<impl Iterator<Item = &'t str>> {
    let rest = comment.trim().strip_prefix("hadolint")?;
    let rest = rest.strip_prefix([' ', '\t'])?.trim_start().strip_prefix(scope)?;
    let list = rest.trim_start().strip_prefix("ignore")?.trim_start().strip_prefix('=')?;
    // Behind a blank that follows no comma stands a remark.
    Some(list.split(',').filter_map(|code| code.split_whitespace().next()))
}
