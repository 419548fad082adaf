//! Whether a bundle is one, and about the right thing: all that can be told without a trust root.

use sha2::{Digest, Sha256};
use sigstore_types::bundle::VerificationMaterialContent;
use sigstore_types::{MediaType, SignatureContent};

use super::statement::{PAYLOAD_TYPE, Statement};
use super::{BundleFailure, Expect, SLSA_PROVENANCE, wire};
use crate::verify::certificate::{self, Certificate};
use crate::verify::{Artifact, Step};

/// Bytes of a bundle.
pub const BUNDLE_LIMIT: usize = 8 << 20;
const ENTRY_LIMIT: usize = 32;
const TIMESTAMP_LIMIT: usize = 32;
const CERTIFICATE_LIMIT: usize = 10;
/// Signatures on one checkpoint: the log's and its witnesses'.
const CHECKPOINT_SIGNATURE_LIMIT: usize = 32;

/// A bundle whose form is right. Nothing in it is verified yet.
#[derive(Debug, Clone)]
pub struct Bundle {
    pub(super) content: sigstore_types::Bundle,
    pub(super) version: BundleVersion,
    pub(super) signed: Signed,
    pub(super) certificate: Option<Certificate>,
    hash: [u8; 32],
}

/// Version of a bundle's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BundleVersion {
    /// 0.1: a promise of the log is enough.
    V0_1,
    /// 0.2: a log's proof of inclusion.
    V0_2,
    /// 0.3: one certificate instead of a chain.
    V0_3,
}

/// What the signature is of.
#[derive(Debug, Clone)]
pub(super) enum Signed {
    /// Of an in-toto statement, in a DSSE envelope.
    Statement(Statement),
    /// Of the artifact itself.
    Message,
}

impl BundleVersion {
    /// `bundle-v0.3`.
    pub fn format(self) -> &'static str {
        match self {
            Self::V0_1 => "bundle-v0.1",
            Self::V0_2 => "bundle-v0.2",
            Self::V0_3 => "bundle-v0.3",
        }
    }
}

impl Bundle {
    /// Reads a bundle's JSON. Unknown fields are errors.
    pub fn parse(json: &[u8]) -> Result<Self, BundleFailure> {
        if json.len() > BUNDLE_LIMIT {
            let message = format!("the bundle is larger than {BUNDLE_LIMIT} bytes");
            return Err(BundleFailure::new(Step::Limit, message));
        }
        let malformed = |error: &dyn std::fmt::Display| {
            BundleFailure::new(Step::Bundle, format!("it is no Sigstore bundle: {error}"))
        };
        let text = std::str::from_utf8(json).map_err(|error| malformed(&error))?;
        let form: wire::Bundle = serde_json::from_str(text).map_err(|error| malformed(&error))?;
        // Before what is in them is decoded.
        check_counts(form.entries(), form.timestamps())?;
        form.check_choices().map_err(|reason| malformed(&reason))?;
        let content = sigstore_types::Bundle::from_json(text).map_err(|error| malformed(&error))?;
        Self::new(content, Sha256::digest(json).into())
    }

    fn new(content: sigstore_types::Bundle, hash: [u8; 32]) -> Result<Self, BundleFailure> {
        let version = match content.media_type {
            MediaType::Bundle0_1 => BundleVersion::V0_1,
            MediaType::Bundle0_2 => BundleVersion::V0_2,
            MediaType::Bundle0_3 => BundleVersion::V0_3,
            _ => return Err(BundleFailure::new(Step::Bundle, "the bundle's version is not known")),
        };
        Self::of_version(content, version, hash).map_err(|failure| failure.of(version))
    }

    fn of_version(
        content: sigstore_types::Bundle,
        version: BundleVersion,
        hash: [u8; 32],
    ) -> Result<Self, BundleFailure> {
        check_certificates(&content.verification_material.content, version)?;
        check_entries(&content, version)?;
        let signed = match &content.content {
            SignatureContent::MessageSignature(message) if message.message_digest.is_some() => {
                Signed::Message
            }
            SignatureContent::DsseEnvelope(envelope) if envelope.payload_type == PAYLOAD_TYPE => {
                Signed::Statement(Statement::parse(envelope.payload.as_bytes())?)
            }
            SignatureContent::MessageSignature(_) => {
                return Err(BundleFailure::new(Step::Bundle, "the signature does not name a digest"));
            }
            _ => {
                let message = format!("what was signed is not of the type {PAYLOAD_TYPE}");
                return Err(BundleFailure::new(Step::Statement, message));
            }
        };
        let certificate = content.signing_certificate().map(Certificate::parse).transpose();
        let certificate = certificate.map_err(|reason| {
            BundleFailure::new(Step::Certificate, format!("the signing certificate can't be used: {reason}"))
        })?;
        Ok(Self { content, version, signed, certificate, hash })
    }

    /// Version of its format.
    pub fn version(&self) -> BundleVersion {
        self.version
    }

    /// Predicate type of the in-toto statement; `None` for the signature of a message. Not verified.
    pub fn predicate_type(&self) -> Option<&str> {
        match &self.signed {
            Signed::Statement(statement) => Some(&statement.predicate_type),
            Signed::Message => None,
        }
    }

    /// Whether it was signed with a certificate; without one a key is needed.
    pub fn has_certificate(&self) -> bool {
        self.certificate.is_some()
    }

    /// Whether it comes with entries in transparency logs.
    pub fn has_log_entries(&self) -> bool {
        !self.content.verification_material.tlog_entries.is_empty()
    }

    pub(super) fn hash(&self) -> &[u8] {
        &self.hash
    }

    /// Whether it is about this artifact, and what is expected.
    pub(super) fn check(&self, artifact: &Artifact<'_>, expect: Expect) -> Result<(), BundleFailure> {
        let failure = |step, message: String| Err(BundleFailure::new(step, message).of(self.version));
        if expect == Expect::SlsaProvenance {
            match self.predicate_type() {
                Some(predicate_type) if SLSA_PROVENANCE.contains(&predicate_type) => {}
                Some(other) => {
                    let other: String = other.chars().take(200).collect();
                    let message = format!("the statement is no SLSA provenance: its predicate is {other:?}");
                    return failure(Step::Predicate, message);
                }
                None => {
                    return failure(
                        Step::Predicate,
                        "it is no SLSA provenance: there is no statement".to_owned(),
                    );
                }
            }
        }
        let is_about = match (&self.signed, &self.content.content) {
            (Signed::Statement(statement), _) => statement.is_about(artifact),
            (Signed::Message, SignatureContent::MessageSignature(message)) => {
                message.message_digest.as_ref().is_some_and(|named| {
                    let digest = artifact.digest(named.algorithm);
                    digest.is_some_and(|digest| digest.as_bytes() == named.digest.as_bytes())
                })
            }
            (Signed::Message, _) => false,
        };
        if is_about { Ok(()) } else { failure(Step::Artifact, "it was made for something else".to_owned()) }
    }
}

fn check_counts(entries: usize, timestamps: usize) -> Result<(), BundleFailure> {
    let message = if entries > ENTRY_LIMIT {
        format!("the bundle has more than {ENTRY_LIMIT} log entries")
    } else if timestamps > TIMESTAMP_LIMIT {
        format!("the bundle has more than {TIMESTAMP_LIMIT} timestamps")
    } else {
        return Ok(());
    };
    Err(BundleFailure::new(Step::Limit, message))
}

fn check_certificates(
    material: &VerificationMaterialContent,
    version: BundleVersion,
) -> Result<(), BundleFailure> {
    let VerificationMaterialContent::X509CertificateChain { certificates } = material else { return Ok(()) };
    let (step, message) = if version >= BundleVersion::V0_3 {
        (Step::Bundle, "a bundle of version 0.3 has one certificate and no chain".to_owned())
    } else if certificates.is_empty() {
        (Step::Certificate, "the certificate chain is empty".to_owned())
    } else if certificates.len() > CERTIFICATE_LIMIT {
        (Step::Limit, format!("the bundle has more than {CERTIFICATE_LIMIT} certificates"))
    } else if certificates.iter().skip(1).any(|certificate| certificate::is_root(&certificate.raw_bytes)) {
        // A root is trusted because it is known, and never because it came along.
        (Step::Certificate, "the certificate chain has a root in it".to_owned())
    } else {
        return Ok(());
    };
    Err(BundleFailure::new(step, message))
}

fn check_entries(content: &sigstore_types::Bundle, version: BundleVersion) -> Result<(), BundleFailure> {
    let entries = &content.verification_material.tlog_entries;
    let failure = |message: &str| Err(BundleFailure::new(Step::LogEntry, message));
    for (index, entry) in entries.iter().enumerate() {
        let is_same = |other: &sigstore_types::TransparencyLogEntry| {
            other.log_id == entry.log_id && other.log_index == entry.log_index
        };
        if entries.iter().take(index).any(is_same) {
            return failure("the same log entry is there twice");
        }
        let (kind, kind_version) = (entry.kind_version.kind(), entry.kind_version.version());
        wire::check_body(entry.canonicalized_body.as_bytes(), kind, kind_version)
            .map_err(|reason| BundleFailure::new(Step::LogEntry, reason))?;
        let Some(proof) = &entry.inclusion_proof else { continue };
        let Some(checkpoint) = proof.checkpoint.checkpoint() else {
            return Err(BundleFailure::new(Step::Checkpoint, "a proof of inclusion has no checkpoint"));
        };
        if checkpoint.signatures().len() > CHECKPOINT_SIGNATURE_LIMIT {
            let message = format!("a checkpoint has more than {CHECKPOINT_SIGNATURE_LIMIT} signatures");
            return Err(BundleFailure::new(Step::Limit, message));
        }
    }
    if entries.is_empty() {
        return Ok(());
    }
    match version {
        BundleVersion::V0_1 if !content.has_inclusion_promise() => {
            failure("a bundle of version 0.1 needs a log's promise of inclusion")
        }
        BundleVersion::V0_2 | BundleVersion::V0_3 if !content.has_inclusion_proof() => {
            failure("a bundle since version 0.2 needs a log's proof of inclusion")
        }
        _ => Ok(()),
    }
}
