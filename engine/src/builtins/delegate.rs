//! Functions that regorus has and that answer as OPA's do.

use std::sync::LazyLock;

use regorus::unstable::{BUILTINS, Expr, Ref, Span};
use regorus::{Source, Value};

use super::operands::failed;
use super::{BuiltinError, Result};

/// The place that regorus names in its errors; nobody reads it.
static NOWHERE: LazyLock<Option<(Span, Vec<Ref<Expr>>)>> = LazyLock::new(|| {
    let source = Source::from_contents(String::new(), String::new()).ok()?;
    let span = Span { source, line: 1, col: 1, start: 0, end: 0 };
    let expr = Ref::new(Expr::Null { span: span.clone(), value: Value::Null, eidx: 0 });
    Some((span, vec![expr; 8]))
});

/// Calls regorus's function `name`.
pub(super) fn call(name: &str, args: &[Value]) -> Result {
    let (Some((function, _)), Some((span, exprs))) = (BUILTINS.get(name), NOWHERE.as_ref()) else {
        return failed(format!("{name} is not available"));
    };
    function(span, &exprs[..args.len()], args, true).map_err(|error| BuiltinError::Failed(error.to_string()))
}
