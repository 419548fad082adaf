//! `yaml.unmarshal` and `yaml.is_valid`: YAML 1.1 as Go's `sigs.k8s.io/yaml` makes JSON of it.

use std::cell::Cell;

use regorus::Value;
use regorus::value::{Array, Object};
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use yaml_serde::Deserializer;

use super::operands::{check_collection, failed, string};
use super::{BuiltinError, MAX_COLLECTION, Result, format_float, json, time_layout};

/// Bytes of a text times the brackets that are open in it: the parser's work grows with both, a second or so.
const MAX_WORK: usize = 1_000_000_000;
/// Bytes that a tag may have to be noticed; `!<tag:yaml.org,2002:str>` has 25.
const MAX_TAG: usize = 256;

/// `yaml.unmarshal`
pub(super) fn unmarshal(args: &[Value]) -> Result {
    parse(string(&args[0], 1)?)
}

/// `yaml.is_valid`
pub(super) fn is_valid(args: &[Value]) -> Result {
    match &args[0] {
        Value::String(text) => match parse(text) {
            Ok(_) => Ok(Value::from(true)),
            Err(BuiltinError::Failed(_)) => Ok(Value::from(false)),
            Err(limit) => Err(limit),
        },
        _ => Ok(Value::from(false)),
    }
}

/// The first document of `text`.
fn parse(text: &str) -> Result {
    check_work(text)?;
    let empty = text.lines().map(str::trim_start).all(|line| line.is_empty() || line.starts_with('#'));
    let document = if empty { None } else { Deserializer::from_str(text).next() };
    let Some(document) = document else { return Ok(Value::Null) };
    let elements = Cell::new(0);
    let result = Reader { text, elements: &elements, key: false }.deserialize(document);
    check_collection(elements.get())?;
    match result {
        Ok(value) => Ok(value),
        Err(error) => failed(format!("yaml: {error}")),
    }
}

/// Refuses brackets in brackets without end.
fn check_work(text: &str) -> std::result::Result<(), BuiltinError> {
    let (mut open, mut most) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    if text.len().saturating_mul(most) > MAX_WORK {
        let message =
            format!("a document of {} bytes with {most} open brackets exceeds the limit", text.len());
        return Err(BuiltinError::Limit(message));
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    text: &'a str,
    elements: &'a Cell<usize>,
    /// Whether a key is read.
    key: bool,
}

impl Reader<'_> {
    /// Whether `part`, which is a part of the text, stands there without quotes and without a tag.
    fn is_plain(&self, part: &str) -> bool {
        let offset = (part.as_ptr() as usize).wrapping_sub(self.text.as_ptr() as usize);
        let Some(before) = self.text.get(..offset) else { return false };
        let before_blanks = before.trim_end_matches([' ', '\t']);
        // A text of one long line would be searched to its begin for each scalar.
        let near = before_blanks.floor_char_boundary(before_blanks.len().saturating_sub(MAX_TAG));
        let tagged = before_blanks[near..].rsplit(char::is_whitespace).next();
        !before.ends_with(['"', '\'']) && !tagged.is_some_and(|word| word.starts_with('!'))
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> std::result::Result<Value, D::Error> {
        self.elements.set(self.elements.get() + 1);
        if self.elements.get() > MAX_COLLECTION {
            return Err(D::Error::custom("too many elements"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_unit<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> std::result::Result<Value, E> {
        Ok(Value::from(flag))
    }

    fn visit_u64<E>(self, int: u64) -> std::result::Result<Value, E> {
        Ok(Value::from(int))
    }

    fn visit_i64<E>(self, int: i64) -> std::result::Result<Value, E> {
        Ok(Value::from(int))
    }

    fn visit_u128<E>(self, int: u128) -> std::result::Result<Value, E> {
        Ok(Value::from(int))
    }

    fn visit_i128<E>(self, int: i128) -> std::result::Result<Value, E> {
        Ok(Value::from(int))
    }

    fn visit_f64<E: Error>(self, float: f64) -> std::result::Result<Value, E> {
        if !float.is_finite() {
            return Err(E::custom("infinity and NaN are no numbers of JSON"));
        }
        Ok(Value::from(float))
    }

    fn visit_str<E>(self, text: &str) -> std::result::Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> std::result::Result<Value, E> {
        if !self.is_plain(text) {
            return Ok(Value::from(text));
        }
        // A merge key is told from the text by null, which is no key.
        if self.key && text == "<<" {
            return Ok(Value::Null);
        }
        Ok(plain_scalar(text).unwrap_or_else(|| Value::from(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Value, A::Error> {
        let mut array = Array::new();
        while let Some(element) = seq.next_element_seed(Self { key: false, ..self })? {
            array.push(element);
        }
        Ok(array.into_value())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Value, A::Error> {
        let mut object = Object::new();
        while let Some(key) = map.next_key_seed(Self { key: true, ..self })? {
            let value = map.next_value_seed(Self { key: false, ..self })?;
            match (&key, value) {
                (Value::String(_), value) => _ = object.insert(key, value),
                (Value::Bool(_), value) => {
                    let key = json::to_json(&key).map_err(A::Error::custom)?;
                    object.insert(Value::from(key), value);
                }
                (Value::Number(number), value) => {
                    let text = match (number.is_integer(), number.as_f64()) {
                        (false, Some(float)) => format_float::format(float, 'g', None, false),
                        _ => number.format_decimal(),
                    };
                    object.insert(Value::from(text), value);
                }
                (Value::Null, Value::Object(merged)) => merge(&mut object, &merged),
                (Value::Null, Value::Array(all)) => {
                    for merged in all.iter().rev() {
                        let Value::Object(merged) = merged else {
                            return Err(A::Error::custom(
                                "map merge requires map or sequence of maps as the value",
                            ));
                        };
                        merge(&mut object, merged);
                    }
                }
                _ => return Err(A::Error::custom("unsupported map key")),
            }
        }
        Ok(object.into_value())
    }
}

fn merge(object: &mut Object, merged: &Object) {
    for (key, value) in merged.iter() {
        object.insert(key.clone(), value.clone());
    }
}

/// What YAML 1.1 makes of a scalar without quotes, where YAML 1.2 leaves it a string.
pub(super) fn plain_scalar(text: &str) -> Option<Value> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Some(Value::from(true)),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Some(Value::from(false)),
        _ => {}
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-')) {
        return None;
    }
    timestamp(text).or_else(|| number(text))
}

/// A date or a time, in RFC 3339.
fn timestamp(text: &str) -> Option<Value> {
    const LAYOUTS: [&str; 4] = [
        "2006-1-2T15:4:5.999999999Z07:00",
        "2006-1-2t15:4:5.999999999Z07:00",
        "2006-1-2 15:4:5.999999999",
        "2006-1-2",
    ];
    if text.find(|c: char| !c.is_ascii_digit()) != Some(4) || text.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    let nanos = LAYOUTS.iter().find_map(|layout| time_layout::parse(layout, text).ok())?;
    // With an offset from UTC it is kept as it is written.
    if text[10.min(text.len())..].contains(['+', '-']) {
        return Some(Value::from(text));
    }
    super::time::format(&[nanos]).ok()
}

/// Integers with underscores and with prefixes, and floats with underscores.
fn number(text: &str) -> Option<Value> {
    let text = text.replace('_', "");
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(&text);
    let (digits, radix) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&unsigned[2..], 16),
        [b'0', b'o' | b'O', ..] => (&unsigned[2..], 8),
        [b'0', b'b' | b'B', ..] => (&unsigned[2..], 2),
        [b'0', _, ..] => (&unsigned[1..], 8),
        _ => (unsigned, 10),
    };
    if digits.starts_with(|first: char| first.is_ascii_alphanumeric())
        && let Ok(magnitude) = u64::from_str_radix(digits, radix)
    {
        return match (text.starts_with('-'), i128::from(magnitude)) {
            (false, int) => Some(Value::from(int)),
            (true, int) if int <= 1 << 63 => Some(Value::from(-int)),
            _ => None,
        };
    }
    let float = super::arithmetic::parse_number(&text)?;
    text.ends_with(|last: char| last.is_ascii_digit() || last == '.').then_some(float)
}

#[cfg(test)]
mod tests {
    use regorus::Value;

    use super::{BuiltinError, parse};

    #[test]
    fn work_grows_with_the_text() {
        // Looking back to the begin for each element would take minutes.
        let many = format!("a: [{}x]", "x,".repeat(100_000));
        assert!(parse(&many).is_ok());
        let deep = "{a: ".repeat(100_000);
        assert!(matches!(parse(&deep), Err(BuiltinError::Limit(message)) if message.contains("100000 open")));
    }

    #[test]
    fn tags_are_noticed_behind_blanks_and_long_lines() {
        for text in ["a: !!str 1", "a: !!str     1", &format!("b: [{}]\na: !!str 1", "é,".repeat(1_000))] {
            let Ok(value) = parse(text) else { panic!("{text}") };
            assert_eq!(value["a"], Value::from("1"), "{text}");
        }
        assert!(parse("a: [ß, !!str 1, 1]").is_ok_and(|value| value["a"][2] == Value::from(1)));
    }
}
