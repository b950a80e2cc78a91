//! [`PastStep`]: what the last builds tell of the steps of each project, for people. Nothing is leased: nobody gets at a
//! layer by it.

use std::time::Duration;

use crate::error::StoreError;
use crate::store::Store;

/// A step of a project as it last ran or was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastStep {
    /// What the executor calls its place in the project: see [`StepRecord::slot`](crate::StepRecord::slot).
    pub slot: String,
    /// For people: `[build 2/5] RUN make`.
    pub name: String,
    /// How long it took when it ran.
    pub duration: Duration,
    /// When it ran, seconds since 1970.
    pub started: i64,
    /// The sum of the sizes of the files that it made, in bytes.
    pub size: u64,
}

impl Store {
    /// The steps at which the projects stand, at most `limit` of them: those that ran last.
    pub fn past_steps(&self, limit: usize) -> Result<Vec<PastStep>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = "SELECT place.slot, step.name, step.duration, step.started,
                          (SELECT coalesce(sum(layer.size), 0) FROM step_layer
                           JOIN layer ON layer.id = step_layer.layer
                           WHERE step_layer.step = step.id)
                   FROM place JOIN step ON step.id = place.step
                   ORDER BY step.started DESC, step.id DESC LIMIT ?1";
        self.db.read("look for steps of the past", |db| {
            let mut ask = db.prepare_cached(sql)?;
            let row = |row: &rusqlite::Row<'_>| {
                let (duration, size): (i64, i64) = (row.get(2)?, row.get(4)?);
                Ok(PastStep {
                    slot: row.get(0)?,
                    name: row.get(1)?,
                    duration: Duration::from_nanos(duration.unsigned_abs()),
                    started: row.get(3)?,
                    size: size.unsigned_abs(),
                })
            };
            ask.query_map([limit], row)?.collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::layer::index::TreeDigest;
    use crate::record::{Key, Meanwhile, StepRecord};
    use crate::testing::{small_layer, store};

    #[test]
    fn the_last_of_each_place() {
        let (_folder, store) = store();
        let layer = small_layer(&store);
        let size = store.layer(layer).unwrap().size;
        let mut record = StepRecord {
            definition_key: Key([1; 32]),
            content_key: Key([2; 32]),
            result: TreeDigest([3; 32]),
            layers: vec![layer],
            slot: "/p/Dockerfile\nbase\nlinux/amd64\nexec 1".into(),
            name: "[base 1/1] RUN make".into(),
            duration: std::time::Duration::from_millis(1500),
            started: 5,
        };
        store.put_record(&record, b"", Meanwhile::Content).unwrap();
        (record.content_key, record.started, record.layers) = (Key([4; 32]), 9, vec![]);
        record.result = TreeDigest([5; 32]);
        record.slot = "/q/Dockerfile\n0\nlinux/amd64\nexec 1".into();
        store.put_record(&record, b"", Meanwhile::Content).unwrap();
        let found = store.past_steps(10).unwrap();
        let seen: Vec<_> = found.iter().map(|it| (it.started, it.size, &it.slot[..2])).collect();
        assert_eq!(seen, [(9, 0, "/q"), (5, size, "/p")]);
        assert_eq!(found[1].duration, record.duration);
        assert_eq!(store.past_steps(1).unwrap().len(), 1);
    }
}
