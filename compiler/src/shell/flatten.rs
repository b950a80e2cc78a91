//! The tree of a script as a list of its simple commands.

use std::ops::Range;

use shuck_ast::{
    ArrayElem, Assignment, AssignmentValue, BinaryOp, BuiltinCommand, Command as Node,
    CompoundCommand, DeclOperand, Redirect as RedirectNode, RedirectKind, RedirectTarget, Span,
    Stmt, StmtSeq, StmtTerminator, Word, WordPart, WordPartNode,
};

use super::command::{Command, Redirect, ShellWord};

/// The commands in the order of the text, and the place behind the last one where another may be joined.
pub(super) fn commands(text: &str, body: &StmtSeq) -> (Vec<Command>, Option<usize>) {
    let mut flat = Flat { text, commands: Vec::new() };
    flat.seq(body, Around { is_certain: true, ..Around::default() });
    flat.commands.sort_by_key(|command| (command.range.start, command.range.end));
    // A list of what is piped is in the order of the text.
    for index in 1..flat.commands.len() {
        let (before, behind) = flat.commands.split_at_mut(index);
        let is_fed = behind[0].program() == "chpasswd" && behind[0].reads_pipe;
        before[index - 1].feeds_chpasswd = is_fed && before[index - 1].writes_pipe;
    }
    let end = body.last().and_then(|stmt| flat.end(stmt));
    (flat.commands, end)
}

/// What is around a command.
#[derive(Debug, Clone, Copy, Default)]
struct Around {
    is_certain: bool,
    is_inside: bool,
    reads_pipe: bool,
    writes_pipe: bool,
}

impl Around {
    fn perhaps(self) -> Around {
        Around { is_certain: false, ..self }
    }

    fn inside(self) -> Around {
        Around { is_inside: true, ..Around::default() }
    }
}

struct Flat<'a> {
    text: &'a str,
    commands: Vec<Command>,
}

impl Flat<'_> {
    fn seq(&mut self, seq: &StmtSeq, around: Around) {
        for stmt in seq.iter() {
            self.stmt(stmt, around);
        }
    }

    fn stmt(&mut self, stmt: &Stmt, around: Around) {
        // A chain leans to the left, as deep as it is long.
        let (mut stmt, mut around) = (stmt, around);
        while let Node::Binary(binary) = &stmt.command {
            let (left, right) = match binary.op {
                BinaryOp::And => (around, around),
                BinaryOp::Or => (around, around.perhaps()),
                BinaryOp::Pipe | BinaryOp::PipeAll => {
                    (Around { writes_pipe: true, ..around }, Around { reads_pipe: true, ..around })
                }
            };
            self.stmt(&binary.right, right);
            (stmt, around) = (&binary.left, left);
        }
        match &stmt.command {
            Node::Simple(simple) => {
                let mut command = self.command(stmt, simple.span, around);
                let words = std::iter::once(&simple.name).chain(&simple.args);
                for word in words {
                    self.inside(word, around);
                    if !word.parts.is_empty() {
                        command.words.push(self.word(word));
                    }
                }
                self.finish(command, &simple.assignments, around);
            }
            Node::Builtin(builtin) => {
                let (name, span, assignments) = match builtin {
                    BuiltinCommand::Break(it) => ("break", it.span, &it.assignments),
                    BuiltinCommand::Continue(it) => ("continue", it.span, &it.assignments),
                    BuiltinCommand::Return(it) => ("return", it.span, &it.assignments),
                    BuiltinCommand::Exit(it) => ("exit", it.span, &it.assignments),
                };
                let mut command = self.command(stmt, span, around);
                command.words.push(self.name(name, span));
                self.finish(command, assignments, around);
            }
            Node::Decl(decl) => {
                let mut command = self.command(stmt, decl.span, around);
                command.words.push(self.name(decl.variant.as_str(), decl.variant_span));
                let mut assignments = decl.assignments.to_vec();
                for operand in &decl.operands {
                    match operand {
                        DeclOperand::Flag(word) | DeclOperand::Dynamic(word) => {
                            self.inside(word, around);
                            command.words.push(self.word(word));
                        }
                        DeclOperand::Assignment(assignment) => assignments.push(assignment.clone()),
                        DeclOperand::Name(_) => {}
                    }
                }
                self.finish(command, &assignments, around);
            }
            Node::Compound(compound) => {
                self.redirects(&stmt.redirects, around);
                self.compound(compound, around);
            }
            Node::Function(function) => self.stmt(&function.body, around.inside()),
            Node::AnonymousFunction(function) => self.stmt(&function.body, around.inside()),
            // The loop above has taken them apart.
            Node::Binary(_) => {}
        }
    }

    fn compound(&mut self, compound: &CompoundCommand, around: Around) {
        let perhaps = around.perhaps();
        match compound {
            CompoundCommand::If(it) => {
                self.seq(&it.condition, perhaps);
                self.seq(&it.then_branch, perhaps);
                for (condition, branch) in &it.elif_branches {
                    self.seq(condition, perhaps);
                    self.seq(branch, perhaps);
                }
                if let Some(branch) = &it.else_branch {
                    self.seq(branch, perhaps);
                }
            }
            CompoundCommand::For(it) => {
                for word in it.words.iter().flatten() {
                    self.inside(word, around);
                }
                self.seq(&it.body, perhaps);
            }
            CompoundCommand::While(it) => {
                self.seq(&it.condition, perhaps);
                self.seq(&it.body, perhaps);
            }
            CompoundCommand::Until(it) => {
                self.seq(&it.condition, perhaps);
                self.seq(&it.body, perhaps);
            }
            CompoundCommand::Case(it) => {
                self.inside(&it.word, around);
                for case in &it.cases {
                    self.seq(&case.body, perhaps);
                }
            }
            CompoundCommand::Subshell(seq) | CompoundCommand::BraceGroup(seq) => {
                self.seq(seq, around);
            }
            CompoundCommand::Time(it) => {
                if let Some(command) = &it.command {
                    self.stmt(command, around);
                }
            }
            CompoundCommand::ArithmeticFor(it) => self.seq(&it.body, perhaps),
            CompoundCommand::Select(it) => self.seq(&it.body, perhaps),
            CompoundCommand::Repeat(it) => self.seq(&it.body, perhaps),
            CompoundCommand::Foreach(it) => self.seq(&it.body, perhaps),
            CompoundCommand::Coproc(it) => self.stmt(&it.body, perhaps),
            CompoundCommand::Always(it) => {
                self.seq(&it.body, perhaps);
                self.seq(&it.always_body, perhaps);
            }
            CompoundCommand::Arithmetic(_) | CompoundCommand::Conditional(_) => {}
        }
    }

    fn command(&mut self, stmt: &Stmt, span: Span, around: Around) -> Command {
        let redirects = self.redirects(&stmt.redirects, around);
        Command {
            redirects,
            range: range(span),
            is_certain: around.is_certain,
            is_inside: around.is_inside,
            reads_pipe: around.reads_pipe,
            writes_pipe: around.writes_pipe,
            ..Command::default()
        }
    }

    fn finish(&mut self, mut command: Command, assignments: &[Assignment], around: Around) {
        for assignment in assignments {
            match &assignment.value {
                AssignmentValue::Scalar(word) => {
                    self.inside(word, around);
                    let name = assignment.target.name.as_str().to_owned();
                    command.assignments.push((name, self.word(word)));
                }
                AssignmentValue::Compound(array) => {
                    for element in &array.elements {
                        let (ArrayElem::Sequential(value)
                        | ArrayElem::Keyed { value, .. }
                        | ArrayElem::KeyedAppend { value, .. }) = element;
                        self.inside(&value.word, around);
                    }
                }
            }
        }
        command.resolve();
        self.commands.push(command);
    }

    fn redirects(&mut self, nodes: &[RedirectNode], around: Around) -> Vec<Redirect> {
        let mut redirects = Vec::new();
        for node in nodes {
            let is_output = match node.kind {
                RedirectKind::Output
                | RedirectKind::Clobber
                | RedirectKind::Append
                | RedirectKind::OutputBoth
                | RedirectKind::ReadWrite => true,
                RedirectKind::Input
                | RedirectKind::HereDoc
                | RedirectKind::HereDocStrip
                | RedirectKind::HereString
                | RedirectKind::DupOutput
                | RedirectKind::DupInput => false,
            };
            let (target, is_heredoc) = match &node.target {
                RedirectTarget::Word(word) => {
                    self.inside(word, around);
                    (self.word(word), false)
                }
                RedirectTarget::Heredoc(heredoc) => {
                    let range = range(heredoc.body.span);
                    let text = self.text.get(range.clone()).unwrap_or_default().to_owned();
                    (ShellWord { text, is_static: false, range }, true)
                }
            };
            redirects.push(Redirect { is_output, target, is_heredoc });
        }
        redirects
    }

    /// The commands of `$(…)` in a word.
    fn inside(&mut self, word: &Word, around: Around) {
        self.parts(&word.parts, around);
    }

    fn parts(&mut self, parts: &[WordPartNode], around: Around) {
        for part in parts {
            match &part.kind {
                WordPart::DoubleQuoted { parts, .. } => self.parts(parts, around),
                WordPart::CommandSubstitution { body, .. }
                | WordPart::ProcessSubstitution { body, .. } => self.seq(body, around.inside()),
                WordPart::ParameterExpansion { operand_word_ast: Some(word), .. } => {
                    self.inside(word, around);
                }
                // Literals, and expansions that run nothing.
                WordPart::Literal(_)
                | WordPart::ZshQualifiedGlob(_)
                | WordPart::SingleQuoted { .. }
                | WordPart::Variable(_)
                | WordPart::ArithmeticExpansion { .. }
                | WordPart::Parameter(_)
                | WordPart::ParameterExpansion { .. }
                | WordPart::Length(_)
                | WordPart::ArrayAccess(_)
                | WordPart::ArrayLength(_)
                | WordPart::ArrayIndices(_)
                | WordPart::Substring { .. }
                | WordPart::ArraySlice { .. }
                | WordPart::IndirectExpansion { .. }
                | WordPart::PrefixMatch { .. }
                | WordPart::Transformation { .. } => {}
            }
        }
    }

    fn word(&self, word: &Word) -> ShellWord {
        let range = range(word.span);
        match word.try_static_text(self.text) {
            Some(text) => ShellWord { text: text.into_owned(), is_static: true, range },
            None => ShellWord { text: word.render(self.text), is_static: false, range },
        }
    }

    fn name(&self, name: &str, span: Span) -> ShellWord {
        let start = span.start.offset();
        let range = start..(start + name.len()).min(self.text.len());
        ShellWord { text: name.to_owned(), is_static: true, range }
    }

    /// Behind a statement, if `&&` may follow there.
    fn end(&self, stmt: &Stmt) -> Option<usize> {
        let is_plain = match stmt.terminator {
            Some(StmtTerminator::Background(_)) => false,
            Some(StmtTerminator::Semicolon) | None => true,
        };
        let start = stmt.span.start.offset();
        let end = stmt.terminator_span.map_or(stmt.span.end, |span| span.start).offset();
        let last = self.text.get(start..end)?.trim_end();
        let end = start + last.len();
        let is_final = |command: &Command| {
            start <= command.range.start
                && (matches!(command.program(), "exit" | "exec" | "return")
                    || command.wrapper("exec").is_some()
                    || command.redirects.iter().any(|it| it.is_heredoc))
        };
        let is_free = is_plain && !last.is_empty() && !self.commands.iter().any(is_final);
        is_free.then_some(end)
    }
}

fn range(span: Span) -> Range<usize> {
    let start = span.start.offset();
    start..span.end.offset().max(start)
}
