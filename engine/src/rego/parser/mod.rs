//! Tokens to syntax tree: recursive descent over Rego v1's grammar.

mod body;
mod rule;
mod term;

use std::sync::Arc;

use super::ast::{Import, Loc, Module, Name, Term};
use super::lexer::{Lexer, SyntaxError, Token, TokenKind};

/// Brackets, comprehensions and bodies may nest this deep.
const MAX_DEPTH: usize = 128;
/// Names and keys that one path may have, as in `a.b.c`.
const MAX_PATH: usize = 128;
/// Operators that may follow one another in one rule (`a + b + c` chains one).
const MAX_CHAINED: usize = 1_000;

/// Names that cannot be variables or rules.
pub(crate) const KEYWORDS: [&str; 15] = [
    "as", "contains", "default", "else", "every", "false", "if", "import", "in", "not", "null", "package",
    "some", "true", "with",
];

type Result<T> = std::result::Result<T, SyntaxError>;

/// The package that a file declares, whatever follows.
pub(crate) fn package(text: &str) -> Result<Vec<Name>> {
    Parser::new(text, 0)?.package()
}

/// Parses a file's text. `file` is its index in the policy, for positions.
pub(crate) fn parse(text: &str, file: u32) -> Result<Module> {
    if u32::try_from(text.len()).is_err() {
        return Err(SyntaxError {
            loc: Loc { file, offset: 0 },
            message: "a policy file may have 4 GiB at most".to_owned(),
        });
    }
    Parser::new(text, file)?.module()
}

pub(super) struct Parser<'t> {
    text: &'t str,
    lexer: Lexer<'t>,
    token: Token,
    /// Where the token before ended: a `(`, `[` or `.` right there belongs to it.
    previous_end: usize,
    depth: usize,
    /// Operators chained in this rule so far.
    chained: usize,
    /// Where the last statement began: only there a keyword before `.` or `[` names a rule, as in `if.x`.
    statement: usize,
}

/// A point to come back to when an attempt fails.
struct Mark {
    token: Token,
    position: usize,
    previous_end: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str, file: u32) -> Result<Self> {
        let mut lexer = Lexer::new(text, file);
        let token = lexer.next()?;
        Ok(Self { text, lexer, token, previous_end: 0, depth: 0, chained: 0, statement: 0 })
    }

    fn module(&mut self) -> Result<Module> {
        let package_loc = self.loc();
        let package = self.package()?;
        let mut imports = Vec::new();
        let mut rules = Vec::new();
        while self.token.kind != TokenKind::End {
            // The next may begin on the same line. If it can't, it was not meant to be the next.
            let no_rule =
                (!self.token.on_new_line).then(|| self.unexpected("a line break before the next rule"));
            let parsed = if self.at_word("import") {
                self.import().map(|import| imports.push(import))
            } else {
                self.rules(&mut rules)
            };
            parsed.map_err(|error| no_rule.unwrap_or(error))?;
        }
        Ok(Module { package, package_loc, imports, rules })
    }

    fn package(&mut self) -> Result<Vec<Name>> {
        if !self.eat_word("package")? {
            return Err(self.error("a policy file starts with its package, e.g. `package docker`"));
        }
        self.path()
    }

    fn import(&mut self) -> Result<Import> {
        let loc = self.loc();
        self.advance()?;
        let path = self.path()?;
        if !matches!(&*path[0], "data" | "input" | "future" | "rego") {
            return Err(Self::error_at(
                loc,
                "an import's path starts with `data`, `input`, `future` or `rego`",
            ));
        }
        let last = path.last().filter(|last| path.len() > 1 && KEYWORDS.contains(&&***last));
        if let Some(last) = last.filter(|_| &*path[0] != "future") {
            return Err(Self::error_at(
                loc,
                format!("an import's path may not end with the keyword `{last}`"),
            ));
        }
        let alias = if self.eat_word("as")? { Some(self.alias(&path)?) } else { None };
        Ok(Import { loc, path, alias })
    }

    /// What an import is called here.
    fn alias(&mut self, path: &[Name]) -> Result<Name> {
        let loc = self.loc();
        let name = self.name()?;
        match &*name {
            "input" | "data" => Err(Self::error_at(loc, format!("an import may not be called `{name}`"))),
            _ if &*path[0] == "future" => Err(Self::error_at(loc, "an import of `future` has no other name")),
            _ => Ok(name),
        }
    }

    /// `a.b["c"]`, as packages, imports and `with` targets are written.
    fn path(&mut self) -> Result<Vec<Name>> {
        let mut path = vec![self.ident()?];
        loop {
            self.check_path(path.len())?;
            if self.at_attached(".") {
                self.advance()?;
                path.push(self.attached_ident()?);
            } else if self.at_attached("[") {
                self.advance()?;
                let TokenKind::String(key) = &self.token.kind else {
                    return Err(self.unexpected("a string"));
                };
                path.push(Arc::from(key.as_str()));
                self.advance()?;
                self.expect("]")?;
            } else {
                return Ok(path);
            }
        }
    }

    // ---- tokens ----

    fn loc(&self) -> Loc {
        self.lexer.loc(self.token.start)
    }

    fn advance(&mut self) -> Result<()> {
        self.previous_end = self.token.end;
        self.token = self.lexer.next()?;
        Ok(())
    }

    fn word(&self) -> Option<&'t str> {
        (self.token.kind == TokenKind::Ident).then(|| &self.text[self.token.start..self.token.end])
    }

    /// Whether a keyword is next. `if.x` and `in[0]` are none: they refer to something of that name.
    fn at_word(&self, word: &str) -> bool {
        let goes_on: &[char] =
            if matches!(word, "if" | "contains" | "with" | "as") { &['.'] } else { &['.', '['] };
        self.word() == Some(word) && !self.text[self.token.end..].starts_with(goes_on)
    }

    fn eat_word(&mut self, word: &str) -> Result<bool> {
        let found = self.at_word(word);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn at(&self, symbol: &str) -> bool {
        matches!(self.token.kind, TokenKind::Symbol(s) if s == symbol)
    }

    /// Whether `symbol` follows without a blank: `f(` is a call, `f (` is not.
    fn at_attached(&self, symbol: &str) -> bool {
        self.token.start == self.previous_end && self.at(symbol)
    }

    fn eat(&mut self, symbol: &str) -> Result<bool> {
        let found = self.at(symbol);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect(&mut self, symbol: &str) -> Result<()> {
        if self.eat(symbol)? { Ok(()) } else { Err(self.unexpected(&format!("`{symbol}`"))) }
    }

    /// Any word, keywords included: after a `.` they are plain names.
    fn ident(&mut self) -> Result<Name> {
        let Some(word) = self.word() else {
            return Err(self.unexpected("a name"));
        };
        let name = Arc::from(word);
        self.advance()?;
        Ok(name)
    }

    /// The word right behind a `.`.
    fn attached_ident(&mut self) -> Result<Name> {
        if self.token.start != self.previous_end {
            return Err(self.unexpected("a name right after `.`"));
        }
        self.ident()
    }

    /// A word that may name a variable or rule.
    fn name(&mut self) -> Result<Name> {
        match self.word() {
            Some(word) if KEYWORDS.contains(&word) && self.at_word(word) => {
                Err(self.error(format!("unexpected keyword `{word}`: expected a name")))
            }
            _ => self.ident(),
        }
    }

    fn mark(&self) -> Mark {
        Mark {
            token: self.token.clone(),
            position: self.lexer.position,
            previous_end: self.previous_end,
            depth: self.depth,
        }
    }

    fn reset(&mut self, mark: Mark) {
        self.token = mark.token;
        self.lexer.position = mark.position;
        self.previous_end = mark.previous_end;
        self.depth = mark.depth;
    }

    /// Runs `parse` one level deeper.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error(format!("expressions may nest {MAX_DEPTH} deep at most")));
        }
        self.depth += 1;
        let parsed = stacker::maybe_grow(128 * 1024, 2 * 1024 * 1024, || parse(self));
        self.depth -= 1;
        parsed
    }

    /// Refuses a path that goes on behind `len` names.
    fn check_path(&self, len: usize) -> Result<()> {
        if len > MAX_PATH {
            return Err(self.error(format!("a path may have {MAX_PATH} names at most")));
        }
        Ok(())
    }

    // ---- errors ----

    fn error(&self, message: impl Into<String>) -> SyntaxError {
        self.lexer.error(self.token.start, message)
    }

    fn error_at(loc: Loc, message: impl Into<String>) -> SyntaxError {
        SyntaxError { loc, message: message.into() }
    }

    fn unexpected(&self, wanted: &str) -> SyntaxError {
        if self.token.kind == TokenKind::End {
            return self.error(format!("the file ends: expected {wanted}"));
        }
        let found = &self.text[self.token.start..self.token.end];
        self.error(format!("unexpected `{found}`: expected {wanted}"))
    }
}

/// Items up to `close`, separated by commas, a trailing one allowed.
fn list<'t>(
    parser: &mut Parser<'t>,
    close: &str,
    mut item: impl FnMut(&mut Parser<'t>) -> Result<Term>,
) -> Result<Vec<Term>> {
    let mut items = Vec::new();
    while !parser.at(close) {
        items.push(item(parser)?);
        if !parser.eat(",")? {
            break;
        }
    }
    parser.expect(close)?;
    Ok(items)
}
