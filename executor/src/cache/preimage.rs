//! [`Preimage`]: what the keys of a step were made of, kept with its record so that the next build can say what changed.
//!
//! On disk it is JSON: the components of both keys by name, and the version that made them.
//!
//! ```json
//! { "version": 1,
//!   "definition": [["op", "exec"], ["arg 0", "/bin/sh"], ["env PATH", "/bin"]],
//!   "content": [["definition", "0123…"], ["base", "4567…"], ["source 0 file main.c", "89ab…"]],
//!   "args": ["VERSION"] }
//! ```

use compiler::reason::{self, MissReason};
use compiler::{KeyRecord, Role, StepId};
use serde::{Deserialize, Serialize};

use crate::cache::{Definition, InputKey};

/// What the keys of a step were made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Preimage {
    version: u32,
    definition: Vec<(String, String)>,
    content: Vec<(String, String)>,
    /// Which of the variables ARG set.
    #[serde(default)]
    args: Vec<String>,
}

impl Preimage {
    /// Of a step with what it works on.
    pub(crate) fn new(definition: &Definition, content: &KeyRecord) -> Preimage {
        Preimage {
            version: content.version,
            definition: definition.record.components.clone(),
            content: content.components.clone(),
            args: definition.args.clone(),
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

    /// What is different now; empty if nothing is.
    pub(crate) fn changes(&self, now: &Preimage, inputs: &[InputKey]) -> Vec<MissReason> {
        let roles: Vec<(Role, Option<StepId>)> =
            inputs.iter().map(|input| (input.content.role, Some(input.step))).collect();
        let is_arg =
            |name: &str| [self, now].iter().any(|it| it.args.iter().any(|arg| arg == name));
        let mut reasons = reason::of_definition(&self.definition(), &now.definition(), &is_arg);
        // Where keys were made in another way, nothing else can be told.
        if reasons != [MissReason::OtherVersion] {
            reasons.extend(reason::of_content(&self.content(), &now.content(), &roles));
        }
        reasons
    }

    fn definition(&self) -> KeyRecord {
        KeyRecord { version: self.version, components: self.definition.clone() }
    }

    fn content(&self) -> KeyRecord {
        KeyRecord { version: self.version, components: self.content.clone() }
    }
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
        let definition = Definition::new(KeyRecord { version: 1, components }, Vec::new());
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
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            old.changes(&new, &inputs),
            [
                MissReason::EnvChanged { name: "A".into(), old: some("1"), new: some("2") },
                MissReason::BaseChanged,
                MissReason::FilesChanged {
                    role: Role::Source(0),
                    changed: vec!["b".into()],
                    added: vec!["c".into()],
                    removed: vec!["a".into()],
                },
            ]
        );
        assert_eq!(new.changes(&new, &inputs), []);
        assert_eq!(new.part("env A"), Some("2"));
    }

    #[test]
    fn arguments_are_told_from_variables() {
        let (_, ids) = graph_of(&[&[]]);
        let (old, _) = preimage("1", 1, &[], ids[0]);
        let (mut new, inputs) = preimage("2", 1, &[], ids[0]);
        new.args.push("A".into());
        let some = |text: &str| Some(text.to_owned());
        let arg = MissReason::ArgChanged { name: "A".into(), old: some("1"), new: some("2") };
        assert_eq!(old.changes(&new, &inputs), [arg]);
    }

    #[test]
    fn rubbish_is_not_read() {
        assert_eq!(Preimage::decode(b"rubbish"), None);
    }
}
