//! Expressions that have one value.

use std::collections::BTreeMap;

use regorus::Value;

use super::super::ast::{Body, Literal, LiteralKind, Loc, Name, Node, TemplatePart as PartAst, Term, With};
use super::super::ir::{Comprehension, ComprehensionKind, Expr, Order, Stmt, TemplatePart};
use super::body::{UNSAFE, unsafe_variable};
use super::scope::Frame;
use super::{Compiler, InputComparison, Problem, Result};

impl Compiler<'_> {
    /// Lowers an expression. What it needs to find first goes to `out`.
    pub(super) fn expr(&mut self, frame: &mut Frame, out: &mut Vec<Stmt>, term: &Term) -> Result<Expr> {
        self.step(term.loc)?;
        match &term.node {
            Node::Scalar(value) => Ok(Expr::Const(value.clone())),
            Node::Var(name) => self.variable(frame, out, term, name),
            Node::Ref(head, keys) => {
                check_constant_object(head, keys)?;
                self.reference(frame, out, term.loc, head, keys)
            }
            Node::Call(path, args) => self.operation(frame, out, term.loc, path, args),
            Node::Array(items) => {
                let items = self.exprs(frame, out, items)?;
                Ok(constant_items(&items).map_or(Expr::Array(items), |values| Expr::Const(values.into())))
            }
            Node::Set(items) => {
                let items = self.exprs(frame, out, items)?;
                Ok(constant_items(&items).map_or(Expr::Set(items), |values| {
                    Expr::Const(values.into_iter().collect::<std::collections::BTreeSet<_>>().into())
                }))
            }
            Node::Object(fields) => self.object(frame, out, term.loc, fields),
            Node::ArrayCompr(value, body) => {
                self.comprehension(frame, term.loc, ComprehensionKind::Array, &[value], body)
            }
            Node::SetCompr(value, body) => {
                self.comprehension(frame, term.loc, ComprehensionKind::Set, &[value], body)
            }
            Node::ObjectCompr(key, value, body) => {
                self.comprehension(frame, term.loc, ComprehensionKind::Object, &[key, value], body)
            }
            Node::Template(parts) => {
                let mut lowered = Vec::new();
                for part in parts {
                    lowered.push(match part {
                        PartAst::Text(text) => TemplatePart::Text(text.to_string()),
                        // An undefined part is shown as such: an array holds the value, or nothing.
                        PartAst::Expr(term, with) => {
                            let (value, body) = with_as_body(term, with);
                            let kind = ComprehensionKind::Array;
                            TemplatePart::Expr(self.comprehension(frame, term.loc, kind, &[&value], &body)?)
                        }
                    });
                }
                Ok(Expr::Template(lowered))
            }
        }
    }

    /// Lowers several expressions, in whichever order their variables allow.
    pub(super) fn exprs(
        &mut self,
        frame: &mut Frame,
        out: &mut Vec<Stmt>,
        terms: &[Term],
    ) -> Result<Vec<Expr>> {
        let mut lowered: Vec<Option<Expr>> = terms.iter().map(|_| None).collect();
        loop {
            let mut problem = None;
            let mut progress = false;
            for (term, slot) in terms.iter().zip(&mut lowered).filter(|(_, slot)| slot.is_none()) {
                let snapshot = frame.snapshot();
                let length = out.len();
                match self.expr(frame, out, term) {
                    Ok(expr) => {
                        *slot = Some(expr);
                        progress = true;
                    }
                    Err(p) if p.code == UNSAFE => {
                        frame.restore(snapshot);
                        out.truncate(length);
                        problem.get_or_insert(p);
                    }
                    Err(p) => return Err(p),
                }
            }
            match problem {
                None => return Ok(lowered.into_iter().flatten().collect()),
                Some(problem) if !progress => return Err(problem),
                Some(_) => {}
            }
        }
    }

    fn variable(&mut self, frame: &mut Frame, out: &mut Vec<Stmt>, term: &Term, name: &Name) -> Result<Expr> {
        match frame.lookup(name) {
            Some(slot) if frame.is_bound(slot) => Ok(Expr::Local(slot)),
            Some(slot) => Err(unsafe_variable(term.loc, frame.name(slot))),
            None if &**name == "_" => Err(unsafe_variable(term.loc, name)),
            None => self.reference(frame, out, term.loc, term, &[]),
        }
    }

    /// A call, or an operator that needs no function.
    fn operation(
        &mut self,
        frame: &mut Frame,
        out: &mut Vec<Stmt>,
        loc: Loc,
        path: &[Name],
        args: &[Term],
    ) -> Result<Expr> {
        let operator = if path.len() == 1 { &*path[0] } else { "" };
        let order = match operator {
            "lt" => Some(Order::Less),
            "lte" => Some(Order::LessEqual),
            "gt" => Some(Order::Greater),
            "gte" => Some(Order::GreaterEqual),
            _ => None,
        };
        match (operator, args) {
            ("assign", _) => {
                Err(Problem::new(loc, "misplaced-assignment", "`:=` is a statement, it has no value"))
            }
            ("equal" | "neq" | "eq", [_, _]) => {
                let (a, b) = self.pair(frame, out, args)?;
                if operator != "neq" {
                    self.note_comparison(loc, &a, &b);
                }
                Ok(Expr::Equal { left: Box::new(a), right: Box::new(b), negated: operator == "neq" })
            }
            ("internal.member_2", [_, _]) => {
                let (value, domain) = self.pair(frame, out, args)?;
                Ok(Expr::Member { key: None, value: Box::new(value), domain: Box::new(domain) })
            }
            ("internal.member_3", [_, _, _]) => {
                let mut exprs = self.exprs(frame, out, args)?.into_iter();
                match (exprs.next(), exprs.next(), exprs.next()) {
                    (Some(key), Some(value), Some(domain)) => Ok(Expr::Member {
                        key: Some(Box::new(key)),
                        value: Box::new(value),
                        domain: Box::new(domain),
                    }),
                    _ => Err(Problem::new(loc, "wrong-arity", "`in` takes a key, a value and a collection")),
                }
            }
            (_, [_, _]) if order.is_some() => {
                let (a, b) = self.pair(frame, out, args)?;
                Ok(Expr::Order(order.unwrap_or(Order::Less), Box::new(a), Box::new(b)))
            }
            _ => self.call(frame, out, loc, path, args),
        }
    }

    fn pair(&mut self, frame: &mut Frame, out: &mut Vec<Stmt>, args: &[Term]) -> Result<(Expr, Expr)> {
        let mut exprs = self.exprs(frame, out, args)?.into_iter();
        match (exprs.next(), exprs.next()) {
            (Some(a), Some(b)) => Ok((a, b)),
            _ => Err(Problem::new(Loc::default(), "wrong-arity", "an operator takes two operands")),
        }
    }

    fn note_comparison(&mut self, loc: Loc, a: &Expr, b: &Expr) {
        if let (Expr::Input(_, path), Expr::Const(Value::String(with)))
        | (Expr::Const(Value::String(with)), Expr::Input(_, path)) = (a, b)
        {
            let path = path.iter().filter_map(|key| key.as_string().ok().cloned()).collect();
            self.compiled.comparisons.push(InputComparison { loc, path, with: with.clone() });
        }
    }

    fn object(
        &mut self,
        frame: &mut Frame,
        out: &mut Vec<Stmt>,
        loc: Loc,
        fields: &[(Term, Term)],
    ) -> Result<Expr> {
        // Of a key that is there twice, the last value counts; OPA looks at constant keys first.
        let (constant, other): (Vec<_>, Vec<_>) =
            fields.iter().partition(|(key, _)| matches!(key.node, Node::Scalar(_)));
        let terms: Vec<Term> =
            constant.into_iter().chain(other).flat_map(|(k, v)| [k.clone(), v.clone()]).collect();
        let mut exprs = self.exprs(frame, out, &terms)?.into_iter();
        let mut pairs = Vec::with_capacity(fields.len());
        while let (Some(key), Some(value)) = (exprs.next(), exprs.next()) {
            pairs.push((key, value));
        }
        let mut constant = BTreeMap::new();
        for (key, value) in &pairs {
            let (Expr::Const(key), Expr::Const(value)) = (key, value) else {
                return Ok(Expr::Object(loc, pairs));
            };
            constant.insert(key.clone(), value.clone());
        }
        Ok(Expr::Const(constant.into()))
    }

    fn comprehension(
        &mut self,
        frame: &mut Frame,
        loc: Loc,
        kind: ComprehensionKind,
        heads: &[&Term],
        body: &super::super::ast::Body,
    ) -> Result<Expr> {
        let lowered = frame.closure(|frame| self.body(frame, body, heads))?;
        // Two solutions may give one key different values.
        frame.traits.may_fail |= kind == ComprehensionKind::Object;
        let mut heads = lowered.heads;
        let value = heads.pop().unwrap_or(Expr::Const(Value::Null));
        let key = heads.pop();
        let comprehension = Comprehension { kind, body: lowered.stmts, key, value };
        Ok(Expr::Comprehension(loc, Box::new(comprehension)))
    }
}

/// `term with …` as a value and the body that gives it.
fn with_as_body(term: &Term, with: &[With]) -> (Term, Body) {
    if with.is_empty() {
        return (term.clone(), Vec::new());
    }
    // A name that source text cannot contain.
    let value = Term::new(term.loc, Node::Var(Name::from("\0value")));
    let assign = Node::Call(vec![Name::from("assign")], vec![value.clone(), term.clone()]);
    let kind = LiteralKind::Expr(Term::new(term.loc, assign));
    (value, vec![Literal { loc: term.loc, kind, with: with.to_vec() }])
}

fn constant_items(items: &[Expr]) -> Option<Vec<Value>> {
    items
        .iter()
        .map(|item| match item {
            Expr::Const(value) => Some(value.clone()),
            _ => None,
        })
        .collect()
}

/// `{"a": 1}.b` can never be defined: OPA's type checker refuses it.
fn check_constant_object(head: &Term, keys: &[Term]) -> Result<()> {
    let (Node::Object(fields), Some(key)) = (&head.node, keys.first()) else { return Ok(()) };
    let constant = fields.iter().all(|(k, _)| matches!(k.node, Node::Scalar(_)));
    let Node::Scalar(key_value) = &key.node else { return Ok(()) };
    let found = fields.iter().any(|(k, _)| matches!(&k.node, Node::Scalar(v) if v == key_value));
    if fields.is_empty() || !constant || found {
        return Ok(());
    }
    Err(Problem::new(key.loc, "type-error", format!("this object has no key {key_value}")))
}
