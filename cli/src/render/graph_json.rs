//! The build graph as JSON, for tools. `version` changes when a field changes its meaning or goes.

use serde_json::{Value, json};

use super::graph::{GraphView, StepView, VerdictView};

/// One object. Steps and stages are named by their position, from 0; an input always has a lower one.
pub(crate) fn value(view: &GraphView) -> Value {
    let stages: Vec<Value> = view
        .stages
        .iter()
        .enumerate()
        .map(|(id, stage)| {
            json!({
                "id": id, "name": stage.name, "steps": stage.steps, "after": stage.after,
                "depth": stage.depth,
            })
        })
        .collect();
    let steps: Vec<Value> =
        view.steps.iter().enumerate().map(|(id, step)| step_value(id, step)).collect();
    json!({
        "version": 1,
        "file": view.file,
        "platforms": view.platforms,
        "stages": stages,
        "steps": steps,
    })
}

fn step_value(id: usize, step: &StepView) -> Value {
    let inputs: Vec<Value> =
        step.inputs.iter().map(|(input, role)| json!({ "step": input, "role": role })).collect();
    let mut value = json!({
        "id": id, "name": step.name, "op": step.op, "stage": step.stage, "inputs": inputs,
    });
    if let Some((line, end_line)) = step.lines {
        value["line"] = json!(line);
        value["end_line"] = json!(end_line);
    }
    match &step.verdict {
        VerdictView::Unasked => {}
        VerdictView::Cached { from } => {
            value["verdict"] = json!("cached");
            if let Some(from) = from {
                value["from"] = json!(from);
            }
        }
        VerdictView::Run { reasons: _, in_full } => {
            value["verdict"] = json!("run");
            value["reasons"] = json!(in_full);
        }
        VerdictView::Open { after } => {
            value["verdict"] = json!("open");
            value["waits_for"] = json!(after);
        }
    }
    if let Some(last) = step.last {
        value["last_seconds"] = json!(last.as_secs_f64());
    }
    value
}
