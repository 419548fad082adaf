//! Expressions, by precedence: `in`, comparisons, `|`, `&`, `+ -`, `* / %`, terms.

use std::sync::Arc;

use regorus::Value;

use super::super::ast::{Loc, Node, TemplatePart, Term};
use super::super::lexer::{ChunkEnd, TokenKind};
use super::{KEYWORDS, MAX_CHAINED, Parser, Result, list};

/// Binary operators by rising precedence, with the built-ins they stand for.
const LEVELS: [&[(&str, &str)]; 5] = [
    &[("==", "equal"), ("!=", "neq"), ("<=", "lte"), (">=", "gte"), ("<", "lt"), (">", "gt")],
    &[("|", "or")],
    &[("&", "and")],
    &[("+", "plus"), ("-", "minus")],
    &[("*", "mul"), ("/", "div"), ("%", "rem")],
];
const OR_LEVEL: usize = 1;

impl Parser<'_> {
    /// An expression with operators, `in` included.
    pub(super) fn expr(&mut self) -> Result<Term> {
        let left = self.binary(0)?;
        self.member_of(left)
    }

    fn member_of(&mut self, left: Term) -> Result<Term> {
        let loc = left.loc;
        let mut left = left;
        let mut chained = false;
        while self.eat_word("in")? {
            if chained {
                self.chain()?;
            }
            chained = true;
            let right = self.binary(0)?;
            left = call(loc, "internal.member_2", vec![left, right]);
        }
        Ok(left)
    }

    /// Counts an operator on the result of another, for each makes the expression deeper.
    fn chain(&mut self) -> Result<()> {
        self.chained += 1;
        if self.chained > MAX_CHAINED {
            let message = format!("a rule may chain {MAX_CHAINED} operators at most: split it");
            return Err(self.error(message));
        }
        Ok(())
    }

    /// The rest of an expression whose first operand, at a level above `|`, has been read.
    fn rest_of_expr(&mut self, first: Term) -> Result<Term> {
        let left = self.operators(OR_LEVEL, first)?;
        let left = self.operators(0, left)?;
        self.member_of(left)
    }

    /// An expression that stands alone, not in a list: `k, v in xs` is possible as well.
    pub(super) fn expr_with_key(&mut self) -> Result<Term> {
        let loc = self.loc();
        let first = self.binary(0)?;
        if !self.eat(",")? {
            return self.member_of(first);
        }
        let value = self.binary(0)?;
        if !self.eat_word("in")? {
            return Err(self.unexpected("`in`, as in `key, value in collection`"));
        }
        let domain = self.binary(0)?;
        self.member_of(call(loc, "internal.member_3", vec![first, value, domain]))
    }

    fn binary(&mut self, level: usize) -> Result<Term> {
        if level == LEVELS.len() {
            return self.term();
        }
        let left = self.binary(level + 1)?;
        self.operators(level, left)
    }

    /// `left op right op …` with the operators of one level.
    fn operators(&mut self, level: usize, left: Term) -> Result<Term> {
        let mut left = left;
        let mut chained = false;
        loop {
            let found = LEVELS[level].iter().find(|(symbol, _)| self.at(symbol));
            let Some((_, name)) = found else { return Ok(left) };
            let loc = self.loc();
            if chained {
                self.chain()?;
            }
            chained = true;
            self.advance()?;
            let right = self.binary(level + 1)?;
            left = call(loc, name, vec![left, right]);
        }
    }

    /// A term without operators: a scalar, variable, call, reference, collection or bracketed expression.
    pub(super) fn term(&mut self) -> Result<Term> {
        let loc = self.loc();
        let head = match self.token.kind.clone() {
            TokenKind::Number(value) => return self.scalar(loc, value),
            TokenKind::String(text) => return self.scalar(loc, Value::from(text)),
            TokenKind::TemplateStart { raw } => return self.template(loc, raw),
            TokenKind::Ident
                if self.token.start == self.statement
                    && self.text[self.token.end..].starts_with(['.', '[']) =>
            {
                Term::new(loc, Node::Var(self.ident()?))
            }
            TokenKind::Ident => match self.word().unwrap_or_default() {
                "null" => return self.scalar(loc, Value::Null),
                "true" => return self.scalar(loc, Value::from(true)),
                "false" => return self.scalar(loc, Value::from(false)),
                "set" if self.text[self.token.end..].starts_with('(') => {
                    self.advance()?;
                    self.advance()?;
                    self.expect(")")?;
                    Term::new(loc, Node::Set(Vec::new()))
                }
                // `contains` is a keyword in a rule's head alone.
                word if KEYWORDS.contains(&word) && word != "contains" => {
                    return Err(self.error(format!("unexpected keyword `{word}`: expected a value")));
                }
                _ => Term::new(loc, Node::Var(self.ident()?)),
            },
            TokenKind::Symbol("-") => return self.negative_number(loc),
            TokenKind::Symbol("[") => self.nested(|p| p.array(loc))?,
            TokenKind::Symbol("{") => self.nested(|p| p.braces(loc))?,
            TokenKind::Symbol("(") => self.nested(|p| {
                p.advance()?;
                let inner = p.expr_with_key()?;
                p.expect(")")?;
                Ok(inner)
            })?,
            TokenKind::Symbol(_) | TokenKind::End => return Err(self.unexpected("a value")),
        };
        self.reference(head)
    }

    fn scalar(&mut self, loc: Loc, value: Value) -> Result<Term> {
        self.advance()?;
        if self.at_attached("[") || self.at_attached(".") {
            let what = match value {
                Value::String(_) => "a string",
                Value::Number(_) => "a number",
                _ => "a constant",
            };
            return Err(Self::error_at(loc, format!("{what} has no fields to refer to")));
        }
        Ok(Term::new(loc, Node::Scalar(value)))
    }

    fn negative_number(&mut self, loc: Loc) -> Result<Term> {
        self.advance()?;
        if !matches!(self.token.kind, TokenKind::Number(_)) {
            return Err(self.unexpected("a number after `-`"));
        }
        let text = format!("-{}", &self.text[self.token.start..self.token.end]);
        let value = crate::builtins::number(&text)
            .map_err(|why| self.error(format!("this engine cannot hold the number `{text}`: {why}")))?;
        self.scalar(loc, value)
    }

    /// `left := …` or `left = …`, or just `left`.
    pub(super) fn assignment(&mut self, left: Term) -> Result<Term> {
        let loc = self.loc();
        let name = if self.at(":=") {
            "assign"
        } else if self.at("=") {
            "eq"
        } else {
            return Ok(left);
        };
        self.advance()?;
        let right = self.expr_with_key()?;
        Ok(call(loc, name, vec![left, right]))
    }

    /// What is attached to `head`: `.name`, `[key]` and, after a path of names, `(arguments)`.
    pub(super) fn reference(&mut self, head: Term) -> Result<Term> {
        let loc = head.loc;
        let mut head = head;
        let mut keys: Vec<Term> = Vec::new();
        loop {
            if self.at_attached(".") {
                self.advance()?;
                let key_loc = self.loc();
                let key = self.attached_ident()?;
                keys.push(Term::string(key_loc, &key));
            } else if self.at_attached("[") {
                self.advance()?;
                let key = self.nested(Self::expr)?;
                keys.push(key);
                self.expect("]")?;
            } else if self.at_attached("(") && matches!(head.node, Node::Var(_)) {
                let path = called_path(&head, &keys)
                    .ok_or_else(|| Self::error_at(loc, "only a function's name can be called"))?;
                self.advance()?;
                let args = self.nested(|p| list(p, ")", Self::expr))?;
                head = Term::new(loc, Node::Call(path, args));
                keys.clear();
            } else {
                break;
            }
        }
        Ok(if keys.is_empty() { head } else { Term::new(loc, Node::Ref(Box::new(head), keys)) })
    }

    fn array(&mut self, loc: Loc) -> Result<Term> {
        self.advance()?;
        if self.eat("]")? {
            return Ok(Term::new(loc, Node::Array(Vec::new())));
        }
        let head = self.compr_head()?;
        if self.eat("|")? {
            let body = self.body("]")?;
            return Ok(Term::new(loc, Node::ArrayCompr(Box::new(head), body)));
        }
        let items = self.items(head, "]")?;
        Ok(Term::new(loc, Node::Array(items)))
    }

    /// A set, an object, or a comprehension of one.
    fn braces(&mut self, loc: Loc) -> Result<Term> {
        self.advance()?;
        if self.eat("}")? {
            return Ok(Term::new(loc, Node::Object(Vec::new())));
        }
        let head = self.compr_head()?;
        if self.eat("|")? {
            let body = self.body("}")?;
            return Ok(Term::new(loc, Node::SetCompr(Box::new(head), body)));
        }
        if !self.at(":") {
            let items = self.items(head, "}")?;
            return Ok(Term::new(loc, Node::Set(items)));
        }
        self.advance()?;
        let value = self.compr_head()?;
        if self.eat("|")? {
            let body = self.body("}")?;
            return Ok(Term::new(loc, Node::ObjectCompr(Box::new(head), Box::new(value), body)));
        }
        let mut fields = vec![(head, self.rest_of_expr(value)?)];
        while self.eat(",")? && !self.at("}") {
            let key = self.expr()?;
            self.expect(":")?;
            fields.push((key, self.expr()?));
        }
        self.expect("}")?;
        Ok(Term::new(loc, Node::Object(fields)))
    }

    /// What may stand before a comprehension's `|`: an expression without a `|` outside brackets.
    fn compr_head(&mut self) -> Result<Term> {
        self.binary(OR_LEVEL + 1)
    }

    /// The items of an array or set whose first operand has been read.
    fn items(&mut self, first: Term, close: &str) -> Result<Vec<Term>> {
        let mut items = vec![self.rest_of_expr(first)?];
        if self.eat(",")? {
            items.extend(list(self, close, Self::expr)?);
        } else {
            self.expect(close)?;
        }
        Ok(items)
    }

    fn template(&mut self, loc: Loc, raw: bool) -> Result<Term> {
        let start = self.token.start;
        let mut parts = Vec::new();
        loop {
            let (text, end) = self.lexer.template_chunk(start, raw)?;
            if !text.is_empty() {
                parts.push(TemplatePart::Text(Arc::from(text)));
            }
            match end {
                ChunkEnd::Quote => {
                    self.token.end = self.lexer.position;
                    self.advance()?;
                    return Ok(Term::new(loc, Node::Template(parts)));
                }
                ChunkEnd::Expr => {
                    self.token.end = self.lexer.position;
                    self.advance()?;
                    let expr = self.nested(Self::expr)?;
                    parts.push(TemplatePart::Expr(expr, self.with()?));
                    // The closing brace is the current token; the text behind it has not been read.
                    if !self.at("}") {
                        return Err(self.unexpected("`}` at the end of the template expression"));
                    }
                    self.lexer.position = self.token.end;
                }
            }
        }
    }
}

/// The path of a called function: `f`, `a.f`, `data.lib.f`, `a["f"]`.
fn called_path(head: &Term, keys: &[Term]) -> Option<Vec<super::super::ast::Name>> {
    let Node::Var(name) = &head.node else { return None };
    let mut path = vec![name.clone()];
    for key in keys {
        path.push(Arc::from(key.as_string()?));
    }
    Some(path)
}

fn call(loc: Loc, name: &str, args: Vec<Term>) -> Term {
    Term::new(loc, Node::Call(vec![Arc::from(name)], args))
}
