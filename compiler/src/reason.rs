//! Why a step is not the one of the last build: two [`KeyRecord`]s compared.

use std::collections::BTreeMap;

use crate::graph::{Role, StepId};
use crate::key::{KeyRecord, role_name};

/// Why a step has to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MissReason {
    /// There is no record of it.
    NeverBuilt,
    /// The user said so (`--no-cache`, `--no-cache-filter`).
    CacheIgnored,
    /// The record was made by a dfc that made keys in another way.
    OtherVersion,
    /// The instruction itself, or a setting it runs under, is another.
    InstructionChanged {
        /// What of it: the component's name in the key (`arg 2`, `user`, `action 0 destination`).
        part: String,
        /// What it was; `None` if it was not there.
        old: Option<String>,
        /// What it is; `None` if it is no longer there.
        new: Option<String>,
    },
    /// A variable set by ENV, or given by the base image, has another value.
    EnvChanged {
        /// Its name.
        name: String,
        /// What it was.
        old: Option<String>,
        /// What it is.
        new: Option<String>,
    },
    /// An ARG has another value.
    ArgChanged {
        /// Its name.
        name: String,
        /// What it was.
        old: Option<String>,
        /// What it is.
        new: Option<String>,
    },
    /// Nothing changed, but the layer it made was removed from the store.
    LayerGone,
    /// The tree it starts from is another.
    BaseChanged,
    /// Another tree that it takes something from is another.
    InputChanged {
        /// What the tree is to the step.
        role: Role,
        /// The step that makes it, where there is one.
        step: Option<StepId>,
    },
    /// Files that it copies or mounts are others. All lists are sorted.
    FilesChanged {
        /// Which input they are in.
        role: Role,
        /// In both, with another content, mode or owner.
        changed: Vec<String>,
        /// New.
        added: Vec<String>,
        /// Gone.
        removed: Vec<String>,
    },
}

/// What differs between the definition of the last build and this one. `is_arg` tells variables that ARG set from
/// others.
pub fn of_definition(
    old: &KeyRecord,
    new: &KeyRecord,
    is_arg: &dyn Fn(&str) -> bool,
) -> Vec<MissReason> {
    if old.version != new.version {
        return vec![MissReason::OtherVersion];
    }
    let mut reasons = Vec::new();
    for (name, old, new) in differences(old, new) {
        let (old, new) = (old.map(str::to_owned), new.map(str::to_owned));
        reasons.push(match name.strip_prefix("env ").map(str::to_owned) {
            Some(name) if is_arg(&name) => MissReason::ArgChanged { name, old, new },
            Some(name) => MissReason::EnvChanged { name, old, new },
            None => MissReason::InstructionChanged { part: name.to_owned(), old, new },
        });
    }
    reasons
}

/// What differs between the content of the last build and this one; the definitions are not looked at. `inputs` are
/// the inputs of the step: each is asked about by its role.
pub fn of_content(
    old: &KeyRecord,
    new: &KeyRecord,
    inputs: &[(Role, Option<StepId>)],
) -> Vec<MissReason> {
    if old.version != new.version {
        return vec![MissReason::OtherVersion];
    }
    let differences = differences(old, new);
    let mut reasons = Vec::new();
    for (role, step) in inputs {
        let name = role_name(*role);
        let file_prefix = format!("{name} file ");
        let (mut changed, mut added, mut removed) = (Vec::new(), Vec::new(), Vec::new());
        for (component, old, new) in &differences {
            let Some(path) = component.strip_prefix(&file_prefix) else { continue };
            match (old, new) {
                (Some(_), Some(_)) => changed.push(path.to_owned()),
                (None, _) => added.push(path.to_owned()),
                (Some(_), None) => removed.push(path.to_owned()),
            }
        }
        if !(changed.is_empty() && added.is_empty() && removed.is_empty()) {
            reasons.push(MissReason::FilesChanged { role: *role, changed, added, removed });
        } else if differences.iter().any(|(component, _, _)| *component == name) {
            reasons.push(match role {
                Role::Base => MissReason::BaseChanged,
                Role::Source(_) | Role::Mount(_) | Role::Upper(_) => {
                    MissReason::InputChanged { role: *role, step: *step }
                }
            });
        }
    }
    reasons
}

/// Name, old and new value of each component that is not the same in both, in the order of the new record, then what
/// is gone.
fn differences<'r>(
    old: &'r KeyRecord,
    new: &'r KeyRecord,
) -> Vec<(&'r str, Option<&'r str>, Option<&'r str>)> {
    let by_name = |record: &'r KeyRecord| -> BTreeMap<&'r str, &'r str> {
        record.components.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    };
    let (old_values, new_values) = (by_name(old), by_name(new));
    let mut found = Vec::new();
    for (name, new) in &new.components {
        let old = old_values.get(name.as_str()).copied();
        if old != Some(new.as_str()) {
            found.push((name.as_str(), old, Some(new.as_str())));
        }
    }
    for (name, old) in &old.components {
        if !new_values.contains_key(name.as_str()) {
            found.push((name.as_str(), Some(old.as_str()), None));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::VERSION;

    fn record(components: &[(&str, &str)]) -> KeyRecord {
        KeyRecord {
            version: VERSION,
            components: components.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect(),
        }
    }

    #[test]
    fn definitions() {
        let old = record(&[("arg 0", "make"), ("env A", "1"), ("env B", "1"), ("user", "x")]);
        let new = record(&[("arg 0", "ninja"), ("env A", "2"), ("env C", "3"), ("user", "x")]);
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            of_definition(&old, &new, &|name| name == "A"),
            [
                MissReason::InstructionChanged {
                    part: "arg 0".into(),
                    old: some("make"),
                    new: some("ninja")
                },
                MissReason::ArgChanged { name: "A".into(), old: some("1"), new: some("2") },
                MissReason::EnvChanged { name: "C".into(), old: None, new: some("3") },
                MissReason::EnvChanged { name: "B".into(), old: some("1"), new: None },
            ]
        );
        assert_eq!(of_definition(&old, &old, &|_| false), []);
    }

    #[test]
    fn contents() {
        let old = record(&[
            ("definition", "d"),
            ("base", "1"),
            ("source 0 file a", "1"),
            ("source 0 file b", "1"),
            ("source 0", "1"),
            ("mount 1", "1"),
        ]);
        let new = record(&[
            ("definition", "e"),
            ("base", "2"),
            ("source 0 file a", "2"),
            ("source 0 file c", "1"),
            ("source 0", "2"),
            ("mount 1", "2"),
        ]);
        let inputs = [(Role::Base, None), (Role::Source(0), None), (Role::Mount(1), None)];
        assert_eq!(
            of_content(&old, &new, &inputs),
            [
                MissReason::BaseChanged,
                MissReason::FilesChanged {
                    role: Role::Source(0),
                    changed: vec!["a".into()],
                    added: vec!["c".into()],
                    removed: vec!["b".into()],
                },
                MissReason::InputChanged { role: Role::Mount(1), step: None },
            ]
        );
    }

    #[test]
    fn other_versions_are_not_compared() {
        let old = KeyRecord { version: VERSION + 1, ..record(&[]) };
        assert_eq!(of_definition(&old, &record(&[]), &|_| false), [MissReason::OtherVersion]);
    }
}
