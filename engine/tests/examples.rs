//! Every example of Docker's documentation on build policies, and every case of the corpus of buildx's author, in our
//! own words (`fixtures/examples`): each loads, and decides as it is documented to.

#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use data_encoding::HEXLOWER;
use policy_engine::check::{Action, Check, Decision, Facts, Outcome};
use policy_engine::input::Env;
use policy_engine::metadata::{
    AttestationChain, Blob, ChecksumAlgorithm, ChecksumRequest, ChecksumResponse, Descriptor, GitMetadata,
    HttpMetadata, HttpWanted, ImageMetadata, ImageSignatures, Metadata, Request,
};
use policy_engine::policy::{FileError, LoadOptions, Policy, PolicyError, PolicyFile, PolicyRoot};
use policy_engine::source::{Platform, Source, SourceOp, parse_cli};
use policy_engine::verify::Trust;
use serde_json::Value;
use sha2::{Digest, Sha256, Sha384, Sha512};

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

fn bytes(value: &Value) -> Option<Bytes> {
    value.as_str().map(|text| Bytes::copy_from_slice(text.as_bytes()))
}

/// As the command line takes it; `local://NAME` is a folder of the client.
fn source(written: &str) -> SourceOp {
    if written.starts_with("local://") { SourceOp::new(written) } else { parse_cli(written).unwrap().source }
}

/// What the sources turn out to be, by identifier.
struct World(BTreeMap<String, Value>);

impl World {
    fn read() -> Self {
        let Value::Object(sources) = json("world.json") else { panic!("an object") };
        Self(sources.into_iter().map(|(name, found)| (source(&name).identifier, found)).collect())
    }

    /// A material is named by tag and digest.
    fn find(&self, identifier: &str) -> &Value {
        let by_digest = || {
            let (_, digest) = identifier.split_once('@')?;
            self.0.values().find(|found| found["image"]["digest"] == digest)
        };
        self.0.get(identifier).or_else(by_digest).unwrap_or(&Value::Null)
    }

    fn answer(&self, request: &Request) -> Metadata {
        let found = self.find(&request.source.identifier);
        Metadata {
            image: request.wanted.image.as_ref().map(|_| image(&found["image"])),
            git: request.wanted.git.as_ref().map(|_| {
                assert!(found["git"].is_object(), "{} is not in world.json", request.source.identifier);
                git(&found["git"])
            }),
            http: request.wanted.http.as_ref().map(|wanted| http(&found["http"], wanted)),
        }
    }
}

fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

/// An image that the world doesn't have is there, and says nothing of itself.
fn image(found: &Value) -> ImageMetadata {
    let digest = found["digest"].as_str().map_or_else(|| digest('0'), str::to_owned);
    let config = if found["config"].is_object() { found["config"].to_string() } else { "{}".to_owned() };
    let mut chain = AttestationChain {
        root: digest.clone(),
        image_manifest: digest.clone(),
        ..AttestationChain::default()
    };
    let attestation = &found["attestation"];
    if attestation.is_object() {
        let manifest_digest = text(&attestation["digest"]);
        let layer = &attestation["layer"];
        let annotations = layer["annotations"].as_object().unwrap();
        let statement = Descriptor {
            media_type: text(&layer["mediaType"]),
            digest: text(&layer["digest"]),
            size: layer["size"].as_u64().unwrap(),
            annotations: annotations.iter().map(|(key, value)| (key.clone(), text(value))).collect(),
        };
        let manifest = Descriptor {
            media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
            digest: manifest_digest.clone(),
            size: u64::try_from(text(&attestation["manifest"]).len()).unwrap(),
            ..Descriptor::default()
        };
        let blobs = [(manifest, &attestation["manifest"]), (statement, &attestation["statement"])];
        chain.blobs = blobs
            .into_iter()
            .map(|(descriptor, data)| {
                (descriptor.digest.clone(), Blob { descriptor, data: bytes(data).unwrap() })
            })
            .collect();
        chain.attestation_manifest = manifest_digest;
    }
    ImageMetadata {
        digest,
        config: Some(config.into()),
        attestation_chain: Some(chain),
        signatures: Some(ImageSignatures::default()),
    }
}

/// A file that the world doesn't have is there; GitHub has no attestation of any.
fn http(found: &Value, wanted: &HttpWanted) -> HttpMetadata {
    let body = text(&found["body"]);
    let response = |request: &ChecksumRequest| {
        let signed = [body.as_bytes(), &request.suffix].concat();
        let hash = match request.algorithm {
            ChecksumAlgorithm::Sha256 => HEXLOWER.encode(&Sha256::digest(&signed)),
            ChecksumAlgorithm::Sha384 => HEXLOWER.encode(&Sha384::digest(&signed)),
            ChecksumAlgorithm::Sha512 => HEXLOWER.encode(&Sha512::digest(&signed)),
        };
        ChecksumResponse {
            digest: format!("{}:{hash}", request.algorithm.name()),
            suffix: request.suffix.clone(),
        }
    };
    let repositories = wanted.github_attestations.iter();
    HttpMetadata {
        checksum: found["checksum"].as_str().map_or_else(|| digest('0'), str::to_owned),
        checksum_responses: wanted.checksums.iter().map(response).collect(),
        github_attestations: repositories.map(|repository| (repository.clone(), Vec::new())).collect(),
        ..HttpMetadata::default()
    }
}

fn git(found: &Value) -> GitMetadata {
    GitMetadata {
        r#ref: text(&found["ref"]),
        checksum: text(&found["checksum"]),
        commit_checksum: text(&found["commitChecksum"]),
        commit_object: bytes(&found["commit"]),
        tag_object: bytes(&found["tag"]),
    }
}

fn load(case: &Value) -> Policy {
    let (name, folder, rego) = if let Some(path) = case["policy"].as_str() {
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
    let files = vec![PolicyFile { name, text: rego }];
    let options = LoadOptions { files, root: Some(Arc::new(Folder(folder))), strict: false };
    Policy::load(&options).unwrap_or_else(|error| panic!("{}: {error}", case["name"]))
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
        let check = Check {
            source: &source,
            platform: platform.as_ref(),
            facts: &facts,
            env: &env(ask),
            now: SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_000_000),
        };
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

#[test]
fn every_example_decides_as_documented() {
    let world = World::read();
    let Value::Array(cases) = json("cases.json") else { panic!("a list") };
    assert_eq!(cases.len(), CASES, "cases went missing, or CASES has to be counted again");
    let mut wrong = Vec::new();
    for case in &cases {
        let policy = load(case);
        for ask in case["asks"].as_array().unwrap() {
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

/// As many as the pages of the documentation have, and 24 of the corpus.
const CASES: usize = 120;

#[test]
fn every_policy_file_is_asked() {
    let cases = json("cases.json").to_string();
    for folder in ["corpus", "docs", "testing"] {
        for entry in std::fs::read_dir(Path::new(EXAMPLES).join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let is_rego = Path::new(&name).extension().is_some_and(|extension| extension == "rego");
            if is_rego && !name.ends_with("_test.rego") {
                assert!(cases.contains(&format!("\"{folder}/{name}\"")), "no case asks {folder}/{name}");
            }
        }
    }
}

/// A policy with the library, as a team writes it.
fn with_library(rules: &str) -> Policy {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies");
    let text = format!(
        "package docker\n\nimport data.lib.images.materials\nimport data.lib.images.provenance\n\
         import data.lib.images.repositories\n\ndefault allow := false\n\n{rules}\n\n\
         decision := {{\"allow\": allow, \"deny_msg\": deny_msg}}\n"
    );
    let files = vec![PolicyFile { name: "Dockerfile.rego".to_owned(), text }];
    Policy::load(&LoadOptions { files, root: Some(Arc::new(Folder(policies))), strict: true }).unwrap()
}

#[test]
fn the_library_looks_up_what_it_reads() {
    const BUILT: &str = "docker-image://docker.io/acme/built:main";
    const ALPINE: &str = "docker-image://docker.io/library/alpine:3.22";
    let world = World::read();
    let ask = |rules: &str, source: &str| {
        let mut asked = Vec::new();
        let policy = with_library(rules);
        let decided = decide_and_tell(&policy, &serde_json::json!({"source": source}), &world, &mut asked);
        (told(&decided), decided.unwrap().messages, asked)
    };
    let rules = "allow if {\n\trepositories.allowed(input.image, {\"docker.io/acme/built\"})\n\t\
                 provenance.complete(input.image)\n}\n\n\
                 deny_msg contains repositories.denial(input.image, {\"docker.io/acme/built\"})\n";
    // Another repository costs nothing.
    let (decision, messages, asked) = ask(rules, "docker-image://docker.io/library/busybox:1.37");
    assert_eq!((decision.as_str(), messages.len(), asked.len()), ("deny", 1, 0), "{messages:?} {asked:?}");
    assert_eq!(ask(rules, BUILT), ("allow".to_owned(), vec![], vec![BUILT.to_owned()]));

    // One level down names what went into the image; two ask that for its own.
    let places = "{\"repositories\": {\"docker.io/library/alpine\"}}";
    let down = |depth: u8, places: &str| {
        let rules = format!(
            "allow if materials.allowed(input.image, {depth}, {places})\n\n\
             deny_msg contains materials.denial(input.image, {depth}, {places})\n"
        );
        ask(&rules, BUILT)
    };
    assert_eq!(down(1, places), ("allow".to_owned(), vec![], vec![BUILT.to_owned()]));
    let (decision, messages, asked) = down(2, places);
    assert_eq!((decision.as_str(), messages), ("allow", vec![]));
    assert!(asked.len() == 2 && asked[1].starts_with(ALPINE), "{asked:?}");
    let (decision, messages, _) = down(1, "{\"repositories\": {\"docker.io/library/golang\"}}");
    assert_eq!(decision, "deny");
    let start =
        "docker.io/acme/built:main: not all that it was built from is allowed: docker.io/library/alpine:3.22";
    assert!(messages.len() == 1 && messages[0].starts_with(start), "{messages:?}");
}
