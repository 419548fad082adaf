//! Bundles of a signed world of our own: every form that is accepted, and everything that can be wrong with one, by
//! the step that finds it.
#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

mod keys;
mod mutations;
mod roots;
mod statements;
mod times;

use std::time::Instant;

use data_encoding::BASE64;
use policy_engine::verify::{
    Artifact, ArtifactDigest, Bundle, BundleFailure, Expect, LogEntry, RootKind, Step, Trust, TrustRoot,
    VerifiedBundle,
};
use policy_signing::{
    BundleForm, BundleVersion, Content, Defect, Identity, Instance, KeyKind, Logged, Signer,
    TrustRootVersion, digest_of,
};
use serde_json::{Value, json};
use sigstore_types::DerPublicKey;

/// When everything is signed: the verifier refuses what comes from the future.
const NOW: u64 = 1_750_000_000;
/// The same as policies see it.
const SIGNED: &str = "2025-06-15T15:06:40Z";
const ARTIFACT: &[u8] = b"an artifact";

struct World {
    instance: Instance,
    trust: Trust,
}

/// An instance with all logs, of which all are demanded.
fn world() -> World {
    let instance = Instance::with_logs(b"bundles", "world.test", "world", NOW);
    let trust = trust(&[("world", RootKind::Sigstore, instance.trusted_root(TrustRootVersion::V01))]);
    World { instance, trust }
}

fn trust(roots: &[(&str, RootKind, Value)]) -> Trust {
    let root = |(name, kind, json): &(&str, RootKind, Value)| {
        TrustRoot::parse(name, *kind, json.to_string().as_bytes()).unwrap()
    };
    Trust::new(roots.iter().map(root).collect())
}

fn digest(bytes: &[u8]) -> Artifact<'static> {
    Artifact::Digest(digest_of(bytes).parse::<ArtifactDigest>().unwrap())
}

fn workflow() -> Signer {
    Signer::Keyless(Identity::workflow("world/builder", "world/app"))
}

impl World {
    fn sign(&mut self, form: &BundleForm, defect: Option<Defect>) -> Value {
        self.instance.bundle(ARTIFACT, form, &workflow(), defect)
    }

    fn verify(&self, bundle: &Value) -> Result<VerifiedBundle, BundleFailure> {
        self.trust.verify_bundle(bundle.to_string().as_bytes(), &digest(ARTIFACT), Expect::Anything)
    }

    #[track_caller]
    fn refuses(&self, bundle: &Value, step: Step, what: &str) {
        let failure = self.verify(bundle).expect_err(what);
        assert_eq!(failure.step, step, "{what}: {failure}");
    }
}

fn form(version: BundleVersion, statement: bool, logged: Logged, timestamp: bool) -> BundleForm {
    let form = if statement { BundleForm::github() } else { BundleForm::message() };
    BundleForm { version, logged, timestamp, ..form }
}

/// Every version with every log that its signature can be in.
fn forms() -> Vec<BundleForm> {
    let mut forms = Vec::new();
    for version in [BundleVersion::V01, BundleVersion::V02, BundleVersion::V03] {
        for (statement, logged) in
            [(true, Logged::Dsse), (true, Logged::Intoto), (false, Logged::HashedRekord)]
        {
            forms.push(form(version, statement, logged, false));
            forms.push(form(version, statement, logged, true));
        }
        if version != BundleVersion::V01 {
            for logged in [Logged::V2, Logged::V2Ecdsa] {
                forms.extend([true, false].map(|statement| form(version, statement, logged, true)));
            }
        }
    }
    forms
}

#[test]
fn every_form_is_accepted() {
    let mut world = world();
    for form in forms() {
        let bundle = world.sign(&form, None);
        let verified = world.verify(&bundle).unwrap_or_else(|failure| panic!("{form:?}: {failure}"));
        assert_eq!((verified.trust_root.as_str(), verified.root_kind), ("world", Some(RootKind::Sigstore)));
        let is_v2 = matches!(form.logged, Logged::V2 | Logged::V2Ecdsa);
        let kinds: Vec<_> = verified.timestamps.iter().map(|time| time.r#type.as_str()).collect();
        let expected: &[&str] = match (is_v2, form.timestamp) {
            (false, false) => &["Tlog"],
            (false, true) => &["Tlog", "TimestampAuthority"],
            (true, _) => &["TimestampAuthority"],
        };
        assert_eq!(kinds, expected, "{form:?}");
        assert!(verified.timestamps.iter().all(|time| time.timestamp == SIGNED), "{verified:?}");
        let signer = verified.signer.unwrap();
        assert_eq!(signer.certificate_issuer, world.instance.certificate_issuer());
        assert_eq!(signer.source_repository_uri, "https://github.com/world/app");
        let predicate_type = (form.content != Content::Message).then(|| policy_signing::SLSA_V1.to_owned());
        assert_eq!(verified.predicate_type, predicate_type);
    }
}

#[test]
fn every_defect_is_found_by_its_step() {
    let mut world = world();
    for form in forms() {
        let is_v2 = matches!(form.logged, Logged::V2 | Logged::V2Ecdsa);
        let has_proof = form.version != BundleVersion::V01;
        for defect in Defect::ALL {
            let step = match defect {
                Defect::OtherArtifact => Step::Artifact,
                Defect::BadSignature => Step::Signature,
                Defect::UntrustedAuthority => Step::CertificateChain,
                Defect::Expired | Defect::NotYetValid => Step::CertificateTime,
                Defect::NoSct | Defect::BadSct => Step::Sct,
                Defect::NoLogEntry
                | Defect::DuplicateLogEntry
                | Defect::OtherLogEntry
                | Defect::UnknownLog => Step::LogEntry,
                Defect::BadPromise if !is_v2 => Step::LogPromise,
                Defect::BadProof if has_proof => Step::LogProof,
                Defect::BadCheckpoint if has_proof => Step::Checkpoint,
                // Version 0.1 has nothing else.
                Defect::NoTimestamp if !has_proof => Step::LogEntry,
                Defect::NoTimestamp => Step::Timestamp,
                Defect::OtherTimestamp if is_v2 => Step::Timestamp,
                // What is not there can't be wrong, and a promise is time enough.
                Defect::BadPromise | Defect::BadProof | Defect::BadCheckpoint | Defect::OtherTimestamp => {
                    continue;
                }
            };
            let bundle = world.sign(&form, Some(defect));
            world.refuses(&bundle, step, &format!("{form:?} {defect:?}"));
        }
    }
}
