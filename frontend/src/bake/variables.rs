//! `variable` blocks: their definitions, and values that the environment overrides them with.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::{BakeError, Position};
use super::eval::Evaluator;
use super::functions::{FunctionError, from_json};
use super::syntax::{Attribute, Block, Expr, ExprKind};
use super::type_expr;
use super::value::{Number, Type, Value};
use crate::flag_values;
use crate::flag_values::parse_bool;

/// `variable "NAME" { … }`.
pub(crate) struct Variable {
    pub(crate) at: Position,
    /// `None` where no type is said.
    pub(crate) constraint: Option<Type>,
    pub(crate) default: Option<Attribute>,
    pub(crate) validations: Vec<Validation>,
}

pub(crate) struct Validation {
    pub(crate) condition: Expr,
    pub(crate) message: Option<Expr>,
}

impl Variable {
    pub(crate) fn read(block: &Block) -> Result<Self, BakeError> {
        let constraint = match block.body.attribute("type") {
            Some(attribute) if matches!(attribute.value.kind, ExprKind::Literal(Value::Null(_))) => None,
            Some(attribute) => {
                let constraint = type_expr::parse(&attribute.value)?;
                let said = constraint != Type::Any || attribute.value.keyword().is_some();
                said.then_some(constraint)
            }
            None => None,
        };
        let mut validations = Vec::new();
        for inner in block.body.blocks.iter().filter(|inner| &*inner.kind == "validation") {
            let known = |attribute: &&Attribute| !matches!(&*attribute.name, "condition" | "error_message");
            if let Some(unknown) = inner.body.attributes.iter().find(known) {
                let message = format!("a `validation` has no attribute `{}`", unknown.name);
                return Err(BakeError::invalid(&unknown.at, message));
            }
            let expression = |name: &str| inner.body.attribute(name).map(|attribute| attribute.value.clone());
            let missing = || BakeError::invalid(&inner.at, "a `validation` needs a `condition`");
            let condition = expression("condition").ok_or_else(missing)?;
            validations.push(Validation { condition, message: expression("error_message") });
        }
        let default = block.body.attribute("default").cloned();
        Ok(Self { at: block.at.clone(), constraint, default, validations })
    }

    /// The value with which the environment overrides a default that came to `value`.
    pub(crate) fn overridden(
        &self,
        name: &str,
        value: &Value,
        given: &Override<'_>,
        evaluator: &Evaluator<'_>,
    ) -> Result<Value, BakeError> {
        let invalid = |message: String| {
            BakeError::invalid(&self.at, format!("the environment's value of variable `{name}`: {message}"))
        };
        if given.json
            && let Some(wanted) = &self.constraint
        {
            let parsed = from_json(given.text).map_err(|error| match error {
                FunctionError::Invalid(message) | FunctionError::Unresolved(message) => invalid(message),
            })?;
            return evaluator.convert(&parsed, wanted, &self.at);
        }
        let wanted = match &self.constraint {
            Some(Type::Any) | None => match value.type_of() {
                _ if self.default.is_none() && self.constraint.is_none() => Type::String,
                Type::Any if self.constraint.is_none() => Type::String,
                inferred if self.constraint.is_none() && inferred.is_primitive() => inferred,
                inferred => return Err(invalid(format!("a {inferred} cannot be given there"))),
            },
            Some(wanted) => wanted.clone(),
        };
        from_text(given.text, &wanted).map_err(invalid)
    }
}

/// What the environment says of a variable.
pub(crate) struct Override<'a> {
    pub(crate) text: &'a str,
    /// Whether it is JSON.
    pub(crate) json: bool,
}

/// A value as the environment writes it: lists, sets, tuples and maps as CSV (`a,b`, `k:v,k:v`).
fn from_text(text: &str, wanted: &Type) -> Result<Value, String> {
    let fields = || flag_values::fields(text, ',').ok_or_else(|| "a quote is misplaced".to_owned());
    let all = |element: &Type| {
        fields()?.iter().map(|field| primitive(field, element)).collect::<Result<Vec<_>, _>>()
    };
    match wanted {
        Type::List(element) => Ok(Value::list((**element).clone(), all(element)?)),
        Type::Set(element) => Ok(Value::set((**element).clone(), all(element)?)),
        Type::Tuple(elements) => {
            let fields = fields()?;
            if fields.len() != elements.len() {
                return Err(format!(
                    "{} elements are needed, but {} are given",
                    elements.len(),
                    fields.len()
                ));
            }
            let values = fields.iter().zip(elements.iter()).map(|(field, wanted)| primitive(field, wanted));
            Ok(Value::tuple(values.collect::<Result<_, _>>()?))
        }
        Type::Map(element) => {
            let mut entries: BTreeMap<Arc<str>, Value> = BTreeMap::new();
            for field in fields()? {
                let pair = flag_values::fields(&field, ':').ok_or("a quote is misplaced")?;
                let [name, value] = pair.as_slice() else {
                    return Err(format!("`{field}` is not of the form `name:value`"));
                };
                entries.insert(name.as_str().into(), primitive(value, element)?);
            }
            Ok(Value::map((**element).clone(), entries))
        }
        wanted => primitive(text, wanted),
    }
}

fn primitive(text: &str, wanted: &Type) -> Result<Value, String> {
    match wanted {
        Type::String => Ok(Value::string(text)),
        Type::Bool => {
            parse_bool(text).map(Value::Bool).ok_or_else(|| "it is neither true nor false".to_owned())
        }
        Type::Number => {
            let float: f64 = text.parse().map_err(|_| "it is no number".to_owned())?;
            Number::from_f64(float).map(Value::Number).map_err(|error| error.to_string())
        }
        wanted => Err(format!("a {wanted} cannot be given there")),
    }
}
