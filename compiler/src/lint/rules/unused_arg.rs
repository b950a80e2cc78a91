//! ARG that something uses.

use grammar::instruction::ArgDeclaration;
use grammar::{Code, Diagnostic, Instruction, Statement};

use crate::lint::uses::{heirs, may_read_environment, names};
use crate::lint::{Cx, Origin, Rule};

/// ## What it does
/// Finds an ARG that nothing behind it names, in its stage or in the stages that start from it. An ARG before the first FROM
/// is found if no FROM, no other such ARG and no stage names it.
///
/// ## Why is this bad
/// Who gives a value with `--build-arg` believes that it changes something. And each new value runs the RUN steps behind the
/// ARG again.
///
/// ## Example
/// ```dockerfile
/// FROM busybox
/// ARG COLOR=red
/// COPY page.html /srv/
/// ```
///
/// ## Use instead
/// ```dockerfile
/// FROM busybox
/// COPY page.html /srv/
/// ```
///
/// ## What it does not see
/// A RUN gets every ARG as a variable of its environment. If a RUN behind it starts a script or a program that may read
/// variables which its command line does not name (`make`, `npm`, `python`, `./build.sh`), nothing is said. A name in the text counts as a use
/// even if it stands for something else. The fix takes the instruction out; who gives the argument is not known, so it is offered in
/// editors and by `--unsafe-fixes` alone.
#[derive(Debug)]
pub(super) struct UnusedArg;

impl Rule for UnusedArg {
    fn name(&self) -> Code {
        "UnusedArg"
    }

    fn origin(&self) -> Origin {
        Origin::Dfc
    }

    fn check(&self, cx: &mut Cx<'_>) {
        for stage in cx.stages.clone() {
            let heirs = heirs(cx, &stage);
            for (index, statement) in stage.own.iter().enumerate() {
                let behind = || {
                    let others = heirs.iter().flat_map(|heir| heir.statements().map(|it| it.1));
                    stage.own[index + 1..].iter().chain(others)
                };
                for declared in unnamed(statement) {
                    let name = &declared.name.text;
                    if !behind().any(|it| names(it, name) || may_read_environment(it)) {
                        self.tell(cx, declared, "nothing behind it in the stage names it");
                    }
                }
            }
        }
        let is_from = |it: &Statement| matches!(it.instruction, Instruction::From(_));
        let statements = &cx.file.statements;
        let before = statements.iter().position(is_from).unwrap_or(0);
        for (index, statement) in statements[..before].iter().enumerate() {
            for declared in unnamed(statement) {
                let name = &declared.name.text;
                let mut others = statements.iter().enumerate().filter(|(at, _)| *at != index);
                if !others.any(|(_, it)| names(it, name)) {
                    self.tell(cx, declared, "no FROM and no stage names it");
                }
            }
        }
    }
}

impl UnusedArg {
    fn tell(&self, cx: &mut Cx<'_>, declared: &ArgDeclaration, why: &str) {
        let message = format!("ARG {} is not used", declared.name.text);
        let mut warning = Diagnostic::warning(self.name(), message, declared.name.span)
            .label(why)
            .help("leave it out, or name it where it is meant to be used");
        let statement = cx.statement(declared.name.span);
        let is_alone = |it: &&Statement| matches!(&it.instruction, Instruction::Arg(arg) if arg.args.len() == 1);
        let alone = statement.filter(is_alone);
        warning.fix = alone.and_then(|it| cx.removal(it));
        cx.warn_there(warning);
    }
}

/// What an ARG declares and does not name itself a second time, without what BuildKit reads.
fn unnamed(statement: &Statement) -> impl Iterator<Item = &ArgDeclaration> {
    let args: &[ArgDeclaration] =
        if let Instruction::Arg(arg) = &statement.instruction { &arg.args } else { &[] };
    args.iter().enumerate().filter_map(move |(index, it)| {
        let mut later = args[index + 1..].iter().filter_map(|it| it.default.as_ref());
        let used = later.any(|word| crate::lint::uses::mentions(&word.text, &it.name.text));
        (!used && !is_special(&it.name.text)).then_some(it)
    })
}

/// Whether a name means something to BuildKit itself, or is none: what a template or a slip left, others tell.
fn is_special(name: &str) -> bool {
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    name.starts_with("BUILDKIT_") || name == "SOURCE_DATE_EPOCH" || !is_name
}
