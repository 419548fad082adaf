//! Base64, JSON, CSV, URLs, hashes and UUIDs.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::Digest as _;

use super::FunctionError;
use super::arguments::{any, string, text};
use crate::bake::Environment;
use crate::bake::value::{Number, Type, Value};

type Result<T = Value> = std::result::Result<T, FunctionError>;

pub(super) fn base64decode(arguments: &[Value], _: &Environment) -> Result {
    let bytes =
        STANDARD.decode(text(arguments, 0)).map_err(|error| format!("this is not base64: {error}"))?;
    string(String::from_utf8(bytes).map_err(|_| "what is decoded is not UTF-8")?)
}

pub(super) fn base64encode(arguments: &[Value], _: &Environment) -> Result {
    string(STANDARD.encode(text(arguments, 0)))
}

pub(super) fn bcrypt(_: &[Value], _: &Environment) -> Result {
    Err(FunctionError::Unresolved("its result is another one at every run".to_owned()))
}

pub(super) fn rsadecrypt(_: &[Value], _: &Environment) -> Result {
    Err(FunctionError::Unresolved("it is not supported".to_owned()))
}

/// Buffers of bytes, which no value in a bake file is.
pub(super) fn bytes(_: &[Value], _: &Environment) -> Result {
    Err("a buffer of bytes is required".into())
}

pub(super) fn md5(arguments: &[Value], _: &Environment) -> Result {
    string(HEXLOWER.encode(&md5::Md5::digest(text(arguments, 0))))
}

pub(super) fn sha1(arguments: &[Value], _: &Environment) -> Result {
    string(HEXLOWER.encode(&sha1::Sha1::digest(text(arguments, 0))))
}

pub(super) fn sha256(arguments: &[Value], _: &Environment) -> Result {
    string(HEXLOWER.encode(&sha2::Sha256::digest(text(arguments, 0))))
}

pub(super) fn sha512(arguments: &[Value], _: &Environment) -> Result {
    string(HEXLOWER.encode(&sha2::Sha512::digest(text(arguments, 0))))
}

pub(super) fn urlencode(arguments: &[Value], _: &Environment) -> Result {
    const ESCAPED: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b' ');
    string(utf8_percent_encode(text(arguments, 0), ESCAPED).to_string().replace(' ', "+"))
}

fn hyphenated(bytes: [u8; 16]) -> String {
    let text = HEXLOWER.encode(&bytes);
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

/// RFC 9562, section 4: the version in the high bits of byte 6, the variant in those of byte 8.
fn uuid(mut bytes: [u8; 16], version: u8) -> String {
    bytes[6] = (bytes[6] & 0x0f) | (version << 4);
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    hyphenated(bytes)
}

pub(super) fn uuidv4(_: &[Value], environment: &Environment) -> Result {
    string(uuid(environment.random_bytes(), 4))
}

pub(super) fn uuidv5(arguments: &[Value], _: &Environment) -> Result {
    // The namespaces of RFC 9562, section 6.6, differ in one digit.
    let well_known = |digit: u8| {
        let mut bytes = *b"\x6b\xa7\xb8\x10\x9d\xad\x11\xd1\x80\xb4\x00\xc0\x4f\xd4\x30\xc8";
        bytes[3] = digit;
        bytes
    };
    let namespace = match text(arguments, 0) {
        "dns" => well_known(0x10),
        "url" => well_known(0x11),
        "oid" => well_known(0x12),
        "x500" => well_known(0x14),
        given => {
            let hex: String = given.chars().filter(|one| *one != '-').collect();
            let bytes = HEXLOWER.decode(hex.to_lowercase().as_bytes()).ok();
            bytes
                .and_then(|bytes| bytes.try_into().ok())
                .ok_or("the namespace is no UUID, nor dns, url, oid or x500")?
        }
    };
    let digest = sha1::Sha1::digest([&namespace[..], text(arguments, 1).as_bytes()].concat());
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(byte, given)| *byte = given);
    string(uuid(bytes, 5))
}

pub(super) fn jsonencode(arguments: &[Value], _: &Environment) -> Result {
    string(to_json(&any(arguments, 0))?)
}

/// JSON as Go writes it: `<`, `>` and `&` in strings are escaped.
pub(super) fn to_json(value: &Value) -> Result<String> {
    let mut output = String::new();
    write_json(value, &mut output)?;
    Ok(output)
}

fn write_json(value: &Value, output: &mut String) -> Result<()> {
    match value {
        Value::Null(_) => output.push_str("null"),
        Value::Bool(value) => output.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => output.push_str(&number.to_string()),
        Value::String(text) => write_json_string(text, output)?,
        value => {
            if let Some(items) = value.items() {
                output.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        output.push(',');
                    }
                    write_json(item, output)?;
                }
                output.push(']');
            } else if let Some(entries) = value.entries() {
                output.push('{');
                for (index, (name, value)) in entries.iter().enumerate() {
                    if index > 0 {
                        output.push(',');
                    }
                    write_json_string(name, output)?;
                    output.push(':');
                    write_json(value, output)?;
                }
                output.push('}');
            }
        }
    }
    Ok(())
}

fn write_json_string(text: &str, output: &mut String) -> Result<()> {
    let escaped = serde_json::to_string(text)?;
    for one in escaped.chars() {
        match one {
            '<' => output.push_str("\\u003c"),
            '>' => output.push_str("\\u003e"),
            '&' => output.push_str("\\u0026"),
            '\u{2028}' => output.push_str("\\u2028"),
            '\u{2029}' => output.push_str("\\u2029"),
            other => output.push(other),
        }
    }
    Ok(())
}

pub(super) fn jsondecode(arguments: &[Value], _: &Environment) -> Result {
    from_json(text(arguments, 0))
}

/// The value of a JSON text: arrays are tuples, objects are objects.
pub(crate) fn from_json(text: &str) -> Result {
    let parsed: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("this is not JSON: {error}"))?;
    from_json_value(&parsed)
}

/// `serde_json` bounds how deep its values are.
fn from_json_value(value: &serde_json::Value) -> Result {
    Ok(match value {
        serde_json::Value::Null => Value::null(),
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => Value::Number(number.to_string().parse::<Number>()?),
        serde_json::Value::String(text) => Value::string(text),
        serde_json::Value::Array(items) => {
            Value::tuple(items.iter().map(from_json_value).collect::<Result<_>>()?)
        }
        serde_json::Value::Object(members) => {
            let entries =
                members.iter().map(|(name, value)| Ok((Arc::from(&**name), from_json_value(value)?)));
            Value::object(entries.collect::<Result<_>>()?)
        }
    })
}

/// Rows as objects by the first row's names (RFC 4180).
pub(super) fn csvdecode(arguments: &[Value], _: &Environment) -> Result {
    let mut rows = csv_rows(text(arguments, 0))?.into_iter();
    let names: Vec<Arc<str>> =
        rows.next().ok_or("there is no header line")?.into_iter().map(Arc::from).collect();
    let mut types = BTreeMap::new();
    for name in &names {
        if types.insert(Arc::clone(name), Type::String).is_some() {
            return Err(format!("column `{name}` is there twice").into());
        }
    }
    let mut objects = Vec::new();
    for row in rows {
        if row.len() != names.len() {
            return Err("a row has another number of fields than the header".into());
        }
        objects.push(Value::object(names.iter().cloned().zip(row.into_iter().map(Value::string)).collect()));
    }
    Ok(Value::list(Type::object(types), objects))
}

fn csv_rows(text: &str) -> Result<Vec<Vec<String>>> {
    let mut rows = Vec::new();
    let text = text.replace("\r\n", "\n");
    let mut rest = text.chars().peekable();
    while rest.peek().is_some() {
        if rest.next_if_eq(&'\n').is_some() {
            continue;
        }
        let mut row = Vec::new();
        loop {
            let mut field = String::new();
            if rest.next_if_eq(&'"').is_some() {
                loop {
                    match rest.next().ok_or("a quote is missing")? {
                        '"' if rest.next_if_eq(&'"').is_some() => field.push('"'),
                        '"' => break,
                        other => field.push(other),
                    }
                }
            } else {
                while let Some(next) = rest.next_if(|next| *next != ',' && *next != '\n') {
                    if next == '"' {
                        return Err("a quote stands in the middle of a field".into());
                    }
                    field.push(next);
                }
            }
            row.push(field);
            match rest.next() {
                Some(',') => {}
                None | Some('\n') => break,
                Some(_) => return Err("something follows a quoted field".into()),
            }
        }
        rows.push(row);
    }
    Ok(rows)
}
