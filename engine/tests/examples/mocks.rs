//! Inputs that no source of ours has, such as signatures of the public Sigstore: `inputs.json`. A policy is asked about
//! them as a test asks it, `with input as`.

use policy_engine::policy::PolicyFile;
use policy_engine::policy::suite::{Documents, RunOptions, ShownDecision, Suite, TestVerdict};
use serde_json::Value;

use crate::{cases, json, now, options, strings};

/// What the policy of `case` decides about `input`.
fn decide(case: &Value, input: &Value) -> ShownDecision {
    let text = format!("package docker\n\ntest_the_input if {{\n\tdecision with input as {input}\n}}\n");
    let tests = [PolicyFile { name: "input_test.rego".to_owned(), text }];
    let suite = Suite::load(&options(case), &tests, Documents::default()).unwrap();
    let run = suite.run(&suite.tests()[0], &RunOptions::new(now()));
    let [run] = &run.cases[..] else { panic!("one case") };
    assert_eq!(run.verdict, TestVerdict::Passed, "{}: {input}", case["name"]);
    run.decision.clone().unwrap()
}

#[test]
fn every_mocked_input_is_decided_as_documented() {
    let inputs = json("inputs.json");
    let mut asked = Vec::new();
    for case in cases() {
        for ask in case["asks"].as_array().into_iter().flatten() {
            let Some(name) = ask["input"].as_str() else { continue };
            let input = &inputs[name];
            assert!(input.is_object(), "{name} is not in inputs.json");
            let decision = decide(&case, input);
            let is = if decision.allow == Some(true) { "allow" } else { "deny" };
            assert_eq!(ask["decides"], is, "{}: {name}: {decision:?}", case["name"]);
            if ask["messages"].is_array() {
                assert_eq!(decision.deny_msg, strings(&ask["messages"]), "{}: {name}", case["name"]);
            }
            asked.push(name.to_owned());
        }
    }
    for name in inputs.as_object().unwrap().keys() {
        assert!(asked.contains(name), "nothing asks about {name}");
    }
}
