//! ARGs before the first FROM, and those that are always there.

use grammar::{Diagnostic, Instruction, Statement};

use super::Conversion;
use super::budget::{MAX_SPENT, too_large};
use crate::expand::{Env, TOO_LARGE};
use crate::facts::Fact;
use crate::op::Names;

impl<'a> Conversion<'a> {
    /// Evaluates the global arguments.
    pub(super) fn set_globals(
        &mut self,
        before: &'a [Statement],
        stages: &[(&'a Statement, &'a [Statement])],
    ) {
        self.declared = before.iter().flat_map(declared).collect();
        let predefined = self.predefined(stages);
        self.note_invalid_defaults(&predefined, before, stages);
        let given = std::mem::take(&mut self.build_args);
        let (globals, errors) = self.evaluate(predefined, before, &given);
        self.build_args = given;
        self.globals = globals;
        for error in errors {
            self.out.say(error);
        }
    }

    fn predefined(&self, stages: &[(&'a Statement, &'a [Statement])]) -> Env {
        let last_name = stages.last().and_then(|(from, _)| {
            let Instruction::From(from) = &from.instruction else { return None };
            from.name.as_ref().map(|name| name.value.to_lowercase())
        });
        let stage = self.options.target.clone().or(last_name).unwrap_or_else(|| "default".into());
        let (build, target) = (&self.platforms.build, &self.platforms.target);
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        [
            ("BUILDPLATFORM", build.to_string()),
            ("BUILDOS", build.os.clone()),
            ("BUILDOSVERSION", text(&build.os_version)),
            ("BUILDARCH", build.architecture.clone()),
            ("BUILDVARIANT", text(&build.variant)),
            ("TARGETPLATFORM", target.with_os_options()),
            ("TARGETOS", target.os.clone()),
            ("TARGETOSVERSION", text(&target.os_version)),
            ("TARGETARCH", target.architecture.clone()),
            ("TARGETVARIANT", text(&target.variant)),
            ("TARGETSTAGE", stage),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), self.build_args.get(name).cloned().unwrap_or(value)))
        .collect()
    }

    fn evaluate(
        &self,
        mut env: Env,
        before: &[Statement],
        given: &Names,
    ) -> (Env, Vec<Diagnostic>) {
        let mut errors = Vec::new();
        let mut spent = 0;
        for statement in before {
            let Instruction::Arg(arg) = &statement.instruction else { continue };
            for declaration in &arg.args {
                let name = &declaration.name.text;
                if let Some(value) = given.get(name) {
                    env.set(name, value);
                } else if let Some(default) = &declaration.default {
                    match self.expand(default, &env) {
                        Ok(value) => {
                            spent += value.work;
                            if spent > MAX_SPENT {
                                return (env, vec![too_large(default.span)]);
                            }
                            env.set(name, &value.text);
                        }
                        Err(error) if error.code == TOO_LARGE => return (env, vec![error]),
                        Err(error) => errors.push(error),
                    }
                }
            }
        }
        (env, errors)
    }

    /// Would the images be named without any build argument?
    fn note_invalid_defaults(
        &mut self,
        predefined: &Env,
        before: &[Statement],
        stages: &[(&'a Statement, &'a [Statement])],
    ) {
        let (defaults, errors) = self.evaluate(predefined.clone(), before, &Names::new());
        if !errors.is_empty() {
            return;
        }
        let mut spent = 0;
        for (statement, _) in stages {
            let Instruction::From(from) = &statement.instruction else { continue };
            let Ok(image) = self.expand(&from.image, &defaults) else { return };
            spent += image.work;
            if spent > MAX_SPENT {
                // It is refused for that elsewhere.
                return;
            }
            // Without a variable the name is wrong in any case, which is told elsewhere.
            if from.image.text.contains('$') && oci::Reference::parse(&image.text).is_err() {
                let written = from.image.text.clone();
                self.out.note(Fact::InvalidDefaultInFrom { written, span: from.image.span });
            }
        }
    }
}

/// The names that an ARG declares.
fn declared(statement: &Statement) -> Vec<&str> {
    let Instruction::Arg(arg) = &statement.instruction else { return Vec::new() };
    arg.args.iter().map(|it| it.name.text.as_str()).collect()
}
