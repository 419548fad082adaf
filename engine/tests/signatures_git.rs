//! `verify_git_signature` and `verify_http_pgp_signature`, over `fixtures/signatures/git`.
#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

mod harness;

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use harness::{MemoryRoot, check, load_files, source};
use policy_engine::check::{Action, Decision, Facts, Outcome};
use policy_engine::metadata::{
    ChecksumAlgorithm, ChecksumRequest, ChecksumResponse, GitMetadata, GitWanted, HttpMetadata, HttpWanted,
    Metadata, Request, Wanted,
};
use policy_engine::policy::Policy;
use policy_engine::verify::Step;
use sha2::{Digest, Sha256, Sha384, Sha512};

const GIT: &str = "git://example.com/r.git#main";
const URL: &str = "https://example.com/body";

fn read(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/signatures/git");
    std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A policy whose root is the folder of fixtures.
fn policy(rules: &str) -> Policy {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/signatures/git");
    let mut files = BTreeMap::new();
    for kind in ["pgp", "ssh", "http"] {
        for entry in std::fs::read_dir(folder.join(kind)).unwrap() {
            let name = format!("{kind}/{}", entry.unwrap().file_name().to_str().unwrap());
            files.insert(name.clone(), read(&name));
        }
    }
    let text = format!("package docker\ndefault allow := false\n{rules}\ndecision := {{\"allow\": allow}}");
    load_files(&[("p.rego", &text)], Some(MemoryRoot(files)), false).unwrap()
}

/// What is known of a commit: its object.
fn commit(name: &str) -> Facts {
    let raw = read(&format!("objects/{name}.commit"));
    let id = sha1::Sha1::new().chain_update(format!("commit {}\0", raw.len())).chain_update(&raw).finalize();
    let git = GitMetadata {
        r#ref: "refs/heads/main".into(),
        checksum: HEXLOWER.encode(&id),
        commit_object: Some(raw.into()),
        ..GitMetadata::default()
    };
    let mut facts = Facts::default();
    facts.insert(source(GIT), None, Metadata { git: Some(git), ..Metadata::default() });
    facts
}

fn decided(policy: &Policy, identifier: &str, facts: &Facts) -> Result<Decision, String> {
    match check(policy, &source(identifier), facts) {
        Ok(Outcome::Decided(decision)) => Ok(decision),
        Ok(Outcome::Needs(requests)) => panic!("{requests:?}"),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn a_commit_needs_its_object() {
    let policy = policy("allow if verify_git_signature(input.git.commit, \"pgp/ed25519.asc\")");
    let wanted = Wanted { git: Some(GitWanted { objects: true }), ..Wanted::default() };
    let needs = Outcome::Needs(vec![Request { source: source(GIT), platform: None, wanted }]);
    assert_eq!(check(&policy, &source(GIT), &Facts::default()), Ok(needs));
    let decision = decided(&policy, GIT, &commit("ed25519")).unwrap();
    assert_eq!((decision.action, decision.failures), (Action::Allow, vec![]));
    for (name, step) in [("rsa", Step::Key), ("unsigned", Step::Unsigned), ("textmode", Step::Format)] {
        let decision = decided(&policy, GIT, &commit(name)).unwrap();
        let steps: Vec<_> = decision.failures.iter().map(|failure| failure.step).collect();
        assert_eq!((decision.action, steps), (Action::Deny, vec![step]), "{name}");
    }
    let decision = decided(&policy, "local://context", &Facts::default()).unwrap();
    assert_eq!((decision.action, decision.failures), (Action::Deny, vec![]));
}

#[test]
fn any_rule_may_allow() {
    let policy = policy(
        "allow if verify_git_signature(input.git.commit, \"pgp/rsa.asc\")\n\
         allow if verify_git_signature(input.git.commit, \"ssh/ed25519.pub\")",
    );
    for (name, expected) in [("rsa", Action::Allow), ("ssh-ed25519", Action::Allow), ("p256", Action::Deny)] {
        assert_eq!(decided(&policy, GIT, &commit(name)).unwrap().action, expected, "{name}");
    }
}

#[test]
fn strictness_is_the_policys_choice() {
    for (function, expected) in
        [("verify_git_signature", Action::Allow), ("verify_git_signature_strict", Action::Deny)]
    {
        let policy = policy(&format!("allow if {function}(input.git.commit, \"pgp/expired.asc\")"));
        assert_eq!(decided(&policy, GIT, &commit("expired")).unwrap().action, expected, "{function}");
    }
}

#[test]
fn wrong_arguments_are_errors() {
    for (call, expected) in [
        ("verify_git_signature(input.git, \"pgp/rsa.asc\")", "must be `input.git.commit` or `input.git.tag`"),
        ("verify_git_signature({}, \"pgp/rsa.asc\")", "must be `input.git.commit` or `input.git.tag`"),
        ("verify_git_signature(input.git.commit, 1)", "the name of a file must be a string"),
        ("verify_git_signature(input.git.commit, \"pgp/none\")", "cannot read `pgp/none`: no such file"),
        ("verify_git_signature(input.git.commit, \"../x\")", "leads out of the policy's root"),
        (
            "verify_git_signature(input.git.commit, \"http/body\")",
            "cannot read the keys in `http/body`: line 1",
        ),
        ("verify_git_signature(input.git.commit, \"pgp/private.asc\")", "it holds a private key"),
        ("verify_git_signature(input.git.commit, \"http/rsa.asc\")", "it holds a PGP SIGNATURE"),
    ] {
        let error = decided(&policy(&format!("allow if {call}")), GIT, &commit("rsa")).unwrap_err();
        assert!(error.contains(expected), "{call}: {error}");
    }
    for (call, expected) in [
        ("verify_http_pgp_signature({}, \"http/rsa.asc\", \"pgp/rsa.asc\")", "must be `input.http`"),
        ("verify_http_pgp_signature(input.http, \"none\", \"pgp/rsa.asc\")", "cannot read `none`"),
        ("verify_http_pgp_signature(input.http, \"http/rsa.asc\", \"none\")", "cannot read `none`"),
        (
            "verify_http_pgp_signature(input.http, \"pgp/rsa.asc\", \"pgp/rsa.asc\")",
            "PGP PUBLIC KEY BLOCK, not",
        ),
        ("verify_http_pgp_signature(input.http, \"http/body\", \"pgp/rsa.asc\")", "no PGP signature"),
        ("verify_http_pgp_signature(input.http, \"http/rsa.asc\", \"ssh/rsa.pub\")", "no PGP public key"),
        ("verify_http_pgp_signature(input.http, \"http/sha1.asc\", \"pgp/rsa.asc\")", "SHA1 is not accepted"),
    ] {
        let error = decided(&policy(&format!("allow if {call}")), URL, &Facts::default()).unwrap_err();
        assert!(error.contains(expected), "{call}: {error}");
    }
}

/// What a server delivers, by what of it was asked for.
fn body(bytes: &[u8], requests: &[ChecksumRequest]) -> Metadata {
    let digest = |request: &ChecksumRequest| {
        let suffixed = [bytes, &request.suffix].concat();
        let hex = match request.algorithm {
            ChecksumAlgorithm::Sha256 => HEXLOWER.encode(&Sha256::digest(&suffixed)),
            ChecksumAlgorithm::Sha384 => HEXLOWER.encode(&Sha384::digest(&suffixed)),
            ChecksumAlgorithm::Sha512 => HEXLOWER.encode(&Sha512::digest(&suffixed)),
        };
        let digest = format!("{}:{hex}", request.algorithm.name());
        ChecksumResponse { digest, suffix: request.suffix.clone() }
    };
    let http = HttpMetadata {
        checksum: format!("sha256:{}", HEXLOWER.encode(&Sha256::digest(bytes))),
        checksum_responses: requests.iter().map(digest).collect(),
        ..HttpMetadata::default()
    };
    Metadata { http: Some(http), ..Metadata::default() }
}

/// Answers one of the digests at a time until there is a decision. Returns it with the digests asked for in each round.
fn converse(policy: &Policy, bytes: &[u8]) -> (Decision, Vec<Vec<ChecksumRequest>>) {
    let (mut facts, mut rounds) = (Facts::default(), Vec::new());
    loop {
        match check(policy, &source(URL), &facts).unwrap() {
            Outcome::Decided(decision) => return (decision, rounds),
            Outcome::Needs(requests) => {
                assert!(rounds.len() < 10, "{rounds:?}");
                let [Request { wanted: Wanted { http: Some(HttpWanted { checksums, .. }), .. }, .. }] =
                    requests.as_slice()
                else {
                    panic!("{requests:?}")
                };
                let known =
                    facts.get(&source(URL), None).and_then(|known| known.http.clone()).unwrap_or_default();
                let next = checksums.iter().find(|it| known.digest_over(it).is_none()).unwrap();
                facts.insert(source(URL), None, body(bytes, std::slice::from_ref(next)));
                rounds.push(checksums.clone());
            }
        }
    }
}

#[test]
fn a_url_needs_the_digest_that_is_signed() {
    let content = read("http/body");
    for (signature, keys, algorithm) in [
        ("rsa.asc", "rsa.asc", ChecksumAlgorithm::Sha512),
        ("rsa.sig", "rsa.asc", ChecksumAlgorithm::Sha512),
        ("ed25519.asc", "ed25519.gpg", ChecksumAlgorithm::Sha256),
        ("sha384.asc", "rsa.asc", ChecksumAlgorithm::Sha384),
    ] {
        let policy = policy(&format!(
            "allow if verify_http_pgp_signature(input.http, \"http/{signature}\", \"pgp/{keys}\")"
        ));
        let (decision, rounds) = converse(&policy, &content);
        assert_eq!((decision.action, decision.failures), (Action::Allow, vec![]), "{signature}");
        let [round] = rounds.as_slice() else { panic!("{rounds:?}") };
        assert_eq!(round.iter().map(|it| it.algorithm).collect::<Vec<_>>(), [algorithm], "{signature}");
        // Version 4, binary; and how much was hashed, at the end.
        let suffix = &round[0].suffix;
        let length = u32::try_from(suffix.len() - 6).unwrap().to_be_bytes();
        assert!(suffix.starts_with(&[4, 0]) && suffix.ends_with(&length), "{suffix:?}");

        let (decision, _) = converse(&policy, b"something else");
        let steps: Vec<_> = decision.failures.iter().map(|failure| failure.step).collect();
        assert_eq!((decision.action, steps), (Action::Deny, vec![Step::Signature]), "{signature}");
    }
}

#[test]
fn what_no_body_can_make_good_costs_no_download() {
    for (signature, keys, step) in
        [("rsa.asc", "ed25519.asc", Step::Key), ("textmode.asc", "ed25519.asc", Step::Format)]
    {
        let rules =
            format!("allow if verify_http_pgp_signature(input.http, \"http/{signature}\", \"pgp/{keys}\")");
        let decision = decided(&policy(&rules), URL, &Facts::default()).unwrap();
        let steps: Vec<_> = decision.failures.iter().map(|failure| failure.step).collect();
        assert_eq!((decision.action, steps), (Action::Deny, vec![step]), "{signature}");
    }
}

#[test]
fn urls_are_strict_unless_the_policy_is_not() {
    for (function, expected) in
        [("verify_http_pgp_signature", Action::Deny), ("verify_http_pgp_signature_lenient", Action::Allow)]
    {
        let rules = format!("allow if {function}(input.http, \"http/expired.asc\", \"pgp/expired.asc\")");
        let (decision, _) = converse(&policy(&rules), &read("http/body"));
        assert_eq!(decision.action, expected, "{function}");
    }
}

#[test]
fn several_signatures_of_one_url() {
    let content = read("http/body");
    // All of several files.
    let all = policy(
        "allow if {\n\
           verify_http_pgp_signature(input.http, \"http/rsa.asc\", \"pgp/rsa.asc\")\n\
           verify_http_pgp_signature(input.http, \"http/ed25519.asc\", \"pgp/ed25519.asc\")\n\
           verify_http_pgp_signature(input.http, \"http/sha384.asc\", \"pgp/rsa.asc\")\n\
         }",
    );
    let (decision, rounds) = converse(&all, &content);
    assert_eq!(decision.action, Action::Allow);
    // A call that may end in an error holds up those after it.
    assert_eq!(rounds.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(converse(&all, b"x").0.action, Action::Deny);
    // Any of them: all are asked for at once.
    let any = policy(
        "allow if verify_http_pgp_signature(input.http, \"http/rsa.asc\", \"pgp/rsa.asc\")\n\
         allow if verify_http_pgp_signature(input.http, \"http/ed25519.asc\", \"pgp/ed25519.asc\")",
    );
    let (decision, rounds) = converse(&any, &content);
    assert_eq!((decision.action, rounds[0].len()), (Action::Allow, 2));
    let (decision, _) = converse(&any, b"x");
    assert_eq!((decision.action, decision.failures.len()), (Action::Deny, 2));
    // One of the two in a file, by keys of one or the other.
    for keys in ["rsa", "ed25519"] {
        let one = policy(&format!(
            "allow if verify_http_pgp_signature(input.http, \"http/two-signers.asc\", \"pgp/{keys}.asc\")"
        ));
        let (decision, rounds) = converse(&one, &content);
        assert_eq!((decision.action, rounds.len()), (Action::Allow, 1), "{keys}");
    }
}

#[test]
fn a_digest_that_came_malformed_is_an_error() {
    let policy = policy("allow if verify_http_pgp_signature(input.http, \"http/rsa.asc\", \"pgp/rsa.asc\")");
    let Ok(Outcome::Needs(requests)) = check(&policy, &source(URL), &Facts::default()) else {
        panic!("it asks")
    };
    let request = requests[0].wanted.http.clone().unwrap().checksums[0].clone();
    let mut metadata = body(b"x", &[request]);
    let http = metadata.http.as_mut().unwrap();
    http.checksum_responses[0].digest = "sha512:00".to_owned();
    let mut facts = Facts::default();
    facts.insert(source(URL), None, metadata);
    let error = decided(&policy, URL, &facts).unwrap_err();
    assert!(error.contains("is malformed"), "{error}");
}

#[test]
fn an_answer_to_another_question_is_none() {
    let policy = policy("allow if verify_http_pgp_signature(input.http, \"http/rsa.asc\", \"pgp/rsa.asc\")");
    let other = ChecksumRequest { algorithm: ChecksumAlgorithm::Sha512, suffix: Bytes::from_static(b"x") };
    let mut facts = Facts::default();
    facts.insert(source(URL), None, body(&read("http/body"), &[other]));
    assert!(matches!(check(&policy, &source(URL), &facts), Ok(Outcome::Needs(_))));
}

/// A digest that is not known yet is unknown wherever it is read, also where all of the input is known.
#[test]
fn what_is_asked_for_is_never_absent() {
    let call = "verify_http_pgp_signature(input.http, \"http/rsa.asc\", \"pgp/rsa.asc\")";
    let mut facts = Facts::default();
    facts.insert(source(URL), None, body(b"something else", &[]));
    for rule in [
        "allow if not CALL",
        "allow if CALL == false",
        "allow if { x := CALL; x == false }",
        "allow if count([x | x := CALL; x == true]) == 0",
        "allow if not {\"a\": CALL}.a",
        "allow if object.get({\"a\": [CALL]}, \"a\", 1) == [false]",
        "allow if sprintf(\"%v\", [CALL]) == \"false\"",
        "allow if every x in [CALL] { x == false }",
        "allow if not verified\nverified if CALL",
        "allow if f(1)\nf(x) := CALL == false",
        "allow if { verified == {false} }\nverified contains CALL",
    ] {
        let policy = policy(&rule.replace("CALL", call));
        let Ok(Outcome::Needs(requests)) = check(&policy, &source(URL), &facts) else {
            panic!("decides too early: {rule}")
        };
        let checksums = requests[0].wanted.http.clone().unwrap().checksums;
        let mut known = facts.clone();
        known.insert(source(URL), None, body(b"something else", &checksums));
        assert_eq!(decided(&policy, URL, &known).unwrap().action, Action::Allow, "{rule}");
        known.insert(source(URL), None, body(&read("http/body"), &checksums));
        assert_eq!(decided(&policy, URL, &known).unwrap().action, Action::Deny, "{rule}");
    }
}
