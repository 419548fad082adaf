//! A parser of JSON, with limits on what it makes.

use regorus::Value;
use regorus::value::Object;

use super::big_float::{MAX_NUMBER_BITS, too_large};
use super::operands::{check_collection, failed};
use super::{BuiltinError, Result};

/// The deepest nesting of a document.
pub(super) const MAX_DEPTH: usize = 500;

/// The value of one JSON document.
pub(super) fn parse(text: &str) -> Result {
    let mut parser = Parser { text, offset: 0, elements: 0 };
    let value = parser.value(0)?;
    parser.skip_blanks();
    match parser.peek() {
        None => Ok(value),
        Some(_) => parser.unexpected("after top-level value"),
    }
}

struct Parser<'a> {
    text: &'a str,
    offset: usize,
    elements: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.offset).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.offset += 1;
        }
    }

    fn unexpected<T>(&self, what: &str) -> Result<T> {
        match self.text.get(self.offset..).and_then(|rest| rest.chars().next()) {
            Some(character) => failed(format!("invalid character {character:?} {what}")),
            None => failed("unexpected end of JSON input"),
        }
    }

    fn value(&mut self, depth: usize) -> Result {
        if depth > MAX_DEPTH {
            return Err(BuiltinError::Limit(format!(
                "a document nested deeper than {MAX_DEPTH} levels exceeds the limit"
            )));
        }
        self.elements += 1;
        check_collection(self.elements)?;
        self.skip_blanks();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Value::from(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result {
        let rest = &self.text[self.offset..];
        for (word, value) in
            [("true", Value::from(true)), ("false", Value::from(false)), ("null", Value::Null)]
        {
            if rest.starts_with(word) {
                self.offset += word.len();
                return Ok(value);
            }
        }
        self.unexpected("looking for beginning of value")
    }

    /// After an element: whether another one follows.
    fn more(&mut self, end: u8) -> Result<bool> {
        self.skip_blanks();
        let next = self.peek();
        if next != Some(b',') && next != Some(end) {
            return self.unexpected("after an element");
        }
        self.offset += 1;
        Ok(next == Some(b','))
    }

    fn array(&mut self, depth: usize) -> Result {
        self.offset += 1;
        let mut elements = Vec::new();
        self.skip_blanks();
        if self.peek() == Some(b']') {
            self.offset += 1;
            return Ok(Value::from(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            if !self.more(b']')? {
                return Ok(Value::from(elements));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result {
        self.offset += 1;
        let mut object = Object::new();
        self.skip_blanks();
        if self.peek() == Some(b'}') {
            self.offset += 1;
            return Ok(object.into_value());
        }
        loop {
            self.skip_blanks();
            if self.peek() != Some(b'"') {
                return self.unexpected("looking for beginning of object key string");
            }
            let key = self.string()?;
            self.skip_blanks();
            if self.peek() != Some(b':') {
                return self.unexpected("after object key");
            }
            self.offset += 1;
            let value = self.value(depth + 1)?;
            object.insert(Value::from(key), value);
            if !self.more(b'}')? {
                return Ok(object.into_value());
            }
        }
    }

    fn string(&mut self) -> Result<String> {
        self.offset += 1;
        let mut string = String::new();
        loop {
            let rest = &self.text[self.offset..];
            let plain =
                rest.bytes().take_while(|byte| *byte >= b' ' && *byte != b'"' && *byte != b'\\').count();
            string.push_str(&rest[..plain]);
            self.offset += plain;
            match self.peek() {
                Some(b'"') => {
                    self.offset += 1;
                    return Ok(string);
                }
                Some(b'\\') => string.push(self.escape()?),
                _ => return self.unexpected("in string literal"),
            }
        }
    }

    fn escape(&mut self) -> Result<char> {
        self.offset += 1;
        let character = match self.peek() {
            Some(b'b') => '\x08',
            Some(b'f') => '\x0c',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'u') => return self.unicode(),
            _ => return self.unexpected("in string escape code"),
        };
        self.offset += 1;
        Ok(character)
    }

    /// `\uXXXX`, or two of them; half of a pair becomes the replacement character.
    fn unicode(&mut self) -> Result<char> {
        let Some(first) = self.hex(self.offset + 1) else {
            return self.unexpected("in \\u hexadecimal character escape");
        };
        self.offset += 5;
        if (0xd800..0xdc00).contains(&first)
            && self.text.get(self.offset..self.offset + 2) == Some("\\u")
            && let Some(second @ 0xdc00..0xe000) = self.hex(self.offset + 2)
        {
            self.offset += 6;
            let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&self, offset: usize) -> Option<u32> {
        let digits = self.text.get(offset..offset + 4)?;
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
    }

    fn digits(&mut self) -> Result<usize> {
        let count = self.text[self.offset..].bytes().take_while(u8::is_ascii_digit).count();
        self.offset += count;
        if count == 0 { self.unexpected("in numeric literal") } else { Ok(count) }
    }

    fn number(&mut self) -> Result {
        let start = self.offset;
        if self.peek() == Some(b'-') {
            self.offset += 1;
        }
        let first = self.peek();
        let whole = if first == Some(b'0') {
            self.offset += 1;
            1
        } else {
            self.digits()?
        };
        if self.peek() == Some(b'.') {
            self.offset += 1;
            self.digits()?;
        }
        let mut exponent = 0;
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.offset += 1;
            let negative = self.peek() == Some(b'-');
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.offset += 1;
            }
            let start = self.offset;
            self.digits()?;
            let size: i64 = self.text[start..self.offset].parse().unwrap_or(i64::MAX);
            exponent = if negative { -size } else { size };
        }
        // Three bits for a digit, at least: numbers beyond it are not made at all.
        let largest = i64::try_from(MAX_NUMBER_BITS / 3).unwrap_or(i64::MAX);
        let whole = i64::try_from(whole).unwrap_or(i64::MAX);
        if whole.saturating_add(exponent) > largest {
            return Err(too_large());
        }
        let text = &self.text[start..self.offset];
        if exponent < -largest {
            return Ok(Value::from(0));
        }
        match Value::from_numeric_string(text) {
            Ok(value) => Ok(value),
            Err(_) => failed(format!("cannot read the number {text}")),
        }
    }
}
