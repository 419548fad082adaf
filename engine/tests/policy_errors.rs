//! Policies that load but cannot decide, or should not: what is said, and where.

#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

mod harness;

use std::sync::Arc;
use std::time::SystemTime;

use harness::{IMAGE, MemoryRoot, ask, decide, load, load_files, problem, source};
use policy_engine::check::{Action, Decision, Facts, Outcome};
use policy_engine::input::Env;
use policy_engine::policy::{Policy, PolicyError, PolicySet};

fn digest(c: char) -> String {
    format!("sha256:{}", c.to_string().repeat(64))
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
fn decisions_that_are_none() {
    for (rules, message) in [
        ("decision := true", "the decision must be an object, not a boolean"),
        ("decision := [1]", "the decision must be an object, not an array"),
        ("decision if false", "the policy `p.rego` has no decision: `data.docker.decision` is undefined"),
        ("allow := true", "the policy `p.rego` has no decision: `data.docker.decision` is undefined"),
        ("decision := {\"allow\": \"yes\"}", "`allow` must be a boolean, not a string"),
        ("decision := {\"allow\": 1}", "`allow` must be a boolean, not a number"),
        ("decision := {\"allow\": null}", "`allow` must be a boolean, not a null"),
        ("decision := {\"deny_msg\": 1}", "`deny_msg` must be a set of strings, not a number"),
        ("decision := {\"deny_msg\": {\"a\": \"b\"}}", "`deny_msg` must be a set of strings, not an object"),
        (
            "decision := {\"deny_msg\": {1: true}}",
            "`deny_msg` must hold strings, and one of its elements is a number",
        ),
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
    let of_old = "deny_msg[message] if some message in [\"b\", \"a\"]\ndecision := {\"deny_msg\": deny_msg}";
    let decision = decided(of_old).unwrap();
    assert_eq!(decision.messages, ["a", "b"]);
    assert_eq!(decision.position.unwrap().to_string(), "p.rego:2:1");
    let none =
        "deny_msg[message] if some message in []\ndecision := {\"allow\": true, \"deny_msg\": deny_msg}";
    assert_eq!(decided(none).unwrap().action, Action::Allow);
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
        policy.check(
            &policy_engine::check::Check {
                source: &source,
                platform: platform.as_ref(),
                facts: &Facts::default(),
                env: &env,
                now: std::time::UNIX_EPOCH,
            },
            &policy_engine::verify::Trust::default(),
        )
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
    // One of them being the image's own makes no difference.
    let policy = load(&format!("allow if {{ {}; {} }}{decision}", pin(&a), pin(&b))).unwrap();
    assert_eq!(
        decide(&policy, &format!("{IMAGE}@{a}")).unwrap_err().to_string(),
        several.replace(IMAGE, &format!("{IMAGE}@{a}"))
    );
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
    let doubling: Vec<_> = (1..40).map(|i| format!("x{i} := concat(\"\", [x{0}, x{0}])\n", i - 1)).collect();
    let doubling = doubling.concat();
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
    let chain: Vec<_> = (1..3_000).map(|i| format!("x{i} := x{}\n", i - 1)).collect();
    let chain = chain.concat();
    let rules = format!("x0 := 1\n{chain}decision := {{\"allow\": x2999 == 1}}");
    assert!(matches!(decided(&rules), Err(PolicyError::Evaluation { code: "limit", .. })));
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
        let set =
            PolicySet { policies: policies.into_iter().map(Arc::new).collect(), ..PolicySet::default() };
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
fn capabilities_are_known_before_any_source() {
    let caps = |rules: &str| load(rules).unwrap().caps(&Env::default(), SystemTime::UNIX_EPOCH);
    let proxy = "caps[\"exec.proxy\"] := true if input.env.capsRequest\n\
                 decision := {\"allow\": input.image.labels.a == \"b\", \"caps\": caps}";
    assert_eq!(caps(proxy), Err(PolicyError::Undefined { policy: "p.rego".to_owned() }));
    let proxy = "default allow := false\nallow if input.image.labels.a == \"b\"\n\
                 decision := {\"allow\": allow, \"caps\": {\"exec.proxy\": input.env.capsRequest}}";
    assert_eq!(caps(proxy).unwrap(), [("exec.proxy".to_owned(), true)].into());
    let off = "decision := {\"allow\": true, \"caps\": {\"exec.proxy\": false}}";
    assert_eq!(caps(off).unwrap(), [("exec.proxy".to_owned(), false)].into());
    let unknown = "decision := {\"allow\": true, \"caps\": {\"exec.prox\": true}}";
    assert!(caps(unknown).unwrap_err().to_string().contains("unknown policy cap"));

    let set = |all: &[&str]| PolicySet {
        policies: all.iter().map(|rules| Arc::new(load(rules).unwrap())).collect(),
        ..PolicySet::default()
    };
    let union = |all: &[&str]| set(all).caps(&Env::default(), SystemTime::UNIX_EPOCH);
    assert_eq!(union(&[off, proxy, off]).unwrap(), [("exec.proxy".to_owned(), true)].into());
    assert_eq!(union(&[]).unwrap(), [].into());
    assert!(union(&[proxy, unknown]).is_err());
}
