//! `semver.*` and `uuid.parse`.

use std::cmp::Ordering;

use regorus::Value;
use regorus::value::Object;

use super::Result;
use super::operands::{failed, string};

struct Version<'a> {
    numbers: [i64; 3],
    pre_release: &'a str,
}

/// Reads a version as OPA does: with a `v` in front or without, and with signs and leading zeros.
fn version(text: &str) -> Option<Version<'_>> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (text, metadata) = text.split_once('+').unwrap_or((text, ""));
    let (text, pre_release) = text.split_once('-').unwrap_or((text, ""));
    let identifiers = |text: &str| {
        text.split('.').all(|part| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
    };
    if [metadata, pre_release].into_iter().any(|text| !text.is_empty() && !identifiers(text)) {
        return None;
    }
    let mut parts = text.split('.').map(|part| part.parse::<i64>().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(Version { numbers, pre_release })
}

/// `semver.is_valid`
pub(super) fn is_valid(args: &[Value]) -> Result {
    Ok(Value::from(matches!(&args[0], Value::String(text) if version(text).is_some())))
}

/// `semver.compare`
pub(super) fn compare(args: &[Value]) -> Result {
    let (left, right) = (string(&args[0], 1)?, string(&args[1], 2)?);
    let Some(left) = version(left) else {
        return failed(format!("operand 1: string {left} is not a valid SemVer"));
    };
    let Some(right) = version(right) else {
        return failed(format!("operand 2: string {right} is not a valid SemVer"));
    };
    let order = left
        .numbers
        .cmp(&right.numbers)
        .then_with(|| compare_pre_releases(left.pre_release, right.pre_release));
    Ok(Value::from(match order {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    }))
}

/// None is the greatest; numbers come before words; and of two that begin alike the longer one is greater.
fn compare_pre_releases(left: &str, right: &str) -> Ordering {
    if left.is_empty() || right.is_empty() {
        return left.is_empty().cmp(&right.is_empty());
    }
    let identifiers = |text: &str| -> Vec<(bool, u64, String)> {
        text.split('.')
            .map(|part| {
                let number = part.bytes().all(|byte| byte.is_ascii_digit());
                // Past 63 bits Go's number is the greatest there is.
                let value = if number { part.parse::<i64>().unwrap_or(i64::MAX).unsigned_abs() } else { 0 };
                (!number, value, if number { String::new() } else { part.to_owned() })
            })
            .collect()
    };
    identifiers(left).cmp(&identifiers(right))
}

/// `uuid.parse`
/// undefined for what is none
pub(super) fn uuid_parse(args: &[Value]) -> Result {
    let Some(uuid) = uuid(string(&args[0], 1)?) else { return Ok(Value::Undefined) };
    let version = uuid[6] >> 4;
    let variant = match uuid[8] {
        0x80..=0xbf => "RFC4122",
        0xc0..=0xdf => "Microsoft",
        0xe0..=0xff => "Future",
        _ => "Reserved",
    };
    let mut fields = Object::new();
    let mut field = |name: &str, value: Value| _ = fields.insert(Value::from(name), value);
    field("version", Value::from(u64::from(version)));
    field("variant", Value::from(variant));
    if matches!(version, 1 | 2) {
        let time = u64::from_be_bytes([
            uuid[6] & 0x0f,
            uuid[7],
            uuid[4],
            uuid[5],
            uuid[0],
            uuid[1],
            uuid[2],
            uuid[3],
        ]);
        // Steps of 100 ns since 15 October 1582.
        let nanos = (i128::from(time) - 122_192_928_000_000_000) * 100;
        // Go computes these in 64 bits, and lets them wrap.
        #[expect(clippy::cast_possible_truncation, reason = "as in Go")]
        field("time", Value::from(nanos as i64));
        let node: Vec<String> = uuid[10..].iter().map(|byte| format!("{byte:02x}")).collect();
        field("nodeid", Value::from(node.join("-")));
        let bits = match uuid[10] & 3 {
            3 => "local:multicast",
            1 => "global:multicast",
            2 => "local:unicast",
            _ => "global:unicast",
        };
        field("macvariables", Value::from(bits));
        field("clocksequence", Value::from(u64::from(u16::from_be_bytes([uuid[8], uuid[9]]) & 0x3fff)));
        if version == 2 {
            field("id", Value::from(u64::from(u32::from_be_bytes([uuid[0], uuid[1], uuid[2], uuid[3]]))));
            let domain = match uuid[9] {
                0 => String::from("Person"),
                1 => String::from("Group"),
                2 => String::from("Org"),
                other => format!("Domain{other}"),
            };
            field("domain", Value::from(domain));
        }
    }
    Ok(fields.into_value())
}

/// The bytes of a UUID: plain, with dashes, in braces, or as a URN.
fn uuid(text: &str) -> Option<[u8; 16]> {
    let plain = match text.len() {
        32 => return bytes(text),
        36 => text,
        38 => text.get(1..37)?,
        45 => text.get(..9).filter(|urn| urn.eq_ignore_ascii_case("urn:uuid:")).and(text.get(9..))?,
        _ => return None,
    };
    let dashed = [8, 13, 18, 23].iter().all(|offset| plain.as_bytes()[*offset] == b'-');
    if dashed { bytes(&plain.replace('-', "")) } else { None }
}

fn bytes(hex: &str) -> Option<[u8; 16]> {
    if hex.len() != 32 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(hex, 16).ok().map(u128::to_be_bytes)
}
