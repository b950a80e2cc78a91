//! [`Needs`]: which layers somebody will look into as files, known before anything runs.
//!
//! A layer that only goes into an image is written straight to its blob; one that a RUN stands on is laid out at once.

use compiler::{BuildGraph, Op, Role, StepId};

/// Which layers somebody will look into as files, and which go into an image; by position of the step.
#[derive(Debug)]
pub(crate) struct Needs {
    files: Vec<bool>,
    image: Vec<bool>,
}

impl Needs {
    /// Works it out.
    pub(crate) fn new(graph: &BuildGraph) -> Needs {
        let mut files = vec![false; graph.len()];
        let mut image = vec![false; graph.len()];
        let steps: Vec<(StepId, bool)> =
            graph.steps().map(|(id, step)| (id, matches!(step.op, Op::Exec(_)))).collect();
        for (id, is_exec) in steps.iter().rev() {
            let own = files[id.index()];
            for input in graph.inputs(*id) {
                files[input.step.index()] |= match input.role {
                    // What stands on a tree needs its files if it runs in it, or if something above does.
                    Role::Base | Role::Upper(_) => *is_exec || own,
                    Role::Source(_) | Role::Mount(_) => true,
                };
            }
        }
        for target in &graph.targets {
            for step in &target.layers {
                image[step.index()] = true;
                // COPY --link: the layer is that of the step whose result is laid over the base.
                for input in graph.inputs(*step) {
                    if matches!(input.role, Role::Upper(_)) {
                        image[input.step.index()] = true;
                    }
                }
            }
        }
        Needs { files, image }
    }

    /// Whether the layer of a step is needed as files.
    pub(crate) fn files(&self, id: StepId) -> bool {
        self.files[id.index()]
    }

    /// Whether the layer of a step goes into an image.
    pub(crate) fn image(&self, id: StepId) -> bool {
        self.image[id.index()]
    }
}
