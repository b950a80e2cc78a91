//! Text to [`Node`]s: `{{`, words, `}}`.

use serde_json::Value;

use super::{Node, Operand, Pipeline, TemplateError};

/// How deep blocks and parentheses may lie in each other.
const MAX_DEPTH: usize = 64;

/// Reads a whole template.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, TemplateError> {
    let mut parser = Parser { parts: parts(text)?, next: 0, depth: 0 };
    let (nodes, end) = parser.block()?;
    match end {
        Closing::Nothing => Ok(nodes),
        Closing::End => Err(TemplateError::new("{{end}} without if, range or with")),
        Closing::Else(_) => Err(TemplateError::new("{{else}} without if, range or with")),
    }
}

/// Plain text, or what stands between braces.
enum Part {
    Text(String),
    Action { text: String, words: Vec<Word> },
}

/// A word between braces.
#[derive(Debug, Clone, PartialEq)]
enum Word {
    Value(Value),
    Name(String),
    /// `.`, `.A.B`
    Field(Vec<String>),
    /// `$`, `$x`, `$x.A`
    Variable(String, Vec<String>),
    Open,
    /// `)`, `).A`
    Close(Vec<String>),
    Pipe,
    Comma,
    /// `:=`, `=`
    Assign,
}

fn parts(text: &str) -> Result<Vec<Part>, TemplateError> {
    let mut parts = Vec::new();
    let mut rest = text;
    let mut trim = false;
    loop {
        let (plain, action) = match rest.split_once("{{") {
            Some((plain, action)) => (plain, Some(action)),
            None => (rest, None),
        };
        let plain = if trim { plain.trim_start() } else { plain };
        let Some(action) = action else {
            parts.push(Part::Text(plain.to_owned()));
            return Ok(parts);
        };
        let trims = action.strip_prefix('-').filter(|it| it.starts_with([' ', '\t', '\n']));
        let (plain, action) = match trims {
            Some(action) => (plain.trim_end(), action),
            None => (plain, action),
        };
        parts.push(Part::Text(plain.to_owned()));
        let end = end_of(action)
            .ok_or_else(|| TemplateError::new(format!("the `{{{{` has no `}}}}`: {{{{{action}")))?;
        let inner = &action[..end];
        rest = &action[end + 2..];
        trim = inner.ends_with(" -");
        let inner = inner.strip_suffix(" -").unwrap_or(inner).trim();
        if inner.starts_with("/*") && inner.ends_with("*/") {
            continue;
        }
        parts.push(Part::Action { text: inner.to_owned(), words: words(inner)? });
    }
}

/// Where the `}}` is, quoted ones aside.
fn end_of(action: &str) -> Option<usize> {
    let mut quote = None;
    let mut chars = action.char_indices();
    while let Some((position, char)) = chars.next() {
        match (quote, char) {
            (Some('"'), '\\') => {
                chars.next();
            }
            (Some(open), _) if open == char => quote = None,
            (None, '"' | '`') => quote = Some(char),
            (None, '}') if action[position..].starts_with("}}") => return Some(position),
            (Some(_) | None, _) => {}
        }
    }
    // A quote that is open to the end is found when the words are read.
    action.find("}}").filter(|_| quote.is_some())
}

fn words(text: &str) -> Result<Vec<Word>, TemplateError> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = match first {
            '|' => (Word::Pipe, &rest[1..]),
            ',' => (Word::Comma, &rest[1..]),
            '(' => (Word::Open, &rest[1..]),
            ')' => {
                let (path, after) = fields(&rest[1..]);
                (Word::Close(path), after)
            }
            ':' if rest.starts_with(":=") => (Word::Assign, &rest[2..]),
            '=' => (Word::Assign, &rest[1..]),
            '"' => quoted(rest)?,
            '`' => {
                let (inner, after) = rest[1..].split_once('`').ok_or_else(|| without_end(rest))?;
                (Word::Value(inner.into()), after)
            }
            '.' => {
                let (path, after) = fields(rest);
                (Word::Field(path.clone()), if path.is_empty() { &rest[1..] } else { after })
            }
            '$' => {
                let (name, after) = name(&rest[1..]);
                let (path, after) = fields(after);
                (Word::Variable(name.to_owned(), path), after)
            }
            '-' | '0'..='9' => number(rest)?,
            _ if first.is_alphabetic() || first == '_' => {
                let (name, after) = name(rest);
                let word = match name {
                    "true" => Word::Value(true.into()),
                    "false" => Word::Value(false.into()),
                    "nil" => Word::Value(Value::Null),
                    _ => Word::Name(name.to_owned()),
                };
                (word, after)
            }
            _ => {
                return Err(TemplateError::new(format!(
                    "`{first}` is not expected in `{{{{{text}}}}}`"
                )));
            }
        };
        words.push(word);
        rest = after.trim_start();
    }
    Ok(words)
}

fn without_end(text: &str) -> TemplateError {
    TemplateError::new(format!("the text {text} has no end"))
}

/// A text with escapes, as Go and JSON write it.
fn quoted(text: &str) -> Result<(Word, &str), TemplateError> {
    let mut escaped = false;
    let end = text[1..].char_indices().find(|(_, char)| {
        let is_end = *char == '"' && !escaped;
        escaped = *char == '\\' && !escaped;
        is_end
    });
    let (end, _) = end.ok_or_else(|| without_end(text))?;
    let (literal, after) = text.split_at(end + 2);
    // A real tab or line end, as `\t` in a format becomes, stands for itself.
    let literal = literal.replace('\t', "\\t").replace('\n', "\\n");
    let value = serde_json::from_str(&literal)
        .map_err(|_| TemplateError::new(format!("{literal} is no text that can be read")))?;
    Ok((Word::Value(value), after))
}

fn number(text: &str) -> Result<(Word, &str), TemplateError> {
    let end =
        text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '-' | '.'))).unwrap_or(text.len());
    let (digits, after) = text.split_at(end);
    let value: Value = serde_json::from_str(digits)
        .map_err(|_| TemplateError::new(format!("`{digits}` is no number")))?;
    Ok((Word::Value(value), after))
}

fn name(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    text.split_at(end)
}

/// `.A.B` at the beginning of a text.
fn fields(text: &str) -> (Vec<String>, &str) {
    let mut path = Vec::new();
    let mut rest = text;
    while let Some(after) = rest.strip_prefix('.') {
        let (name, after) = name(after);
        if name.is_empty() {
            break;
        }
        path.push(name.to_owned());
        rest = after;
    }
    (path, rest)
}

/// What ended a block.
enum Closing {
    Nothing,
    End,
    /// With the words behind it: `else if …`.
    Else(Vec<Word>),
}

struct Parser {
    parts: Vec<Part>,
    next: usize,
    depth: usize,
}

impl Parser {
    fn block(&mut self) -> Result<(Vec<Node>, Closing), TemplateError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(TemplateError::new("its blocks lie too deep in each other"));
        }
        let mut nodes = Vec::new();
        let end = loop {
            let Some(part) = self.parts.get_mut(self.next) else { break Closing::Nothing };
            self.next += 1;
            let (text, words) = match part {
                Part::Text(text) => {
                    nodes.push(Node::Text(std::mem::take(text)));
                    continue;
                }
                Part::Action { text, words } => (std::mem::take(text), std::mem::take(words)),
            };
            let keyword = match words.first() {
                Some(Word::Name(name)) => name.as_str(),
                Some(_) => "",
                None => return Err(TemplateError::new("`{{}}` is empty")),
            };
            match keyword {
                "end" => break Closing::End,
                "else" => break Closing::Else(words[1..].to_vec()),
                "if" => nodes.push(self.if_block(&words[1..], &text)?),
                "range" | "with" => {
                    nodes.push(self.scoped(keyword == "range", &words[1..], &text)?);
                }
                "define" | "template" | "block" | "break" | "continue" => {
                    return Err(TemplateError::new(format!("`{keyword}` is not supported")));
                }
                _ => nodes.push(action(&words)?),
            }
        };
        self.depth -= 1;
        Ok((nodes, end))
    }

    fn if_block(&mut self, test: &[Word], text: &str) -> Result<Node, TemplateError> {
        let mut arms = Vec::new();
        let mut test = pipeline(test)?;
        loop {
            let (body, end) = self.block()?;
            arms.push((test, body));
            match end {
                Closing::Nothing => return Err(no_end(text)),
                Closing::End => return Ok(Node::If(arms, Vec::new())),
                Closing::Else(words) if words.is_empty() => {
                    return Ok(Node::If(arms, self.last(text)?));
                }
                Closing::Else(words) if words[0] == Word::Name("if".into()) => {
                    test = pipeline(&words[1..])?;
                }
                Closing::Else(_) => {
                    return Err(TemplateError::new("behind `else` only `if` may stand"));
                }
            }
        }
    }

    fn scoped(&mut self, range: bool, words: &[Word], text: &str) -> Result<Node, TemplateError> {
        let (variables, words) = variables(words);
        let value = pipeline(words)?;
        if variables.len() > if range { 2 } else { 1 } {
            return Err(TemplateError::new(format!("`{{{{{text}}}}}` has too many variables")));
        }
        let (body, end) = self.block()?;
        let otherwise = match end {
            Closing::Nothing => return Err(no_end(text)),
            Closing::End => Vec::new(),
            Closing::Else(words) if words.is_empty() => self.last(text)?,
            Closing::Else(_) => {
                return Err(TemplateError::new("behind `else` nothing may stand here"));
            }
        };
        Ok(match range {
            true => Node::Range { variables, over: value, body, otherwise },
            false => Node::With { variable: variables.into_iter().next(), value, body, otherwise },
        })
    }

    /// The part behind the last `else`.
    fn last(&mut self, text: &str) -> Result<Vec<Node>, TemplateError> {
        match self.block()? {
            (nodes, Closing::End) => Ok(nodes),
            (_, Closing::Nothing) => Err(no_end(text)),
            (_, Closing::Else(_)) => Err(TemplateError::new("{{else}} stands behind {{else}}")),
        }
    }
}

fn no_end(text: &str) -> TemplateError {
    TemplateError::new(format!("`{{{{{text}}}}}` has no {{{{end}}}}"))
}

/// `$a, $b :=` at the beginning of words.
fn variables(words: &[Word]) -> (Vec<String>, &[Word]) {
    let Some(assign) = words.iter().position(|word| *word == Word::Assign) else {
        return (Vec::new(), words);
    };
    let names = words[..assign].iter().filter_map(|word| match word {
        Word::Variable(name, _) => Some(name.clone()),
        _ => None,
    });
    (names.collect(), &words[assign + 1..])
}

fn action(words: &[Word]) -> Result<Node, TemplateError> {
    if let [Word::Variable(name, path), Word::Assign, rest @ ..] = words
        && path.is_empty()
        && !name.is_empty()
    {
        return Ok(Node::Assign(name.clone(), pipeline(rest)?));
    }
    Ok(Node::Emit(pipeline(words)?))
}

fn pipeline(words: &[Word]) -> Result<Pipeline, TemplateError> {
    let mut rest = words;
    let pipeline = until(&mut rest, 0)?;
    match rest.first() {
        None => Ok(pipeline),
        Some(_) => Err(TemplateError::new("a `)` has no `(`")),
    }
}

/// Reads up to the end or to a `)`, which stays.
fn until(rest: &mut &[Word], depth: usize) -> Result<Pipeline, TemplateError> {
    if depth > MAX_DEPTH {
        return Err(TemplateError::new("its parentheses lie too deep in each other"));
    }
    let mut commands = vec![Vec::new()];
    while let Some((word, after)) = rest.split_first() {
        let operand = match word {
            Word::Close(_) => break,
            Word::Pipe => {
                commands.push(Vec::new());
                *rest = after;
                continue;
            }
            Word::Comma | Word::Assign => {
                return Err(TemplateError::new("`,`, `=` and `:=` belong behind a variable"));
            }
            Word::Value(value) => Operand::Literal(value.clone()),
            Word::Name(name) => Operand::Function(name.clone()),
            Word::Field(path) => Operand::Field(path.clone()),
            Word::Variable(name, path) => Operand::Variable(name.clone(), path.clone()),
            Word::Open => {
                *rest = after;
                let inner = until(rest, depth + 1)?;
                let Some((Word::Close(path), after)) = rest.split_first() else {
                    return Err(TemplateError::new("a `(` has no `)`"));
                };
                *rest = after;
                commands
                    .last_mut()
                    .expect("there is one")
                    .push(Operand::Inner(inner, path.clone()));
                continue;
            }
        };
        *rest = after;
        commands.last_mut().expect("there is one").push(operand);
    }
    if commands.iter().any(Vec::is_empty) {
        return Err(TemplateError::new("a value is missing"));
    }
    Ok(Pipeline { commands })
}
