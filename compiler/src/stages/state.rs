//! [`Stage`]: what is known of a stage while it is lowered.

use std::borrow::Cow;
use std::collections::BTreeMap;

use grammar::{Span, Statement, Word};
use oci::{ImageConfig, Platform};

use super::args::Args;
use crate::expand::Env;
use crate::graph::{StageId, StepId};
use crate::world::NamedContext;

/// A stage of the file, or an image that a COPY or a RUN names and that is treated like one.
#[derive(Debug)]
pub(crate) struct Stage<'a> {
    /// Its place in the file; `None` for an image.
    pub id: Option<StageId>,
    /// The image's word in FROM, or the word that names the image.
    pub word: Option<&'a Word>,
    /// The place of that word.
    pub span: Span,
    /// All of the FROM.
    pub from_span: Span,
    /// What it starts from, expanded.
    pub base_name: String,
    /// `AS name` in lower case; empty if there is none.
    pub name: String,
    /// What steps show.
    pub shown_name: String,
    /// The stage it starts from.
    pub base: Option<usize>,
    /// The stages it takes files from, and where it says so.
    pub needs: Vec<(usize, Span)>,
    /// A named context that stands in for the whole stage, and what the user calls it.
    pub context: Option<(&'a str, &'a NamedContext)>,
    /// Its instructions.
    pub commands: Vec<Command<'a>>,
    /// The platform of its base, if it is known.
    pub platform: Option<Platform>,
    /// Whether the base was looked up.
    pub resolution: Resolution,
    /// Whether the triggers of the stage it starts from were put in.
    pub triggered: bool,
    /// Whether it is lowered, or needs not be.
    pub dispatched: bool,
    /// Whether something it needs could not be made; nothing more is said of it then.
    pub failed: bool,
    /// How many of its steps people count.
    pub total: usize,
    /// How many of them are named so far.
    pub shown: usize,
    /// Whether records of earlier builds are ignored.
    pub ignore_cache: bool,
    /// The image it makes.
    pub image: ImageConfig,
    /// The tree it makes, and the state that instructions see.
    pub tree: Tree,
    /// The ARGs in scope, also those without a value.
    pub args: Args,
    /// Where in the environment of `image` each variable is, once it is being lowered.
    pub env_places: BTreeMap<String, usize>,
    /// Whether it has a CMD of its own.
    pub has_cmd: bool,
}

/// How far the base of a stage is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// Not yet.
    Open,
    /// Its name is checked, but it was not needed.
    Checked,
    /// It is there.
    Done,
}

/// A tree and what goes with it from instruction to instruction.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    /// The step that makes it; `None` for the empty tree.
    pub step: Option<StepId>,
    /// The steps that make its layers above the base image.
    pub layers: Vec<StepId>,
    /// ENV, and ARGs that have a value.
    pub env: Env,
    /// `WORKDIR`; empty at first.
    pub workdir: String,
    /// `USER`
    pub user: String,
    /// Where in the file that is written.
    pub user_word: Option<Span>,
    /// Whether it is a folder or a download: its owners count for nothing.
    pub from_outside: bool,
}

/// An instruction of a stage.
#[derive(Debug, Clone)]
pub(crate) struct Command<'a> {
    /// The instruction.
    pub statement: Cow<'a, Statement>,
    /// For a COPY the stage it copies from; for a RUN one a mount. Empty if it takes from the context.
    pub sources: Vec<usize>,
    /// Whether it is a trigger of the base.
    pub on_build: bool,
    /// Whether it was found to be wrong already.
    pub broken: bool,
}

impl<'a> Stage<'a> {
    /// A stage of which only name and base are known.
    pub(crate) fn new(base_name: String, word: Option<&'a Word>, span: Span) -> Stage<'a> {
        Stage {
            id: None,
            word,
            span,
            from_span: span,
            base_name,
            name: String::new(),
            shown_name: String::new(),
            base: None,
            needs: Vec::new(),
            context: None,
            commands: Vec::new(),
            platform: None,
            resolution: Resolution::Open,
            triggered: false,
            dispatched: false,
            failed: false,
            total: 0,
            shown: 0,
            ignore_cache: false,
            image: ImageConfig::default(),
            tree: Tree::default(),
            args: Args::default(),
            env_places: BTreeMap::new(),
            has_cmd: false,
        }
    }

    /// Whether it is an image that a COPY or RUN names.
    pub(crate) fn is_image(&self) -> bool {
        self.id.is_none()
    }
}
