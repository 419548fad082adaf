//! A bundle that was signed with a key.

use std::sync::Arc;

use sigstore_crypto::KeyAlgorithm;
use sigstore_types::{DerPublicKey, SignatureContent, TimestampVerificationData};
use sigstore_verify::PublicKeyVerificationPolicy;

use super::{Bundle, BundleFailure, VerifiedBundle, envelope, keyless, logs, steps, timestamps};
use crate::input::Timestamp;
use crate::verify::key::PublicKey;
use crate::verify::material::Material;
use crate::verify::{Artifact, Step, TrustRoot};

/// Whether a key's signature must be in a transparency log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogEntry {
    /// It need not. An entry of a log that a trust root knows must verify all the same.
    Optional,
    /// It must, and a trusted time must be known.
    Required,
}

/// Verifies a bundle that was found to be about the artifact.
pub(super) fn verify(
    bundle: &Bundle,
    artifact: &Artifact<'_>,
    key: &DerPublicKey,
    log: LogEntry,
    roots: &[Arc<TrustRoot>],
) -> Result<VerifiedBundle, BundleFailure> {
    let verdict = check_signature(bundle, artifact, key)
        .and_then(|()| envelope::check_key_id(&bundle.content.content, key))
        .and_then(|()| vouched(bundle, artifact, key, log, roots));
    verdict.map_err(|failure| failure.of(bundle.version))
}

/// The signature itself.
fn check_signature(
    bundle: &Bundle,
    artifact: &Artifact<'_>,
    key: &DerPublicKey,
) -> Result<(), BundleFailure> {
    if bundle.certificate.is_some() {
        return Err(BundleFailure::new(Step::Key, "it was signed with a certificate and not with a key"));
    }
    // Keys that the verifier doesn't know, and hashes that older versions of cosign take.
    if PublicKey::from_der(key.clone()).is_ok_and(|key| key.made(&bundle.content.content, artifact)) {
        return Ok(());
    }
    let unknown = |error: sigstore_crypto::Error| BundleFailure::new(Step::Key, error.to_string());
    let algorithm = KeyAlgorithm::from_spki(key).map_err(unknown)?;
    let verdict = match &bundle.content.content {
        SignatureContent::DsseEnvelope(envelope) => {
            let scheme = algorithm.default_signing_scheme();
            sigstore_crypto::verify_signature(key, &envelope.pae(), &envelope.signature.sig, scheme)
        }
        SignatureContent::MessageSignature(message) => {
            let scheme = match &message.message_digest {
                Some(digest) => algorithm.resolve_signing_scheme(digest.algorithm).map_err(unknown)?,
                None => algorithm.default_signing_scheme(),
            };
            let digest = scheme.hash_algorithm().and_then(|hash| artifact.digest(hash));
            match (digest, artifact) {
                (Some(digest), _) => sigstore_crypto::verify_signature_prehashed(
                    key,
                    digest.as_bytes(),
                    &message.signature,
                    scheme,
                ),
                (None, Artifact::Blob(bytes)) => {
                    sigstore_crypto::verify_signature(key, bytes, &message.signature, scheme)
                }
                (None, Artifact::Digest(_)) => {
                    let message = "a signature by such a key can't be verified by the artifact's digest";
                    return Err(BundleFailure::new(Step::Key, message));
                }
            }
        }
        _ => return Err(BundleFailure::new(Step::Bundle, "what was signed is of a kind that is not known")),
    };
    verdict.map_err(|_| BundleFailure::new(Step::Signature, "the signature was not made by this key"))
}

/// What logs and timestamp authorities say of it.
fn vouched(
    bundle: &Bundle,
    artifact: &Artifact<'_>,
    key: &DerPublicKey,
    log: LogEntry,
    roots: &[Arc<TrustRoot>],
) -> Result<VerifiedBundle, BundleFailure> {
    let mut unusable = None;
    let mut vouching: Option<Vouched> = None;
    for root in roots {
        let material = match keyless::material(bundle, root) {
            Ok(material) => material,
            Err(failure) => {
                unusable = Some(failure);
                continue;
            }
        };
        // Every root that knows a log has its say; the first one gives its name.
        let vouched = vouched_under(bundle, artifact, key, root, material);
        let vouched = vouched.map_err(|failure| failure.under(root.name()))?;
        let is_better = match &vouching {
            None => vouched.logged || !vouched.verified.timestamps.is_empty(),
            Some(known) => vouched.logged && !known.logged,
        };
        if is_better {
            vouching = Some(vouched);
        }
    }
    if log == LogEntry::Required {
        let vouched = vouching.as_ref();
        if !vouched.is_some_and(|vouched| vouched.logged) {
            return Err(unusable.unwrap_or_else(|| {
                BundleFailure::new(Step::LogEntry, "it is in no log that a trust root knows")
            }));
        }
        if vouched.is_some_and(|vouched| vouched.verified.timestamps.is_empty()) {
            return Err(BundleFailure::new(
                Step::Timestamp,
                "nothing that is trusted says when it was signed",
            ));
        }
    }
    Ok(vouching.map_or_else(|| verified(bundle, None, Vec::new()), |vouched| vouched.verified))
}

/// What one root says of a bundle.
struct Vouched {
    /// Whether it is in a log that the root knows.
    logged: bool,
    verified: VerifiedBundle,
}

fn vouched_under(
    bundle: &Bundle,
    artifact: &Artifact<'_>,
    key: &DerPublicKey,
    root: &TrustRoot,
    material: &Material,
) -> Result<Vouched, BundleFailure> {
    let entries = &bundle.content.verification_material.tlog_entries;
    let entries = logs::check(entries, None, material)?;
    if let Some(failure) = entries.passed_over {
        return Err(failure);
    }
    let timestamps = timestamps::check(&bundle.content, material);
    let logged = !entries.kept.is_empty();
    if logged {
        let mut content = bundle.content.clone();
        content.verification_material.tlog_entries = entries.kept;
        content.verification_material.timestamp_verification_data =
            TimestampVerificationData::new(timestamps.kept);
        let policy = PublicKeyVerificationPolicy::new(key.clone());
        let verdict = material.verifier.verify(artifact.for_verifier(), &content, &policy);
        verdict.map_err(|error| steps::failure(&error))?;
    }
    let times = timestamps::all(&entries.times, &timestamps.times);
    Ok(Vouched { logged, verified: verified(bundle, Some(root), times) })
}

fn verified(bundle: &Bundle, root: Option<&TrustRoot>, timestamps: Vec<Timestamp>) -> VerifiedBundle {
    VerifiedBundle {
        trust_root: root.map(|root| root.name().to_owned()).unwrap_or_default(),
        root_kind: root.map(TrustRoot::kind),
        version: bundle.version,
        signer: None,
        timestamps,
        predicate_type: bundle.predicate_type().map(str::to_owned),
    }
}
