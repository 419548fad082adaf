//! Shapes of policies that are easily decided too early, written by hand: what each must ask for while
//! nothing is known, and how it ends.

#![allow(clippy::unwrap_used, reason = "a test that panics fails")]
#![allow(clippy::needless_raw_string_hashes, reason = "one way to write all policies")]

mod harness;

use harness::conversation::{conversation, metadata};
use harness::{IMAGE, check, load, platform, source};
use policy_engine::check::{Action, Facts, Outcome};
use policy_engine::source::SourceOp;

#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Allow,
    Deny,
    Error,
}

use End::{Allow, Deny, Error};

fn row(rules: &str, identifier: &str, asked: &[&str], end: End) {
    let mut text = rules.to_owned();
    if !rules.contains("decision :=") {
        text.push_str("\ndecision := {\"allow\": allow}");
        if !rules.contains("allow :=") {
            text.push_str("\ndefault allow := false");
        }
    }
    let (rounds, answer) = conversation(&format!("{text}\n"), identifier);
    assert_eq!(rounds, asked, "{rules}");
    let found = match answer {
        Ok(true) => Allow,
        Ok(false) => Deny,
        Err(_) => Error,
    };
    assert_eq!(found, end, "{rules}");
}

const CONFIG: &[&str] = &["app:1:config"];
const CHAIN: &[&str] = &["app:1:chain"];
const PROVENANCE: &[&str] = &["app:1:chain+provenance"];
const ALL: &[&str] = &["app:1:config+chain+provenance+signatures"];
/// With what comes to light only then.
const DEEP: &[&str] = &[
    "app:1:config+chain+provenance+signatures",
    "base:1:config+chain+provenance+signatures file.tar:checksum",
];
const SIGNATURES: &[&str] = &["app:1:chain+signatures"];

/// What the peer reads as absent (`buildx-policy.md` §10.1): most of it would be allowed there.
#[test]
fn unresolved_is_not_absent() {
    for (rules, asked, end) in [
        (r#"allow if object.get(input.image, "labels", {}).team != "infra""#, CONFIG, Deny),
        (r#"allow if object.get(input.image, ["labels", "team"], "") != "infra""#, DEEP, Deny),
        (r#"allow if not contains(json.marshal(input.image), "infra")"#, DEEP, Deny),
        (r#"allow if { every k, _ in input.image { k != "labels" } }"#, ALL, Deny),
        (
            r#"bad if { some k, v in input.image; k == "labels"; v.team }
            allow if not bad"#,
            ALL,
            Deny,
        ),
        (
            r#"bad if { some f in ["labels", "user"]; input.image[f] }
            allow if not bad"#,
            CONFIG,
            Deny,
        ),
        (r#"allow if not "labels" in object.keys(input.image)"#, ALL, Deny),
        (r#"allow if count(input.image) < 9"#, ALL, Deny),
        (r#"allow := false if input.image.labels.team == "infra" else := true"#, CONFIG, Deny),
        (r#"decision := {"allow": count([1 | input.image.labels.team]) == 0}"#, CONFIG, Deny),
        (r#"decision := {"allow": input.image.hasProvenance}"#, CHAIN, Allow),
        (r#"allow if input.image.createdTime < "2026-06-01""#, CONFIG, Allow),
        (
            r#"allow if { inner with input as input.image }
            inner if input.labels.team == "infra""#,
            CONFIG,
            Allow,
        ),
        (
            r#"allow if { inner with input as {"image": input.image} }
            inner if not input.image.labels"#,
            CONFIG,
            Deny,
        ),
        ("allow if input.image.hasProvenance", CHAIN, Allow),
        ("deny if not input.image.user\nallow if not deny", CONFIG, Deny),
    ] {
        row(rules, IMAGE, asked, end);
    }
}

#[test]
fn overrides_hide_only_what_they_override() {
    for (rules, asked, end) in [
        (
            r#"allow if input.image.labels.team == "x" with input.image.labels as {"team": "x"}"#,
            &[][..],
            Allow,
        ),
        (
            r#"inner if input.image.labels.team == "infra"
            allow if inner with input.image.labels.other as "x""#,
            CONFIG,
            Allow,
        ),
        (
            r#"inner if not input.image.labels.team
            allow if inner with input.image.labels.other as "x""#,
            CONFIG,
            Deny,
        ),
        (
            r#"inner if not input.image.labels.team
            allow if inner with input.image.user as "root""#,
            CONFIG,
            Deny,
        ),
        (
            r#"allow if data.docker.x.y.team == "infra" with data.docker.x as {"y": input.image.labels}
            x := 1"#,
            CONFIG,
            Allow,
        ),
        (
            r#"allow if data.other.y.team == "infra" with data.other as {"y": input.image.labels}"#,
            CONFIG,
            Allow,
        ),
        (
            r#"team := input.image.labels.team
            a := 1
            inner if not data.docker.lib.team
            allow if not data.docker.team with data.docker.a as 2"#,
            CONFIG,
            Deny,
        ),
        (
            r#"f(x) := x
            allow if f("a") == "INFRA" with f as upper_team
            upper_team(_) := upper(input.image.labels.team)"#,
            CONFIG,
            Allow,
        ),
        (
            r#"f(x) := x
            allow if f(input.image.labels.team) == "INFRA" with f as upper"#,
            CONFIG,
            Allow,
        ),
    ] {
        row(rules, IMAGE, asked, end);
    }
}

/// Signatures are looked up when one of the fields that they tell of is read, and only then.
#[test]
fn signatures_have_a_lookup_of_their_own() {
    let provenance = &["app:1:chain+provenance", "app:1:chain+provenance+signatures"][..];
    for (rules, asked, end) in [
        ("allow if not input.image.signatures[0].signer", SIGNATURES, Allow),
        (r#"allow if object.get(input.image, "signatures", []) == []"#, SIGNATURES, Allow),
        ("allow if count(input.image.verification) == 0", SIGNATURES, Deny),
        (r#"allow if { some f in ["verification"]; not input.image[f] }"#, SIGNATURES, Deny),
        (r#"allow if input.image.verification[_].step == "unavailable""#, SIGNATURES, Allow),
        (
            // None is no array either.
            r#"allow if { every s in input.image.signatures { s.kind == "docker-github-builder" } }"#,
            SIGNATURES,
            Deny,
        ),
        ("allow if { p := input.image.provenance; not p.signatures }", provenance, Allow),
        (r#"allow if not object.get(input, ["image", "provenance", "signatures"], false)"#, DEEP, Allow),
        ("allow if { i := input.image; count([1 | i.provenance.signatures]) == 0 }", provenance, Allow),
        (r#"allow if input.image.provenance.builderID == "b""#, PROVENANCE, Allow),
        (r#"allow if not docker_github_builder(input.image, "org/app")"#, SIGNATURES, Allow),
        (
            r#"allow if { input.image.hasProvenance; input.image.os == "plan9"; input.image.signatures }"#,
            &[],
            Deny,
        ),
    ] {
        row(rules, IMAGE, asked, end);
    }
}

/// The rules that a tracking of reads must follow (`regorus.md`), one by one.
#[test]
fn every_way_to_read_asks() {
    for (rules, asked, end) in [
        // 1: fields, in each notation and by way of variables and rules.
        (r#"allow if input.image["labels"]["team"] == "infra""#, CONFIG, Allow),
        (
            r#"img := input.image
            allow if { i := img; l := i.labels; l.team == "infra" }"#,
            CONFIG,
            Allow,
        ),
        // 2: computed keys.
        (r#"allow if input.image[concat("", ["la", "bels"])].team == "infra""#, CONFIG, Allow),
        (r#"allow if { some k; input.image[k] == "linux" }"#, ALL, Allow),
        // 3: domains.
        (r#"allow if "linux" in input.image"#, &[], Allow),
        (r#"allow if { some x in input.image.labels; x == "infra" }"#, CONFIG, Allow),
        (r#"allow if { some {"team": t} in [input.image.labels]; t == "infra" }"#, CONFIG, Allow),
        // 4: arguments of built-ins, and the ones that look at less.
        (r#"allow if is_object(input.image)"#, &[], Allow),
        (r#"allow if type_name(input.image) == "object""#, &[], Allow),
        (r#"allow if object.get(input.image, "os", "") == "linux""#, &[], Allow),
        (r#"allow if contains(sprintf("%v", [input.image]), "infra")"#, DEEP, Allow),
        (r#"allow if object.union(input.image, {"a": 1}).a == 1"#, DEEP, Allow),
        (r#"allow if contains($"{input.image.labels}", "infra")"#, CONFIG, Allow),
        // 5: comparisons.
        (r#"allow if input.image == {}"#, &[], Deny),
        (r#"allow if input.image != {}"#, &[], Allow),
        (r#"allow if input.image == "x""#, &[], Deny),
        (r#"allow if [input.image.os, input.image.labels] == ["linux", {"team": "infra"}]"#, CONFIG, Allow),
        (r#"allow if { {"a": input.image} == {"a": object.remove(input.image, [])} }"#, DEEP, Allow),
        (r#"allow if { {"labels": l} = {"labels": input.image.labels} }"#, CONFIG, Allow),
        (r#"allow if { {input.image.labels.team: x} = {"infra": 1}; x == 1 }"#, CONFIG, Allow),
        // 6: elements and keys.
        (
            r#"s contains input.image
            allow if count(s) == 1"#,
            DEEP,
            Allow,
        ),
        (
            r#"o[input.image.labels.team] := 1
            allow if o.infra == 1"#,
            CONFIG,
            Allow,
        ),
        (r#"allow if { {input.image.labels} == {{"team": "infra"}} }"#, CONFIG, Allow),
        (r#"allow if { {input.image.labels.team: 1}.infra == 1 }"#, CONFIG, Allow),
        (r#"allow if count({x | some x in [input.image.labels]}) == 1"#, CONFIG, Allow),
        // 7: functions.
        (
            r#"f(x) := x.labels.team
            allow if f(input.image) == "infra""#,
            CONFIG,
            Allow,
        ),
        (
            r#"f(x) := x.os
            allow if f(input.image) == "linux""#,
            &[],
            Allow,
        ),
        (
            r#"f({"team": t}) := t
            allow if f(input.image.labels) == "infra""#,
            CONFIG,
            Allow,
        ),
        (
            r#"f("infra") := true
            allow if f(input.image.labels.team)"#,
            CONFIG,
            Allow,
        ),
        // 10: the decision, and conflicts.
        (r#"decision := {"allow": true, "deny_msg": [input.image.labels.team]}"#, CONFIG, Allow),
        (r#"allow := input.image.labels"#, CONFIG, Error),
        (
            r#"x := input.image.labels
            x := {"team": "infra"}
            allow if x.team"#,
            CONFIG,
            Allow,
        ),
        (
            r#"x := input.image.labels
            x := {"team": "other"}
            allow if x.team"#,
            CONFIG,
            Error,
        ),
        // 12: what asks comes last, wherever it is written.
        (r#"allow if { input.image.labels.team == "x"; input.image.os == "windows" }"#, &[], Deny),
        (
            r#"labelled if input.image.labels.team
            allow if { labelled; input.image.os == "windows" }"#,
            &[],
            Deny,
        ),
        (r#"allow if { print(input.image.labels); input.image.os == "linux" }"#, &[], Allow),
    ] {
        row(rules, IMAGE, asked, end);
    }
}

#[test]
fn materials_have_their_own_metadata() {
    let provenance = "app:1:chain+provenance";
    for (rules, asked, end) in [
        ("allow if count(input.image.provenance.materials) == 2", PROVENANCE, Allow),
        (
            r#"allow if { some m in input.image.provenance.materials; m.image.labels.team == "base" }"#,
            &[provenance, "base:1:config"][..],
            Allow,
        ),
        (
            r#"bad if { some m in input.image.provenance.materials; m.image.labels }
            allow if not bad"#,
            &[provenance, "base:1:config"],
            Deny,
        ),
        (
            r#"allow if { every m in input.image.provenance.materials { not m.http.checksum } }"#,
            &[provenance, "file.tar:checksum"],
            Deny,
        ),
        (
            r#"allow if contains(json.marshal(input.image.provenance), "base")"#,
            &[
                provenance,
                "app:1:chain+provenance+signatures base:1:config+chain+provenance+signatures file.tar:checksum",
            ],
            Allow,
        ),
        (r#"allow if input.image.provenance.materials[1].http.path == "/file.tar""#, PROVENANCE, Allow),
        (
            r#"allow if not input.image.provenance.materials[0].image.hasProvenance"#,
            &[provenance, "base:1:chain"],
            Allow,
        ),
        (
            r#"allow if not input.image.provenance.materials[0].image.signatures"#,
            &[provenance, "base:1:chain+signatures"],
            Allow,
        ),
    ] {
        row(rules, IMAGE, asked, end);
    }
}

/// An error or a pin that hangs on something unresolved is not there yet.
#[test]
fn errors_and_pins_wait() {
    let pin = format!("pin_image(input.image, \"sha256:{}\")", "d".repeat(64));
    for (rules, asked, end) in [
        // The error comes only where the first statement holds.
        (
            r#"allow if { input.image.labels.team == "x"; load_json("no.json").x == input.image.user }"#,
            CONFIG,
            Deny,
        ),
        (
            r#"allow if { input.image.labels.team == "infra"; load_json("no.json").x == input.image.user }"#,
            CONFIG,
            Error,
        ),
        // What may fail is not tried before the guard that is written before it.
        (r#"allow if { input.image.labels.team == "x"; load_json("no.json") }"#, CONFIG, Deny),
        (r#"allow if { input.image.labels.team == "infra"; load_json("no.json") }"#, CONFIG, Error),
        // The error is certain.
        (r#"allow if { load_json("no.json"); input.image.labels.team == "x" }"#, &[][..], Error),
        // A later solution holds, but the first may end in an error.
        (
            r#"f(x) if { x == 1; load_json(input.image.labels.team) }
            f(2) := true
            allow if { some x in [1, 2]; f(x) }"#,
            CONFIG,
            Error,
        ),
        (
            r#"allow if not none
            none if { some x in [1, 2]; not load(x) }
            load(1) if load_json(input.image.labels.team)
            load(2) := true"#,
            CONFIG,
            Error,
        ),
        // Printing may end in an error as well.
        (r#"allow if print(load_json(input.image.labels.team))"#, CONFIG, Error),
        (r#"allow if print({"a": v | some v in [1, {"x": input.image.labels}]})"#, CONFIG, Error),
    ] {
        row(rules, IMAGE, asked, end);
    }
    // Whether the pin is made depends on the first definition, which comes first and stops there.
    let rules = format!("allow if not input.image.user\nallow if {pin}\ndecision := {{\"allow\": allow}}");
    let policy = load(&rules).unwrap();
    let root = source(IMAGE);
    assert!(matches!(check(&policy, &root, &Facts::default()), Ok(Outcome::Needs(_))));
    assert_eq!(conversation(&rules, IMAGE), (vec!["app:1:config".to_owned()], Ok(true)));
}

/// As in buildx, an image that is known to be the one that it is pinned to is used as it is.
#[test]
fn a_known_digest_needs_no_pin() {
    let digest = "sha256:".to_owned() + &"a".repeat(64);
    let pin = format!("pin_image(input.image, \"{digest}\")");
    for (rules, identifier, converted) in [
        (format!("allow if {pin}"), IMAGE.to_owned(), true),
        (format!("allow if {{ input.image.labels.team; {pin} }}"), IMAGE.to_owned(), false),
        (format!("allow if {pin}"), format!("{IMAGE}@{digest}"), false),
    ] {
        let policy = load(&format!("{rules}\ndecision := {{\"allow\": allow}}")).unwrap();
        let root: SourceOp = source(&identifier);
        let mut facts = Facts::default();
        let decision = loop {
            match check(&policy, &root, &facts) {
                Ok(Outcome::Needs(requests)) => {
                    facts.insert(root.clone(), platform(&root), metadata(&requests[0]));
                }
                Ok(Outcome::Decided(decision)) => break decision,
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(decision.action == Action::Convert, converted, "{rules} {identifier}");
    }
}
