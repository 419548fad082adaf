//! The values and the functions of templates.

use std::cmp::Ordering;
use std::rc::Rc;

use regorus::Value;
use regorus::value::{Array, Object};

use super::operands::{check_string, failed};
use super::sprintf::{self, Arg};
use super::{Result, encoding, format_float, term};

/// A value in a template, by its Go type.
#[derive(Debug, Clone)]
pub(super) enum Data {
    /// Null, or nothing at all.
    Nil,
    Bool(bool),
    /// A number that the template itself has.
    Int(i64),
    Float(f64),
    Text(Rc<str>),
    /// A number of the data: its text, which is what Go's `json.Number` is.
    Number(Rc<str>),
    Array(regorus::Rc<Array>),
    Object(regorus::Rc<Object>),
}

impl Data {
    /// A value of the data. Sets are none, as they are no JSON.
    pub(super) fn from_value(value: &Value) -> Result<Self> {
        Ok(match value {
            Value::Null | Value::Undefined => Self::Nil,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Number(_) => Self::Number(Rc::from(term::number_text(value))),
            Value::String(text) => Self::Text(Rc::from(text.as_ref())),
            Value::Array(array) => Self::Array(array.clone()),
            Value::Object(object) if object.keys().all(|key| matches!(key, Value::String(_))) => {
                Self::Object(object.clone())
            }
            Value::Object(_) | Value::Set(_) => {
                return failed("the variables of a template must be JSON: no sets, and only strings as keys");
            }
        })
    }

    pub(super) fn go_type(&self) -> &'static str {
        match self {
            Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::Number(_) => "json.Number",
            Self::Array(_) => "[]interface {}",
            Self::Object(_) => "map[string]interface {}",
        }
    }

    /// Whether it is neither zero nor empty.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(flag) => *flag,
            Self::Int(int) => *int != 0,
            Self::Float(float) => *float != 0.0,
            Self::Text(text) | Self::Number(text) => !text.is_empty(),
            Self::Array(array) => !array.is_empty(),
            Self::Object(object) => !object.is_empty(),
        }
    }

    /// The field `name` of an object.
    pub(super) fn field(&self, name: &str) -> Result<Self> {
        match self {
            Self::Nil => Ok(Self::Nil),
            Self::Object(object) => object.get(&Value::from(name)).map_or(Ok(Self::Nil), Self::from_value),
            other => failed(format!("template: can't evaluate field {name} in type {}", other.go_type())),
        }
    }
}

/// A value as an action prints it.
pub(super) fn shown(value: &Data) -> Result<String> {
    match value {
        Data::Nil => Ok(String::from("<no value>")),
        other => plain(other),
    }
}

/// A value as Go's `%v` prints it.
fn plain(value: &Data) -> Result<String> {
    Ok(match value {
        Data::Nil => String::from("<nil>"),
        Data::Bool(flag) => flag.to_string(),
        Data::Int(int) => int.to_string(),
        Data::Float(float) => format_float::format(*float, 'g', None, false),
        Data::Text(text) | Data::Number(text) => text.to_string(),
        Data::Array(array) => {
            let mut out = String::from("[");
            for (index, element) in array.iter().enumerate() {
                if index > 0 {
                    out.push(' ');
                }
                out.push_str(&plain(&Data::from_value(element)?)?);
                check_string(out.len())?;
            }
            out + "]"
        }
        Data::Object(object) => {
            let mut out = String::from("map[");
            for (index, (key, element)) in object.iter_sorted().enumerate() {
                if index > 0 {
                    out.push(' ');
                }
                out.push_str(&plain(&Data::from_value(key)?)?);
                out.push(':');
                out.push_str(&plain(&Data::from_value(element)?)?);
                check_string(out.len())?;
            }
            out + "]"
        }
    })
}

/// Calls a function of the template language.
pub(super) fn call(name: &str, args: &[Data]) -> Result<Data> {
    let text = |text: String| {
        check_string(text.len())?;
        Ok(Data::Text(Rc::from(text)))
    };
    match (name, args) {
        ("not", [value]) => Ok(Data::Bool(!value.is_true())),
        ("len", [value]) => length(value),
        ("index", [value, keys @ ..]) => keys.iter().try_fold(value.clone(), |value, key| index(&value, key)),
        ("print", args) => text(print(args, false)?),
        ("println", args) => text(print(args, true)?),
        ("printf", [Data::Text(format), args @ ..]) => {
            let args: Vec<Arg<'_>> = args.iter().map(argument).collect::<Result<_>>()?;
            text(sprintf::format_all(format, &args)?)
        }
        ("html", args) => text(html(&print(args, false)?)),
        ("urlquery", args) => {
            let mut out = String::new();
            encoding::query_escape(&mut out, &print(args, false)?);
            text(out)
        }
        ("eq", [first, others @ ..]) if !others.is_empty() => {
            for other in others {
                if equal(first, other)? {
                    return Ok(Data::Bool(true));
                }
            }
            Ok(Data::Bool(false))
        }
        ("ne", [left, right]) => Ok(Data::Bool(!equal(left, right)?)),
        ("lt", [left, right]) => Ok(Data::Bool(order(left, right)?.is_lt())),
        ("le", [left, right]) => Ok(Data::Bool(order(left, right)?.is_le())),
        ("gt", [left, right]) => Ok(Data::Bool(order(left, right)?.is_gt())),
        ("ge", [left, right]) => Ok(Data::Bool(order(left, right)?.is_ge())),
        _ => failed(format!("template: no function {name} for {} arguments of these types", args.len())),
    }
}

fn length(value: &Data) -> Result<Data> {
    let length = match value {
        Data::Text(text) | Data::Number(text) => text.len(),
        Data::Array(array) => array.len(),
        Data::Object(object) => object.len(),
        other => return failed(format!("template: len of type {}", other.go_type())),
    };
    Ok(Data::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

fn index(value: &Data, key: &Data) -> Result<Data> {
    match (value, key) {
        (Data::Array(array), Data::Int(index)) => {
            match usize::try_from(*index).ok().and_then(|index| array.get(index)) {
                Some(element) => Data::from_value(element),
                None => failed(format!("template: index out of range: {index}")),
            }
        }
        (Data::Object(_), Data::Text(key)) => value.field(key),
        (Data::Text(text), Data::Int(index)) => {
            match usize::try_from(*index).ok().and_then(|index| text.as_bytes().get(index)) {
                Some(byte) => Ok(Data::Int(i64::from(*byte))),
                None => failed(format!("template: index out of range: {index}")),
            }
        }
        (value, key) => failed(format!("template: can't index {} with {}", value.go_type(), key.go_type())),
    }
}

/// Go's `Sprint`: a blank between two that are no strings; `Sprintln`: between all, and a line break.
fn print(args: &[Data], lines: bool) -> Result<String> {
    let is_text = |arg: &Data| matches!(arg, Data::Text(_) | Data::Number(_));
    let mut out = String::new();
    for (position, arg) in args.iter().enumerate() {
        if position > 0 && (lines || !(is_text(&args[position - 1]) || is_text(arg))) {
            out.push(' ');
        }
        out.push_str(&plain(arg)?);
        check_string(out.len())?;
    }
    if lines {
        out.push('\n');
    }
    Ok(out)
}

fn argument(value: &Data) -> Result<Arg<'_>> {
    Ok(match value {
        Data::Int(int) => Arg::Int(*int),
        Data::Float(float) => Arg::Float(*float),
        Data::Bool(flag) => Arg::Bool(*flag),
        other => Arg::Text(plain(other)?.into()),
    })
}

fn html(plain: &str) -> String {
    let mut out = String::with_capacity(plain.len());
    for character in plain.chars() {
        match character {
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\0' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

fn equal(left: &Data, right: &Data) -> Result<bool> {
    match (left, right) {
        (Data::Nil, other) | (other, Data::Nil) => Ok(matches!(other, Data::Nil)),
        (Data::Bool(left), Data::Bool(right)) => Ok(left == right),
        (left, right) => Ok(order(left, right)?.is_eq()),
    }
}

fn order(left: &Data, right: &Data) -> Result<Ordering> {
    match (left, right) {
        (Data::Int(left), Data::Int(right)) => Ok(left.cmp(right)),
        (Data::Float(left), Data::Float(right)) => Ok(left.total_cmp(right)),
        (Data::Text(left) | Data::Number(left), Data::Text(right) | Data::Number(right)) => {
            Ok(left.cmp(right))
        }
        (left, right) => failed(format!(
            "template: incompatible types for comparison: {} and {}",
            left.go_type(),
            right.go_type()
        )),
    }
}
