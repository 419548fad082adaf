//! What expressions come to.

mod access;
mod call;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::Environment;
use super::error::{BakeError, Position};
use super::functions;
use super::syntax::{EACH, Expr, ExprKind, For, Operator};
use super::value::convert::{ConvertError, convert};
use super::value::number::NumberError;
use super::value::{Number, Type, Value};

/// What one definition may cost in all: about the number of values made and bytes written.
const MAX_STEPS: u64 = 2_000_000;
/// How deep expressions, functions and variables may call for one another.
const MAX_CALLS: u32 = 1000;

/// Variables and functions, and what evaluation has cost so far.
pub(crate) struct Evaluator<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) variables: BTreeMap<Arc<str>, Value>,
    pub(crate) functions: BTreeMap<Arc<str>, Arc<UserFunction>>,
    steps: Cell<u64>,
    depth: Cell<u32>,
}

/// `function "name" { … }`.
pub(crate) struct UserFunction {
    pub(crate) parameters: Vec<Arc<str>>,
    pub(crate) variadic: Option<Arc<str>>,
    pub(crate) result: Expr,
}

/// Names that hold inside an expression, inner ones first.
#[derive(Clone, Copy, Default)]
pub(crate) struct Scope<'a> {
    parent: Option<&'a Scope<'a>>,
    variables: &'a [(Arc<str>, Value)],
}

impl<'a> Scope<'a> {
    pub(crate) fn new(variables: &'a [(Arc<str>, Value)]) -> Self {
        Self { parent: None, variables }
    }

    fn child<'b>(&'b self, variables: &'b [(Arc<str>, Value)]) -> Scope<'b> {
        Scope { parent: Some(self), variables }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        let mut scope = Some(self);
        while let Some(current) = scope {
            if let Some((_, value)) = current.variables.iter().find(|(known, _)| &**known == name) {
                return Some(value);
            }
            scope = current.parent;
        }
        None
    }
}

impl<'a> Evaluator<'a> {
    pub(crate) fn new(environment: &'a Environment) -> Self {
        Self {
            environment,
            variables: BTreeMap::new(),
            functions: BTreeMap::new(),
            steps: Cell::new(0),
            depth: Cell::new(0),
        }
    }

    pub(crate) fn charge(&self, at: &Position, cost: u64) -> Result<(), BakeError> {
        let steps = self.steps.get().saturating_add(cost);
        self.steps.set(steps);
        if steps > MAX_STEPS {
            return Err(BakeError::unresolved(
                at,
                "this expression",
                format!("evaluating the definition takes more than {MAX_STEPS} steps"),
            ));
        }
        Ok(())
    }

    /// Runs `inner` one level deeper, on as much stack as that takes.
    pub(crate) fn deeper<T>(
        &self,
        at: &Position,
        inner: impl FnOnce() -> Result<T, BakeError>,
    ) -> Result<T, BakeError> {
        let depth = self.depth.get();
        if depth >= MAX_CALLS {
            return Err(BakeError::unresolved(
                at,
                "this expression",
                format!("expressions call for one another more than {MAX_CALLS} levels deep"),
            ));
        }
        self.depth.set(depth + 1);
        let result = stacker::maybe_grow(128 * 1024, 2 * 1024 * 1024, inner);
        self.depth.set(depth);
        result
    }

    pub(crate) fn eval(&self, expr: &Expr, scope: &Scope<'_>) -> Result<Value, BakeError> {
        self.charge(&expr.at, 1)?;
        self.deeper(&expr.at, || self.eval_kind(expr, scope))
    }

    fn eval_kind(&self, expr: &Expr, scope: &Scope<'_>) -> Result<Value, BakeError> {
        let at = &expr.at;
        Ok(match &expr.kind {
            ExprKind::Literal(value) => value.clone(),
            ExprKind::Variable(name) => self.variable(name, scope, at)?,
            ExprKind::Template(parts) => {
                let mut text = String::new();
                for part in parts {
                    text.push_str(&self.text(&self.eval(part, scope)?, &part.at)?);
                    self.charge(at, text.len() as u64 / 64)?;
                }
                self.made(Value::string(text), at)?
            }
            ExprKind::Joined(sequence) => {
                let value = self.eval(sequence, scope)?;
                let mut text = String::new();
                for item in value.items().unwrap_or_default() {
                    text.push_str(&self.text(item, at)?);
                }
                self.made(Value::string(text), at)?
            }
            ExprKind::Tuple(items) => {
                let items = items.iter().map(|item| self.eval(item, scope)).collect::<Result<_, _>>()?;
                self.made(Value::tuple(items), at)?
            }
            ExprKind::Object(entries) => {
                let mut object = BTreeMap::new();
                for (key, value) in entries {
                    let name = self.key(&self.eval(key, scope)?, &key.at)?;
                    object.insert(name, self.eval(value, scope)?);
                }
                self.made(Value::object(object), at)?
            }
            ExprKind::Attribute(inner, name) => access::attribute(&self.eval(inner, scope)?, name, at)?,
            ExprKind::Index(inner, key) => {
                access::index(&self.eval(inner, scope)?, &self.eval(key, scope)?, at)?
            }
            ExprKind::Splat(inner, each) => self.splat(inner, each, scope, at)?,
            ExprKind::Call { name, arguments, expand } => self.call(name, arguments, *expand, scope, at)?,
            ExprKind::Negate(inner) => Value::Number(self.number(&self.eval(inner, scope)?, at)?.negate()),
            ExprKind::Not(inner) => Value::Bool(!self.boolean(&self.eval(inner, scope)?, at)?),
            ExprKind::Binary(operator, left, right) => self.binary(*operator, left, right, scope, at)?,
            ExprKind::Conditional(condition, then, otherwise) => {
                self.conditional(condition, then, otherwise, scope)?
            }
            ExprKind::For(inner) => self.for_each(inner, scope, at)?,
        })
    }

    /// Counts what was made.
    fn made(&self, value: Value, at: &Position) -> Result<Value, BakeError> {
        self.charge(at, value.weight())?;
        Ok(value)
    }

    fn variable(&self, name: &str, scope: &Scope<'_>, at: &Position) -> Result<Value, BakeError> {
        if let Some(value) = scope.get(name) {
            return Ok(value.clone());
        }
        let value = self.variables.get(name).cloned();
        value.ok_or_else(|| BakeError::invalid(at, format!("there is no variable named `{name}`")))
    }

    pub(crate) fn convert(&self, value: &Value, wanted: &Type, at: &Position) -> Result<Value, BakeError> {
        self.charge(at, value.weight())?;
        convert(value, wanted).map_err(|error: ConvertError| BakeError::invalid(at, error.to_string()))
    }

    fn present(&self, value: &Value, wanted: &Type, at: &Position) -> Result<Value, BakeError> {
        let converted = self.convert(value, wanted, at)?;
        if converted.is_null() {
            return Err(BakeError::invalid(at, format!("a {wanted} is required, but this is null")));
        }
        Ok(converted)
    }

    pub(crate) fn text(&self, value: &Value, at: &Position) -> Result<Arc<str>, BakeError> {
        match self.present(value, &Type::String, at)? {
            Value::String(text) => Ok(text),
            _ => Err(BakeError::invalid(at, "a string is required")),
        }
    }

    fn number(&self, value: &Value, at: &Position) -> Result<Number, BakeError> {
        match self.present(value, &Type::Number, at)? {
            Value::Number(number) => Ok(number),
            _ => Err(BakeError::invalid(at, "a number is required")),
        }
    }

    pub(crate) fn boolean(&self, value: &Value, at: &Position) -> Result<bool, BakeError> {
        Ok(self.present(value, &Type::Bool, at)? == Value::Bool(true))
    }

    fn key(&self, value: &Value, at: &Position) -> Result<Arc<str>, BakeError> {
        self.text(value, at)
    }

    fn splat(&self, inner: &Expr, each: &Expr, scope: &Scope<'_>, at: &Position) -> Result<Value, BakeError> {
        let source = self.eval(inner, scope)?;
        let items = match &source {
            Value::Null(Type::List(_) | Type::Set(_) | Type::Tuple(_)) => {
                return Err(BakeError::invalid(at, "a splat of null"));
            }
            Value::Null(_) => Vec::new(),
            value => value.items().map_or_else(|| vec![value.clone()], <[Value]>::to_vec),
        };
        let mut results = Vec::with_capacity(items.len());
        for item in items {
            let names = [(Arc::from(EACH), item)];
            results.push(self.eval(each, &scope.child(&names))?);
        }
        if !matches!(source, Value::List(..) | Value::Set(..)) {
            return self.made(Value::tuple(results), at);
        }
        let mut types: Vec<Type> = results.iter().map(Value::type_of).collect();
        types.dedup();
        match types.as_slice() {
            [] => Ok(Value::list(Type::Any, Vec::new())),
            [only] => self.made(Value::list(only.clone(), results), at),
            _ => Err(BakeError::invalid(at, "the splat's elements have different types")),
        }
    }

    fn binary(
        &self,
        operator: Operator,
        left: &Expr,
        right: &Expr,
        scope: &Scope<'_>,
        at: &Position,
    ) -> Result<Value, BakeError> {
        if matches!(operator, Operator::And | Operator::Or) {
            return self.logic(operator, left, right, scope);
        }
        let (one, other) = (self.eval(left, scope)?, self.eval(right, scope)?);
        if matches!(operator, Operator::Equal | Operator::NotEqual) {
            self.charge(at, one.weight().saturating_add(other.weight()))?;
            return Ok(Value::Bool(functions::equal(&one, &other) == (operator == Operator::Equal)));
        }
        let (one, other) = (self.number(&one, &left.at)?, self.number(&other, &right.at)?);
        let result = match operator {
            Operator::Less => return Ok(Value::Bool(one < other)),
            Operator::LessOrEqual => return Ok(Value::Bool(one <= other)),
            Operator::Greater => return Ok(Value::Bool(one > other)),
            Operator::GreaterOrEqual => return Ok(Value::Bool(one >= other)),
            Operator::Add => one.add(&other),
            Operator::Subtract => one.subtract(&other),
            Operator::Multiply => one.multiply(&other),
            Operator::Divide => one.divide(&other),
            _ => one.modulo(&other),
        };
        let number = result.map_err(|error: NumberError| BakeError::invalid(at, error.to_string()))?;
        self.made(Value::Number(number), at)
    }

    /// `&&` and `||`. One side that settles the result hides the other's error.
    fn logic(
        &self,
        operator: Operator,
        left: &Expr,
        right: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Value, BakeError> {
        let settles = operator == Operator::Or;
        let side = |expr: &Expr| match self.eval(expr, scope) {
            Ok(value) => self.boolean(&value, &expr.at).map(Ok),
            Err(error) if error.is_usage() => Ok(Err(error)),
            Err(error) => Err(error),
        };
        match (side(left)?, side(right)?) {
            (Ok(one), _) | (_, Ok(one)) if one == settles => Ok(Value::Bool(settles)),
            (Ok(_), other) => other.map(Value::Bool),
            (Err(error), _) => Err(error),
        }
    }

    /// Both branches are evaluated, for their types: the result has the type that both can become. An error in the
    /// branch that is not taken does not count.
    fn conditional(
        &self,
        condition: &Expr,
        then: &Expr,
        otherwise: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Value, BakeError> {
        let chosen = self.boolean(&self.eval(condition, scope)?, &condition.at)?;
        let (taken, other) = if chosen { (then, otherwise) } else { (otherwise, then) };
        let value = self.eval(taken, scope)?;
        let alternative = match self.eval(other, scope) {
            Ok(alternative) => alternative,
            Err(error) if error.is_usage() => return Ok(value),
            Err(error) => return Err(error),
        };
        self.charge(&condition.at, value.weight().saturating_add(alternative.weight()))?;
        let wanted = match (&value, &alternative) {
            (Value::Null(Type::Any), _) => alternative.type_of(),
            (_, Value::Null(Type::Any)) => return Ok(value),
            _ => {
                let types = [value.type_of(), alternative.type_of()];
                Type::unify(&types).ok_or_else(|| {
                    let message =
                        format!("the results of a condition have types {} and {}", types[0], types[1]);
                    BakeError::invalid(&then.at, message)
                })?
            }
        };
        self.convert(&value, &wanted, &taken.at)
    }

    fn for_each(&self, body: &For, scope: &Scope<'_>, at: &Position) -> Result<Value, BakeError> {
        let collection = self.eval(&body.collection, scope)?;
        let pairs: Vec<(Value, Value)> = if let Some(entries) = collection.entries() {
            entries.iter().map(|(name, value)| (Value::String(Arc::clone(name)), value.clone())).collect()
        } else if let (Value::Set(..), Some(items)) = (&collection, collection.items()) {
            items.iter().map(|item| (item.clone(), item.clone())).collect()
        } else if let Some(items) = collection.items() {
            let numbered = items.iter().zip(0i64..);
            numbered.map(|(item, index)| (Value::Number(index.into()), item.clone())).collect()
        } else {
            let message = format!("a {} has no elements to go through", collection.type_of());
            return Err(BakeError::invalid(&body.collection.at, message));
        };
        let mut items = Vec::new();
        let mut object: BTreeMap<Arc<str>, Vec<Value>> = BTreeMap::new();
        for (key, value) in pairs {
            let mut names = vec![(Arc::clone(&body.value_name), value)];
            if let Some(name) = &body.key_name {
                names.push((Arc::clone(name), key));
            }
            let scope = scope.child(&names);
            if let Some(condition) = &body.condition
                && !self.boolean(&self.eval(condition, &scope)?, &condition.at)?
            {
                continue;
            }
            let Some(key) = &body.key else {
                items.push(self.eval(&body.value, &scope)?);
                continue;
            };
            let name = self.key(&self.eval(key, &scope)?, &key.at)?;
            let values = object.entry(Arc::clone(&name)).or_default();
            if !values.is_empty() && !body.grouping {
                return Err(BakeError::invalid(&key.at, format!("two elements have the key `{name}`")));
            }
            values.push(self.eval(&body.value, &scope)?);
        }
        let result = if body.key.is_none() {
            Value::tuple(items)
        } else if body.grouping {
            Value::object(object.into_iter().map(|(name, values)| (name, Value::tuple(values))).collect())
        } else {
            let single =
                |(name, values): (Arc<str>, Vec<Value>)| values.into_iter().next().map(|one| (name, one));
            Value::object(object.into_iter().filter_map(single).collect())
        };
        self.made(result, at)
    }
}
