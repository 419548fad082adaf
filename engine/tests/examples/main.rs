//! Every example of Docker's documentation on build policies, and every case of the corpus of buildx's author, in our
//! own words (`fixtures/examples`): each loads, and decides as it is documented to.
//!
//! `world` answers for the sources, `mocks` asks about inputs that no source of ours has, `attested` about files whose
//! publisher attests them, and `library` tells what the library has looked up.

#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

mod attested;
mod library;
mod mocks;
mod world;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use policy_engine::check::{Action, Check, Decision, Facts, Outcome};
use policy_engine::input::Env;
use policy_engine::policy::{FileError, LoadOptions, Policy, PolicyError, PolicyFile, PolicyRoot};
use policy_engine::source::{Platform, Source, SourceOp, parse_cli};
use policy_engine::verify::Trust;
use serde_json::Value;

use world::World;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/examples");

/// The folder that a policy lies in.
struct Folder(PathBuf);

impl PolicyRoot for Folder {
    fn read(&self, path: &str, _limit: u64) -> Result<Vec<u8>, FileError> {
        std::fs::read(self.0.join(path)).map_err(|_| FileError::NotFound)
    }
}

fn json(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(Path::new(EXAMPLES).join(name)).unwrap()).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_000_000)
}

/// As the command line takes it; `local://NAME` is a folder of the client.
fn source(written: &str) -> SourceOp {
    if written.starts_with("local://") { SourceOp::new(written) } else { parse_cli(written).unwrap().source }
}

/// The policy of a case: a file, or a rule of one.
fn options(case: &Value) -> LoadOptions {
    let (name, folder, text) = if let Some(path) = case["policy"].as_str() {
        let path = Path::new(EXAMPLES).join(path);
        let rego = std::fs::read_to_string(&path).unwrap();
        (path.file_name().unwrap().to_str().unwrap().to_owned(), path.parent().unwrap().to_owned(), rego)
    } else {
        let rule = text(&case["rule"]);
        assert!(!rule.is_empty(), "neither policy nor rule: {case}");
        let rego = format!(
            "package docker\n\ndefault allow := false\n\n{rule}\n\ndecision := {{\"allow\": allow}}\n"
        );
        ("Dockerfile.rego".to_owned(), Path::new(EXAMPLES).join("docs"), rego)
    };
    LoadOptions {
        files: vec![PolicyFile { name, text }],
        root: Some(Arc::new(Folder(folder))),
        strict: false,
    }
}

fn load(case: &Value) -> Policy {
    Policy::load(&options(case)).unwrap_or_else(|error| panic!("{}: {error}", case["name"]))
}

fn env(ask: &Value) -> Env {
    let env = &ask["env"];
    let args = env["args"].as_object().into_iter().flatten();
    Env {
        args: args.map(|(name, value)| (name.clone(), Some(text(value)))).collect(),
        filename: env["filename"].as_str().unwrap_or("Dockerfile").to_owned(),
        target: text(&env["target"]),
        ..Env::default()
    }
}

fn decide(policy: &Policy, ask: &Value, world: &World) -> Result<Decision, PolicyError> {
    decide_and_tell(policy, ask, world, &mut Vec::new())
}

/// Asks and answers until the policy decides, and tells which sources were asked about.
fn decide_and_tell(
    policy: &Policy,
    ask: &Value,
    world: &World,
    asked: &mut Vec<String>,
) -> Result<Decision, PolicyError> {
    let source = source(ask["source"].as_str().unwrap());
    let platform = Platform::parse(ask["platform"].as_str().unwrap_or("linux/amd64")).unwrap();
    let platform = Source::parse(&source).is_ok_and(|source| source.needs_platform()).then_some(platform);
    let mut facts = Facts::default();
    for _ in 0..10 {
        let check =
            Check { source: &source, platform: platform.as_ref(), facts: &facts, env: &env(ask), now: now() };
        match policy.check(&check, &Trust::default())? {
            Outcome::Decided(decision) => return Ok(decision),
            Outcome::Needs(requests) => {
                for request in requests {
                    let answer = world.answer(&request);
                    if asked.last() != Some(&request.source.identifier) {
                        asked.push(request.source.identifier.clone());
                    }
                    facts.insert(request.source, request.platform, answer);
                }
            }
        }
    }
    panic!("{ask}: no decision after 10 rounds")
}

/// `allow`, `deny`, `pin SOURCE` or `error CODE`.
fn told(decided: &Result<Decision, PolicyError>) -> String {
    match decided {
        Ok(Decision { action: Action::Convert, update, .. }) => {
            format!("pin {}", update.as_ref().unwrap().identifier)
        }
        Ok(Decision { action: Action::Allow, .. }) => "allow".to_owned(),
        Ok(Decision { action: Action::Deny, .. }) => "deny".to_owned(),
        Err(PolicyError::Evaluation { code, .. }) => format!("error {code}"),
        Err(error) => format!("error {error}"),
    }
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

fn cases() -> Vec<Value> {
    let Value::Array(cases) = json("cases.json") else { panic!("a list") };
    cases
}

#[test]
fn every_example_decides_as_documented() {
    let world = World::read();
    let cases = cases();
    assert_eq!(cases.len(), CASES, "cases went missing, or CASES has to be counted again");
    let mut wrong = Vec::new();
    for case in cases.iter().filter(|case| case["refused"].is_null()) {
        let policy = load(case);
        for ask in case["asks"].as_array().unwrap().iter().filter(|ask| ask["input"].is_null()) {
            let decided = decide(&policy, ask, &world);
            let mut check = |what: &str, is: &dyn std::fmt::Debug, as_expected: bool| {
                if !as_expected {
                    let name = &case["name"];
                    let source = &ask["source"];
                    wrong.push(format!("{name}: {source}: {what}: {is:?}\n    {decided:?}"));
                }
            };
            let is = told(&decided);
            check("decides", &is, ask["decides"] == is.as_str());
            let Ok(decision) = &decided else { continue };
            if ask["messages"].is_array() {
                check("messages", &decision.messages, decision.messages == strings(&ask["messages"]));
            }
            if ask["prints"].is_array() {
                let prints: Vec<String> = decision.prints.iter().map(|print| print.text.clone()).collect();
                check("prints", &prints, prints == strings(&ask["prints"]));
            }
            let caps: Vec<String> =
                decision.caps.iter().filter(|cap| *cap.1).map(|cap| cap.0.clone()).collect();
            if ask["caps"].is_array() {
                check("caps", &caps, caps == strings(&ask["caps"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// As many as the pages of the documentation have, 24 of the corpus, and what others write.
const CASES: usize = 141;

#[test]
fn what_buildx_does_not_load_is_refused() {
    for case in cases().iter().filter(|case| !case["refused"].is_null()) {
        let Err(error) = Policy::load(&options(case)) else { panic!("{} loads", case["name"]) };
        let codes: Vec<&str> = error.problems.iter().map(|problem| problem.code).collect();
        assert!(codes.iter().all(|code| case["refused"] == *code), "{}: {error}", case["name"]);
    }
}

#[test]
fn every_policy_file_is_asked() {
    let cases = json("cases.json").to_string();
    for folder in ["corpus", "docs", "testing", "others"] {
        for entry in std::fs::read_dir(Path::new(EXAMPLES).join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let is_rego = Path::new(&name).extension().is_some_and(|extension| extension == "rego");
            if is_rego && !name.ends_with("_test.rego") {
                assert!(cases.contains(&format!("\"{folder}/{name}\"")), "no case asks {folder}/{name}");
            }
        }
    }
}
