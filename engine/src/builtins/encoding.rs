//! Base64, hexadecimal and URL encodings, with Go's strictness.

use std::collections::BTreeMap;

use regorus::Value;
use regorus::value::Object;

use super::operands::{check_collection, check_string, failed, object, string, strings};
use super::{BuiltinError, Result};

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Bytes as a string; what is not UTF-8 becomes the replacement character, as Go's strings do in JSON.
fn text(bytes: &[u8]) -> Value {
    Value::from(String::from_utf8_lossy(bytes).as_ref())
}

/// `base64.encode`
pub(super) fn base64_encode(args: &[Value]) -> Result {
    base64(string(&args[0], 1)?, STANDARD, true)
}

/// `base64url.encode`
pub(super) fn base64url_encode(args: &[Value]) -> Result {
    base64(string(&args[0], 1)?, URL, true)
}

/// `base64url.encode_no_pad`
pub(super) fn base64url_encode_no_pad(args: &[Value]) -> Result {
    base64(string(&args[0], 1)?, URL, false)
}

fn base64(plain: &str, alphabet: &[u8; 64], padded: bool) -> Result {
    check_string(plain.len().div_ceil(3).saturating_mul(4))?;
    let mut out = String::with_capacity(plain.len().div_ceil(3) * 4);
    for group in plain.as_bytes().chunks(3) {
        let bits =
            group.iter().enumerate().fold(0u32, |bits, (i, byte)| bits | u32::from(*byte) << (16 - 8 * i));
        for digit in 0..4 {
            let index = usize::try_from(bits >> (18 - 6 * digit) & 63).unwrap_or(0);
            if digit <= group.len() {
                out.push(char::from(alphabet[index]));
            } else if padded {
                out.push('=');
            }
        }
    }
    Ok(Value::from(out))
}

/// `base64.decode`
pub(super) fn base64_decode(args: &[Value]) -> Result {
    Ok(text(&base64_bytes(string(&args[0], 1)?, STANDARD)?))
}

/// `base64.is_valid`
pub(super) fn base64_is_valid(args: &[Value]) -> Result {
    let valid = matches!(&args[0], Value::String(text) if base64_bytes(text, STANDARD).is_ok());
    Ok(Value::from(valid))
}

/// `base64url.decode`
/// with padding or without
pub(super) fn base64url_decode(args: &[Value]) -> Result {
    let encoded = string(&args[0], 1)?;
    let padding = match encoded.len() % 4 {
        _ if encoded.ends_with('=') => "",
        0 => "",
        2 => "==",
        3 => "=",
        _ => return failed(format!("illegal base64url string: {encoded}")),
    };
    Ok(text(&base64_bytes(&format!("{encoded}{padding}"), URL)?))
}

/// Decodes padded base64; line breaks are passed over.
fn base64_bytes(encoded: &str, alphabet: &[u8; 64]) -> Result<Vec<u8>> {
    let corrupt = |offset: usize| BuiltinError::Failed(format!("illegal base64 data at input byte {offset}"));
    let mut reverse = [u8::MAX; 256];
    for (digit, byte) in (0u8..).zip(alphabet) {
        reverse[usize::from(*byte)] = digit;
    }
    let mut bytes = Vec::with_capacity(encoded.len() / 4 * 3);
    let (mut bits, mut digits, mut padding) = (0u32, 0u32, 0u32);
    for (offset, byte) in encoded.bytes().enumerate() {
        match byte {
            b'\r' | b'\n' => {}
            b'=' if digits % 4 >= 2 || padding > 0 => {
                padding += 1;
                if digits % 4 + padding > 4 {
                    return Err(corrupt(offset));
                }
            }
            byte => {
                let digit = reverse[usize::from(byte)];
                if digit == u8::MAX || padding > 0 {
                    return Err(corrupt(offset));
                }
                bits = bits << 6 | u32::from(digit);
                digits += 1;
                if digits % 4 == 0 {
                    bytes.extend_from_slice(&bits.to_be_bytes()[1..]);
                }
            }
        }
    }
    match (digits % 4, padding) {
        (0, 0) => {}
        (2, 2) => bytes.push((bits >> 4 & 0xff) as u8),
        (3, 1) => bytes.extend_from_slice(&((bits >> 2 & 0xffff) as u16).to_be_bytes()),
        _ => return Err(corrupt(encoded.len())),
    }
    Ok(bytes)
}

/// `hex.encode`
pub(super) fn hex_encode(args: &[Value]) -> Result {
    let plain = string(&args[0], 1)?;
    check_string(plain.len().saturating_mul(2))?;
    let mut out = String::with_capacity(plain.len() * 2);
    for byte in plain.bytes() {
        out.push_str(&format!("{byte:02x}"));
    }
    Ok(Value::from(out))
}

/// `hex.decode`
pub(super) fn hex_decode(args: &[Value]) -> Result {
    let encoded = string(&args[0], 1)?;
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Vec::with_capacity(encoded.len() / 2);
    for pair in encoded.as_bytes().chunks(2) {
        match pair {
            [high, low] => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => bytes.push(high << 4 | low),
                _ => return failed("encoding/hex: invalid byte in the hexadecimal string"),
            },
            _ => return failed("encoding/hex: odd length hex string"),
        }
    }
    Ok(text(&bytes))
}

/// Appends `plain` as it stands in a query.
pub(super) fn query_escape(out: &mut String, plain: &str) {
    for byte in plain.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
}

fn query_unescape(encoded: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = after.first_chunk().and_then(|pair: &[u8; 2]| std::str::from_utf8(pair).ok());
                let byte = digits
                    .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok());
                let Some(byte) = byte else { return failed("invalid URL escape") };
                bytes.push(byte);
                rest = &after[2..];
            }
            other => bytes.push(*other),
        }
    }
    Ok(bytes)
}

/// `urlquery.encode`
pub(super) fn urlquery_encode(args: &[Value]) -> Result {
    let plain = string(&args[0], 1)?;
    check_string(plain.len().saturating_mul(3))?;
    let mut out = String::new();
    query_escape(&mut out, plain);
    Ok(Value::from(out))
}

/// `urlquery.decode`
pub(super) fn urlquery_decode(args: &[Value]) -> Result {
    Ok(text(&query_unescape(string(&args[0], 1)?)?))
}

/// `urlquery.encode_object`
pub(super) fn urlquery_encode_object(args: &[Value]) -> Result {
    let mut sorted = BTreeMap::new();
    for (key, value) in object(&args[0], 1)?.iter() {
        let values = match value {
            Value::String(text) => vec![text.as_ref()],
            Value::Array(_) | Value::Set(_) => strings(value, 1).or_else(|_| wrong_query())?,
            _ => return wrong_query(),
        };
        sorted.insert(super::json::key_text(key)?, values);
    }
    let mut out = String::new();
    for (key, values) in sorted {
        for value in values {
            if !out.is_empty() {
                out.push('&');
            }
            query_escape(&mut out, &key);
            out.push('=');
            query_escape(&mut out, value);
            check_string(out.len())?;
        }
    }
    Ok(Value::from(out))
}

fn wrong_query<T>() -> Result<T> {
    failed("operand 1 values must be string, array[string], or set[string]")
}

/// `urlquery.decode_object`
pub(super) fn urlquery_decode_object(args: &[Value]) -> Result {
    let query = string(&args[0], 1)?;
    let mut decoded: BTreeMap<Value, Vec<Value>> = BTreeMap::new();
    check_collection(query.matches('&').count())?;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        if pair.contains(';') {
            return failed("invalid semicolon separator in query");
        }
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (key, value) = (text(&query_unescape(key)?), text(&query_unescape(value)?));
        decoded.entry(key).or_default().push(value);
    }
    let mut object = Object::new();
    for (key, values) in decoded {
        object.insert(key, Value::from(values));
    }
    Ok(object.into_value())
}
