//! Text to tokens, one at a time, so that the parser can go back and can read template strings piecewise.

use regorus::Value;

use super::ast::Loc;

/// A token with what stands around it, which Rego's grammar asks about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// A line break stands between this token and the one before.
    pub(crate) on_new_line: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TokenKind {
    /// A name or keyword; its text is `text[start..end]`.
    Ident,
    Number(Value),
    String(String),
    /// `$"` or `` $` ``: the parser reads the rest with [`Lexer::template_chunk`].
    TemplateStart {
        raw: bool,
    },
    /// An operator or bracket.
    Symbol(&'static str),
    End,
}

/// A malformed token, or (from the parser) a malformed construct.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SyntaxError {
    pub(crate) loc: Loc,
    pub(crate) message: String,
}

/// How a piece of template text ended.
pub(crate) enum ChunkEnd {
    /// At `{`: an expression follows.
    Expr,
    /// At the closing quote.
    Quote,
}

// Longest first, so that `:=` is not read as `:`.
const SYMBOLS: [&str; 25] = [
    ":=", "==", "!=", "<=", ">=", "=", "<", ">", "+", "-", "*", "/", "%", "|", "&", "(", ")", "[", "]", "{",
    "}", ",", ";", ":", ".",
];

/// Reads tokens from a position that the parser may set back.
pub(crate) struct Lexer<'t> {
    text: &'t str,
    file: u32,
    pub(crate) position: usize,
}

impl<'t> Lexer<'t> {
    pub(crate) fn new(text: &'t str, file: u32) -> Self {
        Self { text, file, position: 0 }
    }

    pub(crate) fn loc(&self, offset: usize) -> Loc {
        Loc { file: self.file, offset: u32::try_from(offset).unwrap_or(u32::MAX) }
    }

    pub(crate) fn error(&self, offset: usize, message: impl Into<String>) -> SyntaxError {
        SyntaxError { loc: self.loc(offset), message: message.into() }
    }

    pub(crate) fn next(&mut self) -> Result<Token, SyntaxError> {
        let on_new_line = self.skip_blank();
        let start = self.position;
        let rest = &self.text[start..];
        let Some(first) = rest.chars().next() else {
            return Ok(Token { kind: TokenKind::End, start, end: start, on_new_line });
        };
        let kind = if first.is_ascii_alphabetic() || first == '_' {
            let len = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            self.position += len;
            TokenKind::Ident
        } else if first.is_ascii_digit() {
            self.number()?
        } else if first == '"' {
            self.position += 1;
            TokenKind::String(self.quoted(start)?)
        } else if first == '`' {
            TokenKind::String(self.raw(start)?)
        } else if rest.starts_with("$\"") || rest.starts_with("$`") {
            self.position += 2;
            TokenKind::TemplateStart { raw: rest.starts_with("$`") }
        } else if let Some(symbol) = SYMBOLS.iter().find(|s| rest.starts_with(**s)) {
            self.position += symbol.len();
            TokenKind::Symbol(symbol)
        } else {
            return Err(self.error(start, format!("unexpected character {first:?}")));
        };
        Ok(Token { kind, start, end: self.position, on_new_line })
    }

    /// Skips blanks and comments; says whether a line ended.
    fn skip_blank(&mut self) -> bool {
        let mut on_new_line = self.position == 0;
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.position) {
            match byte {
                b'\n' => on_new_line = true,
                b' ' | b'\t' | b'\r' => {}
                b'#' => {
                    let len = self.text[self.position..].find('\n');
                    self.position = len.map_or(self.text.len(), |len| self.position + len);
                    continue;
                }
                // A byte order mark, as some editors leave at the start.
                0xEF if self.text[self.position..].starts_with('\u{feff}') => self.position += 2,
                _ => break,
            }
            self.position += 1;
        }
        on_new_line
    }

    fn digits(&mut self) -> usize {
        let rest = &self.text[self.position..];
        let len = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        self.position += len;
        len
    }

    fn number(&mut self) -> Result<TokenKind, SyntaxError> {
        let start = self.position;
        let int_len = self.digits();
        if int_len > 1 && self.text[start..].starts_with('0') {
            return Err(self.error(start, "a number may not start with 0"));
        }
        if self.text[self.position..].starts_with('.')
            && self.text[self.position + 1..].starts_with(|c: char| c.is_ascii_digit())
        {
            self.position += 1;
            self.digits();
        }
        if self.text[self.position..].starts_with(['e', 'E']) {
            self.position += 1;
            if self.text[self.position..].starts_with(['+', '-']) {
                self.position += 1;
            }
            if self.digits() == 0 {
                return Err(self.error(start, "a number's exponent needs digits"));
            }
        }
        if self.text[self.position..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
            return Err(self.error(start, "a number may not be followed by a letter"));
        }
        let text = &self.text[start..self.position];
        if text.len() > 400 {
            return Err(self.error(start, "a number may have 400 characters at most"));
        }
        let value = crate::builtins::number(text).map_err(|why| {
            self.error(start, format!("this engine cannot hold the number `{text}`: {why}"))
        })?;
        Ok(TokenKind::Number(value))
    }

    fn raw(&mut self, start: usize) -> Result<String, SyntaxError> {
        let rest = &self.text[start + 1..];
        let Some(len) = rest.find('`') else {
            return Err(self.error(start, "this raw string is not closed"));
        };
        self.position = start + len + 2;
        Ok(rest[..len].to_owned())
    }

    /// The rest of a quoted string, behind its first quote.
    fn quoted(&mut self, start: usize) -> Result<String, SyntaxError> {
        let mut out = String::new();
        loop {
            match self.char(start)? {
                '"' => return Ok(out),
                '\n' => return Err(self.error(start, "this string is not closed on its line")),
                '\\' => self.escape(&mut out)?,
                c => out.push(c),
            }
        }
    }

    fn char(&mut self, start: usize) -> Result<char, SyntaxError> {
        let Some(c) = self.text[self.position..].chars().next() else {
            return Err(self.error(start, "this string is not closed"));
        };
        self.position += c.len_utf8();
        Ok(c)
    }

    /// An escape sequence, behind its backslash (JSON, RFC 8259 section 7).
    fn escape(&mut self, out: &mut String) -> Result<(), SyntaxError> {
        let at = self.position - 1;
        let c = match self.char(at)? {
            c @ ('"' | '\\' | '/') => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => self.unicode_escape(at)?,
            c => return Err(self.error(at, format!("`\\{c}` is not an escape sequence"))),
        };
        out.push(c);
        Ok(())
    }

    fn unicode_escape(&mut self, at: usize) -> Result<char, SyntaxError> {
        let high = self.hex4(at)?;
        let code = if (0xD800..0xDC00).contains(&high) && self.text[self.position..].starts_with("\\u") {
            self.position += 2;
            let low = self.hex4(at)?;
            if (0xDC00..0xE000).contains(&low) {
                0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
            } else {
                return Err(self.error(at, "a surrogate must be followed by its other half"));
            }
        } else {
            high
        };
        Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex4(&mut self, at: usize) -> Result<u32, SyntaxError> {
        let digits = self.text.get(self.position..self.position + 4);
        let Some(code) = digits.filter(|d| !d.starts_with('+')).and_then(|d| u32::from_str_radix(d, 16).ok())
        else {
            return Err(self.error(at, "`\\u` needs four hexadecimal digits"));
        };
        self.position += 4;
        Ok(code)
    }

    /// Text of a template string up to the next `{` or the closing quote.
    pub(crate) fn template_chunk(
        &mut self,
        start: usize,
        raw: bool,
    ) -> Result<(String, ChunkEnd), SyntaxError> {
        let mut out = String::new();
        loop {
            match self.char(start)? {
                '{' => return Ok((out, ChunkEnd::Expr)),
                '`' if raw => return Ok((out, ChunkEnd::Quote)),
                '"' if !raw => return Ok((out, ChunkEnd::Quote)),
                '\n' if !raw => return Err(self.error(start, "this string is not closed on its line")),
                '\\' if self.text[self.position..].starts_with('{') => {
                    self.position += 1;
                    out.push('{');
                }
                '\\' if !raw => self.escape(&mut out)?,
                c => out.push(c),
            }
        }
    }
}
