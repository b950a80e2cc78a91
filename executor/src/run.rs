//! One step from its inputs to its outcome: looked up, and run if it is not cached.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, UNIX_EPOCH};

use compiler::op::SourceOp;
use compiler::reason::MissReason;
use compiler::{BuildGraph, CacheKey, KeyRecord, Op, Role, StepId};
use rayon::prelude::*;
use store::{ContentSource, Entry, FolderSource, Keep, LayerIndex, Meanwhile, Mtime};

use crate::cache::preimage::Preimage;
use crate::cache::{Definition, Hit, InputKey, Lookup, Ran, Slots};
use crate::cancel::Cancel;
use crate::content::Content;
use crate::context::{Disk, StatCaches};
use crate::draft::Base;
use crate::env::{Deliver, Env};
use crate::error::Cause;
use crate::needs::Needs;
use crate::op;
use crate::op::exec::runner::Runner;
use crate::remote::Remote;
use crate::snapshot::{Layer, Snapshot};
use crate::status::Event;
use crate::tree::display;
use crate::unpacked::{Contents, Fresh, Replaced, Unpacked};
use crate::verdict::Verdict;

/// What all steps of a build share.
pub(crate) struct Cx<'a> {
    /// The steps.
    pub(crate) graph: &'a BuildGraph,
    /// The outside.
    pub(crate) env: &'a Env<'a>,
    /// Stops the build.
    pub(crate) stop: Cancel,
    /// The local contexts that the graph names.
    pub(crate) disks: BTreeMap<String, Arc<Disk>>,
    /// Their stat caches.
    pub(crate) stats: StatCaches,
    /// Which layers are needed as files.
    pub(crate) needs: Needs,
    /// Where records of earlier builds are found.
    pub(crate) slots: Slots,
    /// Layers of images that may not be here yet.
    pub(crate) remote: Remote,
    /// Layers that are still being packed.
    pub(crate) unpacked: Unpacked,
    /// Layers of images that others made first.
    pub(crate) replaced: Replaced,
    /// Positions of the imports that turned out not to hold what they say.
    pub(crate) distrusted: BTreeSet<usize>,
    /// Whether no step counts as cached whose layer is not kept.
    pub(crate) needs_all: bool,
    /// What each step made, for other machines.
    pub(crate) results: Mutex<BTreeMap<StepId, StepResult>>,
    /// Cache mounts that began anew in this build.
    pub(crate) renewed: Mutex<BTreeSet<String>>,
    /// Runs commands.
    pub(crate) runner: &'a dyn Runner,
    /// Whether commands see trees through overlays; asked once.
    overlay: OnceLock<bool>,
    /// Whether nothing may be fetched or run, since only verdicts are asked for.
    pub(crate) explains: bool,
}

/// What a step that can be cached made, and under which keys.
#[derive(Debug, Clone)]
pub(crate) struct StepResult {
    /// Its content keys.
    pub(crate) keys: Vec<CacheKey>,
    /// Its definition.
    pub(crate) definition: CacheKey,
    /// The layer.
    pub(crate) layer: Layer,
    /// How long it took when it ran.
    pub(crate) duration: Duration,
}

/// What a step made.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// The tree.
    pub(crate) made: Made,
    /// The layers that it added, bottom first.
    pub(crate) layers: Vec<Layer>,
    /// Whether it was cached.
    pub(crate) verdict: Verdict,
    /// What is to be done before its layer is whole.
    pub(crate) fresh: Option<Arc<Fresh>>,
}

/// A tree that a step made.
#[derive(Debug, Clone)]
pub(crate) enum Made {
    /// Layers.
    Layers(Snapshot),
    /// A context: nothing is a layer until somebody needs it to be.
    Context(Arc<Disk>),
}

/// The outcomes of the inputs of a step.
pub(crate) type Inputs = BTreeMap<Role, (StepId, Arc<Outcome>)>;

/// A layer made by running a step, before it is in the store.
pub(crate) enum NewLayer {
    /// An index with contents elsewhere.
    Sourced(LayerIndex, Vec<Option<Content>>),
    /// An upper folder.
    Upper(store::Folder, LayerIndex),
    /// A whole tree, and what is new in it.
    Tree(store::Folder, LayerIndex),
}

impl<'a> Cx<'a> {
    /// Makes ready what the steps share.
    ///
    /// # Errors
    /// A context that the graph names was not given or cannot be opened.
    pub(crate) fn new(
        graph: &'a BuildGraph,
        env: &'a Env<'a>,
        stop: Cancel,
        runner: &'a dyn Runner,
    ) -> Result<Cx<'a>, (StepId, Cause)> {
        let mut disks = BTreeMap::new();
        for (id, step) in graph.steps() {
            if let Op::Source(SourceOp::Local { name }) = &step.op
                && !disks.contains_key(name)
                && !env.fetched.contains_key(name)
            {
                let context = env.contexts.get(name);
                let context = context.ok_or_else(|| (id, Cause::NoContext(name.clone())))?;
                let disk = Disk::open_context(context).map_err(|cause| (id, cause))?;
                disks.insert(name.clone(), Arc::new(disk));
            }
        }
        Ok(Cx {
            graph,
            env,
            stop,
            disks,
            stats: StatCaches::default(),
            needs: Needs::new(graph),
            slots: Slots::new(graph, &env.settings.project),
            remote: Remote::default(),
            unpacked: Unpacked::default(),
            replaced: Replaced::default(),
            distrusted: BTreeSet::new(),
            needs_all: false,
            results: Mutex::default(),
            renewed: Mutex::default(),
            runner,
            overlay: OnceLock::new(),
            explains: false,
        })
    }

    /// What a step is looked up by.
    pub(crate) fn lookup(&self, id: StepId) -> Lookup {
        Lookup {
            definition: Definition::of(self.graph, id),
            slot: self.slots.of(id).to_owned(),
            name: self.graph.step(id).name.clone(),
        }
    }

    /// The present time, no later than SOURCE_DATE_EPOCH.
    pub(crate) fn now(&self) -> Mtime {
        let since = (self.env.now)().duration_since(UNIX_EPOCH).unwrap_or_default();
        let secs = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        match self.graph.epoch {
            Some(epoch) if epoch <= secs => Mtime { secs: epoch, nanos: 0 },
            Some(_) | None => Mtime { secs, nanos: since.subsec_nanos() },
        }
    }

    /// Fails if the build is stopped.
    ///
    /// # Errors
    /// It is.
    pub(crate) fn check(&self) -> Result<(), Cause> {
        if self.stop.is_cancelled() { Err(Cause::Cancelled) } else { Ok(()) }
    }

    /// Whether a tree can be shown as layers over each other; where not, it is copied for every command.
    pub(crate) fn can_overlay(&self) -> bool {
        *self.overlay.get_or_init(|| match self.runner.can_overlay(self.env.store.root()) {
            Ok(()) => true,
            Err(why) => {
                let text =
                    format!("no overlay here ({why}): every RUN works on a copy of its tree");
                self.tell(Event::Notice { step: None, text });
                false
            }
        })
    }

    /// Notes what a step made, for other machines.
    fn note_result(
        &self,
        id: StepId,
        lookup: &Lookup,
        keys: &[CacheKey],
        layers: &[Layer],
        duration: Duration,
    ) {
        // Whatever made no layer, or several, is made again.
        let [layer] = layers else { return };
        let definition = lookup.definition.key;
        let result = StepResult { keys: keys.to_vec(), definition, layer: *layer, duration };
        self.results.lock().unwrap_or_else(PoisonError::into_inner).insert(id, result);
    }

    /// What a cached step gives.
    pub(crate) fn cached(&self, base: &Snapshot, hit: Hit) -> Outcome {
        let verdict = match hit.source {
            None => Verdict::Hit,
            Some(source) => Verdict::Imported(self.env.imports[source].name().to_owned()),
        };
        let made = Made::Layers(base.with(&hit.layers));
        Outcome { made, layers: hit.layers, verdict, fresh: None }
    }

    /// Tells of an event.
    pub(crate) fn tell(&self, event: Event) {
        self.env.status.event(event);
    }

    /// A tree as one that can be looked into; layers that are not here are fetched.
    ///
    /// # Errors
    /// A layer cannot be fetched or read.
    pub(crate) fn base(&self, snapshot: &Snapshot) -> Result<Base, Cause> {
        self.remote.bring(self, snapshot)?;
        let layers = snapshot.ids();
        let unpacked = self.unpacked.among(&layers);
        Ok(Base { view: self.env.store.view(&layers)?, layers, unpacked })
    }

    /// Puts a new layer into the store, unless the same step made the same before: then that layer is kept, so that all
    /// that comes after stays cached and the image stays the same.
    ///
    /// # Errors
    /// The store cannot be written, or a content cannot be read.
    pub(crate) fn keep(
        &self,
        id: StepId,
        lookup: &Lookup,
        new: NewLayer,
        created: i64,
    ) -> Result<Layer, Cause> {
        let store = self.env.store;
        let index = match &new {
            NewLayer::Sourced(index, _) | NewLayer::Upper(_, index) | NewLayer::Tree(_, index) => {
                index
            }
        };
        let result = index.result_digest();
        if let Some(earlier) = lookup.same_result(store, &result)? {
            return Ok(earlier);
        }
        let layer = match new {
            NewLayer::Upper(folder, index) => store.adopt(folder, index)?,
            NewLayer::Tree(folder, index) => {
                let files = FolderSource::open(&folder.fs())?;
                store.add_sourced(index, &files, Keep::Files)?
            }
            NewLayer::Sourced(index, contents) => {
                let source = self.source(&contents);
                let layer = match (self.how_to_keep(id), lookup.last_layer(store)?) {
                    (Keep::Files, Some(earlier)) => store.add_like(index, &source, earlier)?,
                    (keep, _) => store.add_sourced(index, &source, keep)?,
                };
                unchanged(&contents)?;
                layer
            }
        };
        Ok(Layer { id: layer, digest: result.0, created })
    }

    /// As [`Cx::keep`]; but of a layer that only goes into an image no more than the index: the contents that are given
    /// back are packed beside the steps that follow.
    fn keep_index(
        &self,
        id: StepId,
        lookup: &Lookup,
        new: NewLayer,
        created: i64,
    ) -> Result<(Layer, Option<Arc<Contents>>), Cause> {
        let (index, contents) = match (new, self.how_to_keep(id)) {
            (NewLayer::Sourced(index, contents), Keep::Packed { .. }) => (index, contents),
            (new, _) => return Ok((self.keep(id, lookup, new, created)?, None)),
        };
        let result = index.result_digest();
        if let Some(earlier) = lookup.same_result(self.env.store, &result)? {
            return Ok((earlier, None));
        }
        let layer = self.env.store.add_index(index)?;
        let contents = Arc::new(contents);
        self.unpacked.add(layer, &contents);
        Ok((Layer { id: layer, digest: result.0, created }, Some(contents)))
    }

    fn how_to_keep(&self, id: StepId) -> Keep {
        let is_for_blobs = match self.env.settings.deliver {
            Deliver::Blobs | Deliver::NewBlobs => true,
            Deliver::Trees | Deliver::Nothing => false,
        };
        if self.needs.files(id) || !self.needs.image(id) || !is_for_blobs {
            return Keep::Files;
        }
        Keep::Packed { compression: self.env.settings.compression, epoch: self.graph.epoch }
    }

    /// Contents by position, as the store wants them.
    pub(crate) fn source<'c>(&self, contents: &'c [Option<Content>]) -> impl ContentSource + 'c
    where
        'a: 'c,
    {
        let store = self.env.store;
        move |position: usize, _: &Entry| match &contents[position] {
            Some(content) => content.open(store),
            None => Ok(store::Source::Reader(Box::new(std::io::empty()))),
        }
    }
}

/// Fails if a file of the user changed between being hashed and being read.
pub(crate) fn unchanged(contents: &[Option<Content>]) -> Result<(), Cause> {
    // Pieces that know their neighbors' folder: it is opened once for all in it.
    let changed = |piece: &[Option<Content>]| {
        let mut folder = None;
        let mut contents = piece.iter().flatten();
        contents.find_map(|content| content.changed(&mut folder).map(<[u8]>::to_vec))
    };
    match contents.par_chunks(1024).find_map_first(changed) {
        None => Ok(()),
        Some(path) => Err(Cause::File {
            message: format!("`{}` changed while it was copied", display(&path)),
            help: Some("build again when nothing writes to it".into()),
            span: None,
        }),
    }
}

/// A step that is looked up before it is run.
pub(crate) trait Cached {
    /// The inputs as whole trees, as far as they are known without a look into them; `None` if there must be one.
    fn quick(&self) -> Option<Vec<InputKey>>;

    /// The inputs as what is taken of them.
    ///
    /// # Errors
    /// Something that is to be taken is not there, or a tree cannot be read.
    fn exact(&mut self, cx: &Cx<'_>) -> Result<Vec<InputKey>, Cause>;

    /// Runs it.
    ///
    /// # Errors
    /// It fails.
    fn run(&mut self, cx: &Cx<'_>) -> Result<NewLayer, Cause>;
}

/// What the lookup of a step found.
pub(crate) enum Found {
    /// It is cached.
    Hit(crate::cache::Hit),
    /// It is not; what is needed to record it once it ran.
    Miss {
        /// Why not; never empty.
        reasons: Vec<MissReason>,
        /// Its content keys.
        keys: Vec<CacheKey>,
        /// What they were made of.
        preimage: Preimage,
    },
}

/// Looks a step up.
///
/// # Errors
/// The store or an input cannot be read.
pub(crate) fn look_up(
    cx: &Cx<'_>,
    id: StepId,
    lookup: &Lookup,
    step: &mut dyn Cached,
) -> Result<Found, Cause> {
    let store = cx.env.store;
    let ignore = cx.graph.step(id).ignore_cache;
    let quick = step.quick().map(|inputs| lookup.definition.over(&inputs));
    if let Some(content) = quick.as_ref().filter(|_| !ignore)
        && let Some(hit) = find(cx, id, lookup, &[], content)?
    {
        cx.note_result(id, lookup, &[content.key()], &hit.layers, hit.duration);
        return Ok(Found::Hit(hit));
    }
    let quick = quick.map(|content| content.key());
    let inputs = step.exact(cx)?;
    let content = lookup.definition.over(&inputs);
    let key = content.key();
    let preimage = Preimage::new(&lookup.definition, &content);
    let beside: Vec<CacheKey> = quick.into_iter().collect();
    if !ignore && let Some(hit) = find(cx, id, lookup, &beside, &content)? {
        if let ([_], [layer], None, false) =
            (beside.as_slice(), hit.layers.as_slice(), hit.source, cx.explains)
        {
            let result = store::TreeDigest(layer.digest);
            let ran =
                Ran { result, layer: layer.id, duration: hit.duration, started: layer.created };
            lookup.record(store, &beside, &preimage, &ran, Meanwhile::Nothing)?;
        }
        let keys = [beside.as_slice(), &[key]].concat();
        cx.note_result(id, lookup, &keys, &hit.layers, hit.duration);
        return Ok(Found::Hit(hit));
    }
    let reasons = match ignore {
        true => vec![MissReason::CacheIgnored],
        false => lookup.miss(store, &preimage, &inputs)?,
    };
    let mut keys = beside;
    if !keys.contains(&key) {
        keys.push(key);
    }
    Ok(Found::Miss { reasons, keys, preimage })
}

/// Looks a content up: here first, then in the caches of other machines. `beside` are further keys of the same content.
fn find(
    cx: &Cx<'_>,
    id: StepId,
    lookup: &Lookup,
    beside: &[CacheKey],
    content: &KeyRecord,
) -> Result<Option<Hit>, Cause> {
    let key = content.key();
    let here = match cx.explains {
        true => lookup.peek(cx.env.store, &key)?,
        false => lookup.find(cx.env.store, &key)?,
    };
    match here {
        Some(hit) => Ok(Some(hit)),
        None => cx.remote.find(cx, id, lookup, beside, content),
    }
}

/// Runs a step whose inputs are done, unless it is cached.
///
/// # Errors
/// It fails, or the build is stopped.
pub(crate) fn run_step(cx: &Cx<'_>, id: StepId, inputs: Inputs) -> Result<Outcome, Cause> {
    cx.check()?;
    match &cx.graph.step(id).op {
        Op::Source(source) => op::source::run(cx, id, source),
        Op::Merge => Ok(op::merge::run(cx, id, &inputs)?),
        Op::Exec(exec) => {
            let mut step = op::exec::ExecStep::new(cx, id, exec, &inputs)?;
            let base = step.base.clone();
            run_cached(cx, id, &base, &mut step)
        }
        Op::File(file) => {
            let mut step = op::file::FileStep::new(cx, id, file, &inputs)?;
            let base = step.base.clone();
            run_cached(cx, id, &base, &mut step)
        }
    }
}

fn run_cached(
    cx: &Cx<'_>,
    id: StepId,
    base: &Snapshot,
    step: &mut dyn Cached,
) -> Result<Outcome, Cause> {
    let lookup = cx.lookup(id);
    let (reasons, keys, preimage) = match look_up(cx, id, &lookup, step)? {
        Found::Hit(hit) => return Ok(cx.cached(base, hit)),
        Found::Miss { reasons, keys, preimage } => (reasons, keys, preimage),
    };
    let verdict = Verdict::Miss(reasons);
    cx.tell(Event::Running { step: id, verdict: verdict.clone() });
    let clock = Instant::now();
    let started = (cx.env.now)().duration_since(UNIX_EPOCH);
    let new = step.run(cx)?;
    let created = started.map_or(0, |since| since.as_secs().cast_signed());
    let (layer, contents) = cx.keep_index(id, &lookup, new, created)?;
    // The time of a layer that was kept stays, too: it is what the image's history says.
    let ran = Ran {
        result: store::TreeDigest(layer.digest),
        layer: layer.id,
        duration: clock.elapsed(),
        started: layer.created,
    };
    let (layer, fresh) = match contents {
        Some(contents) => {
            cx.note_result(id, &lookup, &keys, &[layer], ran.duration);
            (layer, Some(Arc::new(Fresh { contents, lookup, keys, preimage, ran })))
        }
        None => {
            let meanwhile = match cx.graph.step(id).ignore_cache {
                true => Meanwhile::Result,
                false => Meanwhile::Content,
            };
            let counts = lookup.record(cx.env.store, &keys, &preimage, &ran, meanwhile)?.layer();
            cx.note_result(id, &lookup, &keys, &[counts], ran.duration);
            (counts, None)
        }
    };
    Ok(Outcome { made: Made::Layers(base.with(&[layer])), layers: vec![layer], verdict, fresh })
}
