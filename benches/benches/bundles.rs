//! Verifying one Sigstore bundle: as it comes from a registry, of every form, with nothing remembered.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;
use std::io::Write;
use std::path::PathBuf;

use criterion::{Criterion, criterion_group, criterion_main};
use policy_engine::verify::{Artifact, ArtifactDigest, Bundle, Expect, RootKind, Trust, TrustRoot, bundle};
use policy_signing::{
    BundleForm, BundleVersion, Identity, Instance, Logged, Signer, TrustRootVersion, digest_of,
};

/// The verifier refuses what comes from the future.
const NOW: u64 = 1_750_000_000;
const ARTIFACT: &[u8] = b"an artifact";

fn bundles(criterion: &mut Criterion) {
    let mut instance = Instance::with_logs(b"benches", "world.test", "world", NOW);
    let root_json = instance.trusted_root(TrustRootVersion::V01).to_string().into_bytes();
    let load = || TrustRoot::parse("world", RootKind::Sigstore, &root_json).expect("a trust root");
    let digest: ArtifactDigest = digest_of(ARTIFACT).parse().expect("a digest");
    let artifact = Artifact::from(&digest);
    let signer = Signer::Keyless(Identity::workflow("world/builder", "world/app"));
    let rekor_2 = BundleForm { logged: Logged::V2, ..BundleForm::cosign() };
    let promise = BundleForm { version: BundleVersion::V01, ..BundleForm::github() };
    let forms = [
        ("cosign, log and timestamp", BundleForm::cosign()),
        ("log", BundleForm::github()),
        ("message, log", BundleForm::message()),
        ("Rekor v2 and timestamp", rekor_2),
        ("version 0.1, promise", promise),
    ];
    let root = load();
    let mut group = criterion.benchmark_group("verify");
    for (name, form) in &forms {
        let json = instance.bundle(ARTIFACT, form, &signer, None).to_string();
        group.bench_function(*name, |b| {
            b.iter(|| {
                let bundle = Bundle::parse(black_box(json.as_bytes())).expect("a bundle");
                bundle::verify(&bundle, &artifact, &root, Expect::Anything).expect("it verifies")
            });
        });
    }
    let json = instance.bundle(ARTIFACT, &forms[0].1, &signer, None).to_string();
    let trust = Trust::new(vec![load()]);
    group.bench_function("cosign, remembered", |b| {
        b.iter(|| trust.verify_bundle(black_box(json.as_bytes()), &artifact, Expect::Anything));
    });
    group.bench_function("cosign, read only", |b| b.iter(|| Bundle::parse(black_box(json.as_bytes()))));
    group.finish();
    real_bundle(criterion);
    criterion.bench_function("load a trust root", |b| b.iter(load));
}

/// What Docker's GitHub builder signed, which other verifiers can be timed with as well.
fn real_bundle(criterion: &mut Criterion) {
    let Some(vectors) = std::env::var_os("POLICY_CHECK_VECTORS").map(PathBuf::from) else {
        writeln!(std::io::stderr(), "skipped: POLICY_CHECK_VECTORS is not set").expect("standard error");
        return;
    };
    let read = |path: &str| std::fs::read(vectors.join(path)).expect("a file");
    let json = read("github-builder/1/bundle.sigstore.json");
    let attestation = read("github-builder/1/attestation-manifest.json");
    let root = read("bundles/trusted_root.json");
    let root = TrustRoot::parse("sigstore", RootKind::Sigstore, &root).expect("a trust root");
    let digest: ArtifactDigest = digest_of(&attestation).parse().expect("a digest");
    let artifact = Artifact::from(&digest);
    criterion.bench_function("verify/Docker's GitHub builder", |b| {
        b.iter(|| {
            let bundle = Bundle::parse(black_box(&json)).expect("a bundle");
            bundle::verify(&bundle, &artifact, &root, Expect::Anything).expect("it verifies")
        });
    });
}

criterion_group!(benches, bundles);
criterion_main!(benches);
