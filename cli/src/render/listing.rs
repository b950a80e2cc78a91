//! Lists as docker prints them: a table with the usual columns, one of one's own columns, JSON, or a template a line.

use serde_json::Value;

use super::table::Table;
use super::template::{Template, TemplateError};
use crate::error::CliError;

/// How a list is printed (`--format`).
#[derive(Debug, Clone)]
pub(crate) enum Format {
    /// The table that people know.
    Usual,
    /// One JSON object a line.
    Json,
    /// A table whose columns a template makes, with tabs between them.
    Table(Template),
    /// A template a line.
    Lines(Template),
}

/// A field of the rows, and what stands above it.
pub(crate) type Head = (&'static str, &'static str);

impl Format {
    /// Reads what was typed: `table`, `json`, `table TEMPLATE` or a template.
    ///
    /// # Errors
    /// A template that is none.
    pub(crate) fn parse(text: Option<&str>) -> Result<Format, CliError> {
        let text = text.unwrap_or_default().trim();
        match text {
            "" | "table" => return Ok(Format::Usual),
            "json" => return Ok(Format::Json),
            _ => {}
        }
        let (is_table, template) = match text.strip_prefix("table ") {
            Some(template) => (true, template.trim_start()),
            None => (false, text),
        };
        let template = template_of(template)?;
        Ok(if is_table { Format::Table(template) } else { Format::Lines(template) })
    }

    /// Whether a field is asked for.
    pub(crate) fn mentions(&self, field: &str) -> bool {
        match self {
            Format::Usual => false,
            Format::Json => true,
            Format::Table(template) | Format::Lines(template) => template.mentions(field),
        }
    }

    /// The text of rows, which are objects with the fields that `heads` names; `usual` are the columns of the table.
    ///
    /// # Errors
    /// A template asks for a field that rows do not have.
    pub(crate) fn show(
        &self,
        rows: &[Value],
        heads: &[Head],
        usual: &[&str],
    ) -> Result<String, CliError> {
        match self {
            Format::Usual => {
                let head = |field: &&str| heads.iter().find(|(name, _)| name == field);
                let names: Vec<&str> =
                    usual.iter().filter_map(head).map(|(_, head)| *head).collect();
                let mut table = Table::new(&names);
                for row in rows {
                    table.row(usual.iter().map(|field| cell(&row[*field])).collect());
                }
                Ok(table.text())
            }
            Format::Json => Ok(rows.iter().map(|row| format!("{row}\n")).collect()),
            Format::Table(template) => {
                let head = heads.iter().map(|(field, head)| ((*field).to_owned(), (*head).into()));
                let head = render(template, &Value::Object(head.collect()))?;
                let columns: Vec<&str> = head.split('\t').collect();
                let mut table = Table::new(&columns);
                for row in rows {
                    let text = render(template, row)?;
                    let mut cells: Vec<String> = text.split('\t').map(str::to_owned).collect();
                    cells.resize(columns.len(), String::new());
                    table.row(cells);
                }
                Ok(table.text())
            }
            Format::Lines(template) => {
                // A field that no row would have is a mistake even where there are no rows.
                if rows.is_empty() {
                    let empty = heads.iter().map(|(field, _)| ((*field).to_owned(), Value::Null));
                    let _ = checked(template, &Value::Object(empty.collect()))?;
                }
                let lines = rows.iter().map(|row| Ok(format!("{}\n", render(template, row)?)));
                lines.collect()
            }
        }
    }
}

/// Reads a template; `\t` and `\n` stand for a tab and a line end.
///
/// # Errors
/// It is none.
pub(crate) fn template_of(text: &str) -> Result<Template, CliError> {
    let text = text.replace("\\t", "\t").replace("\\n", "\n");
    Template::parse(&text).map_err(|error| wrong(&error))
}

/// The text of a template for some data.
///
/// # Errors
/// It asks for what the data does not have.
pub(crate) fn render(template: &Template, data: &Value) -> Result<String, CliError> {
    template.render(data).map_err(|error| wrong(&error))
}

/// Only a field that is not there is an error: functions may well fail on data that says nothing.
fn checked(template: &Template, data: &Value) -> Result<String, CliError> {
    match template.render(data) {
        Err(error) if error.to_string().contains("there is no field") => Err(wrong(&error)),
        Ok(text) => Ok(text),
        Err(_) => Ok(String::new()),
    }
}

fn wrong(error: &TemplateError) -> CliError {
    CliError::usage(format!("--format: {error}"))
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_form() {
        let rows = [json!({ "ID": "1", "Name": "one" }), json!({ "ID": "22", "Name": "two" })];
        let heads = [("ID", "IMAGE ID"), ("Name", "NAME")];
        let show = |text: &str| Format::parse(Some(text)).unwrap().show(&rows, &heads, &["Name"]);
        assert_eq!(show("").unwrap(), "NAME\none\ntwo\n");
        assert_eq!(
            show("json").unwrap(),
            "{\"ID\":\"1\",\"Name\":\"one\"}\n{\"ID\":\"22\",\"Name\":\"two\"}\n"
        );
        assert_eq!(
            show(r"table {{.ID}}\t{{upper .Name}}").unwrap(),
            "IMAGE ID   NAME\n1          ONE\n22         TWO\n"
        );
        assert_eq!(show("{{.ID}}:{{.Name}}").unwrap(), "1:one\n22:two\n");
        let error = show("{{.Nope}}").unwrap_err().to_string();
        assert!(error.contains("there is no field .Nope; there are .ID and .Name"), "{error}");
        let none = Format::parse(Some("{{.Nope}}")).unwrap().show(&[], &heads, &["Name"]);
        assert!(none.is_err(), "also without rows");
    }
}
