//! What `dfc builds` tells of a build later.

use std::time::{Instant, SystemTime};

use oci::Reference;
use serde_json::json;
use store::{BuildRecord, Store};

use super::{Built, Failure};
use crate::deliver::Delivered;
use crate::progress::Tally;
use crate::render::time;

/// A build that is under way.
#[derive(Debug)]
pub(super) struct Diary {
    started: i64,
    clock: Instant,
}

impl Diary {
    /// It begins now.
    pub(super) fn begin() -> Diary {
        Diary { started: time::now(SystemTime::now()), clock: Instant::now() }
    }

    /// Notes how it ended. A build is no worse for not being noted, on a full disk for instance.
    pub(super) fn end(
        self,
        store: &Store,
        (project, target, names): (&str, Option<&str>, &[Reference]),
        tally: &Tally,
        (result, stopped): (&Result<(Built, Delivered), Failure>, bool),
    ) {
        let (outcome, id) = match result {
            Ok((_, delivered)) => ("done".to_owned(), delivered.id),
            Err(_) if stopped => ("stopped".to_owned(), None),
            Err(failure) => (failure.line(), None),
        };
        let (steps, cached) = tally.counts();
        let names: Vec<String> = names.iter().map(Reference::familiar).collect();
        let detail = json!({ "steps": steps, "cached": cached, "image": id, "names": names });
        let _ = store.put_build(&BuildRecord {
            project: project.to_owned(),
            target: target.unwrap_or_default().to_owned(),
            started: self.started,
            duration: self.clock.elapsed(),
            outcome,
            detail: detail.to_string(),
        });
    }
}

impl Failure {
    /// What went wrong, in one line.
    fn line(&self) -> String {
        let text = match self {
            Failure::Compile(found, _) => {
                let error = found.iter().find(|it| it.severity == grammar::Severity::Error);
                error.or(found.first()).map(|it| it.message.clone()).unwrap_or_default()
            }
            Failure::Build(error, _) => error.to_string(),
            Failure::Deliver(error) => error.to_string(),
            Failure::Differs(..) => "not reproducible".to_owned(),
        };
        text.lines().next().unwrap_or_default().to_owned()
    }
}
