//! Is a step cached? Keys, the lookup, the reason why not, and the record of what ran.
//!
//! ```text
//! definition key   what the step is                                        compiler::key
//! content key      definition key, digest of each input                    here
//! result digest    what it made, without times                             store
//! ```
//!
//! A step that takes files from another tree has two content keys: over the whole of that tree, which costs nothing, and
//! over exactly what it takes, which needs a look into the tree. The first is asked first; a step found by the second is
//! recorded under the first, too.

use std::time::Duration;

use compiler::key::ContentInput;
use compiler::reason::MissReason;
use compiler::{BuildGraph, CacheKey, KeyRecord, Role, StepId};
use store::{Key, LayerId, Meanwhile, RecordId, StepRecord, Store, TreeDigest};

use crate::cache::preimage::Preimage;
use crate::error::Cause;
use crate::op::file::digest::Selected;
use crate::snapshot::Layer;

pub(crate) mod preimage;
mod slot;

pub(crate) use slot::Slots;

/// What one input says in a key, and which step made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InputKey {
    /// Which step made it.
    pub(crate) step: StepId,
    /// Its role and the digest of the tree, or of what is taken from it.
    pub(crate) content: ContentInput,
}

impl InputKey {
    /// That of a whole tree.
    pub(crate) fn whole(role: Role, step: StepId, digest: &[u8; 32]) -> InputKey {
        let content = ContentInput { role, digest: hex(digest), files: Vec::new() };
        InputKey { step, content }
    }

    /// That of what is taken from a tree.
    pub(crate) fn part(role: Role, step: StepId, selected: Selected) -> InputKey {
        let digest = hex(&selected.digest);
        InputKey { step, content: ContentInput { role, digest, files: selected.files } }
    }
}

/// The definition of a step with its key.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    /// The key.
    pub(crate) key: CacheKey,
    /// What it was made of.
    pub(crate) record: KeyRecord,
    /// Variables that ARG set: not in the key, but said when one changes.
    pub(crate) args: Vec<String>,
}

impl Definition {
    /// That of a step.
    pub(crate) fn of(graph: &BuildGraph, id: StepId) -> Definition {
        let step = graph.step(id);
        Definition::new(compiler::key::definition(&step.op, &step.platform), step.args.clone())
    }

    /// With the key made.
    pub(crate) fn new(record: KeyRecord, args: Vec<String>) -> Definition {
        Definition { key: record.key(), record, args }
    }

    /// The content over some inputs.
    pub(crate) fn over(&self, inputs: &[InputKey]) -> KeyRecord {
        let inputs: Vec<ContentInput> = inputs.iter().map(|input| input.content.clone()).collect();
        compiler::key::content(&self.key, &inputs)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A content key as the store has it.
pub(crate) fn stored(key: &CacheKey) -> Key {
    Key(*key.as_bytes())
}

/// What is needed to look a step up and to record it.
#[derive(Debug, Clone)]
pub(crate) struct Lookup {
    /// What the step is.
    pub(crate) definition: Definition,
    /// Where its earlier self is found.
    pub(crate) slot: String,
    /// For people.
    pub(crate) name: String,
}

/// A step found in the cache.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    /// The layers it made.
    pub(crate) layers: Vec<Layer>,
    /// How long it took when it ran.
    pub(crate) duration: Duration,
    /// The position of the other machine's cache that has it.
    pub(crate) source: Option<usize>,
}

/// What ran, for its record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ran {
    /// What it made.
    pub(crate) result: TreeDigest,
    /// The layer with it.
    pub(crate) layer: LayerId,
    /// How long it took.
    pub(crate) duration: Duration,
    /// When it began, seconds since 1970.
    pub(crate) started: i64,
}

impl Ran {
    /// The layer as part of a tree.
    pub(crate) fn layer(&self) -> Layer {
        Layer { id: self.layer, digest: self.result.0, created: self.started }
    }
}

impl Lookup {
    /// Looks a content key up.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn find(&self, store: &Store, content: &CacheKey) -> Result<Option<Hit>, Cause> {
        Ok(store.record_for_slot(&stored(content), &self.slot)?.map(hit))
    }

    /// As [`Lookup::find`], and writes nothing.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn peek(&self, store: &Store, content: &CacheKey) -> Result<Option<Hit>, Cause> {
        Ok(store.peek_record(&stored(content))?.map(hit))
    }

    /// The layer of an earlier run of the same definition that made the same.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn same_result(
        &self,
        store: &Store,
        result: &TreeDigest,
    ) -> Result<Option<Layer>, Cause> {
        let record =
            store.record_by_definition_and_result(&stored(&self.definition.key), result)?;
        Ok(record.and_then(|record| layers_of(&record).first().copied()))
    }

    /// Why there was no hit: what differs from the last record of this place in the file, else from the last record of
    /// the same step in any project (a checkout in another folder has no places yet).
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn miss(
        &self,
        store: &Store,
        now: &Preimage,
        inputs: &[InputKey],
    ) -> Result<Vec<MissReason>, Cause> {
        let before = match store.last_record_of_slot(&self.slot)? {
            Some(before) => Some(before),
            None => store.last_record_of_definition(&stored(&self.definition.key))?,
        };
        let Some((id, _)) = before else { return Ok(vec![MissReason::NeverBuilt]) };
        let Some(before) = store.preimage(id)?.and_then(|bytes| Preimage::decode(&bytes)) else {
            return Ok(vec![MissReason::NeverBuilt]);
        };
        let changes = before.changes(now, inputs);
        Ok(if changes.is_empty() { vec![MissReason::LayerGone] } else { changes })
    }

    /// How long the step took when it last ran.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn last_cost(&self, store: &Store) -> Result<Option<Duration>, Cause> {
        Ok(store.last_record_of_slot(&self.slot)?.map(|(_, record)| record.duration))
    }

    /// The layer that was last made at this place of the file, whatever of.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn last_layer(&self, store: &Store) -> Result<Option<LayerId>, Cause> {
        let last = store.last_record_of_slot(&self.slot)?;
        Ok(last.and_then(|(_, record)| record.layers.first().copied()))
    }

    /// What the last run of the very same definition made, if its layers are here.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn last(&self, store: &Store) -> Result<Option<Vec<Layer>>, Cause> {
        let Some((_, record)) = self.last_of_definition(store)? else { return Ok(None) };
        let same = store.record_by_content_key(&record.content_key)?;
        Ok(same.map(|record| layers_of(&record)))
    }

    /// As [`Lookup::last`], and writes nothing.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn peek_last(&self, store: &Store) -> Result<Option<Vec<Layer>>, Cause> {
        let Some((_, record)) = self.last_of_definition(store)? else { return Ok(None) };
        let same = store.peek_record(&record.content_key)?;
        Ok(same.map(|record| layers_of(&record)))
    }

    /// A part of the last record's pre-image.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn last_part(&self, store: &Store, name: &str) -> Result<Option<String>, Cause> {
        let Some((id, _)) = self.last_of_definition(store)? else { return Ok(None) };
        let preimage = store.preimage(id)?.and_then(|bytes| Preimage::decode(&bytes));
        Ok(preimage.and_then(|preimage| preimage.part(name).map(str::to_owned)))
    }

    /// The last run of the very same definition: at this place, else in any project.
    fn last_of_definition(&self, store: &Store) -> Result<Option<(RecordId, StepRecord)>, Cause> {
        let key = stored(&self.definition.key);
        let here = store.last_record_of_slot(&self.slot)?;
        match here.filter(|(_, record)| record.definition_key == key) {
            Some(found) => Ok(Some(found)),
            None => Ok(store.last_record_of_definition(&key)?),
        }
    }

    /// Records what ran, under each of its content keys, the one over exactly what it takes last. Gives what counts:
    /// where the same was recorded meanwhile, that.
    ///
    /// # Errors
    /// The store cannot be written.
    pub(crate) fn record(
        &self,
        store: &Store,
        keys: &[CacheKey],
        preimage: &Preimage,
        ran: &Ran,
        meanwhile: Meanwhile,
    ) -> Result<Ran, Cause> {
        let bytes = preimage.encode();
        let mut ran = *ran;
        // All who ran the step have the exact key, so that it is the one that decides.
        for content_key in keys.iter().rev() {
            let record = StepRecord {
                definition_key: stored(&self.definition.key),
                content_key: stored(content_key),
                result: ran.result,
                layers: vec![ran.layer],
                slot: self.slot.clone(),
                name: self.name.clone(),
                duration: ran.duration,
                started: ran.started,
            };
            let (_, counts) = store.put_record(&record, &bytes, meanwhile)?;
            if let [layer] = *counts.layers {
                let (result, started) = (counts.result, counts.started);
                ran = Ran { result, layer, started, duration: ran.duration };
            }
        }
        Ok(ran)
    }
}

fn hit(record: StepRecord) -> Hit {
    Hit { layers: layers_of(&record), duration: record.duration, source: None }
}

fn layers_of(record: &StepRecord) -> Vec<Layer> {
    let layer = |id: &LayerId| Layer { id: *id, digest: record.result.0, created: record.started };
    record.layers.iter().map(layer).collect()
}
