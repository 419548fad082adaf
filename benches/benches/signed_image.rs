//! A whole check of a policy about signers: an image of the signed world, with everything fetched.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, UNIX_EPOCH};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use policy_benches::load;
use policy_engine::check::{Action, Check, Facts, Outcome};
use policy_engine::input::Env;
use policy_engine::metadata::{AttestationChain, Blob, Descriptor, ImageMetadata, ImageSignatures, Metadata};
use policy_engine::policy::Policy;
use policy_engine::source::{Platform, SourceOp};
use policy_engine::verify::{RootKind, Trust, TrustRoot};
use policy_signing::{TrustRootVersion, World, digest_of};
use serde_json::Value;

/// The verifier refuses what comes from the future.
const NOW: u64 = 1_750_000_000;
const POLICY: &str = r#"package docker

default allow := false

allow if {
	some signature in input.image.signatures
	signature.trustRoot == "world"
	signature.subject == "attestation"
	signature.signer.sourceRepositoryURI == "https://github.com/world/app"
}

decision := {"allow": allow}
"#;

/// The image for linux/amd64 and the one signature on its attestation manifest.
fn signed(world: &mut World) -> Metadata {
    let named = world.image("cosign-bundle-attestation").expect("an image of the world").clone();
    let platform =
        named.image.platforms.iter().find(|platform| platform.architecture == "amd64").expect("amd64");
    let attestation = platform.attestation.clone().expect("an attestation");
    let signature = world.sign(&attestation, "registry.test/signed", &named.plans[0]);
    let mut blobs = BTreeMap::new();
    for content in
        [named.image.root(), &attestation, &signature.manifest].into_iter().chain(layers(&signature))
    {
        let json: Value = serde_json::from_slice(content).expect("JSON");
        let digest = digest_of(content);
        let descriptor = Descriptor {
            media_type: json["mediaType"].as_str().expect("a media type").to_owned(),
            digest: digest.clone(),
            size: content.len() as u64,
            annotations: BTreeMap::new(),
        };
        blobs.insert(digest, Blob { descriptor, data: content.to_vec().into() });
    }
    let chain = AttestationChain {
        root: named.digest(),
        image_manifest: digest_of(&platform.manifest),
        attestation_manifest: digest_of(&attestation),
        signature_manifests: vec![digest_of(&signature.manifest)],
        blobs,
    };
    let image = ImageMetadata {
        digest: named.digest(),
        attestation_chain: Some(chain),
        signatures: Some(ImageSignatures::default()),
        ..ImageMetadata::default()
    };
    Metadata { image: Some(image), ..Metadata::default() }
}

/// The bundle.
fn layers(signature: &policy_signing::SignatureManifest) -> impl Iterator<Item = &[u8]> {
    signature.blobs().iter().skip(1).map(Vec::as_slice)
}

/// Asks until it decides, with everything at hand.
fn decide(policy: &Policy, facts: &Facts, source: &SourceOp, platform: &Platform, trust: &Trust) {
    let now = UNIX_EPOCH + Duration::from_secs(NOW + 60);
    let check = Check { source, platform: Some(platform), facts, env: &Env::default(), now };
    match policy.check(&check, trust) {
        Ok(Outcome::Decided(decision)) if decision.action == Action::Allow => {}
        other => panic!("not allowed: {other:?}"),
    }
}

fn signed_image(criterion: &mut Criterion) {
    let mut world = World::new(b"benches", NOW);
    let root = world.instance.trusted_root(TrustRootVersion::V01).to_string().into_bytes();
    let root = TrustRoot::parse("world", RootKind::Sigstore, &root).expect("a trust root");
    let (source, platform) =
        (SourceOp::new("docker-image://registry.test/signed:1"), Platform::new("linux", "amd64", ""));
    let mut facts = Facts::default();
    facts.insert(source.clone(), Some(platform.clone()), signed(&mut world));
    let policy = load(POLICY);
    let check = |trust: &Trust| decide(black_box(&policy), &facts, &source, &platform, trust);

    let mut group = criterion.benchmark_group("check of a signed image");
    let trust = Trust::new(vec![root]);
    let fresh = || Trust::default().with_roots(trust.roots().to_vec());
    group.bench_function("verified", |b| b.iter_batched(fresh, |trust| check(&trust), BatchSize::SmallInput));
    group.bench_function("remembered", |b| b.iter(|| check(&trust)));
    group.finish();
}

criterion_group!(benches, signed_image);
criterion_main!(benches);
