//! What the unit tests of this crate share: small graphs.

use compiler::op::{FileOp, MkdirAction};
use compiler::{BuildGraph, Input, Op, Role, Step, StepId};
use oci::Platform;

/// The platform that tests build for.
pub(crate) fn platform() -> Platform {
    Platform { os: "linux".into(), architecture: "amd64".into(), variant: None, os_version: None, os_features: Vec::new() }
}

/// A step that makes one folder.
pub(crate) fn mkdir_step(path: &str) -> Step {
    Step {
        op: Op::File(FileOp {
            actions: vec![compiler::op::FileAction::Mkdir(MkdirAction {
                path: path.into(),
                owner: None,
                time: None,
            })],
            on_scratch: false,
        }),
        platform: platform(),
        span: None,
        stage: None,
        name: format!("WORKDIR {path}"),
        ignore_cache: false,
    }
}

/// A graph of such steps; each is given by the positions of its inputs, the first of which is its base.
pub(crate) fn graph_of(inputs: &[&[usize]]) -> (BuildGraph, Vec<StepId>) {
    let mut graph = BuildGraph::default();
    let mut ids: Vec<StepId> = Vec::new();
    for (number, of_step) in inputs.iter().enumerate() {
        let edges: Vec<Input> = of_step
            .iter()
            .enumerate()
            .map(|(position, input)| Input {
                step: ids[*input],
                role: match position.checked_sub(1) {
                    None => Role::Base,
                    Some(upper) => Role::Upper(u32::try_from(upper).expect("few inputs")),
                },
            })
            .collect();
        ids.push(graph.add(mkdir_step(&format!("/{number}")), &edges));
    }
    (graph, ids)
}
