//! [`Node`]s and data to text.

use serde_json::{Map, Value};

use super::functions::{self, is_true};
use super::{Node, Operand, Pipeline, TemplateError};

/// Lists and maps that print as such even where an image has none of them.
const LISTS: [&str; 8] =
    ["Cmd", "Entrypoint", "Env", "Layers", "OnBuild", "RepoDigests", "RepoTags", "Shell"];
const MAPS: [&str; 4] = ["Annotations", "ExposedPorts", "Labels", "Volumes"];
/// Fields that docker leaves out where they say nothing.
const OPTIONAL: [&str; 5] = ["ArgsEscaped", "Healthcheck", "OsVersion", "StopSignal", "Variant"];

pub(super) fn render(nodes: &[Node], data: &Value) -> Result<String, TemplateError> {
    let mut scope = Scope { variables: vec![(String::new(), data.clone())], out: String::new() };
    scope.nodes(nodes, data)?;
    Ok(scope.out)
}

struct Scope {
    /// The innermost last; `$` has no name.
    variables: Vec<(String, Value)>,
    out: String,
}

impl Scope {
    fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Result<(), TemplateError> {
        let outer = self.variables.len();
        for node in nodes {
            match node {
                Node::Text(text) => self.out.push_str(text),
                Node::Emit(pipeline) => {
                    let value = self.pipeline(pipeline, dot)?;
                    let text = match (&value, empty_form(pipeline)) {
                        (Value::Null, Some(form)) => form.to_owned(),
                        _ => functions::show(&value),
                    };
                    self.out.push_str(&text);
                }
                Node::Assign(name, pipeline) => {
                    let value = self.pipeline(pipeline, dot)?;
                    match self.variables.iter_mut().rev().find(|(known, _)| known == name) {
                        Some((_, known)) => *known = value,
                        None => self.variables.push((name.clone(), value)),
                    }
                }
                Node::If(arms, otherwise) => self.if_block(arms, otherwise, dot)?,
                Node::With { variable, value, body, otherwise } => {
                    let value = self.pipeline(value, dot)?;
                    if is_true(&value) {
                        let bound = variable.iter().map(|name| (name.clone(), value.clone()));
                        self.bound(bound.collect(), body, &value)?;
                    } else {
                        self.nodes(otherwise, dot)?;
                    }
                }
                Node::Range { variables, over, body, otherwise } => {
                    let over = self.pipeline(over, dot)?;
                    let items = items(over)?;
                    if items.is_empty() {
                        self.nodes(otherwise, dot)?;
                    }
                    for (key, item) in items {
                        let bound = match variables.as_slice() {
                            [] => Vec::new(),
                            [value] => vec![(value.clone(), item.clone())],
                            [first, second, ..] => {
                                vec![(first.clone(), key), (second.clone(), item.clone())]
                            }
                        };
                        self.bound(bound, body, &item)?;
                    }
                }
            }
        }
        self.variables.truncate(outer);
        Ok(())
    }

    fn if_block(
        &mut self,
        arms: &[(Pipeline, Vec<Node>)],
        otherwise: &[Node],
        dot: &Value,
    ) -> Result<(), TemplateError> {
        for (test, body) in arms {
            if is_true(&self.pipeline(test, dot)?) {
                return self.nodes(body, dot);
            }
        }
        self.nodes(otherwise, dot)
    }

    /// Renders with further variables, which go again.
    fn bound(
        &mut self,
        variables: Vec<(String, Value)>,
        body: &[Node],
        dot: &Value,
    ) -> Result<(), TemplateError> {
        let outer = self.variables.len();
        self.variables.extend(variables);
        let rendered = self.nodes(body, dot);
        self.variables.truncate(outer);
        rendered
    }

    fn pipeline(&self, pipeline: &Pipeline, dot: &Value) -> Result<Value, TemplateError> {
        let mut before: Option<Value> = None;
        for command in &pipeline.commands {
            let Some((first, rest)) = command.split_first() else { continue };
            let arguments = || -> Result<Vec<Value>, TemplateError> {
                let typed = rest.iter().map(|operand| self.operand(operand, dot));
                typed.chain(before.clone().map(Ok)).collect()
            };
            let value = match first {
                Operand::Function(name) => functions::call(name, arguments()?)?,
                Operand::Field(path) if !rest.is_empty() || before.is_some() => {
                    return Err(TemplateError::new(format!(
                        "`.{}` is no function",
                        path.join(".")
                    )));
                }
                _ if !rest.is_empty() || before.is_some() => {
                    return Err(TemplateError::new("a value is called as if it were a function"));
                }
                operand => self.operand(operand, dot)?,
            };
            before = Some(value);
        }
        Ok(before.unwrap_or_default())
    }

    fn operand(&self, operand: &Operand, dot: &Value) -> Result<Value, TemplateError> {
        match operand {
            Operand::Literal(value) => Ok(value.clone()),
            Operand::Function(name) => functions::call(name, Vec::new()),
            Operand::Field(path) => descend(dot, path),
            Operand::Variable(name, path) => {
                let found = self.variables.iter().rev().find(|(known, _)| known == name);
                let (_, value) = found
                    .ok_or_else(|| TemplateError::new(format!("there is no variable ${name}")))?;
                descend(value, path)
            }
            Operand::Inner(pipeline, path) => descend(&self.pipeline(pipeline, dot)?, path),
        }
    }
}

fn descend(from: &Value, path: &[String]) -> Result<Value, TemplateError> {
    let mut value = from;
    for name in path {
        value = match value {
            // Docker's `{{.Id}}` is also `{{.ID}}`.
            Value::Object(fields) => match fields.get(name).or_else(|| also_id(name, fields)) {
                Some(value) => value,
                None if is_struct(fields) && !may_lack(name) => return Err(no_field(name, fields)),
                None => &Value::Null,
            },
            Value::Null => &Value::Null,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                return Err(TemplateError::new(format!(".{name} of {value}: it has no fields")));
            }
        };
    }
    Ok(value.clone())
}

fn also_id<'a>(name: &str, fields: &'a Map<String, Value>) -> Option<&'a Value> {
    fields.get("Id").filter(|_| name == "ID")
}

fn may_lack(field: &str) -> bool {
    LISTS.contains(&field) || MAPS.contains(&field) || OPTIONAL.contains(&field)
}

/// Whether an object has fields of ours, rather than keys of the user's as labels are.
fn is_struct(fields: &Map<String, Value>) -> bool {
    let is_field = |name: &String| {
        name.starts_with(|first: char| first.is_ascii_uppercase())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    !fields.is_empty() && fields.keys().all(is_field)
}

fn no_field(name: &str, fields: &Map<String, Value>) -> TemplateError {
    let mut names: Vec<String> = fields.keys().map(|name| format!(".{name}")).collect();
    let last = names.pop().unwrap_or_default();
    let list = if names.is_empty() { last } else { format!("{} and {last}", names.join(", ")) };
    TemplateError::new(format!("there is no field .{name}; there are {list}"))
}

/// How a list or map prints that is not there.
fn empty_form(pipeline: &Pipeline) -> Option<&'static str> {
    let [command] = pipeline.commands.as_slice() else { return None };
    let [Operand::Field(path)] = command.as_slice() else { return None };
    let name = path.last()?.as_str();
    if LISTS.contains(&name) {
        return Some("[]");
    }
    MAPS.contains(&name).then_some("map[]")
}

/// The items of a list with their numbers, those of a map with their keys, sorted as Go does.
fn items(over: Value) -> Result<Vec<(Value, Value)>, TemplateError> {
    Ok(match over {
        Value::Null => Vec::new(),
        Value::Array(items) => {
            items.into_iter().enumerate().map(|(number, item)| (number.into(), item)).collect()
        }
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> = fields.into_iter().collect();
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            fields.into_iter().map(|(key, item)| (key.into(), item)).collect()
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let why = format!("range over {over}: it is neither a list nor a map");
            return Err(TemplateError::new(why));
        }
    })
}
