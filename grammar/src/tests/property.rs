//! What must hold of any file: the fixtures, their beginnings, and what becomes of them when bytes are changed.

use crate::instruction::{CommandLine, Healthcheck, Instruction, Source, Transfer};
use crate::source::{SourceFile, Span};
use crate::tests::{Fixture, fixtures};
use crate::tree::Statement;
use crate::word::{Modifier, Part, Word};
use crate::{Parse, parse, parse_trigger};

fn all_fixtures() -> Vec<Fixture> {
    ["ok", "err"].into_iter().flat_map(fixtures).collect()
}

/// Parses a file, expands nothing, and looks at every place in it.
fn check(file: &SourceFile) {
    let Parse { tree, diagnostics } = parse(file);
    for label in diagnostics.iter().flat_map(|it| &it.labels) {
        inside(file, label.span);
    }
    for fix in diagnostics.iter().filter_map(|it| it.fix.as_ref()) {
        fix.edits.iter().for_each(|(span, _)| inside(file, *span));
    }
    for directive in &tree.directives {
        inside(file, directive.value.span);
    }
    for it in &tree.statements {
        statement(file, it);
    }
    let trigger = parse_trigger(file);
    trigger.tree.iter().for_each(|it| statement(file, it));
}

fn inside(file: &SourceFile, span: Span) {
    assert!(file.text().get(span.range()).is_some(), "{span:?} in {:?}", file.text());
}

fn statement(file: &SourceFile, it: &Statement) {
    [it.span, it.head, it.keyword.span].into_iter().for_each(|span| inside(file, span));
    it.comments.iter().for_each(|comment| inside(file, comment.span));
    it.empty_lines.iter().for_each(|span| inside(file, *span));
    for flag in &it.flags {
        inside(file, flag.span);
        inside(file, flag.name.span);
    }
    for heredoc in &it.heredocs {
        inside(file, heredoc.name.span);
        assert_eq!(file.slice(heredoc.content.span), heredoc.content.value);
        word(file, &heredoc.chomped());
    }
    words(it).iter().for_each(|it| word(file, it));
    if let Instruction::Onbuild(onbuild) = &it.instruction {
        onbuild.trigger.iter().for_each(|it| statement(file, it));
    }
}

/// All words of a statement.
fn words(it: &Statement) -> Vec<Word> {
    let mut words = it.args.clone();
    words.extend(it.flags.iter().filter_map(|flag| flag.value.clone()));
    let line = |line: &CommandLine| match line {
        CommandLine::Shell(word) => vec![word.clone()],
        CommandLine::Exec(words) => words.clone(),
    };
    let transfer = |it: &Transfer| -> Vec<Word> {
        let content = |source: &Source| match source {
            Source::Path(word) => word.clone(),
            Source::Heredoc(heredoc) => heredoc.content(&[]),
        };
        it.sources.iter().map(content).collect()
    };
    match &it.instruction {
        Instruction::Add(add) => words.extend(transfer(&add.transfer)),
        Instruction::Copy(copy) => words.extend(transfer(&copy.transfer)),
        Instruction::Cmd(it) | Instruction::Entrypoint(it) => words.extend(line(&it.line)),
        Instruction::Healthcheck(Healthcheck::Check { line: it, .. }) => words.extend(line(it)),
        Instruction::Run(run) => {
            words.extend(line(&run.line));
            for mount in &run.mounts {
                words.extend(mount.fields.iter().filter_map(|(_, value)| value.clone()));
                mount.key_mistakes();
            }
        }
        Instruction::Env(pairs) | Instruction::Label(pairs) => {
            words.extend(pairs.pairs.iter().flat_map(|(name, value)| [name, value]).cloned());
        }
        Instruction::Onbuild(onbuild) => words.push(onbuild.expression.clone()),
        Instruction::Arg(_)
        | Instruction::Expose(_)
        | Instruction::From(_)
        | Instruction::Healthcheck(Healthcheck::None)
        | Instruction::Maintainer(_)
        | Instruction::Shell(_)
        | Instruction::Stopsignal(_)
        | Instruction::User(_)
        | Instruction::Volume(_)
        | Instruction::Workdir(_)
        | Instruction::Invalid(_) => {}
    }
    words
}

/// A word's places are places of the file, and a word without a map reads as it is written.
fn word(file: &SourceFile, word: &Word) {
    inside(file, word.span);
    if word.map.is_empty() && word.text.len() == word.span.len() {
        assert_eq!(word.text, file.slice(word.span), "{word:?} in {:?}", file.text());
    }
    let ends = word.text.char_indices().map(|(i, _)| i).chain([word.text.len()]);
    for end in ends.take(200) {
        let span = word.span_of(0, end);
        inside(file, span);
        assert!(word.span.start <= span.start && span.end <= word.span.end, "{word:?} {end}");
    }
    for read in [word.parts('\\'), word.parts('`'), word.body_parts()] {
        match read {
            Ok(it) => parts(file, &it),
            Err(error) => inside(file, error.span),
        }
    }
}

fn parts(file: &SourceFile, it: &[Part]) {
    for part in it {
        let Part::Variable(variable) = part else { continue };
        inside(file, variable.span);
        inside(file, variable.name.span);
        match &variable.modifier {
            None => {}
            Some(
                Modifier::Default { word, .. }
                | Modifier::Alternative { word, .. }
                | Modifier::Required { word, .. },
            ) => parts(file, word),
            Some(
                Modifier::RemovePrefix { pattern, .. } | Modifier::RemoveSuffix { pattern, .. },
            ) => parts(file, pattern),
            Some(Modifier::Replace { pattern, replacement, .. }) => {
                parts(file, pattern);
                parts(file, replacement);
            }
        }
    }
}

#[test]
fn places_are_places_of_the_file() {
    all_fixtures().iter().for_each(|fixture| check(&fixture.file));
}

#[test]
fn every_beginning_of_a_file_can_be_parsed() {
    for Fixture { file, .. } in all_fixtures() {
        let bytes = file.text().as_bytes();
        for end in (0..bytes.len().min(200)).chain((200..bytes.len().min(3000)).step_by(7)) {
            check(&SourceFile::from_bytes(file.name(), &bytes[..end]));
        }
    }
}

#[test]
fn files_with_changed_bytes_can_be_parsed() {
    const INTERESTING: &[u8] = b"\\`$${}'\"<<-/:#%\n\r\t =[],\x00\x85\xa0\xc3\xef\xbb\xbf\xffAaFR0";
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    for Fixture { file, .. } in all_fixtures() {
        for _ in 0..30 {
            let mut bytes = file.text().as_bytes().to_vec();
            for _ in 0..=next(4) {
                let byte = INTERESTING[next(INTERESTING.len())];
                let at = next(bytes.len());
                match next(3) {
                    0 => bytes.insert(at, byte),
                    1 => drop(bytes.remove(at)),
                    _ => bytes[at] = byte,
                }
            }
            check(&SourceFile::from_bytes(file.name(), &bytes));
        }
    }
}

#[test]
fn deep_nesting_is_refused() {
    for open in ["${a:-", "\"${a:-", "${a/", "${a/x/", "${a:-'}'${b/}"] {
        for close in ["", "}", "\"}", "/}"] {
            let text = format!("ENV x={}{}", open.repeat(3_000), close.repeat(3_000));
            let file = SourceFile::new("deep", text.replace("${a", "\\\n${a"));
            check(&file);
        }
    }
    let brackets = "[".repeat(60_000);
    for text in [format!("CMD {brackets}"), brackets, "ONBUILD ".repeat(8_000)] {
        check(&SourceFile::new("deep", text));
    }
}

#[test]
fn large_files_are_refused_soon() {
    for text in ["\0\x01".repeat(1 << 20), "a\n".repeat(1 << 20), "x".repeat(4 << 20)] {
        let file = SourceFile::new("large", text);
        let Parse { tree, diagnostics } = parse(&file);
        assert!(
            !diagnostics.is_empty() && diagnostics.len() < 1000 && tree.statements.len() < 1000
        );
    }
}
