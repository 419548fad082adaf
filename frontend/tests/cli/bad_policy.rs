//! Policies that don't load, or that fail when they are asked.

use insta::assert_snapshot;

use crate::harness::Place;

fn eval(rego: &str) -> String {
    Place::with_policy(rego).run(["eval", "."]).shown()
}

#[test]
fn syntax_error() {
    assert_snapshot!(eval("package docker\n\nallow if {\n"), @"");
}

#[test]
fn empty_file() {
    assert_snapshot!(eval(""), @"");
}

#[test]
fn unknown_function() {
    assert_snapshot!(eval("package docker\n\nallow if nope(1)\n\ndecision := {\"allow\": allow}\n"), @"");
}

#[test]
fn function_that_touches_the_outside() {
    assert_snapshot!(eval("package docker\n\nallow if http.send({\"url\": \"http://x\"})\n\ndecision := {\"allow\": allow}\n"), @"");
}

#[test]
fn recursion() {
    assert_snapshot!(eval("package docker\n\nf(x) := g(x)\n\ng(x) := f(x)\n\ndecision := {\"allow\": f(1)}\n"), @"");
}

#[test]
fn missing_import() {
    assert_snapshot!(eval("package docker\n\nimport data.lib.nope\n\ndecision := {\"allow\": nope.ok}\n"), @"");
}

#[test]
fn conflict() {
    assert_snapshot!(eval("package docker\n\nx := 1 if input.local\n\nx := 2 if input.local\n\ndecision := {\"allow\": x == 1}\n"), @"");
}

#[test]
fn no_decision() {
    assert_snapshot!(eval("package docker\n\nallow := true\n"), @"");
}

#[test]
fn decision_of_a_wrong_type() {
    assert_snapshot!(eval("package docker\n\ndecision := true\n"), @"");
    assert_snapshot!(eval("package docker\n\ndecision := {\"allow\": \"yes\"}\n"), @"");
    assert_snapshot!(eval("package docker\n\ndecision := {\"allow\": true, \"caps\": {\"fly\": true}}\n"), @"");
    assert_snapshot!(eval("package docker\n\ndecision := {\"allow\": false, \"deny_msg\": [1]}\n"), @"");
}

#[test]
fn misspelt_property_warns_or_refuses() {
    let place = Place::with_policy("package docker\n\nallow if not input.image.hasProvenanc\n\ndecision := {\"allow\": allow}\n");
    assert_snapshot!(place.run(["eval", "."]).shown(), @"");
    assert_snapshot!(place.run(["eval", "--strict", "."]).shown(), @"");
}

#[test]
fn policy_that_burns_cpu_or_memory() {
    for body in [
        "sum(numbers.range(1, 20000000)) > 0",
        "count({[a, b, c] | some a in numbers.range(1, 500); some b in numbers.range(1, 500); some c in numbers.range(1, 500)}) > 0",
    ] {
        let rego = format!("package docker\n\nallow if {body}\n\ndecision := {{\"allow\": allow}}\n");
        let run = Place::with_policy(&rego).run(["eval", "."]).finish();
        assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
        assert!(run.stdout.contains("limit"), "{}", run.stdout);
    }
}

#[test]
fn errors_in_json() {
    let place = Place::with_policy("package docker\n\ndecision := true\n");
    assert_snapshot!(place.run(["eval", "--format", "json", "."]).shown(), @"");
}
