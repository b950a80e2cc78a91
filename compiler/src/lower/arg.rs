//! ARG: `--build-arg` before the default, the default before the global value.

use grammar::Diagnostic;
use grammar::instruction::Arg;

use super::{Cx, NOT_IN_ENV};
use crate::image::Made;

pub(super) fn lower(cx: &mut Cx<'_, '_>, it: &Arg) -> Result<(), Diagnostic> {
    let mut shown = Vec::new();
    for declaration in &it.args {
        let name = declaration.name.text.clone();
        let given = cx.conversion.build_args.get(&name).cloned();
        let value = match (given, &declaration.default) {
            (Some(given), _) => Some(given),
            (None, Some(default)) => Some(cx.expand(default)?),
            (None, None) => cx.conversion.globals.get(&name).map(str::to_owned),
        };
        shown.push(match &value {
            Some(value) => format!("{name}={value}"),
            None => name.clone(),
        });
        let stage = cx.stage();
        if let Some(value) = value.as_ref().filter(|_| !NOT_IN_ENV.contains(&name.as_str())) {
            stage.tree.env.set(&name, value);
        }
        stage.args.declare(&name, value);
    }
    cx.commit(format!("ARG {}", shown.join(" ")), Made::Nothing);
    Ok(())
}
