//! Rules: heads, bodies and `else`.

use super::super::ast::{Alternative, Body, Node, Rule, Term};
use super::super::lexer::TokenKind;
use super::{Parser, Result, list};

const IF_REQUIRED: &str = "`if` is required before a rule's body";

impl Parser<'_> {
    pub(super) fn rule(&mut self) -> Result<Rule> {
        let loc = self.loc();
        self.chained = 0;
        let is_default = self.eat_word("default")?;
        let name = self.name()?;
        let keys = self.head_keys()?;
        let args = if self.at_attached("(") {
            self.advance()?;
            Some(list(self, ")", Self::term)?)
        } else {
            None
        };
        if is_default {
            let value = self.default_value()?;
            let alternatives = vec![Alternative { loc, value: Some(value), body: Vec::new() }];
            return Ok(Rule { loc, is_default, name, keys, args, element: None, alternatives });
        }
        let mut element = None;
        let mut value = None;
        if self.at_word("contains") {
            self.advance()?;
            element = Some(self.expr_with_key()?);
        } else if self.at(":=") || self.at("=") {
            self.advance()?;
            value = Some(self.expr_with_key()?);
        }
        if self.at_word("with") {
            return Err(self.error("`with` cannot be used in a rule's head: put it into the body"));
        }
        if self.at("{") && !self.token.on_new_line {
            return Err(self.error(IF_REQUIRED));
        }
        let has_value = element.is_some() || value.is_some();
        let body = self.if_body(false)?;
        if body.is_none() && !has_value {
            return Err(Self::error_at(
                loc,
                "a rule needs a value (`:= …`), an element (`contains …`) or a body (`if …`)",
            ));
        }
        let mut alternatives = vec![Alternative { loc, value, body: body.unwrap_or_default() }];
        while self.at_word("else") {
            if element.is_some() || alternatives.iter().any(|a| a.body.is_empty()) {
                return Err(self.error("`else` can only follow a rule with a body and a single value"));
            }
            alternatives.push(self.else_branch()?);
        }
        Ok(Rule { loc, is_default, name, keys, args, element, alternatives })
    }

    fn else_branch(&mut self) -> Result<Alternative> {
        let loc = self.loc();
        self.advance()?;
        let value = if self.eat(":=")? || self.eat("=")? { Some(self.expr_with_key()?) } else { None };
        if self.at("{") && !self.token.on_new_line {
            return Err(self.error(IF_REQUIRED));
        }
        let body = self.if_body(true)?;
        if body.is_none() && value.is_none() {
            return Err(Self::error_at(loc, "`else` needs a value or a body"));
        }
        Ok(Alternative { loc, value, body: body.unwrap_or_default() })
    }

    /// The body behind `if`: braces, or one statement.
    fn if_body(&mut self, is_else: bool) -> Result<Option<Body>> {
        if !self.eat_word("if")? {
            return Ok(None);
        }
        if !self.at("{") {
            return Ok(Some(vec![self.literal()?]));
        }
        // Braces hold a body, unless they are a set, an object or a comprehension that goes on.
        let mark = self.mark();
        self.advance()?;
        match self.body("}") {
            Ok(body) => Ok(Some(body)),
            // Behind `else`, braces hold a body in any case.
            Err(error) if is_else => Err(error),
            Err(error) => {
                let furthest = self.token.start;
                self.reset(mark);
                match self.literal() {
                    Ok(literal) => Ok(Some(vec![literal])),
                    Err(other) if other.loc.offset as usize > furthest => Err(other),
                    Err(_) => Err(error),
                }
            }
        }
    }

    /// The keys in a rule's name: `.b`, `["c"]`, `[k]`.
    fn head_keys(&mut self) -> Result<Vec<Term>> {
        let mut keys = Vec::new();
        loop {
            self.check_path(keys.len())?;
            if self.at_attached(".") {
                self.advance()?;
                let loc = self.loc();
                let key = self.ident()?;
                keys.push(Term::string(loc, &key));
            } else if self.at_attached("[") {
                self.advance()?;
                keys.push(self.expr()?);
                self.expect("]")?;
            } else {
                return Ok(keys);
            }
        }
    }

    fn default_value(&mut self) -> Result<Term> {
        if !self.eat(":=")? && !self.eat("=")? {
            return Err(self.unexpected("`:=` and the default value"));
        }
        let value = self.term()?;
        if self.at_word("if")
            || (self.token.kind != TokenKind::End && !self.token.on_new_line && !self.at(";"))
        {
            return Err(self.error("a default has a constant value and no body"));
        }
        if !is_constant(&value) {
            return Err(Self::error_at(
                value.loc,
                "a default value may not hold variables, references or calls",
            ));
        }
        Ok(value)
    }
}

/// Constants and comprehensions may be defaults, as in OPA.
fn is_constant(term: &Term) -> bool {
    match &term.node {
        Node::Scalar(_) | Node::ArrayCompr(..) | Node::SetCompr(..) | Node::ObjectCompr(..) => true,
        Node::Array(items) | Node::Set(items) => items.iter().all(is_constant),
        Node::Object(fields) => fields.iter().all(|(k, v)| is_constant(k) && is_constant(v)),
        Node::Var(_) | Node::Ref(..) | Node::Call(..) | Node::Template(_) => false,
    }
}
