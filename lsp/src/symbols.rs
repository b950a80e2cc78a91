//! What has a name in a file and where it stands: for definition, references, rename and highlights.

use grammar::Span;

use crate::analysis::Analysis;
use crate::requests::links;
use crate::variables::{Origin, touches};

/// Something with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Symbol {
    /// A stage, by its number.
    Stage(usize),
    /// A variable, by its name: the same one throughout the file, as `--build-arg` has it.
    Variable(String),
    /// A heredoc: number of the instruction, number of the heredoc in it.
    Heredoc(usize, usize),
    /// A file or folder of the context, by its path.
    File(String),
}

/// A place of a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Occurrence {
    pub(crate) span: Span,
    /// Whether it gets its name or value here.
    pub(crate) is_definition: bool,
    /// Whether the name is written here; a stage's number is not.
    pub(crate) is_name: bool,
}

/// The symbol at an offset, and the place of its name there.
pub(crate) fn at(analysis: &Analysis, offset: usize) -> Option<(Symbol, Span)> {
    let stages = &analysis.stages;
    if let Some(used) = stages.uses.iter().find(|it| touches(it.span, offset)) {
        return Some((Symbol::Stage(used.stage), used.span));
    }
    for (index, stage) in stages.list.iter().enumerate() {
        let name = stage.name.as_ref().filter(|name| touches(name.span, offset));
        if let Some(name) = name {
            return Some((Symbol::Stage(index), name.span));
        }
    }
    if let Some((name, span)) = analysis.variables.name_at(offset) {
        return Some((Symbol::Variable(name.to_owned()), span));
    }
    let (index, statement) = analysis.statement_at(offset)?;
    for number in 0..statement.heredocs.len() {
        let places = heredoc(analysis, index, number);
        if let Some(place) = places.iter().find(|it| touches(it.span, offset)) {
            return Some((Symbol::Heredoc(index, number), place.span));
        }
    }
    let words = links::with_trigger(statement).flat_map(links::sources);
    let word = words.into_iter().find(|word| touches(word.span, offset))?;
    let path = links::in_context(&links::expanded(analysis, index, word)?)?;
    Some((Symbol::File(path), word.span))
}

/// All places of a symbol, in the order of the file.
pub(crate) fn occurrences(analysis: &Analysis, symbol: &Symbol) -> Vec<Occurrence> {
    let mut found = match symbol {
        Symbol::Stage(index) => stage(analysis, *index),
        Symbol::Variable(name) => variable(analysis, name),
        Symbol::Heredoc(statement, number) => heredoc(analysis, *statement, *number),
        Symbol::File(path) => file(analysis, path),
    };
    found.sort_by_key(|it| it.span);
    found.dedup_by_key(|it| it.span);
    found
}

fn stage(analysis: &Analysis, index: usize) -> Vec<Occurrence> {
    let stages = &analysis.stages;
    let name = stages.list.get(index).and_then(|stage| stage.name.as_ref());
    let definition =
        name.map(|name| Occurrence { span: name.span, is_definition: true, is_name: true });
    let uses = stages.uses.iter().filter(|it| it.stage == index);
    let uses =
        uses.map(|it| Occurrence { span: it.span, is_definition: false, is_name: !it.is_number });
    definition.into_iter().chain(uses).collect()
}

fn variable(analysis: &Analysis, name: &str) -> Vec<Occurrence> {
    let bindings = analysis.variables.bindings.iter().filter(|it| it.name == name);
    let bindings = bindings.map(|it| (it.span, true));
    let uses = analysis.variables.uses.iter().filter(|it| it.name == name);
    let uses = uses.map(|it| (it.span, false));
    bindings
        .chain(uses)
        .map(|(span, is_definition)| Occurrence { span, is_definition, is_name: true })
        .collect()
}

/// The words that name files of the context, and the paths that they are.
fn files(analysis: &Analysis) -> impl Iterator<Item = (Span, String)> {
    links::statements(analysis).flat_map(move |(index, statement)| {
        let words = links::sources(statement).into_iter();
        words.filter_map(move |word| {
            let path = links::in_context(&links::expanded(analysis, index, word)?)?;
            Some((word.span, path))
        })
    })
}

fn file(analysis: &Analysis, path: &str) -> Vec<Occurrence> {
    let places = files(analysis).filter(|(_, other)| other == path);
    places.map(|(span, _)| Occurrence { span, is_definition: false, is_name: false }).collect()
}

/// The word behind `<<` and the line that ends the body.
fn heredoc(analysis: &Analysis, statement: usize, number: usize) -> Vec<Occurrence> {
    let text = analysis.sources[0].text();
    let Some(heredoc) =
        analysis.tree.statements.get(statement).and_then(|it| it.heredocs.get(number))
    else {
        return Vec::new();
    };
    let name = heredoc.name.value.as_str();
    let mut found = Vec::new();
    let opening = heredoc.name.span;
    if let Some(at) = text.get(opening.range()).and_then(|word| word.find(name)) {
        let start = opening.start as usize + at;
        let span = Span::new(start, start + name.len());
        found.push(Occurrence { span, is_definition: true, is_name: true });
    }
    let body = heredoc.content.span.end as usize;
    let rest = text.get(body..).unwrap_or_default();
    let blanks = rest.len() - rest.trim_start_matches('\t').len();
    if rest[blanks..].starts_with(name) {
        let span = Span::new(body + blanks, body + blanks + name.len());
        found.push(Occurrence { span, is_definition: false, is_name: true });
    }
    found
}

/// Where a symbol at a place gets its name or value.
pub(crate) fn definitions(analysis: &Analysis, symbol: &Symbol, offset: usize) -> Vec<Span> {
    match symbol {
        Symbol::Stage(index) => {
            let stage = analysis.stages.list.get(*index);
            let name = stage.and_then(|stage| stage.name.as_ref()).map(|name| name.span);
            name.or(stage.map(|stage| stage.image.span)).into_iter().collect()
        }
        Symbol::Variable(_) => variable_definitions(analysis, offset),
        Symbol::Heredoc(..) => {
            let places = occurrences(analysis, symbol);
            places.into_iter().filter(|it| it.is_definition).map(|it| it.span).collect()
        }
        // It is another file.
        Symbol::File(_) => Vec::new(),
    }
}

fn variable_definitions(analysis: &Analysis, offset: usize) -> Vec<Span> {
    let variables = &analysis.variables;
    let binding = match variables.use_at(offset) {
        Some(used) => match &used.origin {
            Some(Origin::Binding(binding)) => variables.bindings.get(*binding),
            Some(Origin::Image(_) | Origin::Predefined) | None => variables
                .bindings
                .iter()
                .rfind(|it| it.name == used.name && (it.span.start as usize) < offset),
        },
        None => variables.binding_at(offset),
    };
    let Some(binding) = binding else { return Vec::new() };
    let inherited = binding.inherits.filter(|_| !binding.has_default);
    let inherited = inherited.and_then(|global| variables.bindings.get(global));
    [Some(binding), inherited].into_iter().flatten().map(|it| it.span).collect()
}
