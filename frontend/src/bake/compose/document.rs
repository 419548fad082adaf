//! YAML documents as JSON values, with the paths that `!reset` and `!override` mark.

use std::cell::RefCell;
use std::fmt;

use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde_json::{Map, Number, Value};

use super::legacy;
use crate::bake::error::{BakeError, Position};

/// How many values a document may have, and bytes in its strings, those that aliases repeat included.
const MAX_VALUES: usize = 100_000;
const MAX_BYTES: usize = 16 * 1024 * 1024;
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
        let reader = RefCell::new(Reader::new(text, at));
        let value = Seed(&reader).deserialize(document);
        let reader = reader.into_inner();
        if let Some(error) = reader.failure {
            return Err(error);
        }
        let value = value.map_err(|error| {
            let (line, column) = error.location().map_or((0, 0), |place| (place.line(), place.column()));
            BakeError::invalid(&Position { line, column, ..at.clone() }, format!("this is not YAML: {error}"))
        })?;
        match value {
            Some(Value::Object(value)) => documents.push(Document { value, resets: reader.resets }),
            _ => return Err(BakeError::invalid(at, "a Compose file must be a mapping")),
        }
    }
    Ok(documents)
}

/// What is known while a document is read: limits are held while values come in, not when all are there.
struct Reader<'a> {
    text: &'a str,
    at: &'a Position,
    resets: Vec<Vec<String>>,
    path: Vec<String>,
    values: usize,
    bytes: usize,
    /// The error that the YAML library's error stands for.
    failure: Option<BakeError>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, at: &'a Position) -> Self {
        Self { text, at, resets: Vec::new(), path: Vec::new(), values: 0, bytes: 0, failure: None }
    }

    fn count(&mut self, bytes: usize) -> Result<(), String> {
        self.values += 1;
        self.bytes += bytes;
        if self.values > MAX_VALUES || self.bytes > MAX_BYTES || self.path.len() > MAX_DEPTH {
            let limits = format!("{MAX_VALUES} values, {MAX_BYTES} bytes in strings, or {MAX_DEPTH} levels");
            return self.fail(BakeError::unresolved(
                self.at,
                "the file",
                format!("it has more than {limits}"),
            ));
        }
        Ok(())
    }

    fn fail<T>(&mut self, error: BakeError) -> Result<T, String> {
        let message = error.to_string();
        self.failure = Some(error);
        Err(message)
    }
}

/// Reads a value; `None` is what `!reset` takes away.
#[derive(Clone, Copy)]
struct Seed<'a, 'b>(&'a RefCell<Reader<'b>>);

impl Seed<'_, '_> {
    fn scalar<E: de::Error>(self, bytes: usize, value: Value) -> Result<Option<Value>, E> {
        self.0.borrow_mut().count(bytes).map_err(E::custom)?;
        Ok(Some(value))
    }

    /// Reads a value that lies under `name`.
    fn within<T, E>(self, name: String, read: impl FnOnce(Self) -> Result<T, E>) -> Result<T, E> {
        self.0.borrow_mut().path.push(name);
        let result = read(self);
        self.0.borrow_mut().path.pop();
        result
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_, '_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_, '_> {
    type Value = Option<Value>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        self.scalar(0, Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        self.scalar(0, Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Self::Value, E> {
        self.scalar(0, Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        self.scalar(0, value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        self.scalar(0, value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
        let number = Number::from_f64(value).map_or_else(|| Value::String(value.to_string()), Value::Number);
        self.scalar(0, number)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        let mut reader = self.0.borrow_mut();
        reader.count(text.len()).map_err(E::custom)?;
        match legacy::read(text, reader.text, reader.at) {
            Ok(value) => Ok(Some(value)),
            Err(error) => reader.fail(error).map_err(E::custom),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        self.0.borrow_mut().count(0).map_err(de::Error::custom)?;
        let mut items = Vec::new();
        for index in 0usize.. {
            match self.within(index.to_string(), |seed| sequence.next_element_seed(seed))? {
                Some(item) => items.extend(item),
                None => break,
            }
        }
        Ok(Some(Value::Array(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<Self::Value, A::Error> {
        self.0.borrow_mut().count(0).map_err(de::Error::custom)?;
        let mut entries = Map::new();
        let mut merged = Vec::new();
        while let Some(key) = mapping.next_key_seed(self)? {
            let name = match key {
                Some(Value::String(name)) => name,
                Some(Value::Number(number)) => number.to_string(),
                Some(Value::Bool(value)) => value.to_string(),
                _ => return Err(de::Error::custom("the keys of mappings must be strings")),
            };
            let value = self.within(name.clone(), |seed| mapping.next_value_seed(seed))?;
            match value {
                Some(Value::Object(base)) if name == "<<" => merged.push(base),
                Some(Value::Array(bases)) if name == "<<" => {
                    for base in bases {
                        let Value::Object(base) = base else {
                            return Err(de::Error::custom("only mappings can be merged by `<<`"));
                        };
                        merged.push(base);
                    }
                }
                Some(_) if name == "<<" => {
                    return Err(de::Error::custom("only mappings can be merged by `<<`"));
                }
                Some(_) if entries.contains_key(&name) => {
                    return Err(de::Error::custom(format!("the key `{name}` is there twice")));
                }
                Some(value) => {
                    entries.insert(name, value);
                }
                None => {}
            }
        }
        // What the mapping says itself comes first, then the first of those that are merged.
        for (name, value) in merged.into_iter().flatten() {
            entries.entry(name).or_insert(value);
        }
        Ok(Some(Value::Object(entries)))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Self::Value, A::Error> {
        let (tag, content): (String, _) = tagged.variant()?;
        let tag = tag.trim_start_matches('!').to_owned();
        if tag == "reset" || tag == "override" {
            let mut reader = self.0.borrow_mut();
            let path = reader.path.clone();
            reader.resets.push(path);
        }
        let value = content.newtype_variant_seed(self)?;
        Ok(if tag == "reset" { None } else { value })
    }
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
