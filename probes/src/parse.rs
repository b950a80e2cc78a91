//! Parsing: any bytes give a tree, and every place in it and in what is said of it is a place of the file.

#[cfg(test)]
mod tests;

use grammar::instruction::{CommandLine, Healthcheck, Instruction, Source, Transfer};
use grammar::tree::Statement;
use grammar::word::{Modifier, Part, Word};
use grammar::{Parse, SourceFile, Span, parse, parse_trigger};

/// Parses bytes as a Dockerfile and as a trigger, and looks at every place.
pub fn bytes(bytes: &[u8]) {
    check(&SourceFile::from_bytes("Dockerfile", bytes));
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
