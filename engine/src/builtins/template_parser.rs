//! The syntax of Go's `text/template`, without templates that call templates.

use super::operands::failed;
use super::template_text::{action_length, is_blank, quoted, word};
use super::{BuiltinError, Result};

/// The deepest nesting of actions and parentheses.
const MAX_DEPTH: usize = 100;

/// A piece of a template.
#[derive(Debug)]
pub(super) enum Node {
    Text(String),
    /// `{{pipeline}}`
    Print(Pipeline),
    If {
        condition: Pipeline,
        then: Vec<Node>,
        otherwise: Vec<Node>,
    },
    With {
        value: Pipeline,
        then: Vec<Node>,
        otherwise: Vec<Node>,
    },
    Range {
        over: Pipeline,
        each: Vec<Node>,
        otherwise: Vec<Node>,
    },
    Break,
    Continue,
}

/// Commands, each of which gets the result of the one before as its last argument.
#[derive(Debug, Default)]
pub(super) struct Pipeline {
    /// Variables that the result is put into; two in `range`.
    pub variables: Vec<String>,
    /// Whether these are new (`:=`).
    pub declares: bool,
    pub commands: Vec<Vec<Operand>>,
}

#[derive(Debug)]
pub(super) enum Operand {
    Dot,
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Variable(String),
    Function(String),
    Pipeline(Pipeline),
    /// `operand.name.name`
    Fields(Box<Operand>, Vec<String>),
}

/// Where a list of nodes ends.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// `{{end}}`
    Plain,
    Else,
    ElseIf,
    ElseWith,
    /// The template's end.
    Text,
}

/// Reads a template.
pub(super) fn parse(template: &str) -> Result<Vec<Node>> {
    let mut parser = Parser { rest: template, action: "", depth: 0, loops: 0 };
    let (nodes, end) = parser.nodes()?;
    if end == End::Text { Ok(nodes) } else { failed("template: unexpected {{end}} or {{else}}") }
}

struct Parser<'a> {
    /// What follows the action that is being read.
    rest: &'a str,
    /// What is left of that action.
    action: &'a str,
    depth: usize,
    loops: usize,
}

impl Parser<'_> {
    fn deeper(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(BuiltinError::Limit(format!(
                "a template nested deeper than {MAX_DEPTH} levels exceeds the limit"
            )));
        }
        Ok(())
    }

    /// Moves to the next action, past the text before it.
    fn next_action(&mut self, nodes: &mut Vec<Node>) -> Result<bool> {
        let Some((text, mut after)) = self.rest.split_once("{{") else {
            nodes.push(Node::Text(self.rest.to_owned()));
            self.rest = "";
            return Ok(false);
        };
        let mut text = text;
        if let Some(trimmed) = after.strip_prefix('-')
            && trimmed.starts_with(is_blank)
        {
            text = text.trim_end_matches(is_blank);
            after = trimmed;
        }
        if !text.is_empty() {
            nodes.push(Node::Text(text.to_owned()));
        }
        if after.trim_start_matches(is_blank).starts_with("/*") {
            let Some((_, end)) = after.split_once("*/") else { return failed("template: unclosed comment") };
            self.rest = if let Some(end) = end.strip_prefix("}}") {
                end
            } else if let Some(end) = end.trim_start_matches(is_blank).strip_prefix("-}}") {
                end.trim_start_matches(is_blank)
            } else {
                return failed("template: comment ends before closing delimiter");
            };
            self.action = "";
            return Ok(true);
        }
        let Some(length) = action_length(after) else { return failed("template: unclosed action") };
        let action = &after[..length];
        self.rest = &after[length + 2..];
        self.action = action;
        if let Some(trimmed) = action.strip_suffix('-')
            && trimmed.ends_with(is_blank)
        {
            self.action = trimmed;
            self.rest = self.rest.trim_start_matches(is_blank);
        }
        if self.action.trim_matches(is_blank).is_empty() {
            return failed("template: missing value for command");
        }
        Ok(true)
    }

    fn nodes(&mut self) -> Result<(Vec<Node>, End)> {
        self.deeper()?;
        let mut nodes = Vec::new();
        let end = loop {
            if !self.next_action(&mut nodes)? {
                break End::Text;
            }
            self.skip_blanks();
            if self.action.is_empty() {
                continue;
            }
            match self.keyword() {
                Some("end") => break self.done(End::Plain)?,
                Some("else") => {
                    self.skip_blanks();
                    match self.keyword() {
                        Some("if") => break End::ElseIf,
                        Some("with") => break End::ElseWith,
                        _ => break self.done(End::Else)?,
                    }
                }
                Some("if") => nodes.push(self.if_node()?),
                Some("with") => nodes.push(self.with_node()?),
                Some("range") => {
                    let over = self.whole_pipeline()?;
                    self.loops += 1;
                    let (each, end) = self.nodes()?;
                    self.loops -= 1;
                    let otherwise = self.otherwise(&end)?;
                    nodes.push(Node::Range { over, each, otherwise });
                }
                Some(word @ ("break" | "continue")) => {
                    if self.loops == 0 {
                        return failed(format!("template: {{{{{word}}}}} outside {{{{range}}}}"));
                    }
                    nodes.push(self.done(if word == "break" { Node::Break } else { Node::Continue })?);
                }
                Some(word) => return failed(format!("template: {word} is not supported here")),
                None => nodes.push(Node::Print(self.whole_pipeline()?)),
            }
        };
        self.depth -= 1;
        Ok((nodes, end))
    }

    fn if_node(&mut self) -> Result<Node> {
        let condition = self.whole_pipeline()?;
        let (then, end) = self.nodes()?;
        let otherwise = if end == End::ElseIf {
            self.deeper()?;
            let nested = self.if_node()?;
            self.depth -= 1;
            vec![nested]
        } else {
            self.otherwise(&end)?
        };
        Ok(Node::If { condition, then, otherwise })
    }

    fn with_node(&mut self) -> Result<Node> {
        let value = self.whole_pipeline()?;
        let (then, end) = self.nodes()?;
        let otherwise = if end == End::ElseWith {
            self.deeper()?;
            let nested = self.with_node()?;
            self.depth -= 1;
            vec![nested]
        } else {
            self.otherwise(&end)?
        };
        Ok(Node::With { value, then, otherwise })
    }

    /// What stands between `{{else}}` and `{{end}}`.
    fn otherwise(&mut self, end: &End) -> Result<Vec<Node>> {
        match end {
            End::Plain => Ok(Vec::new()),
            End::Else => match self.nodes()? {
                (nodes, End::Plain) => Ok(nodes),
                _ => failed("template: expected {{end}}"),
            },
            _ => failed("template: expected {{end}}"),
        }
    }

    fn done<T>(&mut self, result: T) -> Result<T> {
        self.skip_blanks();
        if self.action.is_empty() { Ok(result) } else { self.unexpected() }
    }

    fn unexpected<T>(&self) -> Result<T> {
        failed(format!("template: unexpected {:?} in an action", self.action))
    }

    fn skip_blanks(&mut self) {
        self.action = self.action.trim_start_matches(is_blank);
    }

    /// The keyword that comes next, if one does.
    fn keyword(&mut self) -> Option<&'static str> {
        const KEYWORDS: [&str; 10] =
            ["if", "else", "end", "range", "with", "break", "continue", "define", "template", "block"];
        let word = word(self.action);
        let keyword = KEYWORDS.into_iter().find(|keyword| *keyword == word)?;
        self.action = &self.action[word.len()..];
        Some(keyword)
    }

    fn whole_pipeline(&mut self) -> Result<Pipeline> {
        let pipeline = self.pipeline()?;
        self.done(pipeline)
    }

    fn pipeline(&mut self) -> Result<Pipeline> {
        self.deeper()?;
        let mut pipeline = Pipeline::default();
        self.variables(&mut pipeline);
        loop {
            let mut command = Vec::new();
            loop {
                self.skip_blanks();
                match self.action.chars().next() {
                    None | Some('|' | ')') => break,
                    Some(_) => command.push(self.operand()?),
                }
            }
            if command.is_empty() {
                return failed("template: missing value for command");
            }
            pipeline.commands.push(command);
            match self.action.strip_prefix('|') {
                Some(rest) => self.action = rest,
                None => break,
            }
        }
        self.depth -= 1;
        Ok(pipeline)
    }

    /// `$x :=`, `$x =` and `$i, $x :=`
    fn variables(&mut self, pipeline: &mut Pipeline) {
        let mut rest = self.action;
        let mut names = Vec::new();
        loop {
            rest = rest.trim_start_matches(is_blank);
            let Some(after) = rest.strip_prefix('$') else { return };
            let name = word(after);
            names.push(name.to_owned());
            rest = after[name.len()..].trim_start_matches(is_blank);
            match rest.strip_prefix(',') {
                Some(after) if names.len() == 1 => rest = after,
                _ => break,
            }
        }
        let declared = rest.strip_prefix(":=");
        if let Some(after) = declared.or_else(|| rest.strip_prefix('=')) {
            pipeline.declares = declared.is_some();
            pipeline.variables = names;
            self.action = after;
        }
    }

    fn operand(&mut self) -> Result<Operand> {
        let action = self.action;
        let first = action.chars().next();
        let operand = match first {
            Some('(') => {
                self.action = &action[1..];
                let pipeline = self.pipeline()?;
                let Some(rest) = self.action.strip_prefix(')') else {
                    return failed("template: unclosed left paren");
                };
                self.action = rest;
                Operand::Pipeline(pipeline)
            }
            Some('$') => {
                let name = word(&action[1..]);
                self.action = &action[1 + name.len()..];
                Operand::Variable(name.to_owned())
            }
            Some('.') if !action[1..].starts_with(|next: char| next.is_ascii_digit()) => {
                if word(&action[1..]).is_empty() {
                    self.action = &action[1..];
                }
                Operand::Dot
            }
            Some('"') => {
                let Some((text, rest)) = quoted(&action[1..], '"') else { return self.unexpected() };
                self.action = rest;
                Operand::Text(text)
            }
            Some('`') => {
                let Some((text, rest)) = action[1..].split_once('`') else { return self.unexpected() };
                self.action = rest;
                Operand::Text(text.to_owned())
            }
            Some('\'') => {
                let Some((text, rest)) = quoted(&action[1..], '\'') else { return self.unexpected() };
                self.action = rest;
                let mut characters = text.chars();
                match (characters.next(), characters.next()) {
                    (Some(one), None) => Operand::Int(i64::from(u32::from(one))),
                    _ => return self.unexpected(),
                }
            }
            Some('0'..='9' | '+' | '-' | '.') => self.number()?,
            _ => {
                let name = word(action);
                if name.is_empty() {
                    return self.unexpected();
                }
                self.action = &action[name.len()..];
                match name {
                    "true" | "false" => Operand::Bool(name == "true"),
                    "nil" => Operand::Nil,
                    name => Operand::Function(name.to_owned()),
                }
            }
        };
        self.fields(operand)
    }

    /// `.name.name` behind an operand.
    fn fields(&mut self, operand: Operand) -> Result<Operand> {
        let mut names = Vec::new();
        while let Some(rest) = self.action.strip_prefix('.') {
            let name = word(rest);
            if name.is_empty() {
                return self.unexpected();
            }
            names.push(name.to_owned());
            self.action = &rest[name.len()..];
        }
        // An operand ends where another one may begin.
        if !self.action.is_empty() && !self.action.starts_with([' ', '\t', '\r', '\n', '|', ')', '(']) {
            return self.unexpected();
        }
        Ok(if names.is_empty() { operand } else { Operand::Fields(Box::new(operand), names) })
    }

    fn number(&mut self) -> Result<Operand> {
        let length = self.action.find([' ', '\t', '\r', '\n', '|', ')', '(']).unwrap_or(self.action.len());
        let text = &self.action[..length];
        let number = match (text.parse(), text.parse::<f64>()) {
            (Ok(int), _) => Operand::Int(int),
            (_, Ok(float)) if float.is_finite() => Operand::Float(float),
            _ => return failed(format!("template: bad number syntax: {text:?}")),
        };
        self.action = &self.action[length..];
        Ok(number)
    }
}
