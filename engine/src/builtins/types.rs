//! Functions of types.

use regorus::Value;

use super::Result;

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
