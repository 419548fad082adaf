//! YAML documents as JSON values, with the paths that `!reset` and `!override` mark.

use serde::Deserialize as _;
use serde_json::{Map, Number, Value};

use super::legacy;
use crate::bake::error::{BakeError, Position};

/// How many values a document may have, those that aliases repeat included.
const MAX_VALUES: usize = 100_000;
/// How deep they may nest.
const MAX_DEPTH: usize = 100;

/// One YAML document.
pub(super) struct Document {
    pub(super) value: Map<String, Value>,
    /// What the documents before lose before this one is laid over them.
    pub(super) resets: Vec<Vec<String>>,
}

/// The documents of a file.
pub(super) fn parse(text: &str, at: &Position) -> Result<Vec<Document>, BakeError> {
    let mut documents = Vec::new();
    for document in yaml_serde::Deserializer::from_str(text) {
        let value = yaml_serde::Value::deserialize(document);
        let mut value = value.map_err(|error| {
            let (line, column) = error.location().map_or((0, 0), |place| (place.line(), place.column()));
            BakeError::invalid(&Position { line, column, ..at.clone() }, format!("this is not YAML: {error}"))
        })?;
        value
            .apply_merge()
            .map_err(|error| BakeError::invalid(at, format!("a merge key is wrong: {error}")))?;
        let mut converter = Converter { at, text, resets: Vec::new(), path: Vec::new(), count: 0 };
        match converter.convert(value)? {
            Some(Value::Object(value)) => documents.push(Document { value, resets: converter.resets }),
            _ => return Err(BakeError::invalid(at, "a Compose file must be a mapping")),
        }
    }
    Ok(documents)
}

struct Converter<'a> {
    at: &'a Position,
    text: &'a str,
    resets: Vec<Vec<String>>,
    path: Vec<String>,
    count: usize,
}

impl Converter<'_> {
    /// `None` for what `!reset` takes away.
    fn convert(&mut self, value: yaml_serde::Value) -> Result<Option<Value>, BakeError> {
        self.count += 1;
        if self.count > MAX_VALUES || self.path.len() > MAX_DEPTH {
            let reason =
                format!("it has more than {MAX_VALUES} values, or nests them more than {MAX_DEPTH} deep");
            return Err(BakeError::unresolved(self.at, "the file", reason));
        }
        Ok(Some(match value {
            yaml_serde::Value::Null => Value::Null,
            yaml_serde::Value::Bool(value) => Value::Bool(value),
            yaml_serde::Value::Number(number) => number_value(&number),
            yaml_serde::Value::String(text) => legacy::read(text, self.text, self.at)?,
            yaml_serde::Value::Sequence(items) => {
                let mut converted = Vec::new();
                for (index, item) in items.into_iter().enumerate() {
                    self.path.push(index.to_string());
                    converted.extend(self.convert(item)?);
                    self.path.pop();
                }
                Value::Array(converted)
            }
            yaml_serde::Value::Mapping(entries) => {
                let mut converted = Map::new();
                for (key, value) in entries {
                    let name = match key {
                        yaml_serde::Value::String(name) => name,
                        yaml_serde::Value::Number(number) => number.to_string(),
                        yaml_serde::Value::Bool(value) => value.to_string(),
                        _ => return Err(BakeError::invalid(self.at, "the keys of mappings must be strings")),
                    };
                    self.path.push(name.clone());
                    if let Some(value) = self.convert(value)? {
                        converted.insert(name, value);
                    }
                    self.path.pop();
                }
                Value::Object(converted)
            }
            yaml_serde::Value::Tagged(tagged) => {
                if tagged.tag == "!reset" {
                    self.resets.push(self.path.clone());
                    return Ok(None);
                }
                if tagged.tag == "!override" {
                    self.resets.push(self.path.clone());
                }
                return self.convert(tagged.value);
            }
        }))
    }
}

fn number_value(number: &yaml_serde::Number) -> Value {
    if let Some(number) = number.as_i64() {
        return number.into();
    }
    if let Some(number) = number.as_u64() {
        return number.into();
    }
    number
        .as_f64()
        .and_then(Number::from_f64)
        .map_or_else(|| Value::String(number.to_string()), Value::Number)
}

/// Takes away what lies at these paths.
pub(super) fn reset(model: &mut Map<String, Value>, paths: &[Vec<String>]) {
    for path in paths {
        let Some((last, parents)) = path.split_last() else { continue };
        let mut current = Some(&mut *model);
        for parent in parents {
            current = current.and_then(|map| map.get_mut(parent)).and_then(Value::as_object_mut);
        }
        if let Some(map) = current {
            map.shift_remove(last);
        }
    }
}

/// A scalar as Compose makes a string of it.
pub(super) fn scalar(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => float_text(float),
            _ => number.to_string(),
        },
        value => value.to_string(),
    }
}

/// The shortest decimal; with an exponent below 1e-4 and from 1e6.
fn float_text(float: f64) -> String {
    let scientific = format!("{float:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return float.to_string();
    }
    format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}
