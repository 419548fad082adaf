//! Functions of types, and the deprecated casts.

use regorus::Value;
use regorus::value::Array;

use super::Result;
use super::operands::{elements, wrong_type};

/// `is_number`
pub(super) fn is_number(args: &[Value]) -> Result {
    Ok(Value::from(matches!(args[0], Value::Number(_))))
}

/// `is_string`
pub(super) fn is_string(args: &[Value]) -> Result {
    Ok(Value::from(matches!(args[0], Value::String(_))))
}

/// `is_boolean`
pub(super) fn is_boolean(args: &[Value]) -> Result {
    Ok(Value::from(matches!(args[0], Value::Bool(_))))
}

/// `is_array`
pub(super) fn is_array(args: &[Value]) -> Result {
    Ok(Value::from(matches!(args[0], Value::Array(_))))
}

/// `is_set`
pub(super) fn is_set(args: &[Value]) -> Result {
    Ok(Value::from(matches!(args[0], Value::Set(_))))
}

/// `is_object`
pub(super) fn is_object(args: &[Value]) -> Result {
    Ok(Value::from(matches!(args[0], Value::Object(_))))
}

/// `is_null`
pub(super) fn is_null(args: &[Value]) -> Result {
    Ok(Value::from(matches!(args[0], Value::Null)))
}

/// `type_name`
pub(super) fn type_name(args: &[Value]) -> Result {
    Ok(Value::from(super::operands::type_name(&args[0])))
}

/// `cast_object`
pub(super) fn cast_object(args: &[Value]) -> Result {
    match &args[0] {
        object @ Value::Object(_) => Ok(object.clone()),
        other => wrong_type(1, "object", other),
    }
}

/// `cast_null`
pub(super) fn cast_null(args: &[Value]) -> Result {
    match &args[0] {
        Value::Null => Ok(Value::Null),
        other => wrong_type(1, "null", other),
    }
}

/// `cast_boolean`
pub(super) fn cast_boolean(args: &[Value]) -> Result {
    match &args[0] {
        flag @ Value::Bool(_) => Ok(flag.clone()),
        other => wrong_type(1, "boolean", other),
    }
}

/// `cast_string`
pub(super) fn cast_string(args: &[Value]) -> Result {
    match &args[0] {
        text @ Value::String(_) => Ok(text.clone()),
        other => wrong_type(1, "string", other),
    }
}

/// `cast_set`
pub(super) fn cast_set(args: &[Value]) -> Result {
    Ok(elements(&args[0], 1)?.into_iter().cloned().collect::<regorus::value::Set>().into_value())
}

/// `cast_array`
pub(super) fn cast_array(args: &[Value]) -> Result {
    Ok(elements(&args[0], 1)?.into_iter().cloned().collect::<Array>().into_value())
}
