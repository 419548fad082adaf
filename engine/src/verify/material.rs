//! What a trust root is made of, ready to verify with.

use std::collections::{HashMap, HashSet};

use sigstore_crypto::{SigningScheme, VerificationKey};
use sigstore_trust_root::TrustedRoot;
use sigstore_types::{DerPublicKey, Sha256Hash, TimeRange, TsaAuthority};
use sigstore_verify::Verifier;

use super::certificate::subject;

/// Logs, timestamp authorities, and the verifier that knows these and the certificate authorities.
pub(crate) struct Material {
    pub(super) verifier: Verifier,
    /// Names of certificate authorities, as certificates' issuers are written.
    pub(super) issuers: HashSet<String>,
    /// Transparency logs by id.
    pub(super) logs: HashMap<Sha256Hash, Log>,
    pub(super) timestamp_authorities: Vec<TimestampAuthority>,
    /// Whether the root names transparency logs, be it only such whose keys are of an unknown type.
    pub(super) has_logs: bool,
    /// The same of certificate transparency logs.
    pub(super) has_ct_logs: bool,
}

/// A transparency log.
pub(super) struct Log {
    pub(super) base_url: String,
    pub(super) key: VerificationKey,
    /// First four bytes of the SHA-256 of its key, as checkpoints of Rekor v1 name it.
    pub(super) key_hint: [u8; 4],
    pub(super) valid_for: Option<TimeRange>,
}

/// A timestamp authority (RFC 3161).
pub(super) struct TimestampAuthority {
    pub(super) uri: String,
    pub(super) authority: TsaAuthority,
}

impl Log {
    /// How its signatures on notes are marked (<https://c2sp.org/signed-note>): of an Ed25519 key by name and key, of
    /// others by the key alone.
    pub(super) fn note_key_id(&self, name: &str) -> [u8; 4] {
        if self.key.scheme() != SigningScheme::Ed25519 {
            return self.key_hint;
        }
        let mut signed = name.as_bytes().to_vec();
        signed.extend(b"\n\x01");
        signed.extend(self.key.as_bytes());
        first_four(&sigstore_crypto::sha256(&signed))
    }
}

impl Material {
    /// Reads a `trusted_root.json`. The error says what is wrong with it. A log whose key is of an unknown type vouches
    /// for nothing; but where there should be a log, one is demanded.
    pub(super) fn parse(json: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(json).map_err(|_| "it is not UTF-8 text".to_owned())?;
        let mut root = TrustedRoot::from_json(text).map_err(|error| error.to_string())?;
        let (has_logs, has_ct_logs) = (!root.tlogs.is_empty(), !root.ctlogs.is_empty());
        root.tlogs.retain(|log| VerificationKey::from_spki(&log.public_key.raw_bytes).is_ok());
        root.ctlogs.retain(|log| is_certificate_log_key(&log.public_key.raw_bytes));
        let verifier = Verifier::new(&root).map_err(|error| error.to_string())?;
        Ok(Self {
            verifier,
            issuers: issuers(&root),
            logs: logs(&root)?,
            timestamp_authorities: timestamp_authorities(&root),
            has_logs,
            has_ct_logs,
        })
    }
}

/// Some old logs have RSA keys, which no transparency log has.
fn is_certificate_log_key(key: &DerPublicKey) -> bool {
    VerificationKey::from_spki(key)
        .or_else(|_| VerificationKey::from_der(key, SigningScheme::RsaPkcs1Sha256))
        .is_ok()
}

fn issuers(root: &TrustedRoot) -> HashSet<String> {
    let chains = root.certificate_authorities.iter().map(|authority| &authority.cert_chain);
    let certificates = chains.flat_map(|chain| &chain.certificates);
    certificates.filter_map(|certificate| subject(&certificate.raw_bytes)).collect()
}

fn logs(root: &TrustedRoot) -> Result<HashMap<Sha256Hash, Log>, String> {
    let mut logs = HashMap::new();
    for log in &root.tlogs {
        let id = Sha256Hash::try_from(log.log_id.key_id.as_bytes()).map_err(|error| error.to_string())?;
        let key = &log.public_key;
        logs.insert(
            id,
            Log {
                base_url: log.base_url.clone(),
                key: VerificationKey::from_spki(&key.raw_bytes).map_err(|error| error.to_string())?,
                key_hint: first_four(&sigstore_crypto::sha256(key.raw_bytes.as_bytes())),
                valid_for: key.valid_for,
            },
        );
    }
    Ok(logs)
}

fn first_four(hash: &Sha256Hash) -> [u8; 4] {
    let [a, b, c, d, ..] = *hash.as_bytes();
    [a, b, c, d]
}

/// The first certificate of a chain is the authority's own, the last one its root.
fn timestamp_authorities(root: &TrustedRoot) -> Vec<TimestampAuthority> {
    let authorities = root.timestamp_authorities.iter().filter_map(|entry| {
        let certificates = &entry.cert_chain.certificates;
        let (leaf, root) = (certificates.first()?, certificates.last()?);
        let between = certificates.get(1..certificates.len().saturating_sub(1)).unwrap_or_default();
        let between = between.iter().map(|certificate| certificate.raw_bytes.clone()).collect();
        Some(TimestampAuthority {
            uri: entry.uri.clone().unwrap_or_default(),
            authority: TsaAuthority::new(
                leaf.raw_bytes.clone(),
                between,
                root.raw_bytes.clone(),
                entry.valid_for,
            ),
        })
    });
    authorities.collect()
}
