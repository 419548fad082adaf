//! Go's syntax of regular expressions (RE2), written in the `regex` crate's.
//!
//! The two agree but for: what `\d`, `\w`, `\s` and `\b` mean (ASCII only in Go), `\Q..\E`, octal escapes,
//! a `{` that begins no repetition, set operations in classes (Go has none), and what only one of them
//! allows.

use super::Result;
use super::operands::failed;

/// Go refuses to repeat more often.
const MAX_REPEAT: u32 = 1000;

/// Rewrites `pattern`; fails where Go's parser would.
pub(super) fn translate(pattern: &str) -> Result<String> {
    let mut translator = Translator { rest: pattern, out: String::new() };
    translator.run()?;
    Ok(translator.out)
}

struct Translator<'a> {
    rest: &'a str,
    out: String,
}

fn invalid<T>(what: &str, text: &str) -> Result<T> {
    failed(format!("error parsing regexp: {what}: `{text}`"))
}

impl Translator<'_> {
    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next();
        self.rest = characters.as_str();
        next
    }

    fn literal(&mut self, character: char) {
        self.out.push_str(&regex::escape(character.encode_utf8(&mut [0; 4])));
    }

    fn run(&mut self) -> Result<()> {
        let mut repeated = false;
        while let Some(character) = self.next() {
            let was_repeated = std::mem::replace(&mut repeated, false);
            match character {
                '\\' if self.rest.starts_with('Q') => {
                    let (quoted, after) = self.rest[1..].split_once("\\E").unwrap_or((&self.rest[1..], ""));
                    self.rest = after;
                    self.out.push_str(&regex::escape(quoted));
                }
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.group()?,
                '*' | '+' | '?' => {
                    repeated = true;
                    self.repeat(was_repeated, character.encode_utf8(&mut [0; 4]))?;
                }
                '{' => match repetition(self.rest) {
                    Some((length, least, most)) => {
                        if least > MAX_REPEAT || most.is_some_and(|most| most > MAX_REPEAT || most < least) {
                            return invalid("invalid repeat count", &format!("{{{}", &self.rest[..length]));
                        }
                        let operator = format!("{{{}", &self.rest[..length]);
                        self.rest = &self.rest[length..];
                        repeated = true;
                        self.repeat(was_repeated, &operator)?;
                    }
                    None => self.out.push_str("\\{"),
                },
                '}' | ']' => self.literal(character),
                other => self.out.push(other),
            }
        }
        Ok(())
    }

    /// A repetition, and the `?` that makes it lazy. None may follow another.
    fn repeat(&mut self, was_repeated: bool, operator: &str) -> Result<()> {
        if was_repeated {
            return invalid("invalid nested repetition operator", operator);
        }
        self.out.push_str(operator);
        if let Some(rest) = self.rest.strip_prefix('?') {
            self.rest = rest;
            self.out.push('?');
        }
        Ok(())
    }

    /// What follows `(`: flags and names, of which Go has fewer.
    fn group(&mut self) -> Result<()> {
        self.out.push('(');
        let Some(rest) = self.rest.strip_prefix('?') else { return Ok(()) };
        let Some(end) = rest.find([')', ':', '>']) else {
            return invalid("missing closing )", self.rest);
        };
        let head = &rest[..end];
        let named = head.strip_prefix("P<").or_else(|| head.strip_prefix('<'));
        let good = if let Some(name) = named {
            rest[end..].starts_with('>')
                && !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        } else {
            let flags = head.replacen('-', "", 1);
            !rest[end..].starts_with('>')
                && !head.ends_with('-')
                && flags.bytes().all(|flag| b"imsU".contains(&flag))
        };
        if !good || (head.is_empty() && rest.starts_with(')')) {
            return invalid("invalid or unsupported Perl syntax", &format!("(?{}", &rest[..=end]));
        }
        self.out.push('?');
        self.out.push_str(&rest[..=end]);
        self.rest = &rest[end + 1..];
        Ok(())
    }

    /// What follows `\` outside of a class.
    fn escape(&mut self) -> Result<()> {
        match self.rest.chars().next() {
            Some(boundary @ ('A' | 'z')) => {
                self.next();
                self.out.extend(['\\', boundary]);
                Ok(())
            }
            Some('b') => {
                self.next();
                self.out.push_str("(?-u:\\b)");
                Ok(())
            }
            Some('B') => {
                self.next();
                self.out.push_str("\\B");
                Ok(())
            }
            _ => self.escape_in_class(),
        }
    }

    /// What follows `\` in a class, and outside where it means the same.
    fn escape_in_class(&mut self) -> Result<()> {
        let Some(character) = self.next() else {
            return invalid("trailing backslash at end of expression", "");
        };
        match character {
            'd' => self.out.push_str("[0-9]"),
            'D' => self.out.push_str("[^0-9]"),
            'w' => self.out.push_str("[0-9A-Za-z_]"),
            'W' => self.out.push_str("[^0-9A-Za-z_]"),
            's' => self.out.push_str("[\\t\\n\\x0C\\r\\x20]"),
            'S' => self.out.push_str("[^\\t\\n\\x0C\\r\\x20]"),
            'p' | 'P' => return self.unicode_class(character == 'P'),
            _ => {
                let character = self.escaped_character(character)?;
                self.literal(character);
            }
        }
        Ok(())
    }

    /// `\pL`, `\p{Greek}`, `\p{^Greek}`
    fn unicode_class(&mut self, negated: bool) -> Result<()> {
        let name = match self.next() {
            Some('{') => match self.rest.split_once('}') {
                Some((name, after)) => {
                    self.rest = after;
                    name.to_owned()
                }
                None => return invalid("invalid character class range", self.rest),
            },
            Some(letter) => letter.to_string(),
            None => return invalid("invalid character class range", "\\p"),
        };
        let (name, negated) = match name.strip_prefix('^') {
            Some(name) => (name, !negated),
            None => (name.as_str(), negated),
        };
        if name.is_empty() || !name.starts_with(|c: char| c.is_ascii_uppercase()) || name.contains('=') {
            return invalid("invalid character class range", name);
        }
        self.out.push_str(&format!("\\{}{{{name}}}", if negated { 'P' } else { 'p' }));
        Ok(())
    }

    /// The character that an escape which begins with `first` stands for.
    fn escaped_character(&mut self, first: char) -> Result<char> {
        let octal = |rest: &str, most: usize| {
            rest.bytes().take(most).take_while(|b| (b'0'..=b'7').contains(b)).count()
        };
        let code = match first {
            'a' => 7,
            'f' => 12,
            't' => 9,
            'n' => 10,
            'r' => 13,
            'v' => 11,
            '0'..='7' => {
                let more = octal(self.rest, 2);
                if first != '0' && more == 0 {
                    return invalid("invalid escape sequence", &format!("\\{first}"));
                }
                let digits = format!("{first}{}", &self.rest[..more]);
                self.rest = &self.rest[more..];
                u32::from_str_radix(&digits, 8).unwrap_or(u32::MAX)
            }
            'x' => {
                let digits = match self.rest.strip_prefix('{') {
                    Some(rest) => rest.split_once('}'),
                    None => self.rest.split_at_checked(2),
                };
                let Some((digits, after)) = digits else { return invalid("invalid escape sequence", "\\x") };
                if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return invalid("invalid escape sequence", &format!("\\x{digits}"));
                }
                self.rest = after;
                u32::from_str_radix(digits, 16).unwrap_or(u32::MAX)
            }
            other if other.is_ascii() && !other.is_ascii_alphanumeric() => return Ok(other),
            other => return invalid("invalid escape sequence", &format!("\\{other}")),
        };
        match char::from_u32(code) {
            Some(character) => Ok(character),
            None => invalid("invalid escape sequence", &format!("\\x{{{code:x}}}")),
        }
    }

    /// What follows `[`.
    fn class(&mut self) -> Result<()> {
        let whole = self.rest;
        self.out.push('[');
        if let Some(rest) = self.rest.strip_prefix('^') {
            self.rest = rest;
            self.out.push('^');
        }
        let mut first = true;
        loop {
            if self.rest.starts_with(']') && !first {
                self.next();
                self.out.push(']');
                return Ok(());
            }
            if self.rest.is_empty() {
                return invalid("missing closing ]", &format!("[{whole}"));
            }
            first = false;
            if self.rest.starts_with("[:")
                && let Some(end) = self.rest.find(":]")
            {
                self.out.push_str(&self.rest[..end + 2]);
                self.rest = &self.rest[end + 2..];
                continue;
            }
            if self.rest.starts_with('\\')
                && self.rest[1..].starts_with(['d', 'D', 'w', 'W', 's', 'S', 'p', 'P'])
            {
                self.next();
                self.escape_in_class()?;
                continue;
            }
            let low = self.class_character()?;
            self.literal_in_class(low);
            if let Some(after) = self.rest.strip_prefix('-')
                && !after.starts_with(']')
                && !after.is_empty()
            {
                self.rest = after;
                let high = self.class_character()?;
                if high < low {
                    return invalid("invalid character class range", &format!("{low}-{high}"));
                }
                self.out.push('-');
                self.literal_in_class(high);
            }
        }
    }

    fn class_character(&mut self) -> Result<char> {
        match self.next() {
            Some('\\') => match self.next() {
                Some(first) => self.escaped_character(first),
                None => invalid("trailing backslash at end of expression", ""),
            },
            Some(character) => Ok(character),
            None => invalid("missing closing ]", ""),
        }
    }

    fn literal_in_class(&mut self, character: char) {
        self.out.push_str(&format!("\\x{{{:x}}}", u32::from(character)));
    }
}

/// `n}`, `n,}` or `n,m}` at the beginning of `text`: its length and its numbers.
fn repetition(text: &str) -> Option<(usize, u32, Option<u32>)> {
    let end = text.find('}')?;
    let (least, most) = match text[..end].split_once(',') {
        Some((least, most)) => (least, most),
        None => (&text[..end], &text[..end]),
    };
    let count = |digits: &str| {
        let plain =
            digits.bytes().all(|digit| digit.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
        (plain && !digits.is_empty()).then(|| digits.parse().unwrap_or(u32::MAX))
    };
    let most = if most.is_empty() { None } else { Some(count(most)?) };
    Some((end + 1, count(least)?, most))
}
