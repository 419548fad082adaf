//! The JSON of a bundle, strictly: fields that are not known, and fields that are there twice, are errors.
//!
//! Only its form is looked at. The types follow `sigstore_bundle.proto`, `sigstore_common.proto`,
//! `sigstore_rekor.proto` and `envelope.proto`, in their JSON mapping.

#![allow(dead_code, reason = "fields are there to be known")]

use std::collections::HashSet;
use std::fmt;

use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

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
    log_index: Option<Int64>,
    log_id: LogId,
    kind_version: KindVersion,
    integrated_time: Option<Int64>,
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
    log_index: Option<Int64>,
    root_hash: Option<IgnoredAny>,
    tree_size: Option<Int64>,
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
    algorithm: HashAlgorithm,
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

/// A number in decimal digits, or as a string of these: no sign but a minus, and no zeros before others.
struct Int64;

impl<'de> Deserialize<'de> for Int64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Int64Visitor)
    }
}

struct Int64Visitor;

impl Visitor<'_> for Int64Visitor {
    type Value = Int64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number of 64 bits")
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Int64, E> {
        Ok(Int64)
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Int64, E> {
        i64::try_from(number).map(|_| Int64).map_err(|_| E::custom("a number is too large"))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Int64, E> {
        match text.parse::<i64>() {
            Ok(number) if number.to_string() == text => Ok(Int64),
            _ => Err(E::custom("a string is no whole number")),
        }
    }
}

/// `dev.sigstore.common.v1.HashAlgorithm`, those that a message's digest may be of.
#[derive(Deserialize)]
enum HashAlgorithm {
    #[serde(rename = "SHA2_256")]
    Sha2256,
    #[serde(rename = "SHA2_384")]
    Sha2384,
    #[serde(rename = "SHA2_512")]
    Sha2512,
}

/// What all bodies of log entries have, of whatever kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Body {
    api_version: String,
    kind: String,
    spec: IgnoredAny,
}

/// Whether the body of a log entry is of the kind and version that the entry says; an error is what is wrong. The log
/// vouches for the body alone.
pub(super) fn check_body(body: &[u8], kind: &str, version: &str) -> Result<(), String> {
    let body: Body =
        serde_json::from_slice(body).map_err(|error| format!("a log entry's body is malformed: {error}"))?;
    if (body.kind.as_str(), body.api_version.as_str()) == (kind, version) {
        return Ok(());
    }
    Err("the body of a log entry is of another kind than the entry says".to_owned())
}

/// JSON in which no object has a field twice.
pub(super) struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Unique;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unique, A::Error> {
        while items.next_element::<Unique>()?.is_some() {}
        Ok(Unique)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Unique, A::Error> {
        let mut seen = HashSet::new();
        while let Some((name, Unique)) = fields.next_entry::<String, Unique>()? {
            if !seen.insert(name) {
                return Err(A::Error::custom("a field is there twice"));
            }
        }
        Ok(Unique)
    }
}
