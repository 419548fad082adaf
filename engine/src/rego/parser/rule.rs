//! Rules: heads, bodies and `else`.

use super::super::ast::{Alternative, Body, Literal, LiteralKind, Loc, Name, Node, Rule, Term};
use super::{Parser, Result, list};
use crate::builtins;

const IF_REQUIRED: &str = "`if` is required before a rule's body";

impl Parser<'_> {
    /// A rule, and one more with the same head for each further body in braces.
    pub(super) fn rules(&mut self, rules: &mut Vec<Rule>) -> Result<()> {
        let rule = self.rule()?;
        let alternative = match rule.alternatives.as_slice() {
            [alternative] if !alternative.body.is_empty() => alternative.clone(),
            _ => {
                rules.push(rule);
                return Ok(());
            }
        };
        while self.at("{") {
            let mut next = Alternative { loc: self.loc(), ..alternative.clone() };
            self.advance()?;
            next.body = self.body("}")?;
            rules.push(Rule { alternatives: vec![next], ..rule.clone() });
        }
        rules.push(rule);
        Ok(())
    }

    fn rule(&mut self) -> Result<Rule> {
        let loc = self.loc();
        self.chained = 0;
        let is_default = self.eat_word("default")?;
        let name = self.rule_name()?;
        let mut spaced = false;
        let keys = self.head_keys(&mut spaced)?;
        let args = if self.at_head("(", &mut spaced) {
            self.advance()?;
            Some(list(self, ")", Self::term)?)
        } else {
            None
        };
        if &*name == "set" && keys.is_empty() && args.as_ref().is_some_and(Vec::is_empty) {
            return Err(Self::error_at(loc, "`set()` is the empty set and cannot be the name of a rule"));
        }
        if is_default {
            if let Some(args) = &args {
                check_default_parameters(args)?;
            }
            let value = self.default_value(loc, keys.len() == 1 && args.is_none())?;
            let alternatives = vec![Alternative { loc, value: Some(value), body: Vec::new() }];
            return Ok(Rule { loc, is_default, name, keys, args, element: None, alternatives });
        }
        let mut element = None;
        let mut value = None;
        if self.at_word("contains") {
            if args.is_some() {
                return Err(self.error("`contains` makes a set, and a function answers with `:=`"));
            }
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
            // `f(1)` alone says that `f` is true of 1.
            check_bare_function(loc, &name, &keys, args.as_deref())?;
        }
        if body.is_none() && element.is_none() && spaced {
            return Err(Self::error_at(loc, "no blank may stand inside the name of a rule without a body"));
        }
        let mut alternatives = vec![Alternative { loc, value, body: body.unwrap_or_default() }];
        while self.at_word("else") {
            if element.is_some() || alternatives.last().is_none_or(|a| a.body.is_empty()) {
                return Err(self.error("`else` can only follow a rule with a body and a single value"));
            }
            if !keys.iter().all(is_ground) {
                return Err(self.error("`else` cannot follow a rule with variables among its keys"));
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
            let literal = self.literal()?;
            if is_set(&literal) {
                return Err(Self::error_at(literal.loc, "a set is no condition: it is always true"));
            }
            return Ok(Some(vec![literal]));
        }
        let mark = self.mark();
        // Braces behind `if` are an object, a comprehension or a longer expression where they can be. What could be a
        // set is a body, and so are all braces behind `else`.
        let mut furthest = None;
        if !is_else {
            match self.literal() {
                Ok(literal) if !is_set(&literal) => return Ok(Some(vec![literal])),
                Ok(_) => {}
                Err(error) => furthest = Some(error),
            }
            self.reset(mark);
        }
        self.advance()?;
        self.body("}").map(Some).map_err(|error| match furthest {
            Some(other) if other.loc.offset > error.loc.offset => other,
            _ => error,
        })
    }

    /// What a rule is called first: any name but the two documents'.
    fn rule_name(&mut self) -> Result<Name> {
        let loc = self.loc();
        let is_path = self.text[self.token.end..].starts_with(['.', '[']);
        let name = if is_path { self.ident()? } else { self.name()? };
        if matches!(&*name, "input" | "data") {
            let message = format!("rules must not shadow {name} (use a different rule name)");
            return Err(Self::error_at(loc, message));
        }
        Ok(name)
    }

    /// Whether `symbol` goes on with a rule's name. A blank before it is noted in `spaced`.
    fn at_head(&self, symbol: &str, spaced: &mut bool) -> bool {
        if !self.at(symbol) || self.token.on_new_line {
            return false;
        }
        *spaced |= !self.at_attached(symbol);
        true
    }

    /// The keys in a rule's name: `.b`, `["c"]`, `[k]`.
    fn head_keys(&mut self, spaced: &mut bool) -> Result<Vec<Term>> {
        let mut keys = Vec::new();
        loop {
            self.check_path(keys.len())?;
            if self.at_head(".", spaced) {
                self.advance()?;
                let loc = self.loc();
                let key = self.attached_ident()?;
                keys.push(Term::string(loc, &key));
            } else if self.at_head("[", spaced) {
                self.advance()?;
                keys.push(self.expr()?);
                self.expect("]")?;
            } else {
                return Ok(keys);
            }
        }
    }

    /// A default's value: `true` if there is none, unless the rule `needs_value`.
    fn default_value(&mut self, loc: Loc, needs_value: bool) -> Result<Term> {
        if !self.eat(":=")? && !self.eat("=")? {
            if needs_value {
                return Err(self.unexpected("`:=` and the default value"));
            }
            return Ok(Term::new(loc, Node::Scalar(true.into())));
        }
        let value = self.term()?;
        if self.at_word("if") {
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

/// Whether a statement is a set that is written out.
fn is_set(literal: &Literal) -> bool {
    match &literal.kind {
        LiteralKind::Expr(term) | LiteralKind::Not(term) => matches!(term.node, Node::Set(_)),
        _ => false,
    }
}

/// Refuses a rule that is nothing but its head, unless it is a function with parameters.
fn check_bare_function(loc: Loc, name: &Name, keys: &[Term], args: Option<&[Term]>) -> Result<()> {
    if args.is_none_or(<[Term]>::is_empty) {
        let message = "a rule needs a value (`:= …`), an element (`contains …`) or a body (`if …`)";
        return Err(Parser::error_at(loc, message));
    }
    let path: Option<Vec<&str>> =
        std::iter::once(Some(&**name)).chain(keys.iter().map(Term::as_string)).collect();
    let name = path.unwrap_or_default().join(".");
    if builtins::lookup(&name).is_some() || builtins::is_refused(&name) {
        let message = format!("`{name}` is a built-in function: a rule of this name needs a value or a body");
        return Err(Parser::error_at(loc, message));
    }
    Ok(())
}

/// The parameters of a default are variables, each another one.
fn check_default_parameters(args: &[Term]) -> Result<()> {
    let mut names = Vec::new();
    for arg in args {
        match &arg.node {
            Node::Var(name) if &**name == "_" => {}
            Node::Var(name) if !names.contains(&name) => names.push(name),
            _ => {
                let message = "the parameters of a default are variables, each another one";
                return Err(Parser::error_at(arg.loc, message));
            }
        }
    }
    Ok(())
}

/// Whether a term is a constant.
fn is_ground(term: &Term) -> bool {
    match &term.node {
        Node::Scalar(_) => true,
        Node::Array(items) | Node::Set(items) => items.iter().all(is_ground),
        Node::Object(fields) => fields.iter().all(|(k, v)| is_ground(k) && is_ground(v)),
        _ => false,
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
