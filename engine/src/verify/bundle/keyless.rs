//! A bundle that was signed with a certificate, under one trust root.

use sigstore_types::TimestampVerificationData;
use sigstore_verify::VerificationPolicy;

use super::{Bundle, BundleFailure, VerifiedBundle, envelope, logs, steps, timestamps};
use crate::verify::certificate::Certificate;
use crate::verify::material::Material;
use crate::verify::{Artifact, RootKind, Step, TrustRoot};

/// What a root demands of a signature, besides a certificate of its authorities and a trusted time.
struct Demands {
    log_entry: bool,
    certificate_log: bool,
}

impl Demands {
    /// What it has logs for. The public instance has all, whatever a file says.
    fn of(root: &TrustRoot, material: &Material) -> Self {
        let is_public = root.kind() == RootKind::Sigstore;
        Self { log_entry: is_public || material.has_logs, certificate_log: is_public || material.has_ct_logs }
    }
}

/// What the root is made of.
pub(super) fn material<'r>(bundle: &Bundle, root: &'r TrustRoot) -> Result<&'r Material, BundleFailure> {
    root.material().map_err(|reason| {
        let message = format!("nothing verifies under the trust root `{}`: {reason}", root.name());
        BundleFailure::new(Step::TrustRoot, message).under(root.name()).of(bundle.version)
    })
}

/// Whether an authority of the root has the name of the certificate's issuer.
pub(super) fn has_issuer(bundle: &Bundle, root: &TrustRoot) -> bool {
    let certificate = bundle.certificate.as_ref();
    certificate.zip(root.material().ok()).is_some_and(|(certificate, material)| {
        material.issuers.contains(&certificate.signer.certificate_issuer)
    })
}

/// Verifies a bundle that was found to be about the artifact.
pub(super) fn verify(
    bundle: &Bundle,
    artifact: &Artifact<'_>,
    root: &TrustRoot,
    material: &Material,
) -> Result<VerifiedBundle, BundleFailure> {
    let Some(certificate) = &bundle.certificate else {
        let message = "it was signed with a key: of images, `verify_image_key` verifies such signatures";
        return Err(BundleFailure::new(Step::KeyNeeded, message).of(bundle.version));
    };
    let verdict = verify_under(bundle, certificate, artifact, root, material);
    verdict.map_err(|failure| failure.under(root.name()).of(bundle.version))
}

fn verify_under(
    bundle: &Bundle,
    certificate: &Certificate,
    artifact: &Artifact<'_>,
    root: &TrustRoot,
    material: &Material,
) -> Result<VerifiedBundle, BundleFailure> {
    let demands = Demands::of(root, material);
    let named = &bundle.content.verification_material.tlog_entries;
    let entries = logs::check(named, Some(certificate), material)?;
    let unknown = || BundleFailure::new(Step::LogEntry, "it is in no log that the trust root knows");
    if demands.log_entry && entries.kept.is_empty() {
        return Err(entries.passed_over.unwrap_or_else(unknown));
    }
    let timestamps = timestamps::check(&bundle.content, material);
    if entries.times.is_empty() && timestamps.times.is_empty() {
        if entries.kept.is_empty() && !named.is_empty() {
            return Err(unknown());
        }
        let why = timestamps.passed_over.map(|reason| format!(": {reason}")).unwrap_or_default();
        let message = format!("nothing that is trusted says when it was signed{why}");
        return Err(BundleFailure::new(Step::Timestamp, message));
    }
    timestamps::check_certificate(certificate, entries.times.iter().chain(&timestamps.times))?;

    let mut policy = VerificationPolicy::any_identity();
    if entries.kept.is_empty() {
        policy = policy.skip_tlog_unsafe();
    }
    if !demands.certificate_log {
        policy = policy.skip_sct();
    }
    let mut content = bundle.content.clone();
    content.verification_material.tlog_entries = entries.kept;
    content.verification_material.timestamp_verification_data =
        TimestampVerificationData::new(timestamps.kept);
    let verdict = material.verifier.verify(artifact.for_verifier(), &content, &policy);
    verdict.map_err(|error| steps::failure(&error))?;
    envelope::check_key_id(&content.content, &certificate.public_key)?;
    Ok(VerifiedBundle {
        trust_root: root.name().to_owned(),
        root_kind: Some(root.kind()),
        version: bundle.version,
        signer: Some(certificate.signer.clone()),
        timestamps: timestamps::all(&entries.times, &timestamps.times),
        predicate_type: bundle.predicate_type().map(str::to_owned),
    })
}
