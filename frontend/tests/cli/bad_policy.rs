//! Policies that don't load, or that fail when they are asked.

use insta::assert_snapshot;

use crate::harness::Place;

fn eval(rego: &str) -> String {
    Place::with_policy(rego).run(["eval", "."]).shown()
}

#[test]
fn syntax_error() {
    assert_snapshot!(eval("package docker\n\nallow if {\n"), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error[syntax-error]: Dockerfile.rego:4:1: the file ends: expected a value
    help: close what is open: a bracket, or a body's `}`
    "#);
}

#[test]
fn empty_file() {
    assert_snapshot!(eval(""), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error[syntax-error]: Dockerfile.rego:1:1: a policy file starts with its package, e.g. `package docker`
    "#);
}

#[test]
fn unknown_function() {
    assert_snapshot!(eval("package docker\n\nallow if nope(1)\n\ndecision := {\"allow\": allow}\n"), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error[undefined-function]: Dockerfile.rego:3:10: undefined function `nope`
        |
      3 | allow if nope(1)
        |          ^^^^^^^
    help: check the spelling, or define the function or import it
    "#);
}

#[test]
fn function_that_touches_the_outside() {
    assert_snapshot!(eval("package docker\n\nallow if http.send({\"url\": \"http://x\"})\n\ndecision := {\"allow\": allow}\n"), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error[refused-function]: Dockerfile.rego:3:10: `http.send` is not available to build policies
        |
      3 | allow if http.send({"url": "http://x"})
        |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    help: build policies decide from their input alone: they cannot reach the network or the host
    "#);
}

#[test]
fn recursion() {
    assert_snapshot!(eval("package docker\n\nf(x) := g(x)\n\ng(x) := f(x)\n\ndecision := {\"allow\": f(1)}\n"), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error[recursion]: Dockerfile.rego:5:9: rule `data.docker.f` is recursive: data.docker.f -> data.docker.g -> data.docker.f
        |
      5 | g(x) := f(x)
        |         ^^^^
    help: break the cycle: Rego evaluates no rule in terms of itself
    "#);
}

#[test]
fn missing_import() {
    assert_snapshot!(eval("package docker\n\nimport data.lib.nope\n\ndecision := {\"allow\": nope.ok}\n"), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error[import-not-found]: Dockerfile.rego:3:1: import data.lib.nope not found: there is no file `lib/nope.rego` in the policy's root
        |
      3 | import data.lib.nope
        | ^^^^^^^^^^^^^^^^^^^^
    help: imports are read from the policy's root: add the file or correct the path
    "#);
}

#[test]
fn conflict() {
    assert_snapshot!(eval("package docker\n\nx := 1 if input.local\n\nx := 2 if input.local\n\ndecision := {\"allow\": x == 1}\n"), @r#"
    exit: 3
    -- stdout --
    undecided local://context
      Dockerfile.rego:3:1: complete rules must not produce multiple outputs: `data.docker.x` has two values
      help: let the conditions of the rule's definitions exclude each other, or use `else`
    -- stderr --
    "#);
}

#[test]
fn no_decision() {
    assert_snapshot!(eval("package docker\n\nallow := true\n"), @r#"
    exit: 3
    -- stdout --
    undecided local://context
      the policy `Dockerfile.rego` has no decision: `data.docker.decision` is undefined
      help: end the policy with `decision := {"allow": allow}` in `package docker`, and give `allow` a default
    -- stderr --
    "#);
}

#[test]
fn decision_of_a_wrong_type() {
    assert_snapshot!(eval("package docker\n\ndecision := true\n"), @r#"
    exit: 3
    -- stdout --
    undecided local://context
      the decision must be an object, not a boolean
      help: a decision is an object: `allow` (a boolean), `deny_msg` (a set of strings), `caps` (an object)
    -- stderr --
    "#);
    assert_snapshot!(eval("package docker\n\ndecision := {\"allow\": \"yes\"}\n"), @r#"
    exit: 3
    -- stdout --
    undecided local://context
      `allow` must be a boolean, not a string
      help: a decision is an object: `allow` (a boolean), `deny_msg` (a set of strings), `caps` (an object)
    -- stderr --
    "#);
    assert_snapshot!(eval("package docker\n\ndecision := {\"allow\": true, \"caps\": {\"fly\": true}}\n"), @r#"
    exit: 3
    -- stdout --
    undecided local://context
      unknown policy cap "fly": known is "exec.proxy"
      help: a decision is an object: `allow` (a boolean), `deny_msg` (a set of strings), `caps` (an object)
    -- stderr --
    "#);
    assert_snapshot!(eval("package docker\n\ndecision := {\"allow\": false, \"deny_msg\": [1]}\n"), @r#"
    exit: 3
    -- stdout --
    undecided local://context
      `deny_msg` must hold strings, and one of its elements is a number
      help: a decision is an object: `allow` (a boolean), `deny_msg` (a set of strings), `caps` (an object)
    -- stderr --
    "#);
}

#[test]
fn misspelt_property_warns_or_refuses() {
    let place = Place::with_policy(
        "package docker\n\nallow if not input.image.hasProvenanc\n\ndecision := {\"allow\": allow}\n",
    );
    assert_snapshot!(place.run(["eval", "."]).shown(), @r#"
    exit: 0
    -- stdout --
    allowed local://context
      decided at Dockerfile.rego:3:1
    -- stderr --
    warning[unknown-property]: Dockerfile.rego:3:14: `input.image.hasProvenanc` does not exist: `input.image` has no `hasProvenanc`
        |
      3 | allow if not input.image.hasProvenanc
        |              ^^^^^^^^^^^^^^^^^^^^^^^^
    help: did you mean `input.image.hasProvenance`?
    "#);
    assert_snapshot!(place.run(["eval", "--strict", "."]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error[unknown-property]: Dockerfile.rego:3:14: `input.image.hasProvenanc` does not exist: `input.image` has no `hasProvenanc`
        |
      3 | allow if not input.image.hasProvenanc
        |              ^^^^^^^^^^^^^^^^^^^^^^^^
    help: did you mean `input.image.hasProvenance`?
    "#);
}

#[test]
fn policy_that_burns_cpu_or_memory() {
    for (limit, body) in [
        ("exceeds the limit of 1000000 elements", "sum(numbers.range(1, 20000000)) > 0"),
        (
            "takes more than 256 MiB of memory",
            "count({[a, b, c] | some a in numbers.range(1, 500); some b in numbers.range(1, 500); some c in numbers.range(1, 500)}) > 0",
        ),
    ] {
        let rego = format!("package docker\n\nallow if {body}\n\ndecision := {{\"allow\": allow}}\n");
        let run = Place::with_policy(&rego).run(["eval", "."]).finish();
        assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
        assert!(run.stdout.contains(limit), "{}", run.stdout);
    }
}

#[test]
fn errors_in_json() {
    let place = Place::with_policy("package docker\n\ndecision := true\n");
    assert_snapshot!(place.run(["eval", "--format", "json", "."]).shown(), @r#"
    exit: 3
    -- stdout --
    {
      "version": 1,
      "source": "local://context",
      "platform": "linux/amd64",
      "verdict": "undecided",
      "messages": [],
      "error": {
        "code": "invalid-decision",
        "message": "the decision must be an object, not a boolean",
        "help": "a decision is an object: `allow` (a boolean), `deny_msg` (a set of strings), `caps` (an object)"
      }
    }
    -- stderr --
    "#);
}
