//! Bodies and their statements.

use super::super::ast::{Body, Literal, LiteralKind, Node, With};
use super::super::lexer::TokenKind;
use super::{Parser, Result};

impl Parser<'_> {
    /// Statements up to `close`, each on a line of its own or separated by `;`.
    pub(super) fn body(&mut self, close: &str) -> Result<Body> {
        if self.at(close) {
            return Err(self.error("found an empty body"));
        }
        let mut body = Vec::new();
        loop {
            body.push(self.nested(Self::literal)?);
            if self.eat(close)? {
                return Ok(body);
            }
            if !self.eat(";")? && (!self.token.on_new_line || self.token.kind == TokenKind::End) {
                return Err(self.unexpected(&format!("`;`, a line break or `{close}`")));
            }
        }
    }

    /// One statement with its `with` modifiers.
    pub(super) fn literal(&mut self) -> Result<Literal> {
        let loc = self.loc();
        self.statement = self.token.start;
        let kind = match self.word().filter(|word| self.at_word(word)) {
            Some("some") => self.some()?,
            Some("every") => self.every()?,
            Some("not") => {
                self.advance()?;
                LiteralKind::Not(self.statement_expr()?)
            }
            _ => LiteralKind::Expr(self.statement_expr()?),
        };
        let with = self.with()?;
        if !with.is_empty() && matches!(kind, LiteralKind::Some(_)) {
            return Err(Self::error_at(loc, "a declaration cannot have `with` modifiers"));
        }
        Ok(Literal { loc, kind, with })
    }

    /// Any number of `with target as value`.
    pub(super) fn with(&mut self) -> Result<Vec<With>> {
        let mut with = Vec::new();
        while self.at_word("with") {
            let loc = self.loc();
            self.advance()?;
            let target = self.path()?;
            if !self.eat_word("as")? {
                return Err(self.unexpected("`as`"));
            }
            with.push(With { loc, target, value: self.expr()? });
        }
        Ok(with)
    }

    fn statement_expr(&mut self) -> Result<super::super::ast::Term> {
        let left = self.expr_with_key()?;
        self.assignment(left)
    }

    fn some(&mut self) -> Result<LiteralKind> {
        self.advance()?;
        let mut terms = vec![self.some_item()?];
        while self.eat(",")? {
            terms.push(self.some_item()?);
        }
        if self.eat_word("in")? {
            let domain = self.expr()?;
            let value = terms.pop();
            let key = terms.pop();
            return match (key, value) {
                (key, Some(value)) if terms.is_empty() => Ok(LiteralKind::SomeIn { key, value, domain }),
                _ => Err(self.error("`some … in` takes a value, or a key and a value")),
            };
        }
        let mut names = Vec::new();
        for term in terms {
            match term.node {
                Node::Var(name) => names.push(name),
                _ => return Err(Self::error_at(term.loc, "`some` declares variables: expected a name")),
            }
        }
        Ok(LiteralKind::Some(names))
    }

    /// Without `in`, which belongs to the `some` itself.
    fn some_item(&mut self) -> Result<super::super::ast::Term> {
        self.term()
    }

    fn every(&mut self) -> Result<LiteralKind> {
        self.advance()?;
        let first = self.name()?;
        let (key, value) = if self.eat(",")? { (Some(first), self.name()?) } else { (None, first) };
        if !self.eat_word("in")? {
            return Err(self.unexpected("`in`"));
        }
        let domain = self.expr()?;
        self.expect("{")?;
        let body = self.body("}")?;
        Ok(LiteralKind::Every { key, value, domain, body })
    }
}
