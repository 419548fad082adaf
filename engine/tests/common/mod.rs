//! Calls of built-in functions, written as in a policy.
#![allow(missing_docs, dead_code, unreachable_pub, clippy::unwrap_used)]

use policy_engine::builtins::{BuiltinError, lookup};
use regorus::{Engine, Value};

/// The answer to a call such as `count([1, 2])`, as JSON.
pub fn answer(call: &str) -> String {
    let (name, args) = call.split_once('(').unwrap();
    let args = args.strip_suffix(')').unwrap();
    let mut engine = Engine::new();
    let results = engine.eval_query(format!("[{args}]"), false).unwrap();
    let args = results.result[0].expressions[0].value.as_array().unwrap().to_vec();
    let builtin = lookup(name).unwrap_or_else(|| panic!("no function {name}"));
    assert_eq!(builtin.arity, args.len(), "{call}");
    match (builtin.call)(&args) {
        Ok(Value::Undefined) => String::from("undefined"),
        Ok(value) => match (lookup("json.marshal").unwrap().call)(&[value]).unwrap() {
            Value::String(json) => json.to_string(),
            other => panic!("{call}: json.marshal answered {other}"),
        },
        Err(BuiltinError::Failed(_)) => String::from("error"),
        Err(BuiltinError::Limit(_)) => String::from("limit"),
        Err(other) => panic!("{call}: {other}"),
    }
}

/// Checks rows of `call => answer`.
pub fn check(rows: &str) {
    let mut wrong = Vec::new();
    for row in rows.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let (call, expected) = row.rsplit_once(" => ").unwrap();
        let found = answer(call.trim());
        if found != expected.trim() {
            wrong.push(format!("{call}\n  expected {expected}\n  found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
