//! `--format '{{.ID}}'`: the part of Go's templates that people write for docker's commands.
//!
//! Data is JSON. There are fields, variables, `index`, pipelines, the functions in [`functions`], `if`, `with`, `range`,
//! and the trimming of blanks by `{{-` and `-}}`. Templates that define templates are refused.

mod eval;
mod functions;
mod parse;

use serde_json::Value;

/// A template that was read.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    nodes: Vec<Node>,
}

/// What is wrong with a template, or with what it asks of the data.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct TemplateError {
    message: String,
}

impl TemplateError {
    fn new(message: impl Into<String>) -> TemplateError {
        TemplateError { message: message.into() }
    }
}

/// A piece of a template.
#[derive(Debug, Clone)]
enum Node {
    Text(String),
    Emit(Pipeline),
    /// `{{$name := …}}`, `{{$name = …}}`
    Assign(String, Pipeline),
    /// The first arm whose condition holds; `{{else}}` is the last part.
    If(Vec<(Pipeline, Vec<Node>)>, Vec<Node>),
    With {
        variable: Option<String>,
        value: Pipeline,
        body: Vec<Node>,
        otherwise: Vec<Node>,
    },
    Range {
        variables: Vec<String>,
        over: Pipeline,
        body: Vec<Node>,
        otherwise: Vec<Node>,
    },
}

/// Commands, each of which gets the result of the one before as its last argument.
#[derive(Debug, Clone)]
struct Pipeline {
    commands: Vec<Vec<Operand>>,
}

/// A word of a command.
#[derive(Debug, Clone)]
enum Operand {
    Literal(Value),
    Function(String),
    /// `.`, `.A.B`
    Field(Vec<String>),
    /// `$x`, `$x.A.B`; `$` alone is the name of the whole data.
    Variable(String, Vec<String>),
    /// `(…)`, `(…).A.B`
    Inner(Pipeline, Vec<String>),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// It is none, or uses what is not supported.
    pub(crate) fn parse(text: &str) -> Result<Template, TemplateError> {
        Ok(Template { nodes: parse::parse(text)? })
    }

    /// The text for some data.
    ///
    /// # Errors
    /// It asks for what the data does not have.
    pub(crate) fn render(&self, data: &Value) -> Result<String, TemplateError> {
        eval::render(&self.nodes, data)
    }

    /// Whether it asks for a field of this name anywhere, or for the data as a whole.
    pub(crate) fn mentions(&self, field: &str) -> bool {
        mentions(&self.nodes, field)
    }
}

fn mentions(nodes: &[Node], field: &str) -> bool {
    nodes.iter().any(|node| match node {
        Node::Text(_) => false,
        Node::Emit(pipeline) | Node::Assign(_, pipeline) => in_pipeline(pipeline, field),
        Node::If(arms, otherwise) => {
            arms.iter().any(|(test, body)| in_pipeline(test, field) || mentions(body, field))
                || mentions(otherwise, field)
        }
        Node::With { value: over, body, otherwise, .. }
        | Node::Range { over, body, otherwise, .. } => {
            in_pipeline(over, field) || mentions(body, field) || mentions(otherwise, field)
        }
    })
}

fn in_pipeline(pipeline: &Pipeline, field: &str) -> bool {
    pipeline.commands.iter().flatten().any(|operand| match operand {
        Operand::Literal(_) | Operand::Function(_) => false,
        Operand::Field(path) => path.is_empty() || path[0] == field,
        Operand::Variable(_, path) => path.is_empty() || path.iter().any(|name| name == field),
        Operand::Inner(pipeline, _) => in_pipeline(pipeline, field),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn show(template: &str, data: &Value) -> String {
        let rendered = Template::parse(template).and_then(|it| it.render(data));
        rendered.unwrap_or_else(|error| format!("error: {error}"))
    }

    #[test]
    fn what_people_write() {
        let data = json!({
            "ID": "sha256:0123456789abcdef", "RepoTags": ["a:1", "b:2"], "Size": 12, "Created": "",
            "Config": { "Env": ["A=1", "B=2"], "Cmd": null, "Labels": { "z.y": "1", "a": "2" }, "User": "" },
            "RootFS": { "Layers": ["x", "y"] },
        });
        for (template, wanted) in [
            ("{{.ID}}", "sha256:0123456789abcdef"),
            ("{{ .Config.Env }}", "[A=1 B=2]"),
            ("{{json .Config.Env}}", r#"["A=1","B=2"]"#),
            ("{{.Config.Env | json}}", r#"["A=1","B=2"]"#),
            ("{{index .RepoTags 0}} {{(index .RepoTags 1)}}", "a:1 b:2"),
            (r#"{{index .Config.Labels "z.y"}}"#, "1"),
            (r#"{{index .Config.Labels "none"}}"#, ""),
            ("{{range .RootFS.Layers}}{{println .}}{{end}}", "x\ny\n"),
            ("{{range $i, $it := .RepoTags}}{{if $i}}, {{end}}{{$it}}{{end}}", "a:1, b:2"),
            ("{{range $k, $v := .Config.Labels}}{{$k}}={{$v}} {{end}}", "a=2 z.y=1 "),
            ("{{range .Config.Cmd}}{{.}}{{else}}none{{end}}", "none"),
            ("{{with .Config}}{{len .Env}}{{end}}", "2"),
            ("{{if .Config.User}}{{.Config.User}}{{else if .Size}}size{{else}}root{{end}}", "size"),
            ("{{if and .Size (not .Created)}}yes{{end}}", "yes"),
            ("{{if eq .Size 12}}twelve{{end}}{{if gt .Size 100}}big{{end}}", "twelve"),
            ("{{upper (lower \"aB\")}} {{title \"x\"}} {{truncate .ID 9}}", "AB X sha256:01"),
            ("{{join .RepoTags \", \"}} {{index (split \"a,b\" \",\") 1}}", "a:1, b:2 b"),
            (
                "{{printf \"%s-%d %v %q\" .ID .Size .RepoTags `x`}}",
                "sha256:0123456789abcdef-12 [a:1 b:2] \"x\"",
            ),
            ("{{slice .ID 7 11}} {{pad \"x\" 1 2}}|", "0123  x  |"),
            ("{{$x := .Size}}{{$x}} {{$.Size}}", "12 12"),
            ("a {{- /* comment */ -}} b {{- .Size -}} c", "ab12c"),
            ("{{.Config.Cmd}} {{json .Config.Cmd}} {{.Config.Labels}}", "[] null map[a:2 z.y:1]"),
            ("{{or .Created \"never\"}}", "never"),
        ] {
            assert_eq!(show(template, &data), wanted, "{template}");
        }
    }

    #[test]
    fn both_spellings_of_the_id() {
        assert_eq!(show("{{.ID}} {{.Id}}", &json!({ "Id": "x", "Tag": "y" })), "x x");
    }

    #[test]
    fn mistakes_are_named() {
        let data = json!({ "ID": "x", "Tag": "y", "List": [1] });
        for (template, wanted) in [
            ("{{.Nope}}", "there is no field .Nope; there are .ID, .Tag and .List"),
            ("{{.ID", "`{{` has no `}}`"),
            ("{{nope .ID}}", "there is no function `nope`"),
            ("{{range .List}}", "`{{range .List}}` has no {{end}}"),
            ("{{end}}", "{{end}} without if, range or with"),
            ("{{template \"x\"}}", "`template` is not supported"),
            ("{{index .List 3}}", "index 3 is out of range: there is 1"),
            ("{{range .ID}}{{end}}", "range over \"x\": it is neither a list nor a map"),
            ("{{.ID \"x\"}}", "`.ID` is no function"),
            ("{{\"x}}", "has no end"),
            ("{{.ID.Name}}", ".Name of \"x\": it has no fields"),
            ("{{}}", "`{{}}` is empty"),
        ] {
            let text = show(template, &data);
            assert!(text.starts_with("error: ") && text.contains(wanted), "{template}: {text}");
        }
    }

    #[test]
    fn what_it_asks_for_is_known() {
        let asks = |text: &str| Template::parse(text).unwrap().mentions("Labels");
        assert!(
            asks("{{.Labels}}") && asks("{{json .}}") && asks("{{if .ID}}{{len .Labels}}{{end}}")
        );
        assert!(!asks("{{.ID}} {{upper .Tag}}"));
    }
}
