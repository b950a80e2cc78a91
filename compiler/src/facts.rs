//! What lowering learns that lint rules want to know: things that only an evaluation shows. Not errors.

use grammar::{Span, Statement};

/// Something noticed, with its place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Fact {
    /// A variable without a value, in an instruction of a stage.
    UndefinedVariable {
        /// Its name.
        name: String,
        /// Where it is used.
        span: Span,
        /// The instruction it is used in.
        instruction: Span,
        /// A variable of nearly that name.
        suggestion: Option<String>,
    },
    /// A variable in FROM that no ARG before the first FROM declares.
    UndeclaredInFrom {
        /// Its name.
        name: String,
        /// Where it is used.
        span: Span,
        /// The FROM.
        instruction: Span,
        /// An argument of nearly that name.
        suggestion: Option<String>,
    },
    /// `FROM` whose image is no valid name if no build argument is given.
    InvalidDefaultInFrom {
        /// The image as written.
        written: String,
        /// The image's word.
        span: Span,
    },
    /// `FROM --platform=$TARGETPLATFORM`
    RedundantTargetPlatform {
        /// The platform as written.
        written: String,
        /// The flag's value.
        span: Span,
    },
    /// `FROM --platform=` without a variable in it.
    ConstantPlatform {
        /// The platform as expanded.
        platform: String,
        /// The flag's value.
        span: Span,
    },
    /// The base image is for another platform than the one asked for.
    OtherPlatform {
        /// The image as written.
        image: String,
        /// What it is for.
        actual: String,
        /// What was asked for.
        expected: String,
        /// The image's word.
        span: Span,
    },
    /// A COPY or ADD takes this path of the main context.
    ContextPath {
        /// The path, expanded.
        path: String,
        /// Its word.
        span: Span,
        /// Whether it is an ADD.
        add: bool,
    },
    /// A WORKDIR with a relative path.
    RelativeWorkdir {
        /// The path, expanded.
        path: String,
        /// Its word.
        span: Span,
    },
    /// A protocol in EXPOSE that is not in lower case.
    ProtocolCasing {
        /// The port, expanded.
        port: String,
        /// Its word.
        span: Span,
    },
    /// A host address or host port in EXPOSE.
    HostInExpose {
        /// The port, expanded.
        port: String,
        /// Its word.
        span: Span,
    },
}

/// A stage of the file that was lowered: the target needs it, or all stages are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoweredStage {
    /// Its FROM.
    pub from: Span,
    /// The FROM of the stage it starts from.
    pub base: Option<Span>,
    /// Its image's name, expanded.
    pub base_name: String,
    /// Whether it starts from nothing.
    pub is_scratch: bool,
    /// Whether the target needs it.
    pub is_needed: bool,
    /// The FROMs of the stages that it takes files from.
    pub needs: Vec<Span>,
    /// The user that it starts with; empty for root, or if nobody knows.
    pub user: String,
    /// Whether what it starts from has a SHELL.
    pub has_shell: bool,
    /// The ONBUILD triggers that run before its own instructions, each in a source of its own.
    pub triggers: Vec<Statement>,
}
