//! The sigstore project's own conformance suite for verifiers (`bundle-verify` of sigstore-conformance), and other
//! bundles from the field, through the engine's API.
//!
//! They are third-party data, which lies outside the repository: `POLICY_CHECK_VECTORS` names its folder.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "a test that panics fails"
)]

use std::fs;
use std::path::{Path, PathBuf};

use policy_engine::verify::{
    Artifact, ArtifactDigest, Bundle, BundleFailure, Expect, LogEntry, RootKind, Step, Trust, TrustRoot,
    VerifiedBundle,
};
use sigstore_trust_root::{SIGSTORE_GITHUB_TRUSTED_ROOT, SIGSTORE_PRODUCTION_TRUSTED_ROOT};
use sigstore_types::DerPublicKey;

fn vectors() -> Option<PathBuf> {
    let folder = std::env::var_os("POLICY_CHECK_VECTORS").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: POLICY_CHECK_VECTORS is not set");
    }
    folder
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn deferred(name: &str, kind: RootKind, json: Vec<u8>) -> TrustRoot {
    TrustRoot::deferred(name, kind, || Ok(json))
}

fn sha256(bytes: &[u8]) -> ArtifactDigest {
    format!("sha256:{}", sigstore_crypto::sha256(bytes).to_hex()).parse().unwrap()
}

#[test]
fn conformance() {
    let Some(folder) = vectors() else { return };
    let folder = folder.join("sigstore-conformance/bundle-verify");
    let mut assets: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assets.retain(|path| path.is_dir());
    assets.sort();
    assert_eq!(assets.len(), 70);
    let mut wrong = Vec::new();
    for asset in &assets {
        let name = asset.file_name().unwrap().to_str().unwrap();
        let own = asset.join("artifact");
        let blob = read(&if own.exists() { own } else { folder.join("a.txt") });
        for artifact in [Artifact::Blob(&blob), Artifact::Digest(sha256(&blob))] {
            let verdict = verify_asset(asset, &artifact);
            if verdict.is_err() != name.ends_with("_fail") {
                wrong.push(format!("{name} by {artifact:?}: {verdict:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn verify_asset(asset: &Path, artifact: &Artifact<'_>) -> Result<VerifiedBundle, BundleFailure> {
    let own_root = asset.join("trusted_root.json");
    let root = if own_root.exists() {
        deferred("own", RootKind::Private, read(&own_root))
    } else {
        deferred("sigstore", RootKind::Sigstore, SIGSTORE_PRODUCTION_TRUSTED_ROOT.into())
    };
    let trust = Trust::new(vec![root]);
    let json = read(&asset.join("bundle.sigstore.json"));
    let key = asset.join("key.pub");
    if key.exists() {
        let key = DerPublicKey::from_pem(std::str::from_utf8(&read(&key)).unwrap());
        let key = key.map_err(|error| BundleFailure::new(Step::Key, error.to_string()))?;
        trust.verify_with_key(&Bundle::parse(&json)?, artifact, &key, Expect::Anything, LogEntry::Required)
    } else {
        trust.verify_bundle(&json, artifact, Expect::Anything)
    }
}

/// What must come of a bundle.
#[derive(Debug)]
enum Verdict {
    /// It verifies under this root, for this signer.
    Accepted(&'static str, &'static str),
    /// It fails in this step.
    Refused(Step),
}

use Verdict::{Accepted, Refused};

const BRIAN: Verdict = Accepted("sigstore", "brian@dehamer.com");
const SIGSTORE_JS: Verdict = Accepted(
    "sigstore",
    "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main",
);
const GITHUB_BUILDER: Verdict = Accepted(
    "sigstore",
    "https://github.com/docker/github-builder-experimental/.github/workflows/build.yml@refs/heads/build-reusable-workflow",
);

/// What is signed, by file.
const NPM: &str = "sha512:7bea9f6e7ff37f5fab0b36bf061200fff03099fd2fd696b91d04bc5e4f225eb9\
                   fd6e0cadcad54ba980f43fb352a99e8810b4e0abeb5c0ef2cf9108cd1f258b36";
const JS_2_1_0: &str = "sha512:90f223f992e4c88dd068cd2a5fc57f9d2b30798343dd6e38f29c240e04ba090e\
                        f831f84490847c4e82b9232c78e8a258463b1e55c0f7469f730265008fa6633f";
const JS_2_0_0: &str = "sha512:46d4e2f74c4877316640000a6fdf8a8b59f1e0847667973e9859f774dd31b8f1\
                        e0937813b777fb66a2ac67d50540fe34640966eee9fc2ccca387082b4c85cd3c";
const SLSA_NPM: &str = "sha512:bbfd372fc9beeb777fe35d05bb10c0c70a9733d366a75fed7dd18866c7391de3\
                        ee7e88ba74dd47abf3e15c845e547fcf0e5c3da80854c751554224d3a6d4e55f";
const DEMO: &str = "sha256:ae57936def59bc4c75edd3a837d89bcefc6d3a5e31d55a6fa7a71624f92c3c3b";

/// File, what was signed, what must come of it and why.
#[rustfmt::skip]
const FIELD: [(&str, &str, Verdict); 30] = [
    // Version 0.1 is content with a promise. Signed by a person, in logs of both kinds.
    ("bundles/bundleV01-dsse-no-proof.sigstore", NPM, BRIAN),
    ("bundles/bundleV01-dsse-with-proof.sigstore", NPM, BRIAN),
    ("bundles/bundleV01-intoto-no-proof.sigstore", NPM, BRIAN),
    ("bundles/bundleV01-intoto-with-proof.sigstore", NPM, BRIAN),
    // A root in the chain is refused, as sigstore-go and the conformance suite do.
    ("bundles/bundleV01-full-cert-chain.sigstore", NPM, Refused(Step::Certificate)),
    ("bundles/dsse.sigstore.json", SLSA_NPM, Refused(Step::Certificate)),
    ("bundles/bundleV02-dsse.sigstore", NPM, BRIAN),
    ("bundles/bundleV02-intoto.sigstore", NPM, BRIAN),
    // Version 0.3 by its first media type and by its own.
    ("bundles/bundleV03-dsse.sigstore", NPM, BRIAN),
    ("bundles/bundleV03-intoto.sigstore", NPM, BRIAN),
    // cosign 3, of an image: in a log and timestamped.
    ("bundles/bundle_v03.json", "sha256:c811d58de79c92f03214e63aa339484e488d694ae8a6283b5f3f17a9faf50172",
        Accepted("sigstore", "https://github.com/kubewarden/kubewarden-controller/.github/workflows/release.yml@refs/tags/v1.34.0")),
    // An OIDC issuer of one company's own: it is in the signer, for policies to see.
    ("bundles/custom-issuer.sigstore.json", "sha256:afa27b44d43b02a9fea41d13cedc2e4016cfcf87c5dbf990e593669aa8ce286d",
        Accepted("sigstore", "https://github.com/too-legit/attest/.github/workflows/integration.yml@refs/heads/main")),
    ("bundles/reusable-workflow-attestation.sigstore.json", "sha256:49a3aa6075e0f49f82843e74b5baa614ad2a588e6675612bf108a0a008c5ac25",
        Accepted("sigstore", "https://github.com/github/artifact-attestations-workflows/.github/workflows/attest.yml@09b495c3f12c7881b3cc17209a327792065c1a1d")),
    // Two signatures in an envelope: which one would count?
    ("bundles/dsse-2sigs.sigstore.json", SLSA_NPM, Refused(Step::Bundle)),
    // Of a private repository: no log, GitHub's own authorities.
    ("bundles/github_provenance_demo-0.0.12-py3-none-any-bundle.jsonl", DEMO,
        Accepted("github", "https://github.com/actions/attest-demo/.github/workflows/build-python.yml@refs/heads/main")),
    ("bundles/github_provenance_demo-0.0.12-py3-none-any-bundle-missing-cert.jsonl", DEMO, Refused(Step::Bundle)),
    ("bundles/github_provenance_demo-0.0.12-py3-none-any-bundle-missing-verification-material.jsonl", DEMO, Refused(Step::Bundle)),
    ("bundles/oci-attestation.sigstore.json", "sha256:732112270d7e59418a8c080b134b24cabd67d250d0d0147a97ed95ba5c280aa4",
        Accepted("sigstore", "cody@soyland.com")),
    // Signed for a test instance, whose root nobody has.
    ("bundles/othername.sigstore.json", "sha256:bc103b4a84971ef6459b294a2b98568a2bfb72cded09d4acd1e16366a401f95b", Refused(Step::LogEntry)),
    // Signed with a key.
    ("bundles/public-key-validity.sigstore.json", "sha256:6ae8a75555209fd6c44157c0aed8016e763ff435a19cf186f76863140143ff72", Refused(Step::KeyNeeded)),
    ("bundles/sigstore-js-2.1.0-bundle-v0.1.json", JS_2_1_0, SIGSTORE_JS),
    ("bundles/sigstore-js-2.1.0-bundle.json", JS_2_1_0, SIGSTORE_JS),
    ("bundles/sigstore-js-2.1.0_with_2_bundles.jsonl", JS_2_1_0, SIGSTORE_JS),
    ("bundles/sigstore.js@2.0.0-provenance.sigstore.json", JS_2_0_0, SIGSTORE_JS),
    // The envelope was exchanged for one that holds plain text.
    ("bundles/sigstoreBundle-invalid-signature.json", JS_2_1_0, Refused(Step::Statement)),
    // A simple signature, written as a bundle.
    ("cosign-simplesigning/as-bundle-v0.1.json", "cosign-simplesigning/payload.json", Accepted("sigstore", "sozercan@gmail.com")),
    ("github-builder/1/bundle.sigstore.json", "github-builder/1/attestation-manifest.json", GITHUB_BUILDER),
    ("github-builder/2/bundle.sigstore.json", "github-builder/2/attestation-manifest.json", GITHUB_BUILDER),
    ("github-builder/3/bundle.sigstore.json", "github-builder/3/attestation-manifest.json", GITHUB_BUILDER),
    // The right signature for another image's attestation.
    ("github-builder/1/bundle.sigstore.json", "github-builder/2/attestation-manifest.json", Refused(Step::Artifact)),
];

#[test]
fn field() {
    let Some(folder) = vectors() else { return };
    let trust = Trust::new(vec![
        deferred("sigstore", RootKind::Sigstore, SIGSTORE_PRODUCTION_TRUSTED_ROOT.into()),
        deferred("github", RootKind::Github, SIGSTORE_GITHUB_TRUSTED_ROOT.into()),
    ]);
    for (file, signed, expected) in &FIELD {
        let data = read(&folder.join(file));
        let bundles = if file.ends_with(".jsonl") {
            data.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect()
        } else {
            vec![data.as_slice()]
        };
        let artifact = signed.parse().unwrap_or_else(|_| sha256(&read(&folder.join(signed))));
        for bundle in bundles {
            let verdict = trust.verify_bundle(bundle, &Artifact::Digest(artifact.clone()), Expect::Anything);
            match (expected, &verdict) {
                (Accepted(root, name), Ok(verified)) => {
                    assert_eq!(verified.trust_root, *root, "{file}");
                    let signer = verified.signer.as_ref().unwrap();
                    assert_eq!(signer.subject_alternative_name, *name, "{file}");
                    assert!(!verified.timestamps.is_empty(), "{file}");
                }
                (Refused(step), Err(failure)) => assert_eq!(failure.step, *step, "{file}: {failure}"),
                _ => panic!("{file}: {expected:?} and not {verdict:?}"),
            }
        }
    }
}

/// All that is told of a signer, and of the times.
#[test]
fn signer_and_timestamps() {
    let Some(folder) = vectors() else { return };
    let folder = folder.join("github-builder/1");
    let root = deferred("sigstore", RootKind::Sigstore, SIGSTORE_PRODUCTION_TRUSTED_ROOT.into());
    let artifact = sha256(&read(&folder.join("attestation-manifest.json")));
    let json = read(&folder.join("bundle.sigstore.json"));
    let trust = Trust::new(vec![root]);
    let verified = trust.verify_bundle(&json, &artifact.into(), Expect::Anything).unwrap();
    let told = serde_json::json!({ "signer": verified.signer, "timestamps": verified.timestamps });
    let experimental = "https://github.com/docker/github-builder-experimental/.github/workflows/build.yml\
                        @refs/heads/build-reusable-workflow";
    assert_eq!(
        told,
        serde_json::json!({
            "signer": {
                "certificateIssuer": "CN=sigstore-intermediate,O=sigstore.dev",
                "subjectAlternativeName": experimental,
                "issuer": "https://token.actions.githubusercontent.com",
                "buildSignerURI": experimental,
                "buildSignerDigest": "0e0d465c6dca36f73e0798e31e691990f99e6ec4",
                "runnerEnvironment": "github-hosted",
                "sourceRepositoryURI": "https://github.com/docker/github-builder-test",
                "sourceRepositoryDigest": "a09fc6eb8837d30548c4db26074c0bc6551e9215",
                "sourceRepositoryRef": "refs/heads/main",
                "sourceRepositoryIdentifier": "1040594287",
                "sourceRepositoryOwnerURI": "https://github.com/docker",
                "sourceRepositoryOwnerIdentifier": "5429470",
                "buildConfigURI":
                    "https://github.com/docker/github-builder-test/.github/workflows/ci.yml@refs/heads/main",
                "buildConfigDigest": "a09fc6eb8837d30548c4db26074c0bc6551e9215",
                "buildTrigger": "workflow_dispatch",
                "runInvocationURI":
                    "https://github.com/docker/github-builder-test/actions/runs/18972375162/attempts/1",
                "sourceRepositoryVisibilityAtSigning": "internal",
            },
            "timestamps": [
                {
                    "type": "Tlog",
                    "uri": "https://rekor.sigstore.dev",
                    "timestamp": "2025-10-31T12:23:03Z",
                },
                {
                    "type": "TimestampAuthority",
                    "uri": "https://timestamp.sigstore.dev/api/v1/timestamp",
                    "timestamp": "2025-10-31T12:23:03Z",
                },
            ],
        })
    );
}
