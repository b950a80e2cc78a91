//! One statement, written anew.

use std::ops::Range;

use grammar::instruction::Keyword;
use grammar::{Instruction, SourceFile, Statement, Word};

use super::form::Form;
use super::items::{Item, Reader};
use super::layout::Layout;
use super::{Style, chain, pairs, same};

/// What statements are written with.
#[derive(Debug)]
pub(super) struct Writer<'t> {
    /// The file's text.
    pub(super) text: &'t str,
    /// The file's escape character.
    pub(super) escape: char,
    /// The file's line break.
    pub(super) eol: &'static str,
    /// How it is to look.
    pub(super) style: Style,
}

impl Writer<'_> {
    /// A statement that stands on whole lines, written anew if that means the same, else as it is. It ends in a line
    /// break.
    pub(super) fn statement(&self, statement: &Statement, range: Range<usize>) -> String {
        let old = &self.text[range.clone()];
        match self.written(statement, range) {
            Some(new) if new == old || self.is_same(statement, &new) => new,
            Some(_) | None if old.ends_with('\n') => old.to_owned(),
            Some(_) | None => format!("{old}{}", self.eol),
        }
    }

    fn is_same(&self, statement: &Statement, text: &str) -> bool {
        let alone = SourceFile::new("", format!("# escape={}\nFROM a\n{text}", self.escape));
        let parse = grammar::parse(&alone);
        match parse.tree.statements.as_slice() {
            // Blanks of odd kinds may hide that `<<` begins a heredoc; as one blank they do not.
            [_, new] => !super::has_errors(&parse) && same::statements(statement, new, self.escape),
            [] | [_] | [_, _, _, ..] => false,
        }
    }

    fn written(&self, statement: &Statement, range: Range<usize>) -> Option<String> {
        let body = statement.heredocs.first().map(|first| first.content.span.start as usize);
        let head_end = body.unwrap_or(range.end);
        let lead = self.text.get(range.start..statement.keyword.span.start as usize)?;
        let tail = self.text.get(statement.head.end as usize..head_end)?;
        if !lead.trim().is_empty() || !tail.trim().is_empty() {
            return None;
        }
        let mut out = self.head(statement)?;
        out.push('\n');
        if self.eol != "\n" {
            out = out.replace('\n', self.eol);
        }
        if body.is_some() {
            out.push_str(self.text.get(head_end..statement.span.end as usize)?);
            out.push_str(self.eol);
        }
        Some(out)
    }

    /// The instruction without its heredoc bodies; lines end in `\n`, the last one does not.
    fn head(&self, statement: &Statement) -> Option<String> {
        let kind = Keyword::of(&statement.keyword.value)?;
        let end = statement.head.end as usize;
        let mut reader = Reader::new(self.text, self.escape, statement.keyword.span.end as usize);
        for flag in &statement.flags {
            reader.item(flag.span.start as usize, flag.span.end as usize)?;
        }
        self.sort_flags(kind, statement, &mut reader.items);
        let args = &statement.args;
        let at = |word: &Word| (word.span.start as usize, word.span.end as usize);
        let mut shell = false;
        match kind {
            Keyword::Onbuild => {
                let Instruction::Onbuild(onbuild) = &statement.instruction else { return None };
                let start = onbuild.trigger.as_ref()?.keyword.span.start as usize;
                reader.item(start, end)?;
                shell = true;
            }
            Keyword::Healthcheck => {
                let (kind, command) = args.split_first()?;
                let (start, kind_end) = at(kind);
                reader.item(start, kind_end)?.text.make_ascii_uppercase();
                shell = !statement.json;
                match command {
                    [command] if shell => drop(reader.fixed(at(command).0, end)?),
                    strings => reader.array(strings.iter().map(at), end)?,
                }
            }
            _ if statement.json => reader.array(args.iter().map(at), end)?,
            Keyword::Cmd
            | Keyword::Entrypoint
            | Keyword::Run
            | Keyword::Shell
            | Keyword::Maintainer
            | Keyword::Stopsignal
            | Keyword::User
            | Keyword::Workdir => {
                let [word] = args.as_slice() else { return None };
                reader.item(at(word).0, end)?;
                shell = true;
            }
            Keyword::Env | Keyword::Label => self.pairs(statement, &mut reader)?,
            Keyword::From => {
                for (i, word) in args.iter().enumerate() {
                    let (start, end) = at(word);
                    let item = reader.fixed(start, end)?;
                    if Form::of(kind).keyword == Some(i) {
                        item.text.make_ascii_uppercase();
                    }
                }
            }
            Keyword::Add | Keyword::Arg | Keyword::Copy | Keyword::Expose | Keyword::Volume => {
                for word in args {
                    let (start, end) = at(word);
                    reader.item(start, end)?;
                }
            }
        }
        // Whatever is left belongs to no item: a continuation at the end, or something that is not understood.
        reader.end(end)?;
        let mut items = reader.items;
        if shell {
            self.lay_out_command(&mut items);
        }
        let layout = self.layout(shell && items.last().is_some_and(|it| it.text.contains('\n')));
        if kind == Keyword::Run && shell && statement.heredocs.is_empty() {
            self.break_chain(layout, &mut items);
        }
        Some(layout.fit(kind.name(), &mut items))
    }

    fn layout(&self, as_written: bool) -> Layout {
        let Style { width, indent } = self.style;
        Layout { escape: self.escape, width, indent, as_written }
    }

    /// Puts the flags, which are the only items so far, in order; the gaps stay. Comments between them stay where they
    /// are, and so do the flags then.
    fn sort_flags(&self, kind: Keyword, statement: &Statement, items: &mut [Item]) {
        if items.iter().any(|item| !item.gap.comments.is_empty()) {
            return;
        }
        let sorted = Form::of(kind).sorted(&statement.flags);
        let place = |flag: &grammar::tree::Flag| {
            sorted.iter().position(|other| other.span == flag.span).unwrap_or_default()
        };
        let mut texts = vec![String::new(); items.len()];
        for (flag, item) in statement.flags.iter().zip(items.iter_mut()) {
            texts[place(flag)] = std::mem::take(&mut item.text);
        }
        for (item, text) in items.iter_mut().zip(texts) {
            item.text = text;
        }
    }

    /// Names and values.
    fn pairs(&self, statement: &Statement, reader: &mut Reader<'_>) -> Option<()> {
        let (pairs, _) = statement.args.as_chunks::<2>();
        let at = |word: &Word| (word.span.start as usize, word.span.end as usize);
        if !same::is_old_form(&statement.instruction) {
            for [name, value] in pairs {
                reader.item(at(name).0, at(value).1)?;
            }
            return Some(());
        }
        let [[name, value]] = pairs else { return None };
        reader.item(at(name).0, at(name).1)?;
        reader.fixed(at(value).0, at(value).1)?;
        let [.., first, second] = reader.items.as_mut_slice() else { return None };
        let has_comments = !second.gap.comments.is_empty()
            || second.text.lines().any(|line| line.trim_start().starts_with('#'));
        if !has_comments && let Some(pair) = pairs::with_equals(name, value, self.escape) {
            first.text = pair;
            reader.items.pop();
        }
        Some(())
    }

    /// A command's own lines: its text does not change.
    fn lay_out_command(&self, items: &mut [Item]) {
        if let Some(command) = items.last_mut() {
            command.text = chain::indented(&command.text, self.escape);
        }
    }

    fn break_chain(&self, layout: Layout, items: &mut [Item]) {
        if !layout.is_too_wide(&layout.write("RUN", items)) {
            return;
        }
        let Some((command, before)) = items.split_last_mut() else { return };
        let before = if command.gap.broken {
            self.style.indent
        } else {
            let written = layout.write("RUN", before);
            written.lines().last().unwrap_or_default().chars().count() + 1
        };
        command.text = chain::broken(&command.text, before, self.style.width, self.escape);
    }
}
