//! Finer points of the language, as OPA has them.

use super::evaluate::Expected::{Error, Undefined, Value};
use super::evaluate::{check, decision};
use super::unknown::{is_unknown, unknown};

#[test]
fn membership_with_a_key_stands_alone_but_not_in_lists() {
    check(
        "{}",
        &[
            ("decision := 1, \"b\" in [\"a\", \"b\"]", Value("true")),
            ("decision if not 0, \"b\" in [\"a\"]", Value("true")),
            ("decision := (0, 7 in [7])", Value("true")),
            ("decision := (7 in [7], true in [true])", Error("syntax")),
            // A set has no keys for `in`, but for `some`.
            ("decision := (7, 7 in {7})", Value("false")),
            ("decision := [x | some x in {7}; x, x in {7}]", Value("[]")),
            ("decision := [[k, v] | some k, v in {7}]", Value("[[7,7]]")),
            ("decision := [v | some 7, v in {7}]", Value("[7]")),
            ("decision := x if x := 0, 8 in [7]", Value("false")),
            ("decision := [5, 7 in [7]]", Value("[5,true]")),
            ("pair(a, b) := [a, b]\ndecision := pair(5, 7 in [7])", Value("[5,true]")),
            ("decision := {\"a\": 7 in [7]}", Value("{\"a\":true}")),
        ],
    );
}

#[test]
fn a_closure_sees_what_was_declared_before_it_only() {
    check(
        "{}",
        &[
            (
                "names := {\"a\", \"b\"}\ndecision := n if { all := {n | names[n]}; n := count(all) }",
                Value("2"),
            ),
            ("names := {\"a\"}\ndecision := n if n := {n | names[n]}", Value("[\"a\"]")),
            ("decision := n if { l := [n | n = 5]; m := [n | n = 6]; n := [l, m] }", Value("[[5],[6]]")),
            ("decision := l if { n := 1; l := [n | n == 1] }", Value("[1]")),
            ("decision := l if { l := [n | n == 1]; n := 1 }", Error("unsafe-variable")),
            ("decision := n if { some n in [{n | n := 5}] }", Value("[5]")),
        ],
    );
}

#[test]
fn declared_variables_must_be_used() {
    check(
        "{}",
        &[
            ("decision if { some n; 1 == 1 }", Error("unused-variable")),
            ("decision if { some n, m; n = 1 }", Error("unused-variable")),
            ("decision := n if { some n; n = 1 }", Value("1")),
            ("decision if { every n in [1] { true } }", Error("unused-variable")),
            ("decision if { every i, n in [1] { n == 1 } }", Error("unused-variable")),
            ("decision if { every i, _ in [1] { i == 0 } }", Value("true")),
            ("decision if { every _ in [1] { true } }", Value("true")),
            ("decision if { some n in [1]; true }", Value("true")),
            ("decision if { n := 1; true }", Value("true")),
        ],
    );
}

#[test]
fn parts_are_unified_in_whichever_order() {
    check(
        "{}",
        &[
            ("decision := [a, b] if [a, b] = [b, 1]", Value("[1,1]")),
            ("decision := [a, b] if [a, b] = [[b], 1]", Value("[[1],1]")),
            ("decision := a if {\"x\": a, \"y\": b} = {\"x\": b, \"y\": 2}", Value("2")),
            ("decision := a if [[a, 1], b] = [[b, 1], 3]", Value("3")),
            ("decision := a if [a, b] = [[b], [a]]", Error("unsafe-variable")),
        ],
    );
}

#[test]
fn a_variable_hides_a_function() {
    check(
        "{}",
        &[
            ("decision := n if { count := 3; n := count([1]) }", Error("shadowed-function")),
            ("decision := n if { time := 3; n := time.now_ns() }", Error("shadowed-function")),
            ("f(count) := count([1])\ndecision := f(1)", Error("shadowed-function")),
            ("g(x) := x\ndecision if { g := 2; g(1) }", Error("shadowed-function")),
        ],
    );
}

#[test]
fn with_replaces_functions() {
    check(
        "{}",
        &[
            ("decision := n if n := count([4]) with count as sum", Value("4")),
            ("f(_) := 2\ndecision := n if n := f([1, 1, 1]) with f as count", Value("3")),
            // The replacement itself sees the function that it replaces.
            ("one(x) := count(x) + 1\ndecision := n if n := count([4]) with count as one", Value("2")),
            ("f(_) := 2\ng(x) := f(x) * 10\ndecision := n if n := f(1) with f as g", Value("20")),
            (
                "f(x) := count(x)\ng(_) := 7\ndecision := n if n := f([1]) with f as g with count as g",
                Value("7"),
            ),
            ("f(x) := x\ntwo(x, y) := x + y\ndecision := n if n := f(1) with f as two", Error("wrong-arity")),
        ],
    );
}

#[test]
fn with_replaces_data_in_order() {
    check(
        "{}",
        &[
            (
                "decision := d if d := data.s with data.s.a as 1 with data.s.b as 2",
                Value("{\"a\":1,\"b\":2}"),
            ),
            (
                "decision := d if d := data.s with data.s as {\"z\": 1} with data.s.b as 2",
                Value("{\"b\":2,\"z\":1}"),
            ),
            ("decision := d if d := data.s with data.s.b as 2 with data.s as {\"z\": 1}", Value("{\"z\":1}")),
            ("p := {\"a\": 1}\ndecision := d if d := p with p.a as 5", Error("partial-replacement")),
            (
                "p[k] := 1 if some k in [\"a\"]\ndecision := d if d := p with p.b as 5",
                Error("partial-replacement"),
            ),
            ("p contains 1\ndecision := d if d := p with p as {5}", Value("[5]")),
        ],
    );
}

#[test]
fn rules_do_not_stand_inside_of_rules() {
    check(
        "{}",
        &[
            ("p := {\"b\": 2}\np.a := 1\ndecision := p", Error("conflicting-rules")),
            ("p.a.b := 1\np.a.b.c := 2\ndecision := p", Error("conflicting-rules")),
            ("p contains 1\np.a := 1\ndecision := p", Error("conflicting-rules")),
            ("p := 1\np.f(x) := x\ndecision := p", Error("conflicting-rules")),
            ("p.a := 1\np.b := 2\ndecision := p", Value("{\"a\":1,\"b\":2}")),
        ],
    );
}

#[test]
fn object_rules_are_made_of_entries() {
    check(
        "{}",
        &[
            ("o[k].v := 1 if k := \"a\"\no.a.w := 2\ndecision := o", Value("{\"a\":{\"v\":1,\"w\":2}}")),
            ("o[k] := {\"v\": 1} if k := \"a\"\no.a.w := 2\ndecision := o", Error("conflict")),
            ("o[k] := {\"v\": 1} if k := \"a\"\no.a.v := 1\ndecision := o", Error("conflict")),
            ("o[k] := 1 if some k in [\"a\", \"b\"]\no.a := 1\ndecision := o", Value("{\"a\":1,\"b\":1}")),
            ("o[k] := 1 if some k in [\"a\", \"b\"]\no.a := 2\ndecision := o", Error("conflict")),
            ("o[k] contains 1 if k := \"a\"\no.a contains 2\ndecision := o", Value("{\"a\":[1,2]}")),
        ],
    );
}

#[test]
fn of_a_repeated_key_the_last_value_counts() {
    check(
        "{\"x\": \"a\"}",
        &[
            ("decision := {\"a\": 1, \"a\": 2}", Value("{\"a\":2}")),
            ("decision := {\"a\": input.x, \"a\": 2}", Value("{\"a\":2}")),
            ("decision := {\"a\": 1, input.x: 2, \"a\": 3}", Value("{\"a\":2}")),
            ("decision := {k: v | k := \"a\"; some v in [1, 2]}", Error("conflict")),
        ],
    );
}

#[test]
fn keywords_name_rules_when_keys_follow() {
    check(
        "{\"x\": 1}",
        &[
            ("if.a := 1\ndecision if if.a == 1", Value("true")),
            ("not.a := 1\ndecision if not.a == 1", Value("true")),
            ("not.a := 1\ndecision if not not.a == 2", Error("syntax")),
            ("else.a := 1 if input.x == 2\nelse.b := 2\ndecision if else.b == 2", Value("true")),
            ("some.a contains 1\ndecision if some.a[1]", Value("true")),
            ("some.a contains 1\ndecision := n if some n in some.a", Error("syntax")),
            ("some.a contains 1\ndecision := some.a", Error("syntax")),
            ("as[\"a\"] := 1\ndecision := data.docker.as.a", Value("1")),
            ("decision := if", Error("syntax")),
        ],
    );
}

#[test]
fn a_function_of_its_head_alone_is_true() {
    check(
        "{}",
        &[
            ("f(_, \"\", _)\ndecision := [f(1, \"\", 2)]", Value("[true]")),
            ("f(_, \"\", _)\ndecision := f(1, \"a\", 2)", Undefined),
            ("f(1)\nf(x) if x == 2\ndecision := [f(1), f(2)]", Value("[true,true]")),
            ("p.f(1)\ndecision := p.f(1)", Value("true")),
            ("f()\ndecision := 1", Error("syntax")),
            ("p\ndecision := 1", Error("syntax")),
            ("p.q\ndecision := 1", Error("syntax")),
            ("count(_)\ndecision := 1", Error("syntax")),
            ("http.send(_)\ndecision := 1", Error("syntax")),
            ("count(_) if true\ndecision := count(1)", Value("true")),
        ],
    );
}

#[test]
fn heads_are_opas() {
    check(
        "{}",
        &[
            ("f(x) contains 1\ndecision := 1", Error("syntax")),
            ("input.p := 1\ndecision := 1", Error("syntax")),
            ("data := 1\ndecision := 1", Error("syntax")),
            ("set() := 1\ndecision := 1", Error("syntax")),
            ("p. q := 1\ndecision := 1", Error("syntax")),
            ("p .q if true\ndecision := p.q", Value("true")),
            ("p [1] := 2 if true\ndecision := p[1]", Value("2")),
            ("p .q := 1\ndecision := 1", Error("syntax")),
            ("default decision", Value("true")),
            ("default f(_, _) := 1\ndecision := f(2, 3)", Value("1")),
            ("default f(x, x) := 1\ndecision := 1", Error("syntax")),
            ("default f(1) := 1\ndecision := 1", Error("syntax")),
            ("default p[1]\ndecision := 1", Error("syntax")),
            ("p[1] := 1 if false\nelse := 2\ndecision := p", Value("{\"1\":2}")),
            ("p[1] := 1 if true\nelse := 2\ndecision := p", Value("{\"1\":1}")),
            ("p[x] := 1 if x := 1\nelse := 2\ndecision := 1", Error("syntax")),
            ("f({1}) := 1\ndecision := f({1})", Value("1")),
            ("f(x, {x}) := x\ndecision := f(1, {1})", Value("1")),
            ("f(x, {x}) := x\ndecision := f(1, {2})", Undefined),
            ("f([x | some x in [1, 2]]) := 3\ndecision := f([1, 2])", Value("3")),
            ("f(x, $\"a{x}\") := 3\ndecision := f(1, \"a1\")", Value("3")),
            ("f({x}) := 1\ndecision := 1", Error("unsafe-variable")),
            ("f({input.xs[_]}) := 1\ndecision := 1", Error("parameter")),
            ("f(input.x) := 1\ndecision := 1", Error("parameter")),
        ],
    );
}

#[test]
fn what_follows_a_rule() {
    check(
        "{}",
        &[
            ("x := 1 decision := x", Value("1")),
            ("default decision := false x := 1", Value("false")),
            ("x := 1; decision := x", Error("syntax")),
            ("decision := 1;", Error("syntax")),
            ("p if { false } { true }\ndecision := p", Value("true")),
            ("f(x) := y if { y := x; x > 1 }\n{ y := 0; x < 1 }\ndecision := [f(2), f(0)]", Value("[2,0]")),
            ("p := 1 if { false } else := 2 { true }\ndecision := 1", Error("syntax")),
        ],
    );
}

#[test]
fn assignments_are_statements_to_variables() {
    check(
        "{}",
        &[
            ("decision if 1 := 1", Error("assignment-target")),
            ("decision if [x, 1] := [1, 1]", Error("assignment-target")),
            ("decision if not x := 1", Error("assignment-target")),
            ("decision if (x := 1)", Error("syntax")),
            ("decision if (x = 1)", Error("syntax")),
            ("decision := contains if contains := 1", Value("1")),
        ],
    );
}

#[test]
fn braces_and_separators() {
    check(
        "{}",
        &[
            ("decision if {x | x := 1}", Value("true")),
            ("decision if {1} == {1}", Value("true")),
            ("decision if { {1} }", Value("true")),
            ("decision if {false}", Undefined),
            ("decision if {false: 1}", Value("true")),
            ("decision if {1, 2}", Error("syntax")),
            ("decision if {1,}", Error("syntax")),
            ("decision if set()", Error("syntax")),
            ("decision if not {1}", Error("syntax")),
            ("decision if 1 in[1]", Error("syntax")),
            ("decision if[1]", Value("true")),
            ("import data.x as input\ndecision := 1", Error("syntax")),
            ("import data.if\ndecision := 1", Error("syntax")),
            ("decision if {}", Value("true")),
            ("decision if { true; }", Error("syntax")),
            ("decision if {\n\ttrue\n}", Value("true")),
        ],
    );
}

#[test]
fn template_expressions_take_with() {
    check(
        "{\"a\": 1}",
        &[
            ("p := input.a\ndecision := $\"{p with input as {\"a\": 42}} {p}\"", Value("\"42 1\"")),
            ("p := input.a\ndecision := $\"{p with input as {}}\"", Value("\"\\u003cundefined\\u003e\"")),
        ],
    );
}

#[test]
fn a_function_of_another_package_cannot_be_hidden_by_chance() {
    let library = "package lib\nf(x) := x";
    let good = "package docker\nimport data.lib\ndecision := lib.f(3)";
    let bad = "package docker\nimport data.lib\ndecision if { lib := 2; lib.f(3) }";
    assert_eq!(decision(&[good, library], regorus::Value::Null), Ok(regorus::Value::from(3)));
    let refusal = decision(&[bad, library], regorus::Value::Null).unwrap_err();
    assert_eq!(refusal.code, "shadowed-function");
}

#[test]
fn replacing_a_part_does_not_make_what_is_unresolved_look_absent() {
    let image = [(regorus::Value::from("labels"), unknown(1))];
    let image = regorus::Value::from(std::collections::BTreeMap::from(image));
    let input = [(regorus::Value::from("image"), image)];
    let input = regorus::Value::from(std::collections::BTreeMap::from(input));
    for policy in [
        "decision := x if x := input.image.labels.a with input.image.labels.b as 1",
        "decision if not input.image.labels.a with input.image.labels.b as 1",
        "decision if not data.s.labels.a with data.s as input.image",
        "decision := count(s) if s := data.s with data.s as input.image with data.s.labels.b as 1",
        "decision if not data.s.labels with data.s as input.image with data.s.labels.b as 1",
        "f(x) := x.labels.a\ndecision if not f(1) with f as input.image.labels",
    ] {
        let decided = decision(&[&format!("package docker\n\n{policy}\n")], input.clone());
        assert!(decided.as_ref().is_ok_and(is_unknown), "{policy}: {decided:?}");
    }
}
