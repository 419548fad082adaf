//! What a policy may use, as OPA's capabilities file has it: OPA's own tools then accept build policies.
//!
//! The form is that of OPA's `opa capabilities`: built-in functions with the types of their arguments and answers, and
//! the features of the language.

use serde_json::{Value, json};

use crate::builtins::{self, Kind, Types};
use crate::policy;
use crate::rego::OWN;

/// Parts of the language that are not in every version of Rego.
const FEATURES: [&str; 3] = ["keywords_in_refs", "rego_v1", "template_strings"];

/// OPA's capabilities file for build policies.
pub fn capabilities() -> Value {
    let mut functions: Vec<Value> = builtins::TABLE
        .iter()
        .map(|builtin| {
            let mut function = function(builtin.name, builtin.args, builtin.result);
            if let Some(operator) = builtin.operator() {
                function["infix"] = json!(operator);
            }
            if builtin.kind != Kind::Pure {
                function["nondeterministic"] = json!(true);
            }
            function
        })
        .collect();
    functions.extend(syntax());
    functions.extend(OWN.iter().map(|own| {
        let mut function = function(own.name, own.args, own.result);
        function["nondeterministic"] = json!(true);
        function
    }));
    // Written in Rego and part of every policy, but in no file of the user's: to OPA they are functions of ours. A
    // policy calls them by their name alone, a library by their whole one.
    for (name, helper) in policy::helpers() {
        let args = vec![Types::ANY; helper.arity];
        let result = if helper.is_condition { Types::BOOLEAN } else { Types::ANY };
        functions.push(function(&name, &args, result));
        functions.push(function(&format!("data.docker.{name}"), &args, result));
    }
    functions.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    json!({"builtins": functions, "features": FEATURES})
}

/// What is written as syntax, and is a call to OPA: its test runner puts `internal.test_case` into tests with cases.
fn syntax() -> Vec<Value> {
    let mut assign = function("assign", &[Types::ANY; 2], Types::BOOLEAN);
    assign["infix"] = json!(":=");
    let mut member = function("internal.member_2", &[Types::ANY; 2], Types::BOOLEAN);
    member["infix"] = json!("in");
    let mut member_with_key = function("internal.member_3", &[Types::ANY; 3], Types::BOOLEAN);
    member_with_key["infix"] = json!("in");
    let sets = json!({"type": "array", "dynamic": {"type": "set", "of": {"type": "any"}}});
    let values = json!({"type": "array", "dynamic": {"type": "any"}});
    vec![
        assign,
        member,
        member_with_key,
        json!({"name": "print", "decl": {"type": "function", "variadic": {"type": "any"}}}),
        json!({"name": "internal.print", "decl": {"type": "function", "args": [sets]}}),
        json!({"name": "internal.test_case", "decl": {"type": "function", "args": [values]}}),
    ]
}

fn function(name: &str, args: &[Types], result: Types) -> Value {
    let mut declaration = json!({"type": "function", "result": of_types(result)});
    // OPA leaves the key out where there are none.
    if !args.is_empty() {
        declaration["args"] = args.iter().map(|types| of_types(*types)).collect();
    }
    json!({"name": name, "decl": declaration})
}

/// A set of types as OPA writes it.
fn of_types(types: Types) -> Value {
    let any = json!({"type": "any"});
    if types == Types::ANY {
        return any;
    }
    let mut alternatives: Vec<Value> = types
        .names()
        .map(|name| match name {
            "array" => json!({"type": name, "dynamic": any}),
            "set" => json!({"type": name, "of": any}),
            "object" => json!({"type": name, "dynamic": {"key": any, "value": any}}),
            _ => json!({"type": name}),
        })
        .collect();
    match alternatives.len() {
        1 => alternatives.remove(0),
        _ => json!({"type": "any", "of": alternatives}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declaration(name: &str) -> Value {
        let all = capabilities();
        let found = all["builtins"].as_array().unwrap().iter().find(|function| function["name"] == name);
        found.cloned().unwrap_or_default()
    }

    #[test]
    fn types_are_written_as_opa_writes_them() {
        let any = json!({"type": "any"});
        assert_eq!(
            declaration("count"),
            json!({"name": "count", "decl": {
                "type": "function",
                "args": [{"type": "any", "of": [
                    {"type": "string"},
                    {"type": "array", "dynamic": any},
                    {"type": "object", "dynamic": {"key": any, "value": any}},
                    {"type": "set", "of": any},
                ]}],
                "result": {"type": "number"},
            }})
        );
        assert_eq!(
            declaration("plus"),
            json!({"name": "plus", "infix": "+", "decl": {
                "type": "function",
                "args": [{"type": "number"}, {"type": "number"}],
                "result": {"type": "number"},
            }})
        );
        assert_eq!(
            declaration("time.now_ns"),
            json!({"name": "time.now_ns", "nondeterministic": true, "decl": {
                "type": "function",
                "result": {"type": "number"},
            }})
        );
    }

    #[test]
    fn functions_of_build_policies_are_declared_and_what_is_refused_is_not() {
        for (name, arity) in [
            ("load_json", 1),
            ("verify_http_pgp_signature", 3),
            ("docker_github_builder", 2),
            ("data.docker.docker_github_builder_bundle", 3),
            ("github_release_attestation", 1),
        ] {
            assert_eq!(declaration(name)["decl"]["args"].as_array().map(Vec::len), Some(arity), "{name}");
        }
        assert_eq!(declaration("docker_github_builder")["decl"]["result"]["type"], "boolean");
        assert_eq!(declaration("github_release_attestation")["decl"]["result"]["type"], "any");
        for name in ["http.send", "opa.runtime", "walk", "any"] {
            assert_eq!(declaration(name), Value::Null, "{name}");
        }
    }

    #[test]
    fn what_opa_makes_of_syntax_is_declared() {
        for name in
            ["assign", "internal.member_2", "internal.member_3", "internal.print", "internal.test_case"]
        {
            assert_eq!(declaration(name)["name"], name);
        }
        assert!(declaration("internal.test_case")["decl"]["result"].is_null());
    }
}
