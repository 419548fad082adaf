//! The scanner of one word or line.

use std::str::Chars;

use super::pattern::{self, Greed};
use super::{ExpandError, MAX_DEPTH, MAX_WORD, Quotes, Rules, Variables};

pub(super) struct Scan<'a> {
    rules: Rules,
    rest: std::iter::Peekable<Chars<'a>>,
    variables: &'a dyn Variables,
    depth: usize,
    /// The word that is being read, in a line.
    word: String,
    in_word: bool,
}

/// Text with quotes and variables replaced, and the same split into words.
type Expanded = (String, Vec<String>);

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str, rules: Rules, variables: &'a dyn Variables) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self {
            rules,
            rest: text.chars().peekable(),
            variables,
            depth: 0,
            word: String::new(),
            in_word: false,
        }
    }

    pub(super) fn run(mut self) -> Result<Expanded, ExpandError> {
        self.until(None)
    }

    /// Reads up to `stop` (and takes it), or to the end where there is none.
    fn until(&mut self, stop: Option<char>) -> Result<Expanded, ExpandError> {
        let mut text = String::new();
        let mut words = Vec::new();
        self.word.clear();
        self.in_word = false;
        while let Some(&c) = self.rest.peek() {
            if text.len() > MAX_WORD {
                return Err(ExpandError::TooLong);
            }
            if Some(c) == stop {
                self.rest.next();
                self.end_word(&mut words);
                return Ok((text, words));
            }
            match c {
                '\'' | '"' if self.rules.quotes != Quotes::Ignored => {
                    let quoted = if c == '"' { self.double_quoted()? } else { self.single_quoted()? };
                    self.push_raw(&quoted);
                    text.push_str(&quoted);
                }
                '$' => {
                    let value = self.dollar()?;
                    value.chars().for_each(|c| self.push(c, &mut words));
                    text.push_str(&value);
                }
                '<' => {
                    let operator = self.here_document();
                    self.push_raw(&operator);
                    text.push_str(&operator);
                }
                c if c == self.rules.escape => {
                    self.rest.next();
                    if self.rules.raw_escapes {
                        self.push_raw(c.encode_utf8(&mut [0; 4]));
                        text.push(c);
                    }
                    // At the end of the text there is nothing to escape.
                    let Some(c) = self.rest.next() else { break };
                    self.push_raw(c.encode_utf8(&mut [0; 4]));
                    text.push(c);
                }
                c => {
                    self.rest.next();
                    self.push(c, &mut words);
                    text.push(c);
                }
            }
        }
        if let Some(stop) = stop {
            return Err(syntax(format!("it ends before the matching `{stop}`")));
        }
        self.end_word(&mut words);
        Ok((text, words))
    }

    /// Adds to the word; a space ends it.
    fn push(&mut self, c: char, words: &mut Vec<String>) {
        if !c.is_whitespace() {
            self.word.push(c);
            self.in_word = true;
        } else if self.in_word && !self.word.is_empty() {
            words.push(std::mem::take(&mut self.word));
            self.in_word = false;
        }
    }

    /// Adds to the word, whatever it is.
    fn push_raw(&mut self, text: &str) {
        self.word.push_str(text);
        self.in_word = true;
    }

    fn end_word(&mut self, words: &mut Vec<String>) {
        if !self.word.is_empty() {
            words.push(std::mem::take(&mut self.word));
            self.in_word = false;
        }
    }

    fn single_quoted(&mut self) -> Result<String, ExpandError> {
        let mut text = self.quote();
        loop {
            match self.rest.next() {
                None => return Err(syntax("it ends before the matching single quote".to_owned())),
                Some(c @ '\'') => {
                    if self.rules.quotes == Quotes::Kept {
                        text.push(c);
                    }
                    return Ok(text);
                }
                Some(c) => text.push(c),
            }
        }
    }

    fn double_quoted(&mut self) -> Result<String, ExpandError> {
        let mut text = self.quote();
        loop {
            if text.len() > MAX_WORD {
                return Err(ExpandError::TooLong);
            }
            match self.rest.peek() {
                None => return Err(syntax("it ends before the matching double quote".to_owned())),
                Some('"') => {
                    text.push_str(&self.quote());
                    return Ok(text);
                }
                Some('$') => text.push_str(&self.dollar()?),
                Some(&c) => {
                    self.rest.next();
                    text.push_str(&self.in_double_quotes(c));
                }
            }
        }
    }

    /// A character within double quotes, where only a few can be escaped: before others the escape character stands
    /// for itself.
    fn in_double_quotes(&mut self, c: char) -> String {
        let mut text = String::new();
        if c != self.rules.escape {
            text.push(c);
            return text;
        }
        if self.rules.raw_escapes {
            text.push(c);
        }
        let escape = self.rules.escape;
        match self.rest.peek() {
            None => {}
            Some(&next) if next == '"' || next == '$' || next == escape => {
                self.rest.next();
                text.push(next);
            }
            Some(_) => text.push(c),
        }
        text
    }

    /// Takes a quote. Gives what it becomes.
    fn quote(&mut self) -> String {
        let quote = self.rest.next();
        if self.rules.quotes == Quotes::Kept { quote.into_iter().collect() } else { String::new() }
    }

    /// `<`, or `<<` with the blanks behind it, which belong to the word.
    fn here_document(&mut self) -> String {
        let mut text = String::from("<");
        self.rest.next();
        if self.rest.next_if_eq(&'<').is_some() {
            text.push('<');
            while let Some(c) = self.rest.next_if(|c| matches!(c, '\t' | '\r' | ' ')) {
                text.push(c);
            }
        }
        text
    }

    fn dollar(&mut self) -> Result<String, ExpandError> {
        self.rest.next();
        if self.rest.next_if_eq(&'{').is_some() {
            return self.braces();
        }
        let name = self.name();
        Ok(match (name.is_empty(), self.variables.get(&name)) {
            (true, _) => "$".to_owned(),
            (_, Some(value)) => value.to_owned(),
            _ if self.rules.keep_unset => format!("${name}"),
            _ => String::new(),
        })
    }

    /// What follows `${`.
    fn braces(&mut self) -> Result<String, ExpandError> {
        match self.rest.peek() {
            None => return Err(missing_brace()),
            Some('{' | '}' | ':') => return Err(syntax("bad substitution".to_owned())),
            Some(_) => {}
        }
        let name = self.name();
        let value = self.variables.get(&name);
        match self.rest.next() {
            Some('}') => Ok(match value {
                Some(value) => value.to_owned(),
                None if self.rules.keep_unset => format!("${{{name}}}"),
                None => String::new(),
            }),
            Some(':') => {
                let operator = self.rest.next();
                let word = self.operand('}', false, missing_brace)?;
                match operator {
                    Some(c @ ('-' | '+' | '?')) => self.default(&name, c, true, &word),
                    c => Err(unsupported(&format!(":{}", c.into_iter().collect::<String>()))),
                }
            }
            Some(c @ ('-' | '+' | '?')) => {
                let word = self.operand('}', false, missing_brace)?;
                self.default(&name, c, false, &word)
            }
            Some(c @ ('#' | '%')) => {
                let word = self.operand('}', true, missing_brace)?;
                let Some(value) = value.or((!self.rules.keep_unset).then_some("")) else {
                    return Ok(format!("${{{name}{c}{word}}}"));
                };
                let (word, greed) = match word.strip_prefix(c) {
                    Some(word) => (word, Greed::Longest),
                    None => (word.as_str(), Greed::Shortest),
                };
                let trim = if c == '%' { pattern::trim_suffix } else { pattern::trim_prefix };
                trim(word, value, greed)
            }
            Some('/') => {
                let all = self.rest.next_if_eq(&'/').is_some();
                let missing = || syntax("missing `/` in `${…}`".to_owned());
                let pattern = self.operand('/', true, missing)?;
                let text = self.operand('}', true, missing_brace)?;
                match value.or((!self.rules.keep_unset).then_some("")) {
                    Some(value) => pattern::replace(&pattern, value, &text, all),
                    None => Ok(format!("${{{name}/{pattern}/{text}}}")),
                }
            }
            Some(c) => Err(unsupported(c.encode_utf8(&mut [0; 4]))),
            None => Err(missing_brace()),
        }
    }

    /// `${name-word}` and its like. With `or_empty` (`:-`) an empty variable counts as one that isn't set.
    fn default(&self, name: &str, operator: char, or_empty: bool, word: &str) -> Result<String, ExpandError> {
        let value = self.variables.get(name);
        if value.is_none() && self.rules.keep_unset {
            let colon = if or_empty { ":" } else { "" };
            return Ok(format!("${{{name}{colon}{operator}{word}}}"));
        }
        let usable = value.filter(|value| !or_empty || !value.is_empty());
        match (operator, usable) {
            ('-', None) | ('+', Some(_)) => Ok(word.to_owned()),
            ('+', None) => Ok(String::new()),
            (_, Some(value)) => Ok(value.to_owned()),
            (_, None) => {
                let message = match (word.is_empty(), value) {
                    (false, _) => word,
                    (true, None) => "is not allowed to be unset",
                    (true, Some(_)) => "is not allowed to be empty",
                };
                Err(ExpandError::Required { name: name.to_owned(), message: message.to_owned() })
            }
        }
    }

    /// The text up to `stop` within `${…}`, expanded.
    fn operand(
        &mut self,
        stop: char,
        raw_escapes: bool,
        missing: impl Fn() -> ExpandError,
    ) -> Result<String, ExpandError> {
        if self.depth == MAX_DEPTH {
            return Err(ExpandError::TooDeep);
        }
        let before = std::mem::replace(&mut self.rules.raw_escapes, raw_escapes);
        self.depth += 1;
        let in_word = self.in_word;
        let read = self.until(Some(stop));
        self.in_word = in_word;
        self.depth -= 1;
        self.rules.raw_escapes = before;
        match read {
            Ok((text, _)) => Ok(text),
            Err(ExpandError::Syntax(_)) if self.rest.peek().is_none() => Err(missing()),
            Err(error) => Err(error),
        }
    }

    /// A variable's name: letters, digits and `_`, a number, or one of the shell's special parameters; empty where
    /// there is none.
    fn name(&mut self) -> String {
        let mut name = String::new();
        match self.rest.peek() {
            Some(c) if c.is_numeric() => {
                while let Some(c) = self.rest.next_if(|c| c.is_numeric()) {
                    name.push(c);
                }
                return name;
            }
            Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => return self.rest.next().into_iter().collect(),
            _ => {}
        }
        while let Some(c) = self.rest.next_if(|c| c.is_alphanumeric() || *c == '_') {
            name.push(c);
        }
        name
    }
}

fn syntax(message: String) -> ExpandError {
    ExpandError::Syntax(message)
}

fn missing_brace() -> ExpandError {
    syntax("missing `}` in `${…}`".to_owned())
}

fn unsupported(modifier: &str) -> ExpandError {
    syntax(format!("unsupported modifier `{modifier}` in `${{…}}`"))
}
