//! All safe fixes of a file, as `dfc check --fix` does them: again and again, as one may make room for another, and none
//! that makes an error.

use std::rc::Rc;

use compiler::fixes;
use grammar::{Fix, Severity};
use lsp_types::TextEdit;

use crate::analysis::Analysis;
use crate::cursor::Cursor;

/// So often at most.
const MAX_ROUNDS: usize = 10;

/// The edits that mend the file; none if there is nothing to mend.
pub(super) fn edits(cursor: &Cursor<'_>) -> Vec<TextEdit> {
    let path = cursor.document.path.as_deref();
    let analyze = |text: &str| Rc::new(Analysis::of(text, path, cursor.knowledge));
    let (mut text, mut analysis) = (cursor.text().to_owned(), Rc::clone(&cursor.analysis));
    let mut refused: Vec<Fix> = Vec::new();
    let mut rounds: Vec<Vec<Fix>> = Vec::new();
    for _ in 0..MAX_ROUNDS {
        let fixes = wanted(&analysis, &refused);
        let fixed = fixes::apply(&text, &fixes);
        if fixed.done.is_empty() || fixed.text == text {
            break;
        }
        let after = analyze(&fixed.text);
        if errors(&analysis) < errors(&after) {
            let harms = |fix: &&Fix| {
                let alone = fixes::apply(&text, [*fix]);
                errors(&analysis) < errors(&analyze(&alone.text))
            };
            let harmful: Vec<Fix> = fixes.iter().filter(harms).cloned().collect();
            if harmful.is_empty() {
                break;
            }
            refused.extend(harmful);
            continue;
        }
        rounds.push(fixed.done.iter().map(|at| fixes[*at].clone()).collect());
        text = fixed.text;
        analysis = after;
    }
    match rounds.as_slice() {
        [] => Vec::new(),
        // The places of one round are those of the file.
        [round] => round
            .iter()
            .flat_map(|fix| &fix.edits)
            .map(|(span, new)| TextEdit::new(cursor.range(*span), new.clone()))
            .collect(),
        _ => difference(cursor, &text).into_iter().collect(),
    }
}

/// The safe fixes of findings, each once.
fn wanted(analysis: &Analysis, refused: &[Fix]) -> Vec<Fix> {
    let mut wanted: Vec<Fix> = Vec::new();
    let fixes = analysis.findings.iter().filter_map(|it| it.diagnostic.fix.as_deref());
    for fix in fixes.filter(|fix| fix.is_safe && !refused.contains(fix)) {
        if !wanted.contains(fix) {
            wanted.push(fix.clone());
        }
    }
    wanted
}

fn errors(analysis: &Analysis) -> usize {
    analysis.diagnostics.iter().filter(|found| found.severity == Severity::Error).count()
}

/// The one edit that makes the new text of the old: all between what both begin with and what both end with.
fn difference(cursor: &Cursor<'_>, new: &str) -> Option<TextEdit> {
    let old = cursor.text();
    let same = old.bytes().zip(new.bytes()).take_while(|(a, b)| a == b).count();
    let start =
        (0..=same).rev().find(|at| old.is_char_boundary(*at) && new.is_char_boundary(*at))?;
    let (old_rest, new_rest) = (&old[start..], &new[start..]);
    let ends = old_rest.bytes().rev().zip(new_rest.bytes().rev());
    let same = ends.take_while(|(a, b)| a == b).count();
    let is_end = |count: &usize| {
        old_rest.is_char_boundary(old_rest.len() - count)
            && new_rest.is_char_boundary(new_rest.len() - count)
    };
    let behind = (0..=same).rev().find(is_end)?;
    let range = cursor.bytes(start, old.len() - behind);
    let edit = TextEdit::new(range, new_rest[..new_rest.len() - behind].to_owned());
    (old != new).then_some(edit)
}
