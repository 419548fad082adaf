//! Types as variables and `convert` write them: `string`, `list(number)`, `object({a = optional(bool)})`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::BakeError;
use super::syntax::{Expr, ExprKind};
use super::value::{Type, Value};

/// The type that an expression describes.
pub(crate) fn parse(expr: &Expr) -> Result<Type, BakeError> {
    let invalid = |message: String| BakeError::invalid(&expr.at, message);
    if let Some(keyword) = expr.keyword() {
        return Ok(match &**keyword {
            "bool" => Type::Bool,
            "string" => Type::String,
            "number" => Type::Number,
            "any" => Type::Any,
            "list" | "set" | "map" | "object" | "tuple" => {
                return Err(invalid(format!("the type `{keyword}` needs an argument: `{keyword}(…)`")));
            }
            _ => return Err(invalid(format!("`{keyword}` is no type"))),
        });
    }
    let ExprKind::Call { name, arguments, expand: false } = &expr.kind else {
        return Err(invalid("a type is a keyword as `string`, or a call as `list(string)`".to_owned()));
    };
    let [argument] = arguments.as_slice() else {
        return Err(invalid(format!("the type `{name}` takes one argument")));
    };
    Ok(match &**name {
        "list" => Type::list(parse(argument)?),
        "set" => Type::set(parse(argument)?),
        "map" => Type::map(parse(argument)?),
        "tuple" => match &argument.kind {
            ExprKind::Tuple(elements) => Type::tuple(elements.iter().map(parse).collect::<Result<_, _>>()?),
            _ => return Err(invalid("a tuple's type takes a list of types".to_owned())),
        },
        "object" => object(argument)?,
        _ => return Err(invalid(format!("`{name}` is no type"))),
    })
}

fn object(expr: &Expr) -> Result<Type, BakeError> {
    let ExprKind::Object(entries) = &expr.kind else {
        return Err(BakeError::invalid(&expr.at, "an object's type takes attributes and their types"));
    };
    let mut attributes: BTreeMap<Arc<str>, Type> = BTreeMap::new();
    let mut optional = Vec::new();
    for (key, value) in entries {
        let ExprKind::Literal(Value::String(name)) = &key.kind else {
            return Err(BakeError::invalid(&key.at, "an attribute's name must be an identifier"));
        };
        let wanted = match &value.kind {
            ExprKind::Call { name: modifier, arguments, .. } if &**modifier == "optional" => {
                let [only] = arguments.as_slice() else {
                    return Err(BakeError::invalid(&value.at, "`optional` takes one type"));
                };
                optional.push(Arc::clone(name));
                only
            }
            _ => value,
        };
        if attributes.insert(Arc::clone(name), parse(wanted)?).is_some() {
            return Err(BakeError::invalid(&key.at, format!("attribute `{name}` is there twice")));
        }
    }
    Ok(if optional.is_empty() {
        Type::object(attributes)
    } else {
        Type::OptionalObject(Arc::new(attributes), optional.into())
    })
}
