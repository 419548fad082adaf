//! Signatures: Sigstore bundles, what is in them, and trust roots.

use std::sync::LazyLock;

use data_encoding::BASE64;
use policy_engine::verify::{Artifact, ArtifactDigest, Bundle, Expect, LogEntry, RootKind, Trust, TrustRoot};
use policy_signing::{
    BundleForm, BundleVersion, Identity, Instance, KeyKind, Logged, Signer, TrustRootVersion,
};
use serde_json::Value;
use sigstore_types::DerPublicKey;

use crate::choice;

/// When everything is signed: the verifier refuses what comes from the future.
const NOW: u64 = 1_750_000_000;
const SIGNED: &str = "2025-06-15T15:06:40Z";
const SIGNER: &str = "https://github.com/world/builder/.github/workflows/build.yml@refs/heads/main";
const ARTIFACT: &[u8] = b"an artifact";

/// Bytes within a bundle that a parser of their own reads.
const PARTS: [&str; 5] = [
    "/verificationMaterial/certificate/rawBytes",
    "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp",
    "/verificationMaterial/tlogEntries/0/canonicalizedBody",
    "/verificationMaterial/tlogEntries/0/inclusionPromise/signedEntryTimestamp",
    "/dsseEnvelope/payload",
];

static TRUST: LazyLock<Trust> = LazyLock::new(|| {
    let root = TrustRoot::parse("world", RootKind::Sigstore, &trust_root_json()).expect("a trust root");
    Trust::new(vec![root])
});
static STRANGER: LazyLock<DerPublicKey> =
    LazyLock::new(|| DerPublicKey::new(instance().key(KeyKind::P256, "nobody's").spki()));
/// One that has all [`PARTS`].
static GOOD: LazyLock<Value> = LazyLock::new(|| signed(&BundleForm::cosign()));

fn instance() -> Instance {
    Instance::with_logs(b"fuzz", "world.test", "world", NOW)
}

fn signed(form: &BundleForm) -> Value {
    let signer = Signer::Keyless(Identity::workflow("world/builder", "world/app"));
    instance().bundle(ARTIFACT, form, &signer, None)
}

fn artifact() -> Artifact<'static> {
    let digest: ArtifactDigest = policy_signing::digest_of(ARTIFACT).parse().expect("a digest");
    digest.into()
}

/// The trust root of these targets.
fn trust_root_json() -> Vec<u8> {
    instance().trusted_root(TrustRootVersion::V01).to_string().into_bytes()
}

/// Bundles of all forms, by name, and what [`bundle_part`] takes: inputs to begin with.
pub fn bundle_seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let form = |version, logged, form: BundleForm| BundleForm { version, logged, timestamp: true, ..form };
    let forms = [
        ("cosign", BundleForm::cosign()),
        ("github", BundleForm::github()),
        ("message", BundleForm::message()),
        ("version-0.1", form(BundleVersion::V01, Logged::Dsse, BundleForm::github())),
        ("version-0.2", form(BundleVersion::V02, Logged::Intoto, BundleForm::github())),
        ("rekor-2", form(BundleVersion::V03, Logged::V2, BundleForm::cosign())),
    ];
    let mut seeds: Vec<_> =
        forms.iter().map(|(name, form)| ("bundle", *name, signed(form).to_string().into_bytes())).collect();
    let names = ["certificate", "timestamp", "body", "promise", "payload"];
    for (number, (part, name)) in (0_u8..).zip(PARTS.iter().zip(names)) {
        let text = GOOD.pointer(part).and_then(Value::as_str).expect("all parts");
        let bytes = BASE64.decode(text.as_bytes()).expect("Base64");
        seeds.push(("bundle_part", name, [&[number], bytes.as_slice()].concat()));
    }
    seeds.push(("trust_root", "world", trust_root_json()));
    seeds
}

/// A bundle: whoever is told to have signed did sign, at that time.
pub fn bundle(data: &[u8]) {
    match TRUST.verify_bundle(data, &artifact(), Expect::Anything) {
        Ok(verified) => {
            let signer = verified.signer.expect("a certificate names somebody");
            assert_eq!(signer.subject_alternative_name, SIGNER);
            assert!(!verified.timestamps.is_empty());
            assert!(verified.timestamps.iter().all(|time| time.timestamp == SIGNED));
        }
        Err(failure) => assert!(!failure.message.is_empty() && failure.message.chars().count() <= 500),
    }
    if let Ok(bundle) = Bundle::parse(data) {
        let verdict =
            TRUST.verify_with_key(&bundle, &artifact(), &STRANGER, Expect::Anything, LogEntry::Optional);
        assert!(verdict.is_err(), "nobody signed with this key");
    }
}

/// One of the parts of a bundle.
pub fn bundle_part(data: &[u8]) {
    let (part, bytes) = choice(data);
    let part = PARTS[usize::from(part) % PARTS.len()];
    let mut bundle = GOOD.clone();
    if let Some(field) = bundle.pointer_mut(part) {
        *field = BASE64.encode(bytes).into();
    }
    self::bundle(bundle.to_string().as_bytes());
}

/// A trust root: used or refused, and a bundle verifies under it or doesn't.
pub fn trust_root(data: &[u8]) {
    let Ok(root) = TrustRoot::parse("own", RootKind::Private, data) else { return };
    let json = GOOD.to_string();
    let _verdict = Trust::new(vec![root]).verify_bundle(json.as_bytes(), &artifact(), Expect::Anything);
}
