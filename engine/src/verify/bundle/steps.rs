//! Which step an error of the verifier belongs to.

use sigstore_verify::{CertificateError, Error, TimestampError, TransparencyLogError};

use super::BundleFailure;
use crate::verify::Step;

/// An error of the verifier, after the bundle's form, its artifact, its logs' promises and its timestamps were found
/// to be right.
pub(super) fn failure(error: &Error) -> BundleFailure {
    BundleFailure::new(step(error), error.to_string())
}

fn step(error: &Error) -> Step {
    match error {
        Error::Certificate(error) => certificate(error),
        Error::TransparencyLog(error) => log(error),
        Error::Timestamp(TimestampError::OutsideAuthorityValidity { .. } | _) => Step::Timestamp,
        // The artifact was compared already: here it is the log entry's that differs, or an entry of another kind.
        Error::ArtifactMismatch(_) | Error::UnsupportedBundle(_) => Step::LogEntry,
        // No key of the hash that the certificate's log signed with.
        Error::InvalidTrustRoot(_) => Step::Sct,
        Error::TrustRoot(_) | Error::TrustedCertificate(_) => Step::TrustRoot,
        Error::UnsupportedArtifact(_) | Error::Crypto(_) => Step::Key,
        Error::Bundle(error) => bundle(error),
        Error::InvalidBundle(_) | Error::Types(_) => Step::Bundle,
        // Identities are not asked of it, and a later version may know more.
        _ => Step::Signature,
    }
}

fn certificate(error: &CertificateError) -> Step {
    match error {
        CertificateError::Malformed(_) => Step::Certificate,
        CertificateError::NotYetValid { .. } | CertificateError::Expired { .. } => Step::CertificateTime,
        CertificateError::Sct(_) => Step::Sct,
        _ => Step::CertificateChain,
    }
}

fn log(error: &TransparencyLogError) -> Step {
    match error {
        TransparencyLogError::InclusionProof(_) => Step::LogProof,
        TransparencyLogError::Checkpoint(_) => Step::Checkpoint,
        TransparencyLogError::InclusionPromise(_) => Step::LogPromise,
        TransparencyLogError::IntegratedTime(_) => Step::CertificateTime,
        _ => Step::LogEntry,
    }
}

fn bundle(error: &sigstore_bundle::Error) -> Step {
    use sigstore_bundle::Error;

    match error {
        Error::MissingInclusionProof(_) | Error::MissingInclusionPromise(_) => Step::LogEntry,
        Error::LogIndexOutOfRange { .. } => Step::LogProof,
        Error::MissingCheckpoint | Error::CheckpointRootMismatch => Step::Checkpoint,
        Error::MissingSigningTimeEvidence | Error::MissingTimestamp => Step::Timestamp,
        _ => Step::Bundle,
    }
}
