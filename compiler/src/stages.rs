//! Stages: names, bases, what the target reaches, and in which order it is lowered. [`Conversion`] is one platform's
//! way through the file; `lower` turns its instructions into steps.

mod args;
pub(crate) mod budget;
mod contexts;
mod cycle;
mod epoch;
mod from;
mod globals;
mod onbuild;
mod resolve;
mod sources;
mod state;

use std::collections::{BTreeMap, BTreeSet};

use grammar::{Diagnostic, Dockerfile, Instruction, SourceId, Statement, Word, quoted};
use oci::Platform;

pub(crate) use state::{Command, Resolution, Stage, Tree};

use crate::compile::{Output, Platforms};
use crate::expand::{self, Env, Expansion, Unset};
use crate::facts::LoweredStage;
use crate::graph::Target;
use crate::op::Names;
use crate::suggest::with_suggestion;
use crate::world::{BuildOptions, World};

/// The name of the empty image.
pub(crate) const SCRATCH: &str = "scratch";

/// One platform's way through a file.
pub(crate) struct Conversion<'a> {
    pub file: &'a Dockerfile,
    pub options: &'a BuildOptions,
    pub world: &'a dyn World,
    pub platforms: Platforms,
    pub out: &'a mut Output,
    /// `--build-arg`, SOURCE_DATE_EPOCH resolved.
    pub build_args: Names,
    /// ARGs before the first FROM, and the predefined ones.
    pub globals: Env,
    /// SOURCE_DATE_EPOCH.
    pub epoch: Option<i64>,
    /// The stages of the file in order, then the images that COPY and RUN name.
    pub stages: Vec<Stage<'a>>,
    /// The names of the ARGs before the first FROM, with a value or without.
    pub declared: BTreeSet<&'a str>,
    /// How many bytes of text were made so far.
    pub spent: usize,
    /// By its source: where a trigger is written, if that is in this file.
    pub triggers: BTreeMap<SourceId, Word>,
    /// The last stage of each name.
    pub by_name: BTreeMap<String, usize>,
    /// By stage: whether the target needs it.
    pub reachable: Vec<bool>,
}

impl<'a> Conversion<'a> {
    pub(crate) fn new(
        file: &'a Dockerfile,
        options: &'a BuildOptions,
        world: &'a dyn World,
        platforms: Platforms,
        out: &'a mut Output,
    ) -> Conversion<'a> {
        Conversion {
            file,
            options,
            world,
            platforms,
            out,
            build_args: options.build_args.clone(),
            globals: Env::default(),
            epoch: None,
            stages: Vec::new(),
            declared: BTreeSet::new(),
            spent: 0,
            triggers: BTreeMap::new(),
            by_name: BTreeMap::new(),
            reachable: Vec::new(),
        }
    }

    /// Goes all the way; `None` if the image cannot be made, and the diagnostics say why.
    pub(crate) fn run(mut self) -> Option<Target> {
        let (first_from, stages) = self.split();
        if stages.is_empty() {
            self.no_stages();
            return None;
        }
        self.set_globals(first_from, &stages);
        self.set_epoch(&stages);
        self.out.builder.graph.epoch = self.epoch;
        for (number, (from, commands)) in stages.into_iter().enumerate() {
            self.add_stage(number, from, commands);
        }
        self.name_stages();
        let target = self.target()?;
        self.find_sources();
        let sound = self.check_cycles();
        if let [only] = self.stages.as_mut_slice() {
            only.shown_name.clear();
        }
        let reachable = self.resolve(target);
        self.reachable.clone_from(&reachable);
        self.lower_stages(&reachable);
        self.finish(target).filter(|_| sound)
    }

    /// The statements before the first FROM, and each FROM with those behind it.
    fn split(&self) -> (&'a [Statement], Vec<(&'a Statement, &'a [Statement])>) {
        let statements = &self.file.statements;
        let froms: Vec<usize> = statements
            .iter()
            .enumerate()
            .filter(|(_, it)| matches!(it.instruction, Instruction::From(_)))
            .map(|(index, _)| index)
            .collect();
        let ends = froms.iter().skip(1).copied().chain([statements.len()]);
        let stages = froms
            .iter()
            .zip(ends)
            .map(|(from, end)| (&statements[*from], &statements[from + 1..end]))
            .collect();
        (&statements[..froms.first().copied().unwrap_or(statements.len())], stages)
    }

    fn no_stages(&mut self) {
        let statements = &self.file.statements;
        let broken = statements.iter().any(|it| matches!(it.instruction, Instruction::Invalid(_)));
        let error = if self.out.sources[0].text().is_empty() {
            Diagnostic::without_place("empty-file", "the Dockerfile cannot be empty")
        } else if statements.is_empty() || broken {
            // The parser said that there is no instruction, or what is wrong with what may have been a FROM.
            return;
        } else {
            Diagnostic::without_place("no-stages", "dockerfile contains no stages to build")
        };
        self.out.say(error.help("begin with `FROM image`"));
    }

    fn name_stages(&mut self) {
        let names =
            self.stages.iter().enumerate().map(|(number, stage)| match stage.name.as_str() {
                "" => number.to_string(),
                name => name.to_owned(),
            });
        self.out.builder.graph.stage_names = names.collect();
    }

    /// The stage that the image is made of.
    fn target(&mut self) -> Option<usize> {
        let Some(wanted) = &self.options.target else { return Some(self.stages.len() - 1) };
        let found = self.by_name.get(&wanted.to_lowercase()).copied();
        if found.is_none() {
            let names = self.stage_names();
            let message = with_suggestion(
                format!("target stage {} could not be found", quoted(wanted)),
                wanted,
                names.iter().map(String::as_str),
            );
            let found = Diagnostic::without_place("unknown-target", message);
            self.out.say(match names.is_empty() {
                true => found.help("no stage has a name; name one with `FROM IMAGE AS NAME`"),
                false => found.help(format!("the stages are {}", names.join(", "))),
            });
        }
        found
    }

    /// How the stages are shown, for suggestions.
    pub(crate) fn stage_names(&self) -> Vec<String> {
        let names = self.stages.iter().map(|stage| stage.shown_name.clone());
        names.filter(|name| !name.is_empty()).collect()
    }

    fn lower_stages(&mut self, reachable: &[bool]) {
        for (index, reachable) in reachable.iter().enumerate() {
            let wanted = self.options.all_stages || *reachable;
            if wanted && !self.stages[index].dispatched {
                self.inherit(index);
                self.stages[index].dispatched = true;
                if !self.stages[index].failed {
                    crate::lower::stage(self, index);
                }
            }
        }
    }

    /// Notes that a stage of the file is being lowered, for lint rules.
    pub(crate) fn note_lowered(&mut self, index: usize) {
        let stage = &self.stages[index];
        if stage.is_image() {
            return;
        }
        let triggers = stage.commands.iter().filter(|command| command.on_build && !command.broken);
        self.out.stages.push(LoweredStage {
            from: stage.from_span,
            base: stage.base.map(|base| self.stages[base].from_span),
            base_name: stage.base_name.clone(),
            is_scratch: stage.base_name == SCRATCH && stage.context.is_none(),
            is_needed: self.reachable.get(index).copied().unwrap_or_default(),
            needs: stage.needs.iter().map(|(needed, _)| self.stages[*needed].from_span).collect(),
            user: stage.image.config.user.clone(),
            has_shell: !stage.image.config.shell.is_empty(),
            triggers: triggers.map(|command| command.statement.clone().into_owned()).collect(),
        });
    }

    /// The target's image: labels of the command line, the platform that was asked for.
    fn finish(&mut self, target: usize) -> Option<Target> {
        let stage = &mut self.stages[target];
        if stage.failed {
            return None;
        }
        let mut config = std::mem::take(&mut stage.image);
        if config.os.is_empty() && config.architecture.is_empty() {
            let Platform { os, architecture, variant, os_version, os_features } =
                self.platforms.target.clone();
            config =
                oci::ImageConfig { os, architecture, variant, os_version, os_features, ..config };
        }
        for (name, value) in &self.options.labels {
            config.config.labels.insert(name.clone(), value.clone());
        }
        let wanted = &self.platforms.target;
        if !self.platforms.implicit {
            let same = wanted.os == config.os && wanted.architecture == config.architecture;
            config.os.clone_from(&wanted.os);
            config.architecture.clone_from(&wanted.architecture);
            if wanted.variant.is_some() || !same {
                config.variant.clone_from(&wanted.variant);
            }
            if wanted.os_version.is_some() || !same {
                config.os_version.clone_from(&wanted.os_version);
            }
            if !wanted.os_features.is_empty() {
                config.os_features.clone_from(&wanted.os_features);
            }
        }
        let Platform { os, architecture, variant, os_version, os_features } =
            config.platform().normalized();
        config = oci::ImageConfig { os, architecture, variant, os_version, os_features, ..config };
        let Tree { step, layers, .. } = &stage.tree;
        Some(Target {
            platform: self.platforms.target.clone(),
            step: *step,
            config,
            layers: layers.clone(),
        })
    }

    /// Expands a word of the file.
    pub(crate) fn expand(&self, word: &Word, env: &Env) -> Result<Expansion, Diagnostic> {
        let parts = expand::parts(word, self.file.dialect.escape)?;
        expand::expand(&parts, env, Unset::Empty)
    }
}
