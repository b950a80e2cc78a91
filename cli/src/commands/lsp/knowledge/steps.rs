//! What the local store tells of the steps of the past, by project.

use std::collections::BTreeMap;

use lsp::knowledge::StepFacts;
use store::{PastStep, Store};

/// How many steps are kept in memory.
const MAX_STEPS: usize = 5000;

/// The steps of each project, which is named by the path of its Dockerfile; the last ones first.
pub(super) type Steps = BTreeMap<String, Vec<StepFacts>>;

/// Reads them.
pub(super) fn read(store: &Store) -> Steps {
    let mut found = Steps::new();
    for step in store.past_steps(MAX_STEPS).unwrap_or_default() {
        if let Some((project, facts)) = facts(step) {
            found.entry(project).or_default().push(facts);
        }
    }
    found
}

/// The project and what is told of the step.
fn facts(step: PastStep) -> Option<(String, StepFacts)> {
    // Project, stage, platform, which of its kind.
    let mut place = step.slot.rsplitn(4, '\n').skip(2);
    let (stage, project) = (place.next()?.to_owned(), place.next()?.to_owned());
    let text = step.name.strip_prefix('[').and_then(|name| name.split_once("] "));
    let text = text.map_or(step.name.as_str(), |(_, text)| text).to_owned();
    Some((project, StepFacts { stage, text, duration: step.duration, size: step.size }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn places_are_taken_apart() {
        let step = |slot: &str, name: &str| PastStep {
            slot: slot.to_owned(),
            name: name.to_owned(),
            duration: Duration::from_secs(1),
            started: 5,
            size: 7,
        };
        let found =
            facts(step("/p/Dockerfile\nbase\nlinux/amd64\nexec 1", "[base 1/2] RUN a[1] b"));
        let (project, facts_of) = found.unwrap();
        assert_eq!((project.as_str(), facts_of.stage.as_str()), ("/p/Dockerfile", "base"));
        assert_eq!((facts_of.text.as_str(), facts_of.size), ("RUN a[1] b", 7));
        assert!(facts(step("/p\ncontext /p", "build context")).is_none());
    }
}
