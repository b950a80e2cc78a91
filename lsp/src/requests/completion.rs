//! `textDocument/completion`: works on the text before the cursor, which is in the middle of an edit.

mod comments;
mod flags;
mod instructions;
mod names;
pub(crate) mod offer;
pub(crate) mod paths;
mod place;

use grammar::instruction::Keyword;
use lsp_types::{CompletionItem, CompletionParams};

use super::Answer;
use crate::cursor::Cursor;
use crate::ignore;
use crate::server::Server;
use offer::{Offer, Target};
use place::{Line, Place};

/// Answers the request.
pub(crate) fn answer(server: &Server<'_>, params: CompletionParams) -> Answer<Vec<CompletionItem>> {
    let Some(cursor) = server.cursor(&params.text_document_position) else {
        return Ok(Vec::new());
    };
    let (target, offers) =
        if cursor.is_ignore() { ignore::completion::offers(&cursor) } else { offers(&cursor) };
    Ok(offer::items(&cursor, &server.abilities, target, offers))
}

fn offers(cursor: &Cursor<'_>) -> (Target, Vec<Offer>) {
    let escape = cursor.analysis.tree.dialect.escape;
    let nothing = (Target::name(cursor, 0), Vec::new());
    let place = match place::at(cursor.text(), cursor.offset, escape) {
        Line::Instruction(place) => place,
        Line::Comment(_) if in_body(cursor) => return nothing,
        Line::Comment(text) => {
            let (typed, offers) = comments::offers(cursor, text);
            return (Target::name(cursor, typed), offers);
        }
    };
    // A dollar sign ends in a name wherever the build or a shell expands it.
    if let Some(typed) = names::typed(&place.word, escape)
        && (in_body(cursor) || !place.words.is_empty())
    {
        let (typed, offers) = names::variables(cursor, &typed);
        return fitting(cursor, &place, typed, offers, |c| c.is_ascii_alphanumeric() || c == '_');
    }
    if in_body(cursor) {
        return nothing;
    }
    let (mut words, mut is_trigger) = (place.words.as_slice(), false);
    if let Some((first, rest)) = words.split_first()
        && Keyword::of(first) == Some(Keyword::Onbuild)
    {
        (words, is_trigger) = (rest, true);
    }
    let Some((first, rest)) = words.split_first() else {
        let offers = instructions::keywords(cursor, &place.word, is_trigger);
        return fitting(cursor, &place, place.word.len(), offers, |c| c.is_ascii_alphabetic());
    };
    let Some(keyword) = Keyword::of(first) else { return nothing };
    let (typed, offers) = behind(cursor, keyword, rest, &place.word);
    let is_path = |c: char| !c.is_whitespace() && !matches!(c, ',' | '"' | ']' | '/');
    fitting(cursor, &place, typed, offers, is_path)
}

/// What may stand behind an instruction.
fn behind(
    cursor: &Cursor<'_>,
    keyword: Keyword,
    words: &[&str],
    word: &str,
) -> (usize, Vec<Offer>) {
    let flags_end = words.iter().position(|it| !it.starts_with("--")).unwrap_or(words.len());
    let (given, arguments) = words.split_at(flags_end);
    let may_be_flag = arguments.is_empty();
    if may_be_flag && word.starts_with('-') {
        return flags::offers(cursor, keyword, given, word);
    }
    let is_from_elsewhere = given.iter().any(|it| it.starts_with("--from"));
    if matches!(keyword, Keyword::Add | Keyword::Copy) && !is_from_elsewhere {
        return paths::offers(cursor, word);
    }
    if keyword == Keyword::From && arguments.is_empty() {
        return (word.len(), names::stages_and_images(cursor, true));
    }
    (word.len(), instructions::arguments(keyword, arguments, word))
}

/// The offers, if what they replace is on the cursor's line.
fn fitting(
    cursor: &Cursor<'_>,
    place: &Place<'_>,
    typed: usize,
    offers: Vec<Offer>,
    fits: impl Fn(char) -> bool,
) -> (Target, Vec<Offer>) {
    match typed <= place.here {
        true => (Target::word(cursor, typed, fits), offers),
        false => (Target::name(cursor, 0), Vec::new()),
    }
}

/// Whether the cursor is in the body of a heredoc.
fn in_body(cursor: &Cursor<'_>) -> bool {
    let statement = cursor.analysis.statement_at(cursor.offset);
    let heredocs = statement.map(|(_, it)| it.heredocs.as_slice()).unwrap_or_default();
    heredocs.iter().any(|it| {
        let body = it.content.span;
        (body.start as usize) <= cursor.offset && cursor.offset <= body.end as usize
    })
}
