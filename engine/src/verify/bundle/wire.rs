//! The JSON of a bundle, strictly: fields that are not known, and fields that are there twice, are errors.
//!
//! Only its form is looked at. The types follow `sigstore_bundle.proto`, `sigstore_common.proto`,
//! `sigstore_rekor.proto` and `envelope.proto`, in their JSON mapping.

#![allow(dead_code, reason = "fields are there to be known")]

use serde::Deserialize;
use serde::de::IgnoredAny;

/// `dev.sigstore.bundle.v1.Bundle`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Bundle {
    media_type: IgnoredAny,
    verification_material: VerificationMaterial,
    message_signature: Option<MessageSignature>,
    dsse_envelope: Option<Envelope>,
}

impl Bundle {
    /// Fields of which exactly one may be there.
    pub(super) fn check_choices(&self) -> Result<(), &'static str> {
        let material = &self.verification_material;
        let signers = [
            material.certificate.is_some(),
            material.x509_certificate_chain.is_some(),
            material.public_key.is_some(),
        ];
        if signers.into_iter().filter(|there| *there).count() != 1 {
            return Err("it must have one of `certificate`, `x509CertificateChain` and `publicKey`");
        }
        if self.message_signature.is_some() == self.dsse_envelope.is_some() {
            return Err("it must have one of `messageSignature` and `dsseEnvelope`");
        }
        Ok(())
    }

    pub(super) fn entries(&self) -> usize {
        self.verification_material.tlog_entries.as_ref().map_or(0, Vec::len)
    }

    pub(super) fn timestamps(&self) -> usize {
        let data = self.verification_material.timestamp_verification_data.as_ref();
        data.and_then(|data| data.rfc3161_timestamps.as_ref()).map_or(0, Vec::len)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct VerificationMaterial {
    public_key: Option<PublicKey>,
    x509_certificate_chain: Option<CertificateChain>,
    certificate: Option<Certificate>,
    tlog_entries: Option<Vec<LogEntry>>,
    timestamp_verification_data: Option<TimestampData>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PublicKey {
    hint: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CertificateChain {
    certificates: Option<Vec<Certificate>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Certificate {
    raw_bytes: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct LogEntry {
    log_index: Option<IgnoredAny>,
    log_id: LogId,
    kind_version: KindVersion,
    integrated_time: Option<IgnoredAny>,
    inclusion_promise: Option<Promise>,
    inclusion_proof: Option<Proof>,
    canonicalized_body: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct LogId {
    key_id: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KindVersion {
    kind: IgnoredAny,
    version: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Promise {
    signed_entry_timestamp: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Proof {
    log_index: Option<IgnoredAny>,
    root_hash: Option<IgnoredAny>,
    tree_size: Option<IgnoredAny>,
    hashes: Option<IgnoredAny>,
    checkpoint: Option<Checkpoint>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Checkpoint {
    envelope: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TimestampData {
    #[serde(rename = "rfc3161Timestamps")]
    rfc3161_timestamps: Option<Vec<SignedTimestamp>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SignedTimestamp {
    signed_timestamp: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct MessageSignature {
    message_digest: Option<MessageDigest>,
    signature: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageDigest {
    algorithm: IgnoredAny,
    digest: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Envelope {
    payload: IgnoredAny,
    payload_type: IgnoredAny,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvelopeSignature {
    sig: IgnoredAny,
    keyid: Option<IgnoredAny>,
}
