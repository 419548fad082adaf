//! Values of different types: they are never equal, and their order says nothing.

use regorus::Value;

use super::reads::{Aliases, each_literal, each_term};
use super::values::shown;
use super::{Finding, Subject};
use crate::builtins::{self, Types};
use crate::input::paths;
use crate::rego::ast::{Literal, LiteralKind, Module, Node, Term};

/// Built-in functions by the type of what they give.
const GIVE: [(Types, &[&str]); 4] = [
    (
        Types::NUMBER,
        &[
            "count",
            "semver.compare",
            "indexof",
            "strings.count",
            "sum",
            "product",
            "to_number",
            "round",
            "ceil",
            "floor",
            "abs",
            "time.now_ns",
            "time.parse_ns",
            "time.parse_rfc3339_ns",
            "time.parse_duration_ns",
            "units.parse_bytes",
        ],
    ),
    (
        Types::STRING,
        &[
            "lower",
            "upper",
            "trim",
            "trim_left",
            "trim_right",
            "trim_prefix",
            "trim_suffix",
            "trim_space",
            "sprintf",
            "concat",
            "replace",
            "substring",
            "format_int",
            "regex.replace",
            "json.marshal",
        ],
    ),
    (Types::ARRAY, &["split", "regex.split", "array.concat", "array.slice"]),
    (
        Types::BOOLEAN,
        &[
            "startswith",
            "endswith",
            "contains",
            "regex.match",
            "glob.match",
            "semver.is_valid",
            "regex.is_valid",
            "strings.any_prefix_match",
            "strings.any_suffix_match",
        ],
    ),
];
/// Operators that compare.
const COMPARE: [(&str, &str); 6] =
    [("equal", "=="), ("neq", "!="), ("lt", "<"), ("lte", "<="), ("gt", ">"), ("gte", ">=")];

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (module, rule) in subject.rules() {
        let aliases = subject.aliases(module, rule);
        each_term(rule, &mut |term| {
            findings.extend(comparison(term, &aliases));
            findings.extend(membership(term, module, &aliases));
            findings.extend(number_as_key(term, &aliases));
            findings.extend(arguments(term, &aliases));
        });
        each_literal(rule, &mut |literal| findings.extend(number_as_condition(literal)));
    }
    findings
}

/// What type a term has, if that can be told, and what it is called.
fn known(term: &Term, aliases: &Aliases) -> Option<(Types, String)> {
    let (types, what) = match &term.node {
        Node::Scalar(value) => (Types::of(value), value.to_string()),
        Node::Array(_) | Node::ArrayCompr(..) => (Types::ARRAY, "[…]".to_owned()),
        Node::Set(_) | Node::SetCompr(..) => (Types::SET, "{…}".to_owned()),
        Node::Object(_) | Node::ObjectCompr(..) => (Types::OBJECT, "{…}".to_owned()),
        Node::Call(path, _) => {
            let name = path.iter().map(|part| &**part).collect::<Vec<_>>().join(".");
            if let Some(sign) = arithmetic(&name, term, aliases) {
                (Types::NUMBER, format!("… {sign} …"))
            } else {
                let (types, _) = GIVE.iter().find(|(_, names)| names.contains(&&*name))?;
                (*types, format!("{name}(…)"))
            }
        }
        Node::Var(_) | Node::Ref(..) => {
            let path = aliases.path(term).filter(|path| !path.is_empty())?;
            let types = match paths::type_beside_null(&path.iter().map(String::as_str).collect::<Vec<_>>())? {
                "string" => Types::STRING,
                "boolean" => Types::BOOLEAN,
                "integer" | "number" => Types::NUMBER,
                "array" => Types::ARRAY,
                "object" => Types::OBJECT,
                _ => return None,
            };
            (types, shown(&path))
        }
        Node::Template(_) => (Types::STRING, "$\"…\"".to_owned()),
    };
    // What is compared with `null` is asked whether it is there.
    (types != Types::NULL).then_some((types, what))
}

/// The sign of a calculation with numbers. `-` is one of sets as well, where no number is in sight.
fn arithmetic(name: &str, term: &Term, aliases: &Aliases) -> Option<&'static str> {
    let is_number = |operand: &Term| known(operand, aliases).is_some_and(|(types, _)| types == Types::NUMBER);
    match name {
        "plus" => Some("+"),
        "mul" => Some("*"),
        "div" => Some("/"),
        "rem" => Some("%"),
        "minus" => term.operands(name)?.iter().any(is_number).then_some("-"),
        _ => None,
    }
}

fn comparison(term: &Term, aliases: &Aliases) -> Option<Finding> {
    let (operands, operator) =
        COMPARE.iter().find_map(|(name, operator)| Some((term.operands(name)?, *operator)))?;
    let [left, right] = operands else { return None };
    let ((left_type, left), (right_type, right)) = (known(left, aliases)?, known(right, aliases)?);
    if left_type == right_type {
        return None;
    }
    let says = match operator {
        "==" => "never holds",
        "!=" => "always holds",
        _ => "compares the types alone",
    };
    let message = format!("`{left} {operator} {right}` {says}: {} and {}", a(left_type), a(right_type));
    let help =
        match [(left_type, &left), (right_type, &right)].iter().find(|(types, _)| *types == Types::STRING) {
            Some((_, what)) if is_time(what) && [left_type, right_type].contains(&Types::NUMBER) => {
                parse_time(what)
            }
            _ => help(left_type, right_type),
        };
    Some(Finding::new("type-mismatch", term.loc, message, help))
}

/// Whether a property is a time as text.
fn is_time(property: &str) -> bool {
    ["Time", "when", "edOn"].iter().any(|ending| property.ends_with(ending))
}

fn parse_time(property: &str) -> String {
    format!("write `time.parse_rfc3339_ns({property})`")
}

fn help(left: Types, right: Types) -> String {
    let both = |a: Types, b: Types| (left == a && right == b) || (left == b && right == a);
    if both(Types::STRING, Types::NUMBER) {
        "put the number in quotes, or convert the text with `to_number`".to_owned()
    } else if both(Types::STRING, Types::BOOLEAN) {
        "write `true` without quotes for a boolean, and `\"true\"` for a text".to_owned()
    } else if left == Types::ARRAY || right == Types::ARRAY {
        "write `x in xs` for an element of an array".to_owned()
    } else {
        "compare values of one type".to_owned()
    }
}

/// `x in xs`, where `xs` has no elements.
fn membership(term: &Term, module: &Module, aliases: &Aliases) -> Option<Finding> {
    let two = term.operands("internal.member_2").and_then(<[Term]>::last);
    let domain = two.or_else(|| term.operands("internal.member_3").and_then(<[Term]>::last))?;
    if is_empty_object(domain) || is_rule_of(domain, module) {
        let message = "`in` never holds of `{}`, which is an empty object";
        return Some(Finding::new("type-mismatch", term.loc, message, "write `set()` for an empty set"));
    }
    let (types, what) = known(domain, aliases)?;
    if [Types::ARRAY, Types::SET, Types::OBJECT].contains(&types) {
        return None;
    }
    let help = match types {
        Types::STRING => format!("write `contains({what}, …)` for a part of a text"),
        _ => "name an array, a set or an object".to_owned(),
    };
    let message = format!("`in {what}` never holds: it is {}", a(types));
    Some(Finding::new("type-mismatch", term.loc, message, help))
}

fn is_empty_object(term: &Term) -> bool {
    matches!(&term.node, Node::Object(fields) if fields.is_empty())
}

/// Whether a term names a rule that is `{}` and nothing else.
fn is_rule_of(term: &Term, module: &Module) -> bool {
    let Node::Var(name) = &term.node else { return false };
    let mut definitions = module.rules.iter().filter(|rule| rule.name == *name);
    let (Some(rule), None) = (definitions.next(), definitions.next()) else { return false };
    rule.args.is_none()
        && rule.keys.is_empty()
        && rule.alternatives.iter().all(|alternative| alternative.value.as_ref().is_some_and(is_empty_object))
}

/// `input.image.labels[0]`
fn number_as_key(term: &Term, aliases: &Aliases) -> Option<Finding> {
    let Node::Ref(head, keys) = &term.node else { return None };
    let base = aliases.path(head)?;
    keys.iter().enumerate().find_map(|(at, key)| {
        let Node::Scalar(Value::Number(_)) = &key.node else { return None };
        let before = keys[..at].iter().map(|key| key.as_string().map(str::to_owned));
        let path = base.iter().cloned().map(Some).chain(before).collect::<Option<Vec<_>>>()?;
        if paths::type_at(&path.iter().map(String::as_str).collect::<Vec<_>>())? != "object" {
            return None;
        }
        let message = format!("`{}` has names for keys, and no numbers", shown(&path));
        Some(Finding::new("type-mismatch", term.loc, message, "write the name in quotes"))
    })
}

/// Arguments that a function never takes. Constant ones are refused when the policy is loaded.
fn arguments(term: &Term, aliases: &Aliases) -> Option<Finding> {
    let Node::Call(path, args) = &term.node else { return None };
    let name = path.iter().map(|part| &**part).collect::<Vec<_>>().join(".");
    let builtin = builtins::lookup(&name)?;
    args.iter().zip(builtin.args).find_map(|(arg, takes)| {
        let (types, what) = known(arg, aliases)?;
        if takes.contains(types) || matches!(arg.node, Node::Scalar(_)) {
            return None;
        }
        let message = format!("`{}` takes {takes} here, and `{what}` is {}", operator(&name), a(types));
        let help = match (types, *takes) {
            (Types::STRING, Types::ARRAY) => format!("write `[{what}]`"),
            (Types::STRING, Types::NUMBER) if is_time(&what) => parse_time(&what),
            _ => "the call is undefined, so that what depends on it never holds".to_owned(),
        };
        Some(Finding::new("type-mismatch", term.loc, message, help))
    })
}

fn operator(name: &str) -> &str {
    match name {
        "minus" => "-",
        "plus" => "+",
        "mul" => "*",
        "div" => "/",
        "rem" => "%",
        other => other,
    }
}

/// `semver.compare(a, b)` alone: every number holds, 0 as well.
fn number_as_condition(literal: &Literal) -> Option<Finding> {
    let (LiteralKind::Expr(term) | LiteralKind::Not(term)) = &literal.kind else { return None };
    let Node::Call(path, _) = &term.node else { return None };
    let name = path.iter().map(|part| &**part).collect::<Vec<_>>().join(".");
    let (_, numbers) = GIVE.iter().find(|(types, _)| *types == Types::NUMBER)?;
    numbers.contains(&&*name).then(|| {
        let message = format!("`{name}(…)` is a number, and every number holds, 0 as well");
        Finding::new("always-true", literal.loc, message, format!("compare it: `{name}(…) > 0`"))
    })
}

/// `a string`
fn a(types: Types) -> String {
    let name = types.to_string();
    let article = if name.starts_with(['a', 'o']) { "an" } else { "a" };
    format!("{article} {name}")
}
