//! `strings.render_template`: Go's `text/template`.

use std::rc::Rc;

use regorus::Value;

use super::operands::{check_string, failed, object, string};
use super::template_functions::{self, Data};
use super::template_parser::{self, Node, Operand, Pipeline};
use super::{BuiltinError, Result};

/// How many steps a rendering may take.
const MAX_STEPS: usize = 1_000_000;

/// `strings.render_template`
/// what is missing is rendered as `<undefined>`
pub(super) fn render(args: &[Value]) -> Result {
    let template = template_parser::parse(string(&args[0], 1)?)?;
    object(&args[1], 2)?;
    let data = Data::from_value(&args[1])?;
    let mut renderer =
        Renderer { out: String::new(), variables: vec![(Rc::from(""), data.clone())], steps: 0 };
    renderer.nodes(&template, &data)?;
    let out = renderer.out.replace("<no value>", "<undefined>");
    check_string(out.len())?;
    Ok(Value::from(out))
}

/// How a list of nodes ended.
#[derive(PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

struct Renderer {
    out: String,
    /// The innermost last. The one without a name is the data.
    variables: Vec<(Rc<str>, Data)>,
    steps: usize,
}

impl Renderer {
    fn step(&mut self) -> Result<()> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(BuiltinError::Limit(format!("a template exceeds the limit of {MAX_STEPS} steps")));
        }
        check_string(self.out.len())
    }

    fn nodes(&mut self, nodes: &[Node], dot: &Data) -> Result<Flow> {
        for node in nodes {
            self.step()?;
            match node {
                Node::Text(text) => self.out.push_str(text),
                Node::Print(pipeline) => {
                    let value = self.pipeline(pipeline, dot)?;
                    if pipeline.variables.is_empty() {
                        self.out.push_str(&template_functions::shown(&value)?);
                    }
                }
                Node::Break => return Ok(Flow::Break),
                Node::Continue => return Ok(Flow::Continue),
                Node::If { condition, then, otherwise } => {
                    let scope = self.variables.len();
                    let holds = self.pipeline(condition, dot)?.is_true();
                    let flow = self.nodes(if holds { then } else { otherwise }, dot)?;
                    self.variables.truncate(scope);
                    if flow != Flow::Next {
                        return Ok(flow);
                    }
                }
                Node::With { value, then, otherwise } => {
                    let scope = self.variables.len();
                    let value = self.pipeline(value, dot)?;
                    let flow =
                        if value.is_true() { self.nodes(then, &value)? } else { self.nodes(otherwise, dot)? };
                    self.variables.truncate(scope);
                    if flow != Flow::Next {
                        return Ok(flow);
                    }
                }
                Node::Range { over, each, otherwise } => {
                    let scope = self.variables.len();
                    let flow = self.range(over, each, otherwise, dot)?;
                    self.variables.truncate(scope);
                    if flow != Flow::Next {
                        return Ok(flow);
                    }
                }
            }
        }
        Ok(Flow::Next)
    }

    fn range(&mut self, over: &Pipeline, each: &[Node], otherwise: &[Node], dot: &Data) -> Result<Flow> {
        let plain = self.commands(over, dot)?;
        let scope = self.variables.len();
        let elements: Vec<(Data, Data)> = match &plain {
            Data::Nil => Vec::new(),
            Data::Array(array) => {
                let elements = array.iter().enumerate();
                elements
                    .map(|(index, value)| {
                        Ok((Data::Int(i64::try_from(index).unwrap_or(i64::MAX)), Data::from_value(value)?))
                    })
                    .collect::<Result<_>>()?
            }
            Data::Object(object) => object
                .iter_sorted()
                .map(|(key, value)| Ok((Data::from_value(key)?, Data::from_value(value)?)))
                .collect::<Result<_>>()?,
            other => return failed(format!("template: range can't iterate over {}", other.go_type())),
        };
        if elements.is_empty() {
            return self.nodes(otherwise, dot);
        }
        for (key, element) in elements {
            self.step()?;
            match over.variables.as_slice() {
                [] => {}
                [one] => self.assign(over, one, element.clone())?,
                [first, second, ..] => {
                    self.assign(over, first, key)?;
                    self.assign(over, second, element.clone())?;
                }
            }
            let flow = self.nodes(each, &element)?;
            self.variables.truncate(scope);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::Next)
    }

    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Data) -> Result<Data> {
        let value = self.commands(pipeline, dot)?;
        if let Some(variable) = pipeline.variables.first() {
            self.assign(pipeline, variable, value.clone())?;
        }
        Ok(value)
    }

    fn assign(&mut self, pipeline: &Pipeline, name: &str, value: Data) -> Result<()> {
        if pipeline.declares {
            self.variables.push((Rc::from(name), value));
            return Ok(());
        }
        match self.variables.iter_mut().rev().find(|(known, _)| known.as_ref() == name) {
            Some((_, variable)) => *variable = value,
            None => return failed(format!("template: undefined variable \"${name}\"")),
        }
        Ok(())
    }

    fn commands(&mut self, pipeline: &Pipeline, dot: &Data) -> Result<Data> {
        let mut last = None;
        for command in &pipeline.commands {
            last = Some(self.command(command, last, dot)?);
        }
        Ok(last.unwrap_or(Data::Nil))
    }

    fn command(&mut self, command: &[Operand], last: Option<Data>, dot: &Data) -> Result<Data> {
        self.step()?;
        let Some((first, arguments)) = command.split_first() else {
            return failed("template: empty command");
        };
        let Operand::Function(name) = first else {
            if !arguments.is_empty() || last.is_some() {
                return failed("template: can't give argument to non-function");
            }
            return self.operand(first, dot);
        };
        // These two look no further than they must.
        if matches!(name.as_str(), "and" | "or") {
            let mut result = None;
            for argument in arguments {
                let value = self.operand(argument, dot)?;
                if value.is_true() == (name == "or") {
                    return Ok(value);
                }
                result = Some(value);
            }
            return match last.or(result) {
                Some(value) => Ok(value),
                None => failed(format!("template: wrong number of args for {name}")),
            };
        }
        let mut values =
            arguments.iter().map(|argument| self.operand(argument, dot)).collect::<Result<Vec<_>>>()?;
        values.extend(last);
        template_functions::call(name, &values)
    }

    fn operand(&mut self, operand: &Operand, dot: &Data) -> Result<Data> {
        self.step()?;
        Ok(match operand {
            Operand::Dot => dot.clone(),
            Operand::Nil => Data::Nil,
            Operand::Bool(flag) => Data::Bool(*flag),
            Operand::Int(int) => Data::Int(*int),
            Operand::Float(float) => Data::Float(*float),
            Operand::Text(text) => Data::Text(Rc::from(text.as_str())),
            Operand::Variable(name) => {
                match self.variables.iter().rev().find(|(known, _)| known.as_ref() == name.as_str()) {
                    Some((_, value)) => value.clone(),
                    None => return failed(format!("template: undefined variable \"${name}\"")),
                }
            }
            Operand::Function(name) => template_functions::call(name, &[])?,
            Operand::Pipeline(pipeline) => self.pipeline(pipeline, dot)?,
            Operand::Fields(operand, names) => {
                let mut value = self.operand(operand, dot)?;
                for name in names {
                    value = value.field(name)?;
                }
                value
            }
        })
    }
}
