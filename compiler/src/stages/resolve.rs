//! Looks up what stages start from, as far as the target needs it.

use grammar::{Diagnostic, Span, quoted};
use oci::{ImageConfig, Platform, Reference};

use super::onbuild::RUNS_TRIGGERS;
use super::{Conversion, Resolution, SCRATCH, Tree, budget};
use crate::address::without_credentials;
use crate::facts::Fact;
use crate::graph::{Step, StepId, Words};
use crate::image;
use crate::lower::name;
use crate::op::{ImageOrigin, ImageSource, Op, SourceOp};
use crate::remote::RemoteContext;
use crate::suggest::with_suggestion;
use crate::world::{ImageQuery, NamedContext, ResolvedImage, WorldError};

/// The code of the diagnostic for an image that is nowhere.
const UNRESOLVED: &str = "unresolved-image";
/// The code of the diagnostic for a name that no image can have.
const INVALID_REFERENCE: &str = "invalid-reference";
/// Names of images that are often meant.
const COMMON_IMAGES: [&str; 7] =
    ["alpine", "busybox", "centos", "debian", "golang", "ubuntu", "fedora"];

impl<'a> Conversion<'a> {
    /// Looks up the bases. Triggers may need more of them, so it goes on until there is nothing new.
    pub(super) fn resolve(&mut self, target: usize) -> Vec<bool> {
        loop {
            let reachable = self.reachable(target);
            for (index, reachable) in reachable.iter().enumerate() {
                let wanted = self.options.all_stages || *reachable;
                let stage = &self.stages[index];
                let open = stage.base.is_none() && !stage.dispatched && !stage.failed;
                let more = match stage.resolution {
                    Resolution::Open => true,
                    Resolution::Checked => wanted,
                    Resolution::Done => false,
                };
                if open && more {
                    self.resolve_stage(index, wanted);
                }
            }
            let mut new_needs = false;
            for index in (0..reachable.len()).filter(|index| reachable[*index]) {
                new_needs |= self.put_triggers(index);
            }
            if !new_needs {
                return self.reachable(target);
            }
        }
    }

    fn reachable(&self, target: usize) -> Vec<bool> {
        let mut reachable = vec![false; self.stages.len()];
        let mut open = vec![target];
        while let Some(index) = open.pop() {
            if !std::mem::replace(&mut reachable[index], true) {
                let stage = &self.stages[index];
                open.extend(stage.base);
                open.extend(stage.needs.iter().map(|(needed, _)| *needed));
            }
        }
        reachable
    }

    /// Starts a stage from where the stage it is based on ended.
    pub(super) fn inherit(&mut self, index: usize) {
        let Some(base) = self.stages[index].base else { return };
        let weight = budget::weight(&self.stages[base]);
        if let Err(error) = self.spend(weight, self.stages[index].from_span) {
            self.stages[index].failed = true;
            self.out.say(error);
            return;
        }
        let base = &self.stages[base];
        let mut image = base.image.clone();
        image.config.on_build.clear();
        let (tree, platform, failed) = (base.tree.clone(), base.platform.clone(), base.failed);
        let args = base.args.clone();
        let stage = &mut self.stages[index];
        stage.image = image;
        stage.tree = tree;
        stage.platform = platform;
        stage.failed |= failed;
        stage.args = args;
    }

    fn resolve_stage(&mut self, index: usize, wanted: bool) {
        let stage = &mut self.stages[index];
        stage.resolution = if wanted { Resolution::Done } else { Resolution::Checked };
        let is_image = stage.is_image();
        if stage.base_name == SCRATCH && stage.context.is_none() {
            stage.image = image::empty(&self.platforms.target);
            stage.platform = Some(self.platforms.target.clone());
            stage.resolution = Resolution::Done;
            stage.dispatched |= is_image;
            return;
        }
        if let Err(error) = self.resolve_base(index, wanted) {
            if [UNRESOLVED, INVALID_REFERENCE].contains(&error.code) {
                // Mistakes in the stage are told in the same go, as over an empty base.
                let target = &self.platforms.target;
                let stage = &mut self.stages[index];
                stage.image = image::empty(stage.platform.as_ref().unwrap_or(target));
            } else {
                self.stages[index].failed = true;
            }
            let stage = &self.stages[index];
            let (word, from) = (stage.span, stage.from_span);
            self.out.say(match is_image && from != word {
                true => error.also(from, RUNS_TRIGGERS),
                false => error,
            });
        }
        self.stages[index].dispatched |= is_image && wanted;
    }

    fn resolve_base(&mut self, index: usize, wanted: bool) -> Result<(), Diagnostic> {
        let stage = &self.stages[index];
        let (name, span) = (stage.base_name.clone(), stage.span);
        let written = stage.word.map_or_else(|| name.clone(), |word| word.text.clone());
        let reference = Reference::parse(&name).map_err(|error| {
            let message = format!("failed to parse stage name {}: {error}", quoted(&name));
            let mut diagnostic = Diagnostic::error(INVALID_REFERENCE, message, span);
            if written != name {
                diagnostic = diagnostic.label(format!("this is `{name}`"));
            }
            let lower = name.to_lowercase();
            let expansion = stage.word.and_then(|word| self.expand(word, &self.globals).ok());
            let unset = expansion.and_then(|it| it.unset.into_iter().next());
            let names = self.by_name.keys().map(String::as_str);
            let near = self.out.suggestion(&lower, names);
            match (unset, near) {
                (Some(unset), _) => diagnostic.help(self.give_value(&unset.value)),
                (None, _) if self.by_name.contains_key(&lower) => diagnostic.help(format!(
                    "to start from the stage, write its name in lower case: `{lower}`"
                )),
                (None, Some(near)) => diagnostic.help(format!("did you mean the stage `{near}`?")),
                (None, None) => diagnostic,
            }
        })?;
        if !wanted {
            return Ok(());
        }
        let platform = stage.platform.clone().unwrap_or_else(|| self.platforms.target.clone());
        if let Some((key, context)) = stage.context {
            let (tree, image) = self.load_context(index, key, context, &platform)?;
            let stage = &mut self.stages[index];
            stage.dispatched = true;
            stage.tree = tree;
            if let Some(image) = image {
                if !image.os.is_empty() && !image.architecture.is_empty() {
                    stage.platform = Some(image.platform());
                }
                stage.image = image;
            }
            return Ok(());
        }
        if let Some((key, context)) = self.named_context(&reference.to_string(), Some(&platform)) {
            let (tree, image) = self.load_context(index, key, context, &platform)?;
            let stage = &mut self.stages[index];
            stage.image = image.unwrap_or_else(|| image::empty(&platform));
            stage.tree = tree;
            stage.platform = Some(platform);
            return Ok(());
        }
        let origin = ImageOrigin::Registry;
        let found = self.ask(&reference, &platform, &origin);
        let resolved = found.map_err(|error| self.not_found(&name, span, error))?;
        let actual = resolved.config.platform();
        if actual.os != platform.os || actual.architecture != platform.architecture {
            self.out.note(Fact::OtherPlatform {
                image: name.clone(),
                actual: actual.normalized().with_os_options(),
                expected: platform.normalized().with_os_options(),
                span,
            });
        }
        let step_name = match resolved.manifest {
            Some(digest) => reference.with_digest(digest).to_string(),
            None => reference.to_string(),
        };
        let step_name = name::prefixed(self, index, &format!("FROM {step_name}"), &platform, None);
        let step =
            self.image_step(index, &resolved, (reference, platform.clone(), origin), step_name);
        let stage = &mut self.stages[index];
        stage.image = image::inherited(&resolved.config);
        stage.tree = Tree { step, ..Tree::default() };
        stage.platform = Some(platform);
        Ok(())
    }

    fn not_found(&self, name: &str, span: Span, error: WorldError) -> Diagnostic {
        let names = self.stage_names();
        let options = names.iter().map(String::as_str).chain(COMMON_IMAGES);
        let message = with_suggestion(format!("{name}: {}", error.message), name, options);
        let diagnostic = Diagnostic::error(UNRESOLVED, message, span);
        match error.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }

    /// Asks the world for an image, once.
    fn ask(
        &mut self,
        reference: &Reference,
        platform: &Platform,
        origin: &ImageOrigin,
    ) -> Result<ResolvedImage, WorldError> {
        let key = format!("{origin:?} {reference} {}", platform.with_os_options());
        let known = self.out.images.entry(key);
        known
            .or_insert_with(|| self.world.image(&ImageQuery { reference, platform, origin }))
            .clone()
    }

    /// The step that brings an image; `None` for one without layers.
    fn image_step(
        &mut self,
        index: usize,
        resolved: &ResolvedImage,
        (reference, platform, origin): (Reference, Platform, ImageOrigin),
        name: String,
    ) -> Option<StepId> {
        let diff_ids = resolved.config.rootfs.diff_ids.clone();
        let no_layers = resolved.config.history.iter().all(|entry| entry.empty_layer);
        if diff_ids.is_empty() && no_layers {
            return None;
        }
        let source = ImageSource {
            reference,
            platform: platform.clone(),
            manifest: resolved.manifest,
            origin,
            diff_ids,
        };
        let op = Op::Source(SourceOp::Image(source));
        Some(self.source_step(index, op, platform, name))
    }

    fn source_step(&mut self, index: usize, op: Op, platform: Platform, name: String) -> StepId {
        let stage = &self.stages[index];
        let step = Step {
            op,
            platform,
            span: Some(stage.span),
            stage: stage.id,
            name,
            ignore_cache: false,
            words: Words::default(),
            args: Vec::new(),
        };
        self.out.builder.add(step, Vec::new())
    }

    /// What a named context holds, and its image config if it is an image.
    fn load_context(
        &mut self,
        index: usize,
        name: &str,
        context: &NamedContext,
        platform: &Platform,
    ) -> Result<(Tree, Option<ImageConfig>), Diagnostic> {
        let span = self.stages[index].span;
        let outside = |conversion: &mut Self, source: SourceOp, step_name: String| {
            let op = Op::Source(source);
            let step = conversion.source_step(index, op, platform.clone(), step_name);
            let tree = Tree {
                step: Some(step),
                layers: vec![step],
                from_outside: true,
                ..Tree::default()
            };
            Ok((tree, None))
        };
        match context {
            NamedContext::Scratch => Ok((Tree::default(), None)),
            NamedContext::Local => {
                let source = SourceOp::Local { name: name.to_owned() };
                outside(self, source, format!("[context {name}] load from client"))
            }
            NamedContext::Image(reference) => {
                let of = (reference.clone(), platform.clone(), ImageOrigin::Registry);
                self.context_image(index, of, format!("[context {name}] {reference}"))
            }
            NamedContext::Layout(layout) => {
                let reference = Reference::parse(context_name(name)).map_err(|error| {
                    let message = format!("invalid context name {name}: {error}");
                    Diagnostic::error("invalid-reference", message, span)
                })?;
                let of = (reference, platform.clone(), ImageOrigin::Layout(layout.clone()));
                self.context_image(index, of, format!("[context {name}] OCI load from client"))
            }
            NamedContext::Git(url) | NamedContext::Http(url) => {
                let source = remote_context(url)
                    .map_err(|reason| Diagnostic::error("invalid-git", reason, span))?;
                let step_name = format!("[context {name}] {}", without_credentials(url));
                outside(self, source.op(), step_name)
            }
        }
    }

    fn context_image(
        &mut self,
        index: usize,
        of: (Reference, Platform, ImageOrigin),
        step_name: String,
    ) -> Result<(Tree, Option<ImageConfig>), Diagnostic> {
        let (reference, platform, origin) = &of;
        let found = self.ask(reference, platform, origin);
        let span = self.stages[index].span;
        let name = self.stages[index].base_name.clone();
        let resolved = found.map_err(|error| self.not_found(&name, span, error))?;
        let step = self.image_step(index, &resolved, of, step_name);
        let mut tree = Tree { step, ..Tree::default() };
        let config = &resolved.config.config;
        tree.env = config
            .env
            .iter()
            .map(|line| image::key_value(line))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        tree.workdir.clone_from(&config.working_dir);
        tree.user.clone_from(&config.user);
        Ok((tree, Some(image::inherited(&resolved.config))))
    }
}

/// A context's name without the platform that may stand behind it.
fn context_name(key: &str) -> &str {
    key.split_once("::").map_or(key, |(name, _)| name)
}

/// The source of a context that is a git reference or a URL.
pub(super) fn remote_context(url: &str) -> Result<RemoteContext, String> {
    let invalid = || Err(format!("invalid git context {}", without_credentials(url)));
    RemoteContext::parse(url).unwrap_or_else(invalid)
}
