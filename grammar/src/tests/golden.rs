//! Trees as text, held against the `.tree` files beside the fixtures. `UPDATE_GOLDENS=1` rewrites them.

use std::env;
use std::fmt::Write;
use std::fs;
use std::io::Read;
use std::path::Path;

use crate::instruction::Keyword;
use crate::tree::{Dockerfile, Heredoc, Statement};
use crate::word::Word;

/// What is wrong with a golden. A missing one is written, and yet a problem, so that somebody looks at it.
pub(super) fn check(path: &Path, text: &str) -> Option<String> {
    let mut golden = String::new();
    let read = fs::File::open(path).and_then(|mut file| file.read_to_string(&mut golden));
    if read.is_ok() && golden == text {
        return None;
    }
    if read.is_err() || env::var_os("UPDATE_GOLDENS").is_some() {
        fs::write(path, text).unwrap();
        return read.is_err().then(|| format!("{}: written; look at it", path.display()));
    }
    let line = golden.lines().zip(text.lines()).find(|(golden, now)| golden != now);
    Some(format!("{}: is no longer so: {line:?}", path.display()))
}

/// A tree: a line for each instruction, its parts below it.
pub(super) fn text(tree: &Dockerfile) -> String {
    let mut out = String::new();
    writeln!(out, "{:?}", tree.dialect).unwrap();
    for directive in &tree.directives {
        writeln!(out, "{directive:?}").unwrap();
    }
    for it in &tree.statements {
        statement(&mut out, it, tree.dialect.escape);
    }
    out
}

fn statement(out: &mut String, it: &Statement, escape: char) {
    let Statement { keyword, span, head, lines: (first, last), .. } = it;
    writeln!(out, "\n{first}-{last} {:?} {keyword:?} {span:?} {head:?}", it.original).unwrap();
    for comment in &it.comments {
        writeln!(out, "  comment {comment:?}").unwrap();
    }
    for empty in &it.empty_lines {
        writeln!(out, "  empty line {empty:?}").unwrap();
    }
    for flag in &it.flags {
        writeln!(out, "  flag {:?} {:?} {:?}", flag.name, flag.value, flag.span).unwrap();
    }
    let kind = Keyword::of(&it.keyword.value);
    let is_shell = matches!(kind, Some(Keyword::Run | Keyword::Cmd | Keyword::Entrypoint));
    for word in &it.args {
        writeln!(out, "  {}{word:?}", if it.json { "json " } else { "" }).unwrap();
        if !is_shell {
            parts(out, word, |word| word.parts(escape));
        }
    }
    for Heredoc { name, content, expand, chomp, fd } in &it.heredocs {
        writeln!(out, "  heredoc {name:?} {content:?} expand={expand} chomp={chomp} fd={fd}")
            .unwrap();
    }
    for heredoc in &it.heredocs {
        parts(out, &heredoc.chomped(), Word::body_parts);
    }
    writeln!(out, "  = {:?}", it.instruction).unwrap();
}

fn parts<P: std::fmt::Debug>(
    out: &mut String,
    word: &Word,
    read: impl Fn(&Word) -> Result<Vec<P>, crate::WordError>,
) {
    if !word.text.contains(['$', '\'', '"', '\\', '`', '<']) {
        return;
    }
    match read(word) {
        Ok(parts) => parts.iter().for_each(|part| writeln!(out, "    {part:?}").unwrap()),
        Err(error) => writeln!(out, "    !{}@{:?}", error.message, error.span).unwrap(),
    }
}
