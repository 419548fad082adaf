//! Every format on every part of an image: what policies see of it.

use policy_signing::{Part, Who, digest_of, formats};
use serde_json::Value;

use crate::setup::{Setup, WORKFLOW, failed_steps, signatures};

const PARTS: [Part; 3] = [Part::Attestation, Part::Image, Part::Index];

fn names(format: &str) -> Vec<String> {
    PARTS.map(|part| format!("{format}-{}", part.name())).to_vec()
}

/// What the field `type` says of a format.
fn kind_of(format: &str) -> &str {
    match format {
        "simple" | "simple-tag" => "simplesigning-v1",
        "bundle-v0.1" => format,
        _ => "bundle-v0.3",
    }
}

#[test]
fn a_certificates_signature_is_verified_and_described() {
    for (format, _, who) in formats() {
        if who == Who::Key {
            continue;
        }
        let names = names(format);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let setup = Setup::of(&names);
        for (name, part) in names.iter().zip(PARTS) {
            let args =
                ["--trust-root", "world=trusted_root.json", "--trust-root", "hub=trusted_root_github.json"];
            let image = setup.print_with(name, &args);
            let [signature] = &signatures(&image)[..] else { panic!("{name}: {image:#}") };
            assert_eq!(failed_steps(&image), [""; 0], "{name}: {image:#}");
            describes(name, signature, part, who);
            assert_eq!(signature["type"], kind_of(format), "{name}");
            let root = if format == "github-private" { "hub" } else { "world" };
            assert_eq!(signature["trustRoot"], root, "{name}");
            let predicate = match format {
                "github" | "github-private" => "https://slsa.dev/provenance/v1".into(),
                "message-bundle" | "bundle-v0.1" | "rekor-v2-message" | "simple" | "simple-tag" => {
                    Value::Null
                }
                _ => "https://sigstore.dev/cosign/sign/v1".into(),
            };
            assert_eq!(signature["predicateType"], predicate, "{name}");
            let types: Vec<&str> = timestamps(signature).map(|(kind, _)| kind).collect();
            let expected: &[&str] = match format {
                "rekor-v2" | "rekor-v2-message" | "github-private" => &["TimestampAuthority"],
                "cosign-bundle" | "cosign-bundle-person" | "bundle-v0.2" => &["Tlog", "TimestampAuthority"],
                _ => &["Tlog"],
            };
            assert_eq!(types, expected, "{name}: {signature:#}");
        }
    }
}

/// What is the same for all formats.
fn describes(name: &str, signature: &Value, part: Part, who: Who) {
    let signer = &signature["signer"];
    assert_eq!(signature["subject"], part.name(), "{name}");
    assert_eq!(signature["kind"], "untrusted", "{name}: a private authority vouches for nobody's kind");
    let digest = signature["digest"].as_str().unwrap_or_default();
    assert!(digest.starts_with("sha256:") && digest.len() == 71, "{name}: {digest}");
    if who == Who::Person {
        assert_eq!(signer["subjectAlternativeName"], "dev@world.test", "{name}");
        assert_eq!(signer["issuer"], "https://accounts.world.test", "{name}");
        assert_eq!(signer.get("sourceRepositoryURI"), None, "{name}");
    } else {
        for (field, value) in [
            ("subjectAlternativeName", WORKFLOW),
            ("issuer", "https://token.actions.githubusercontent.com"),
            ("buildSignerURI", WORKFLOW),
            ("runnerEnvironment", "github-hosted"),
            ("sourceRepositoryURI", "https://github.com/world/app"),
            ("sourceRepositoryRef", "refs/heads/main"),
            ("sourceRepositoryOwnerURI", "https://github.com/world"),
            ("sourceRepositoryVisibilityAtSigning", "public"),
            ("runInvocationURI", "https://github.com/world/app/actions/runs/18972375162/attempts/1"),
        ] {
            assert_eq!(signer[field], value, "{name}: {field}");
        }
    }
    for (_, time) in timestamps(signature) {
        assert!(time.starts_with("20") && time.ends_with('Z'), "{name}: {time}");
    }
}

fn timestamps(signature: &Value) -> impl Iterator<Item = (&str, &str)> {
    let all = signature["timestamps"].as_array().into_iter().flatten();
    all.map(|time| {
        (time["type"].as_str().unwrap_or_default(), time["timestamp"].as_str().unwrap_or_default())
    })
}

#[test]
fn the_issuer_and_the_authorities_are_named() {
    let setup = Setup::of(&["cosign-bundle-attestation", "github-private-index"]);
    let signature = signatures(&setup.print("cosign-bundle-attestation")).remove(0);
    assert_eq!(signature["signer"]["certificateIssuer"], "CN=world-intermediate,O=world.test");
    assert_eq!(signature["timestamps"][0]["uri"], "https://rekor.world.test");
    assert_eq!(signature["timestamps"][1]["uri"], "https://timestamp.world.test/api/v1/timestamp");
    let image = setup.print_with("github-private-index", &["--trust-root", "hub=trusted_root_github.json"]);
    let signature = signatures(&image).remove(0);
    assert_eq!(signature["signer"]["certificateIssuer"], "CN=fulcio-intermediate,O=github.world.test");
}

#[test]
fn a_simple_signature_names_its_image() {
    let setup = Setup::of(&["simple-tag-index"]);
    let signature = signatures(&setup.print("simple-tag-index")).remove(0);
    let reference = setup.reference("simple-tag-index");
    assert_eq!(signature["dockerReference"].as_str(), reference.strip_suffix(":1"));
    setup.allows(
        "simple-tag-index",
        "some signature in input.image.signatures\n\tsignature.dockerReference == input.image.fullRepo",
    );
}

#[test]
fn a_key_needs_to_be_named() {
    for (format, _, _) in formats().into_iter().filter(|(_, _, who)| *who == Who::Key) {
        let names = names(format);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let setup = Setup::of(&names);
        for (name, part) in names.iter().zip(PARTS) {
            let image = setup.print(name);
            assert_eq!(signatures(&image), [Value::Null; 0], "{name}: {image:#}");
            assert_eq!(failed_steps(&image), ["key-needed"], "{name}: {image:#}");
            assert_eq!(image["verification"][0]["subject"], part.name(), "{name}: {image:#}");
        }
    }
}

#[test]
fn each_platform_has_signatures_of_its_own() {
    let setup = Setup::of(&["cosign-bundle-image", "cosign-bundle-attestation"]);
    for name in ["cosign-bundle-image", "cosign-bundle-attestation"] {
        let digests = ["linux/amd64", "linux/arm64"].map(|platform| {
            let args = ["--trust-root", "world=trusted_root.json", "--platform", platform];
            let [signature] = &signatures(&setup.print_with(name, &args))[..] else {
                panic!("{name} for {platform}")
            };
            signature["digest"].clone()
        });
        assert_ne!(digests[0], digests[1], "{name}");
    }
}

#[test]
fn an_image_without_an_index_has_signatures_too() {
    let setup = Setup::of(&["single-signed", "single-unsigned"]);
    let image = setup.print("single-signed");
    let [signature] = &signatures(&image)[..] else { panic!("{image:#}") };
    assert_eq!(signature["subject"], "image");
    let image = setup.print("single-unsigned");
    assert_eq!((signatures(&image).len(), failed_steps(&image).len()), (0, 0), "{image:#}");
}

#[test]
fn several_signatures_are_all_there() {
    let setup = Setup::of(&["several"]);
    let image = setup.print("several");
    let mut found: Vec<String> = signatures(&image)
        .iter()
        .map(|signature| {
            format!("{} {}", signature["subject"], signature["signer"]["subjectAlternativeName"])
        })
        .collect();
    found.sort();
    let expected = [format!("\"attestation\" \"{WORKFLOW}\""), "\"index\" \"dev@world.test\"".to_owned()];
    assert_eq!(found, expected, "{image:#}");
    let mut steps = failed_steps(&image);
    steps.sort();
    assert_eq!(steps, ["certificate-chain", "key-needed"], "{image:#}");
}

#[test]
fn the_digest_is_that_of_the_root() {
    let setup = Setup::of(&["unsigned"]);
    let named = setup.named("unsigned");
    assert_eq!(named.digest(), digest_of(named.image.root()));
    setup.allows("unsigned", &format!("input.image.checksum == \"{}\"", named.digest()));
}
