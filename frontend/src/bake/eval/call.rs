//! Calls of functions, of bake's own and those of files.

use std::sync::Arc;

use super::{Evaluator, Scope, UserFunction};
use crate::bake::error::{BakeError, Position};
use crate::bake::functions::{self, FunctionError};
use crate::bake::syntax::Expr;
use crate::bake::type_expr;
use crate::bake::value::Value;

impl Evaluator<'_> {
    pub(super) fn call(
        &self,
        name: &Arc<str>,
        arguments: &[Expr],
        expand: bool,
        scope: &Scope<'_>,
        at: &Position,
    ) -> Result<Value, BakeError> {
        match &**name {
            "try" | "can" | "convert" if expand => {
                return Err(BakeError::invalid(at, format!("the arguments of `{name}` cannot be expanded")));
            }
            "try" => return self.try_each(arguments, scope, at),
            "can" => {
                let [only] = arguments else {
                    return Err(BakeError::invalid(at, "`can` takes one argument"));
                };
                return match self.eval(only, scope) {
                    Ok(_) => Ok(Value::Bool(true)),
                    Err(error) if error.is_usage() => Ok(Value::Bool(false)),
                    Err(error) => Err(error),
                };
            }
            "convert" => {
                let [value, wanted] = arguments else {
                    return Err(BakeError::invalid(at, "`convert` takes a value and a type"));
                };
                let wanted = type_expr::parse(wanted)?.strict();
                return self.convert(&self.eval(value, scope)?, &wanted, at);
            }
            _ => {}
        }
        let mut values = arguments.iter().map(|one| self.eval(one, scope)).collect::<Result<Vec<_>, _>>()?;
        if expand && let Some(last) = values.pop() {
            let items = last.items().ok_or_else(|| {
                BakeError::invalid(at, "what `...` expands must be a list, a set or a tuple")
            })?;
            values.extend_from_slice(items);
        }
        let weight = values.iter().fold(1u64, |sum, value| sum.saturating_add(value.weight()));
        self.charge(at, weight)?;
        if let Some(function) = self.functions.get(name) {
            return self.call_user(name, function, values, at);
        }
        let builtin = functions::find(name)
            .ok_or_else(|| BakeError::invalid(at, format!("there is no function named `{name}`")))?;
        let result = functions::call(&builtin, &values, self.environment);
        let value = result.map_err(|error| match error {
            FunctionError::Invalid(message) => BakeError::invalid(at, format!("`{name}`: {message}")),
            FunctionError::Unresolved(reason) => BakeError::unresolved(at, format!("`{name}()`"), reason),
        })?;
        self.made(value, at)
    }

    fn try_each(&self, arguments: &[Expr], scope: &Scope<'_>, at: &Position) -> Result<Value, BakeError> {
        let mut last = None;
        for argument in arguments {
            match self.eval(argument, scope) {
                Ok(value) => return Ok(value),
                Err(error) if error.is_usage() => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(match last {
            Some(error) => {
                BakeError::invalid(at, format!("`try`: every argument fails, the last one so: {error}"))
            }
            None => BakeError::invalid(at, "`try` takes at least one argument"),
        })
    }

    fn call_user(
        &self,
        name: &str,
        function: &UserFunction,
        values: Vec<Value>,
        at: &Position,
    ) -> Result<Value, BakeError> {
        let wanted = function.parameters.len();
        if values.len() < wanted || (values.len() > wanted && function.variadic.is_none()) {
            let message = format!("`{name}` takes {wanted} arguments, but {} are given", values.len());
            return Err(BakeError::invalid(at, message));
        }
        if values.iter().any(Value::is_null) {
            return Err(BakeError::invalid(at, format!("an argument of `{name}` is null")));
        }
        let mut values = values.into_iter();
        let mut names: Vec<(Arc<str>, Value)> =
            function.parameters.iter().cloned().zip(values.by_ref().take(wanted)).collect();
        if let Some(variadic) = &function.variadic {
            names.push((Arc::clone(variadic), Value::tuple(values.collect())));
        }
        self.eval(&function.result, &Scope::new(&names))
    }
}
