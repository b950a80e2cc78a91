//! The stages of a file: their names, what they start from, and who takes from them.

use grammar::{Dockerfile, Instruction, Span, Spanned, Statement};

/// One stage.
#[derive(Debug)]
pub(crate) struct Stage {
    /// Number of its FROM among the instructions.
    pub(crate) from: usize,
    /// Number behind its last instruction.
    pub(crate) end: usize,
    /// `AS NAME`
    pub(crate) name: Option<Spanned<String>>,
    /// The image or stage, as written.
    pub(crate) image: Spanned<String>,
    /// The stage it starts from.
    pub(crate) base: Option<usize>,
    /// From its FROM to the end of its last instruction.
    pub(crate) span: Span,
}

/// A place that names a stage.
#[derive(Debug)]
pub(crate) struct StageUse {
    /// Which stage.
    pub(crate) stage: usize,
    /// The name or number.
    pub(crate) span: Span,
    /// Whether it is a number.
    pub(crate) is_number: bool,
}

/// All stages of a file.
#[derive(Debug, Default)]
pub(crate) struct Stages {
    pub(crate) list: Vec<Stage>,
    /// In the order of the file.
    pub(crate) uses: Vec<StageUse>,
}

impl Stages {
    /// Finds the stages.
    pub(crate) fn new(tree: &Dockerfile) -> Stages {
        let mut stages = Stages::default();
        for (index, statement) in tree.statements.iter().enumerate() {
            if let Instruction::From(from) = &statement.instruction {
                let base = stages.named(&from.image.text);
                stages.add_use(base, from.image.span, false);
                stages.list.push(Stage {
                    from: index,
                    end: index + 1,
                    name: from.name.clone(),
                    image: Spanned::new(from.image.text.clone(), from.image.span),
                    base,
                    span: statement.span,
                });
                continue;
            }
            if let Some(stage) = stages.list.last_mut() {
                stage.end = index + 1;
                stage.span = stage.span.to(statement.span);
            }
            for word in sources(statement) {
                let number = word.value.parse::<usize>().ok();
                let last = stages.list.len().saturating_sub(1);
                let stage = match number {
                    Some(number) => (number < last).then_some(number),
                    None => stages.named(&word.value),
                };
                stages.add_use(stage, word.span, number.is_some());
            }
        }
        stages
    }

    fn add_use(&mut self, stage: Option<usize>, span: Span, is_number: bool) {
        self.uses.extend(stage.map(|stage| StageUse { stage, span, is_number }));
    }

    /// The last stage so far of a name.
    pub(crate) fn named(&self, name: &str) -> Option<usize> {
        let name = name.to_lowercase();
        self.list.iter().rposition(|stage| {
            stage.name.as_ref().is_some_and(|it| it.value.to_lowercase() == name)
        })
    }

    /// The stage that an instruction belongs to.
    pub(crate) fn of_statement(&self, statement: usize) -> Option<usize> {
        self.list.iter().rposition(|stage| stage.from <= statement)
    }

    /// The stage that an offset is in.
    pub(crate) fn at(&self, offset: u32) -> Option<usize> {
        self.list.iter().rposition(|stage| stage.span.start <= offset && offset <= stage.span.end)
    }

    /// Whether a word names a stage.
    pub(crate) fn is_use(&self, word: Span) -> bool {
        self.uses.binary_search_by_key(&word, |used| used.span).is_ok()
    }

    /// What to call a stage.
    pub(crate) fn title(&self, stage: usize) -> String {
        match self.list.get(stage).and_then(|stage| stage.name.as_ref()) {
            Some(name) => name.value.clone(),
            None => format!("stage {stage}"),
        }
    }
}

/// The words in which COPY and RUN name what they take from.
fn sources(statement: &Statement) -> Vec<Spanned<String>> {
    if let Instruction::Copy(copy) = &statement.instruction {
        return copy.from.iter().map(|it| Spanned::new(it.text.clone(), it.span)).collect();
    }
    let Instruction::Run(run) = &statement.instruction else { return Vec::new() };
    let fields = run.mounts.iter().flat_map(|mount| &mount.fields);
    fields
        .filter(|(key, _)| key.value.eq_ignore_ascii_case("from"))
        .filter_map(|(_, value)| value.as_ref())
        .map(|word| Spanned::new(word.text.clone(), word.span))
        .collect()
}
