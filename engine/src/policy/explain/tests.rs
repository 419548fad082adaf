#![allow(clippy::unwrap_used, reason = "test code")]

use std::time::SystemTime;

use super::{ExplanationEvent, ReadValue};
use crate::check::{Check, Facts};
use crate::input::Env;
use crate::policy::{LoadOptions, Policy, PolicyFile};
use crate::source::{Platform, SourceOp};
use crate::verify::Trust;

/// Why each definition of `data.docker.allow` failed for an image: the statement, then what it read.
fn failures(rules: &str) -> Vec<Vec<String>> {
    let text = format!("package docker\n\n{rules}\n\ndecision := {{\"allow\": allow}}\n");
    let files = vec![PolicyFile { name: "p.rego".into(), text }];
    let policy = Policy::load(&LoadOptions { files, root: None, strict: false }).unwrap();
    let check = Check {
        source: &SourceOp::new("docker-image://ghcr.io/org/app:1.2"),
        platform: Some(&Platform::new("linux", "amd64", "")),
        facts: &Facts::default(),
        env: &Env::default(),
        now: SystemTime::UNIX_EPOCH,
    };
    let events = policy.explain(&check, &Trust::default()).1.events;
    let failure = |event: ExplanationEvent| match event {
        ExplanationEvent::Failed { rule, statement, tries, read, .. } if rule == "data.docker.allow" => {
            let tries = if tries == 1 { String::new() } else { format!(" ({tries})") };
            let read =
                read.into_iter().map(|ReadValue { property, value, missing }| match (value, missing) {
                    (Some(value), _) => format!("{property}: {value}"),
                    (None, Some(missing)) => format!("{property}: no {missing}"),
                    (None, None) => format!("{property}: absent"),
                });
            Some(std::iter::once(format!("{statement}{tries}")).chain(read).collect())
        }
        _ => None,
    };
    events.into_iter().filter_map(failure).collect()
}

#[test]
fn the_statement_that_failed_and_what_it_read() {
    for (rules, expected) in [
        (
            "allow if input.image.host == \"docker.io\"",
            &["input.image.host == \"docker.io\"", "input.image.host: \"ghcr.io\""][..],
        ),
        ("allow if not input.image.tag", &["not input.image.tag", "input.image.tag: \"1.2\""]),
        ("allow if input.git.host == \"x\"", &["input.git.host == \"x\"", "input.git.host: no input.git"]),
        ("allow if input.image.isCanonical", &["input.image.isCanonical", "input.image.isCanonical: absent"]),
        // Variables, and rules.
        (
            "hosts := {\"docker.io\"}\n\nallow if {\n\timage := input.image\n\timage.host in hosts\n}",
            &["image.host in hosts", "image.host: \"ghcr.io\"", "hosts: {\"docker.io\"}"],
        ),
        ("named if input.git\n\nallow if named", &["named", "named: absent"]),
        // How far it got, not what failed last.
        (
            "allow if {\n\tsome host in [\"a\", \"ghcr.io\"]\n\tinput.image.host == host\n\tinput.image.tag == \"2\"\n}",
            &["input.image.tag == \"2\"", "input.image.tag: \"1.2\""],
        ),
        (
            "allow if {\n\tsome host in [\"a\", \"b\"]\n\tinput.image.host == host\n}",
            &["input.image.host == host (2)", "input.image.host: \"ghcr.io\"", "host: \"b\""],
        ),
        (
            "allow if {\n\tsome x in input.env.args\n\tx == \"1\"\n}",
            &["some x in input.env.args", "input.env.args: no input.env"],
        ),
        (
            "allow if [{\"k\": 1}, {\"k\": 2}][_].k == 3",
            &["[{\"k\": 1}, {\"k\": 2}][_].k == 3 (2)", "[_].k: 2"],
        ),
        ("allow if {\n\tevery n in [1, 7] { n < 5 }\n}", &["every n in [1, 7] { n < 5 }", "n: 7"]),
        (
            "versions := {\"a.b\": \"1\"}\n\nallow if {\n\tname := \"a.b\"\n\tversions[name] == input.image.tag\n}",
            &["versions[name] == input.image.tag", "versions[\"a.b\"]: \"1\"", "input.image.tag: \"1.2\""],
        ),
        // What a comprehension or a function reads inside is not its own.
        ("is_ours(image) if image.host == \"x\"\n\nallow if is_ours(input.image)", &["is_ours(input.image)"]),
        (
            "allow if {\n\tlong := {x | some x in {\"a\", input.image.tag}; count(x) > 5}\n\tcount(long) > 0\n}",
            &["count(long) > 0", "long: set()"],
        ),
    ] {
        let expected: Vec<String> = expected.iter().map(|line| (*line).to_owned()).collect();
        let mut found = failures(rules);
        assert_eq!(found.len(), 1, "{rules}: {found:?}");
        // The image as a whole is not resolved, so its value is not shown.
        assert_eq!(found.remove(0), expected, "{rules}");
    }
}

#[test]
fn definitions_that_the_index_rules_out() {
    let rules: String = ["a", "b", "c", "d"]
        .iter()
        .map(|host| format!("allow if {{\n\tinput.image.tag\n\tinput.image.host == \"{host}\"\n}}\n\n"))
        .collect();
    let found = failures(&rules);
    assert_eq!(found.len(), 4, "{found:?}");
    assert_eq!(found[2], ["input.image.host == \"c\"", "input.image.host: \"ghcr.io\""]);
}
