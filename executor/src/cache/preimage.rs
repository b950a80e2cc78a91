//! [`Preimage`]: what the keys of a step were made of, kept with its record so that the next build can say what changed.
//!
//! On disk it is JSON: the components of both keys by name, and the version that made them.
//!
//! ```json
//! { "version": 1,
//!   "definition": [["op", "exec"], ["arg 0", "/bin/sh"], ["env PATH", "/bin"]],
//!   "content": [["definition", "0123…"], ["base", "4567…"], ["source 0 file main.c", "89ab…"]] }
//! ```

use compiler::reason::{self, MissReason};
use compiler::{KeyRecord, Role, StepId};
use serde::{Deserialize, Serialize};

use crate::cache::{Definition, InputKey};
use crate::verdict::{Change, FileChange};

/// More differing files than this say nothing more.
const MAX_FILES: usize = 1000;

/// What the keys of a step were made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Preimage {
    version: u32,
    definition: Vec<(String, String)>,
    content: Vec<(String, String)>,
}

impl Preimage {
    /// Of a step with what it works on.
    pub(crate) fn new(definition: &Definition, content: &KeyRecord) -> Preimage {
        Preimage {
            version: content.version,
            definition: definition.record.components.clone(),
            content: content.components.clone(),
        }
    }

    /// Adds something that is no part of a key.
    pub(crate) fn add(&mut self, name: &str, value: &str) {
        self.definition.push((name.to_owned(), value.to_owned()));
    }

    /// For the store.
    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts are always JSON")
    }

    /// From the store; `None` if it is none.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Preimage> {
        serde_json::from_slice(bytes).ok()
    }

    /// The value of a component of the definition.
    pub(crate) fn part(&self, name: &str) -> Option<&str> {
        self.definition.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What is different now; `None` if that cannot be told because keys were made in another way.
    pub(crate) fn changes(&self, now: &Preimage, inputs: &[InputKey]) -> Option<Vec<Change>> {
        let roles: Vec<(Role, Option<StepId>)> =
            inputs.iter().map(|input| (input.content.role, Some(input.step))).collect();
        let mut reasons = reason::of_definition(&self.definition(), &now.definition(), &|_| false);
        reasons.extend(reason::of_content(&self.content(), &now.content(), &roles));
        let mut changes = Vec::new();
        for reason in reasons {
            changes.extend(of_reason(reason, inputs)?);
        }
        Some(changes)
    }

    fn definition(&self) -> KeyRecord {
        KeyRecord { version: self.version, components: self.definition.clone() }
    }

    fn content(&self) -> KeyRecord {
        KeyRecord { version: self.version, components: self.content.clone() }
    }
}

/// `None` if nothing can be compared.
fn of_reason(reason: MissReason, inputs: &[InputKey]) -> Option<Vec<Change>> {
    let maker =
        |role: Role| inputs.iter().find(|input| input.content.role == role).map(|input| input.step);
    let input = |role: Role| {
        let role_name = compiler::key::role_name(role);
        maker(role).map(|step| Change::Input { role: role_name, step }).into_iter().collect()
    };
    Some(match reason {
        MissReason::NeverBuilt | MissReason::CacheIgnored | MissReason::OtherVersion => {
            return None;
        }
        MissReason::InstructionChanged { part, old, new } => {
            vec![Change::Definition { name: part, old, new }]
        }
        MissReason::EnvChanged { name, old, new } | MissReason::ArgChanged { name, old, new } => {
            vec![Change::Definition { name: format!("env {name}"), old, new }]
        }
        MissReason::BaseChanged => input(Role::Base),
        MissReason::InputChanged { role, step: _ } => input(role),
        MissReason::FilesChanged { role: _, changed, added, removed } => {
            let file = |what| move |path| Change::File { path, what };
            changed
                .into_iter()
                .map(file(FileChange::Modified))
                .chain(added.into_iter().map(file(FileChange::Added)))
                .chain(removed.into_iter().map(file(FileChange::Removed)))
                .take(MAX_FILES)
                .collect()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::file::digest::Selected;
    use crate::testing::graph_of;

    fn preimage(
        env: &str,
        base: u8,
        files: &[(&str, &str)],
        step: StepId,
    ) -> (Preimage, Vec<InputKey>) {
        let components =
            vec![("op".to_owned(), "exec".to_owned()), ("env A".to_owned(), env.to_owned())];
        let definition = Definition::new(KeyRecord { version: 1, components });
        let files: Vec<(String, String)> =
            files.iter().map(|(path, digest)| ((*path).into(), (*digest).into())).collect();
        let digest = *blake3::hash(format!("{files:?}").as_bytes()).as_bytes();
        let inputs = vec![
            InputKey::whole(Role::Base, step, &[base; 32]),
            InputKey::part(Role::Source(0), step, Selected { digest, files }),
        ];
        (Preimage::new(&definition, &definition.over(&inputs)), inputs)
    }

    #[test]
    fn differences_are_named() {
        let (_, ids) = graph_of(&[&[]]);
        let (old, _) = preimage("1", 1, &[("a", "1"), ("b", "1")], ids[0]);
        let (new, inputs) = preimage("2", 2, &[("b", "2"), ("c", "1")], ids[0]);
        let old = Preimage::decode(&old.encode()).unwrap();
        let file = |path: &str, what| Change::File { path: path.into(), what };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            old.changes(&new, &inputs).unwrap(),
            [
                Change::Definition { name: "env A".into(), old: some("1"), new: some("2") },
                Change::Input { role: "base".into(), step: ids[0] },
                file("b", FileChange::Modified),
                file("c", FileChange::Added),
                file("a", FileChange::Removed),
            ]
        );
        assert_eq!(new.changes(&new, &inputs).unwrap(), []);
        assert_eq!(new.part("env A"), Some("2"));
    }

    #[test]
    fn rubbish_is_not_read() {
        assert_eq!(Preimage::decode(b"rubbish"), None);
    }
}
