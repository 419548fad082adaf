//! Bad policies: what is refused when loading, what ends in an error when deciding, and how it is said.

#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

mod harness;

use harness::{MemoryRoot, ask, check, load, load_files, problem, source};
use policy_engine::check::{Action, Decision, Facts, Outcome};
use policy_engine::policy::{Policy, PolicyError, PolicySet};

const IMAGE: &str = "docker-image://docker.io/library/app:1";

fn digest(c: char) -> String {
    format!("sha256:{}", c.to_string().repeat(64))
}

fn decide(policy: &Policy, identifier: &str) -> Result<Decision, PolicyError> {
    match check(policy, &source(identifier), &Facts::default())? {
        Outcome::Decided(decision) => Ok(decision),
        other => panic!("{other:?}"),
    }
}

fn decided(rules: &str) -> Result<Decision, PolicyError> {
    decide(&load(rules).unwrap_or_else(|error| panic!("{error}\n{rules}")), IMAGE)
}

fn error(rules: &str) -> String {
    match decided(rules) {
        Err(error) => error.to_string(),
        Ok(decision) => panic!("{decision:?}\n{rules}"),
    }
}

#[test]
fn what_does_not_compile_is_refused_with_its_position() {
    for (rules, code, position, message) in [
        ("allow if {", "syntax-error", "p.rego:2:11", "the end of the file"),
        ("allow if { input.x == }", "syntax-error", "p.rego:2:23", "unexpected `}`"),
        ("allow := ", "syntax-error", "p.rego:2:10", "the end of the file"),
        ("a if b\nb if a", "recursion", "p.rego:3:6", "data.docker.a -> data.docker.b -> data.docker.a"),
        ("f(x) := f(x)", "recursion", "p.rego:2:9", "`data.docker.f` is recursive"),
        ("f(x) := g(x)\ng(x) := f(x)", "recursion", "p.rego:3:9", "f -> data.docker.g -> data.docker.f"),
        ("a := [x | some x in a]", "recursion", "p.rego:2:21", "`data.docker.a` is recursive"),
        ("a := data.docker[x] if some x in [\"b\"]\nb := 1", "recursion", "p.rego:2:6", "is recursive"),
        ("allow if nope(1)", "undefined-function", "p.rego:2:10", "undefined function `nope`"),
        ("allow if http.send({})", "refused-function", "p.rego:2:10", "`http.send` is not available"),
        ("allow if opa.runtime()", "refused-function", "p.rego:2:10", "`opa.runtime` is not available"),
        (
            "x := rego.metadata.chain()",
            "refused-function",
            "p.rego:2:6",
            "`rego.metadata.chain` is not available",
        ),
        ("x := rego.metadata.rule()", "refused-function", "p.rego:2:6", "not available"),
        ("x := rego.parse_module(\"a\", \"b\")", "refused-function", "p.rego:2:6", "not available"),
        ("allow if trace(\"x\")", "refused-function", "p.rego:2:10", "`trace` is not available"),
        ("allow if walk(input, [p, v])", "refused-function", "p.rego:2:10", "`walk` is not available"),
        ("x := net.lookup_ip_addr(\"h\")", "refused-function", "p.rego:2:6", "not available"),
        ("f := http.send if true\n", "unsafe-variable", "p.rego:2:6", "http"),
        ("allow if count(1, 2, 3)", "wrong-arity", "p.rego:2:10", "`count` takes 1 argument, not 3"),
        ("allow if x == 1", "unsafe-variable", "p.rego:2:10", "var x is unsafe"),
        ("a := 1\na contains 2", "conflicting-rules", "p.rego:3:1", "conflicting rules `data.docker.a`"),
        ("default a := 1\ndefault a := 2", "conflicting-rules", "p.rego:3:1", "more than one default"),
        ("allow if { x := 1; x := 2 }", "redeclared-variable", "p.rego:2:20", "var x declared above"),
    ] {
        let problem = problem(rules);
        assert_eq!((problem.code, &*problem.position.to_string()), (code, position), "{rules}: {problem:?}");
        assert!(problem.message.contains(message), "{rules}: {}", problem.message);
        assert!(!problem.message.ends_with('.'), "{}", problem.message);
    }
}

#[test]
fn all_problems_of_a_policy_are_told_in_order() {
    let error = load("a if nope(1)\nb if http.send({})\nc if c").unwrap_err();
    let codes: Vec<_> = error.problems.iter().map(|p| p.code).collect();
    assert_eq!(codes, ["undefined-function", "refused-function", "recursion"]);
    assert_eq!(error.to_string().lines().count(), 3);
}

#[test]
fn decisions_that_are_none() {
    for (rules, message) in [
        ("decision := true", "the decision must be an object, not a boolean"),
        ("decision := [1]", "the decision must be an object, not an array"),
        ("decision if false", "the policy has no decision: `data.docker.decision` is undefined"),
        ("allow := true", "the policy has no decision: `data.docker.decision` is undefined"),
        ("decision := {\"allow\": \"yes\"}", "`allow` must be a boolean, not a string"),
        ("decision := {\"allow\": 1}", "`allow` must be a boolean, not a number"),
        ("decision := {\"allow\": null}", "`allow` must be a boolean, not a null"),
        ("decision := {\"deny_msg\": 1}", "`deny_msg` must be a set of strings, not a number"),
        (
            "decision := {\"deny_msg\": [\"a\", 1]}",
            "`deny_msg` must hold strings, and one of its elements is a number",
        ),
        (
            "deny_msg contains \"a\"\ndeny_msg contains {\"b\": 1}\ndecision := {\"deny_msg\": deny_msg}",
            "`deny_msg` must hold strings, and one of its elements is an object",
        ),
        ("decision := {\"allow\": true, \"caps\": 1}", "`caps` must be an object, not a number"),
        (
            "decision := {\"allow\": true, \"caps\": {\"exec.prox\": true}}",
            "unknown policy cap \"exec.prox\": known is \"exec.proxy\"",
        ),
        (
            "decision := {\"allow\": true, \"caps\": {\"exec.proxy\": 1}}",
            "`caps` must hold booleans: \"exec.proxy\" is a number",
        ),
    ] {
        assert_eq!(error(rules), message, "{rules}");
    }
}

#[test]
fn decisions_that_are_some() {
    let decision = decided("decision := {\"allow\": false, \"deny_msg\": \"no\"}").unwrap();
    assert_eq!((decision.action, decision.messages), (Action::Deny, vec!["no".to_owned()]));
    let decision = decided("decision := {\"deny_msg\": {\"b\", \"a\"}}").unwrap();
    assert_eq!(decision.messages, ["a", "b"]);
    let decision = decided("decision := {\"allow\": true, \"caps\": {\"exec.proxy\": true}}").unwrap();
    assert_eq!((decision.action, decision.caps["exec.proxy"]), (Action::Allow, true));
}

#[test]
fn conflicts_and_built_ins_that_cannot_work_are_errors() {
    for (rules, message) in [
        (
            "x := 1\nx := 2 if true\ndecision := {\"allow\": x == 1}",
            "p.rego:2:1: complete rules must not produce",
        ),
        (
            "f(x) := 1\nf(x) := 2 if x\ndecision := {\"allow\": f(true) == 1}",
            "p.rego:2:1: functions must not produce",
        ),
        (
            "o[k] := v if { some k in [\"a\"]; some v in [1, 2] }\ndecision := {\"allow\": o.a == 1}",
            "p.rego:2:1: object keys must be unique",
        ),
        (
            "decision := {\"allow\": count({\"a\": x | some x in [1, 2]}) == 1}",
            "p.rego:2:29: object keys must be unique",
        ),
        (
            "decision := {\"allow\": pin_image(input.image, \"sha256:1\")}",
            "p.rego:2:23: pin_image: invalid digest \"sha256:1\"",
        ),
        (
            "decision := {\"allow\": pin_image(input.image, 1)}",
            "p.rego:2:23: pin_image: the digest must be a string",
        ),
        (
            "decision := {\"allow\": pin_image({}, \"x\")}",
            "p.rego:2:23: pin_image: the first argument must be `input.image`",
        ),
        (
            "decision := {\"allow\": pin_image(input.env, \"x\")}",
            "p.rego:2:23: pin_image: the first argument must be `input.image`",
        ),
        (
            "allow if not load_json(1)\ndecision := {\"allow\": allow}",
            "p.rego:2:14: load_json: the path must be a string",
        ),
        (
            "allow if not load_json(\"a.json\")\ndecision := {\"allow\": allow}",
            "p.rego:2:14: load_json: cannot load `a.json`: no such file",
        ),
    ] {
        let found = error(rules);
        assert!(found.starts_with(message), "{rules}\n  {found}\n  {message}");
    }
}

#[test]
fn files_that_cannot_be_loaded_are_errors_with_a_reason() {
    let mut root =
        MemoryRoot::new(&[("good.json", "{\"a\": [1]}"), ("bad.json", "{\n  \"a\": }"), ("lib/x.json", "1")]);
    root.0.insert("latin1.json".to_owned(), vec![b'"', 0xe9, b'"']);
    root.0.insert("large.json".to_owned(), vec![b' '; (4 << 20) + 1]);
    let mut root = Some(root);
    let text = "package docker\ndecision := {\"allow\": load_json(input.env.args.file).a == [1]}";
    let policy = load_files(&[("p.rego", text)], root.take(), false).unwrap();
    let answer = |file: &str| {
        let source = source(IMAGE);
        let mut env = harness::env();
        env.args.insert("file".to_owned(), Some(file.to_owned()));
        let platform = harness::platform(&source);
        policy.check(&policy_engine::check::Check {
            source: &source,
            platform: platform.as_ref(),
            facts: &Facts::default(),
            env: &env,
            now: std::time::UNIX_EPOCH,
        })
    };
    assert!(matches!(answer("good.json"), Ok(Outcome::Decided(d)) if d.action == Action::Allow));
    for (file, reason) in [
        ("none.json", "no such file in the policy's root"),
        ("bad.json", "invalid JSON: expected value at line 2 column 8"),
        ("latin1.json", "it is not UTF-8 text"),
        ("large.json", "larger than the limit of 4194304 bytes"),
        ("../good.json", "the path leads out of the policy's root"),
        ("lib/../../good.json", "the path leads out of the policy's root"),
        ("/etc/passwd", "the path leads out of the policy's root"),
    ] {
        let Err(PolicyError::Evaluation { position, code, message }) = answer(file) else { panic!("{file}") };
        assert_eq!((&*position.to_string(), code), ("p.rego:2:23", "builtin-error"));
        assert_eq!(message, format!("load_json: cannot load `{file}`: {reason}"));
    }
    let without_root =
        load_files(&[("p.rego", &text.replace("input.env.args.file", "\"a\""))], None, false).unwrap();
    let message = decide(&without_root, IMAGE).unwrap_err().to_string();
    assert_eq!(
        message,
        "p.rego:2:23: load_json: cannot load `a`: this policy has no root to read files from"
    );
}

#[test]
fn pins() {
    let (a, b) = (digest('a'), digest('b'));
    let pin = |digest: &str| format!("pin_image(input.image, \"{digest}\")");
    let decision = "\ndefault allow := false\ndecision := {\"allow\": allow}";
    let converted = decided(&format!("allow if {}{decision}", pin(&a))).unwrap();
    assert_eq!(converted.action, Action::Convert);
    assert_eq!(converted.update.unwrap().identifier, format!("{IMAGE}@{a}"));
    let several = error(&format!("allow if {{ {}; {} }}{decision}", pin(&a), pin(&b)));
    assert_eq!(several, format!("the policy pins {IMAGE} to several digests: {a}, {b}"));
    let twice = decided(&format!("allow if {{ {}; {} }}{decision}", pin(&a), pin(&a))).unwrap();
    assert_eq!(twice.action, Action::Convert);
    // A body that fails after its pin pins nothing.
    let rules = format!("allow if {{ {}; input.image.repo == \"other\" }}\nallow if true{decision}", pin(&b));
    assert_eq!(decided(&rules).unwrap().action, Action::Allow);
    let rules = format!("allow if not {}{decision}", pin(&b));
    assert_eq!(decided(&rules).unwrap().action, Action::Deny);
    let rules = format!(
        "allow if {{ some d in [\"{a}\", \"{b}\"]; pin_image(input.image, d); d == \"{b}\" }}{decision}"
    );
    assert_eq!(decided(&rules).unwrap().update.unwrap().identifier, format!("{IMAGE}@{b}"));
    // A denial pins nothing, and what is no image cannot be pinned.
    assert_eq!(
        decided(&format!("x if {}\ndecision := {{\"allow\": false, \"x\": x}}", pin(&a))).unwrap().update,
        None
    );
    let policy =
        load(&format!("decision := {{\"allow\": {}}}", pin(&a).replace("input.image", "{}"))).unwrap();
    assert_eq!(decide(&policy, "https://example.com/f").unwrap().action, Action::Deny);
}

#[test]
fn policies_that_burn_time_or_memory_end_at_a_limit() {
    let doubling: String = (1..40).map(|i| format!("x{i} := concat(\"\", [x{0}, x{0}])\n", i - 1)).collect();
    for rules in [
        "decision := {\"allow\": sum(numbers.range(1, 200000000)) == 1}".to_owned(),
        "decision := {\"allow\": count([1 | some a in numbers.range(1, 5000); some b in numbers.range(1, 5000); a < b]) == 1}".to_owned(),
        "decision := {\"allow\": count([s | some i in numbers.range(1, 100000); s := sprintf(\"%0100000d\", [i])]) == 1}".to_owned(),
        format!("x0 := \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n{doubling}decision := {{\"allow\": x39 == \"\"}}"),
    ] {
        match decided(&rules) {
            Err(PolicyError::Evaluation { code: "limit", position, message }) => {
                assert_eq!(position.file, "p.rego", "{rules}");
                assert!(!message.is_empty());
            }
            other => panic!("{other:?}\n{rules}"),
        }
    }
    let deep =
        format!("x := {}1{}\ndecision := {{\"allow\": x == 1}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(problem(&deep).position.line, 2);
    let chain: String = (1..3_000).map(|i| format!("x{i} := x{}\n", i - 1)).collect();
    let rules = format!("x0 := 1\n{chain}decision := {{\"allow\": x2999 == 1}}");
    assert!(matches!(decided(&rules), Err(PolicyError::Evaluation { code: "limit", .. })));
}

#[test]
fn imports() {
    let main = "package docker\nimport data.lib.a\ndecision := {\"allow\": a.yes}";
    let load_with =
        |files: &[(&str, &str)]| load_files(&[("p.rego", main)], Some(MemoryRoot::new(files)), false);
    // The file takes the package of its import.
    let policy = load_with(&[("lib/a.rego", "package whatever\nyes := true")]).unwrap();
    assert_eq!(decide(&policy, IMAGE).unwrap().action, Action::Allow);
    for (files, code, position, message) in [
        (
            &[][..],
            "import-not-found",
            "p.rego:2:1",
            "import data.lib.a not found: there is no file `lib/a.rego` in the policy's root",
        ),
        (
            &[("lib/a.rego", "package a\nyes := ")][..],
            "syntax-error",
            "lib/a.rego:2:8",
            "unexpected the end of the file",
        ),
        (
            &[
                ("lib/a.rego", "package a\nimport data.lib.b\nyes := b.x"),
                ("lib/b.rego", "package b\nimport data.lib.a\nx := 1"),
            ],
            "import-cycle",
            "lib/b.rego:2:1",
            "files import each other in a cycle: lib/a.rego -> lib/b.rego -> lib/a.rego",
        ),
    ] {
        let problems = load_with(files).unwrap_err().problems;
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!((problems[0].code, &*problems[0].position.to_string()), (code, position));
        assert!(problems[0].message.starts_with(message), "{}", problems[0].message);
    }
    let without_root = load_files(&[("p.rego", main)], None, false).unwrap_err();
    assert!(without_root.to_string().ends_with("this policy has no root to import from"), "{without_root}");
}

#[test]
fn several_files_are_one_policy() {
    let (one, two) = (
        "package docker\ndefault allow := false\nallow if ok",
        "package docker\nok if input.image\ndecision := {\"allow\": allow}",
    );
    let policy = load_files(&[("one.rego", one), ("two.rego", two)], None, false).unwrap();
    let decision = decide(&policy, IMAGE).unwrap();
    assert_eq!(
        (decision.action, decision.position.unwrap().to_string().as_str()),
        (Action::Allow, "one.rego:3:1")
    );
    let error =
        load_files(&[("one.rego", one), ("two.rego", "package docker\nallow contains 1")], None, false)
            .unwrap_err();
    assert_eq!(error.problems[0].position.to_string(), "two.rego:2:1");
}

#[test]
fn of_several_policies_all_must_allow() {
    let allow = || load("decision := {\"allow\": true, \"caps\": {\"exec.proxy\": false}}").unwrap();
    let caps = || load("decision := {\"allow\": true, \"caps\": {\"exec.proxy\": true}}").unwrap();
    let deny = |message: &str| load(&format!("decision := {{\"deny_msg\": \"{message}\"}}")).unwrap();
    let pin =
        |c| load(&format!("decision := {{\"allow\": pin_image(input.image, \"{}\")}}", digest(c))).unwrap();
    let broken = || load("decision := 1").unwrap();
    let asking = || load("decision := {\"allow\": input.image.user == \"x\"}").unwrap();
    let decide = |policies: Vec<Policy>| {
        let set = PolicySet { policies };
        ask(&|check| set.check(check), &source(IMAGE), &Facts::default())
    };
    let action = |policies| match decide(policies) {
        Ok(Outcome::Decided(decision)) => decision,
        other => panic!("{other:?}"),
    };
    assert_eq!(action(vec![]).action, Action::Allow);
    let both = action(vec![allow(), caps()]);
    assert_eq!((both.action, both.caps["exec.proxy"]), (Action::Allow, true));
    let denied = action(vec![allow(), deny("one"), deny("two"), broken()]);
    assert_eq!((denied.action, denied.messages), (Action::Deny, vec!["one".to_owned()]));
    // The first pin is the answer; all are asked again about the pinned source.
    let pinned = action(vec![allow(), pin('a'), pin('b'), deny("later")]);
    assert_eq!(pinned.update.unwrap().identifier, format!("{IMAGE}@{}", digest('a')));
    assert!(decide(vec![allow(), broken(), deny("one")]).is_err());
    assert!(matches!(decide(vec![asking(), deny("one")]), Ok(Outcome::Needs(_))));
    assert_eq!(action(vec![deny("one"), asking()]).action, Action::Deny);
}

#[test]
fn what_can_never_be_meant_is_remarked() {
    for (rules, code, position, message, help) in [
        (
            "allow if not input.image.hasProvenanc",
            "unknown-property",
            "p.rego:2:14",
            "`input.image.hasProvenanc` does not exist: `input.image` has no `hasProvenanc`",
            Some("did you mean `input.image.hasProvenance`?"),
        ),
        (
            "allow if input.image.repo.name == \"x\"",
            "unknown-property",
            "p.rego:2:10",
            "`input.image.repo.name` does not exist: `input.image.repo` has no `name`",
            None,
        ),
        (
            "allow if input.imgae.repo",
            "unknown-property",
            "p.rego:2:10",
            "`input.imgae.repo` does not exist: `input` has no `imgae`",
            Some("did you mean `input.image`?"),
        ),
        (
            "allow if input.image.repo == \"library/alpine\"",
            "never-true",
            "p.rego:2:27",
            "`input.image.repo` never equals \"library/alpine\": official images have no `library/` in `repo`",
            Some("write \"alpine\", or compare `input.image.fullRepo` with \"docker.io/library/alpine\""),
        ),
        (
            "allow if input.git.subDir == \"\"",
            "never-true",
            "p.rego:2:27",
            "`input.git.subDir` never equals \"\": an empty property is absent",
            Some("write `not input.git.subDir`"),
        ),
        (
            "allow if \".\" == input.local.name",
            "never-true",
            "p.rego:2:14",
            "`input.local.name` never equals \".\": it is the name of a build context, not a path",
            Some("write \"context\" or \"dockerfile\", or the name of a named context"),
        ),
    ] {
        let policy = load(rules).unwrap();
        let [warning] = policy.warnings() else { panic!("{rules}: {:?}", policy.warnings()) };
        assert_eq!((warning.code, &*warning.position.to_string()), (code, position), "{rules}");
        assert_eq!((&*warning.message, warning.help.as_deref()), (message, help));
        let text = format!("package docker\n{rules}");
        let strict = load_files(&[("p.rego", &text)], None, true).unwrap_err();
        assert_eq!(strict.problems, [warning.clone()]);
    }
    let good =
        "package docker\nallow if input.image.labels.anything == \"\"\nallow if input.env.args.x == \"\"";
    assert_eq!(load_files(&[("p.rego", good)], None, true).unwrap().warnings(), []);
}
