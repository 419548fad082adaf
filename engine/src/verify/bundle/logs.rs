//! Entries of transparency logs: those that may count, and the times they vouch for.
//!
//! Rekor v1: <https://github.com/sigstore/rekor>; v2: <https://github.com/sigstore/rekor-tiles>. Checkpoints:
//! <https://c2sp.org/tlog-checkpoint>.

use std::collections::BTreeSet;

use data_encoding::{BASE64, HEXLOWER};
use jiff::Timestamp;
use sigstore_types::{
    Checkpoint, DerCertificate, KindVersion, Sha256Hash, SignatureBytes, TransparencyLogEntry,
};

use super::BundleFailure;
use crate::verify::Step;
use crate::verify::certificate::Certificate;
use crate::verify::material::{Log, Material};

/// Where an entry of the kind `intoto` has the signer's certificate: base64 of its PEM.
const INTOTO_VERIFIER: &str = "/spec/content/envelope/signatures/0/publicKey";

/// What the entries of a bundle come to.
pub(super) struct Entries {
    /// Those that may count; their proofs, and that they are of this bundle, are still to be verified.
    pub(super) kept: Vec<TransparencyLogEntry>,
    /// Times that a log promised, with the log's URL; one of each log.
    pub(super) times: Vec<(Timestamp, String)>,
    /// Why the last entry of a known log was passed over.
    pub(super) passed_over: Option<BundleFailure>,
}

/// Sorts out the entries of a bundle, signed with `certificate` or with a key.
pub(super) fn check(
    entries: &[TransparencyLogEntry],
    certificate: Option<&Certificate>,
    material: &Material,
) -> Result<Entries, BundleFailure> {
    let mut checked = Entries { kept: Vec::new(), times: Vec::new(), passed_over: None };
    let mut timed = BTreeSet::new();
    for entry in entries {
        let Some((id, log)) = known_log(entry, material) else { continue };
        let is_v2 = is_rekor_v2(entry);
        if entry.kind_version == KindVersion::IntotoV002
            && certificate.is_some_and(|certificate| !names_certificate(entry, certificate))
        {
            let message = "the log entry is of another certificate than the bundle has";
            return Err(BundleFailure::new(Step::LogEntry, message));
        }
        if entry.inclusion_proof.is_none() && (is_v2 || entry.inclusion_promise.is_none()) {
            return Err(BundleFailure::new(Step::LogEntry, "a log entry has nothing to prove it"));
        }
        if entry.inclusion_promise.is_some()
            && let Err(reason) = check_promise(entry, &id, log)
        {
            checked.passed_over = Some(BundleFailure::new(Step::LogPromise, reason));
            continue;
        }
        if let Some(proof) = &entry.inclusion_proof {
            let checkpoint = proof.checkpoint.checkpoint();
            let checkpoint = checkpoint.ok_or("it is missing").map_err(str::to_owned);
            let verdict = checkpoint.and_then(|checkpoint| check_checkpoint(checkpoint, is_v2, log));
            verdict.map_err(|reason| {
                BundleFailure::new(Step::Checkpoint, format!("the log's checkpoint is not valid: {reason}"))
            })?;
        }
        if let Some(time) = entry.integrated_time {
            if certificate.is_some_and(|certificate| !certificate.is_valid_at(time)) {
                let message =
                    format!("the certificate was not valid when the log took the entry in, at {time}");
                return Err(BundleFailure::new(Step::CertificateTime, message));
            }
            if entry.inclusion_promise.is_some() && timed.insert(*id.as_bytes()) {
                checked.times.push((time, log.base_url.clone()));
            }
        }
        checked.kept.push(entry.clone());
    }
    Ok(checked)
}

fn known_log<'m>(entry: &TransparencyLogEntry, material: &'m Material) -> Option<(Sha256Hash, &'m Log)> {
    let id = Sha256Hash::try_from(entry.log_id.key_id.as_bytes()).ok()?;
    material.logs.get(&id).map(|log| (id, log))
}

/// Whether an entry of the kind `intoto` names this very certificate: the verifier compares the keys alone, and one key
/// may have been certified for several names.
fn names_certificate(entry: &TransparencyLogEntry, certificate: &Certificate) -> bool {
    let body: Option<serde_json::Value> = serde_json::from_slice(entry.canonicalized_body.as_bytes()).ok();
    let named = body.and_then(|body| {
        let pem = BASE64.decode(body.pointer(INTOTO_VERIFIER)?.as_str()?.as_bytes()).ok()?;
        DerCertificate::from_pem(std::str::from_utf8(&pem).ok()?).ok()
    });
    named.is_some_and(|named| named.as_bytes() == certificate.der.as_bytes())
}

/// The only kind of entry that Rekor v2 knows.
fn is_rekor_v2(entry: &TransparencyLogEntry) -> bool {
    entry.kind_version == KindVersion::HashedRekordV002
}

/// A promise is the log's signature over the entry and the time that it was taken in (RFC 8785 JSON).
fn check_promise(entry: &TransparencyLogEntry, id: &Sha256Hash, log: &Log) -> Result<(), String> {
    let promise = entry.inclusion_promise.as_ref().ok_or("there is none")?;
    let time = entry.integrated_time.unwrap_or(Timestamp::UNIX_EPOCH);
    if !log.valid_for.is_some_and(|range| range.contains(time)) {
        return Err(format!("the log's key was not valid at {time}, when it made its promise"));
    }
    // Sorted, and neither base64 nor hex needs escapes.
    let signed = format!(
        r#"{{"body":"{}","integratedTime":{},"logID":"{}","logIndex":{}}}"#,
        entry.canonicalized_body.to_base64(),
        time.as_second(),
        HEXLOWER.encode(id.as_bytes()),
        entry.log_index.as_i64(),
    );
    let signature = SignatureBytes::from_bytes(promise.signed_entry_timestamp.as_bytes());
    let verdict = log.key.verify(signed, &signature);
    verdict.map_err(|_| "the log's promise of inclusion does not verify".to_owned())
}

/// Whether a checkpoint is this log's. That its tree holds the entry is for the verifier to see.
fn check_checkpoint(checkpoint: &Checkpoint, is_v2: bool, log: &Log) -> Result<(), String> {
    let verifies = |signature: &sigstore_types::CheckpointSignature| {
        log.key.verify(checkpoint.signed_data(), &signature.signature).is_ok()
    };
    let signatures = checkpoint.signatures();
    if is_v2 {
        // A note of the log's host, which witnesses may sign as well.
        let host = host(&log.base_url).ok_or("the trust root does not give the log's URL")?;
        if checkpoint.origin() != host {
            return Err(format!("it is not of {host}"));
        }
        let hint = log.note_key_id(host);
        let own = |s: &&sigstore_types::CheckpointSignature| s.name == host && *s.key_id.as_bytes() == hint;
        return if signatures.iter().filter(own).any(verifies) {
            Ok(())
        } else {
            Err("the log's signature is missing or does not verify".to_owned())
        };
    }
    let tree = checkpoint.origin().rsplit_once(" - ").map(|(_, tree)| tree);
    if !tree.is_some_and(|tree| !tree.is_empty() && tree.bytes().all(|b| b.is_ascii_digit())) {
        return Err("its origin names no tree".to_owned());
    }
    if signatures.iter().any(|signature| *signature.key_id.as_bytes() != log.key_hint) {
        return Err("it is signed by another key than the log's".to_owned());
    }
    if signatures.is_empty() || !signatures.iter().all(verifies) {
        return Err("the log's signature does not verify".to_owned());
    }
    Ok(())
}

/// The host of a URL, without its port.
fn host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(address) => address.split_once(']')?.0,
        None => host.split(':').next()?,
    };
    (!host.is_empty()).then_some(host)
}
