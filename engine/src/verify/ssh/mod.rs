//! SSH signatures (OpenSSH, `PROTOCOL.sshsig`) and the files that say whose keys count.
//!
//! `signers` reads such files, `pattern` and `time` are what stands in them, and this module verifies. The crate
//! `ssh-key` does the cryptography.

mod pattern;
mod signers;
mod time;

pub use signers::{Signers, SignersError};

use signers::Signer;
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, PublicKey, SshSig};

use super::failure::furthest;
use super::pgp::Validity;
use super::{Failure, Step};
use crate::git_object::SshSignatureBlob;

/// The namespace of git's signatures.
pub const GIT_NAMESPACE: &str = "git";
/// Bits that an RSA key must have.
const MIN_RSA_BITS: usize = 2048;
/// Bits of the largest RSA key that the crate verifies with.
const MAX_RSA_BITS: usize = 4096;

/// When something was signed, and the time of the check: seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub struct SignedAt {
    /// When it was signed, as far as what was signed tells.
    pub signed: Option<i64>,
    /// Now.
    pub now: i64,
    /// When a signer has to be valid.
    pub validity: Validity,
}

/// Verifies that an armored signature is over `data`, for `namespace`, by one of `signers`.
pub fn verify(
    armored: &[u8],
    data: &[u8],
    namespace: &str,
    signers: &Signers,
    at: SignedAt,
) -> Result<(), Failure> {
    let signature = read(armored, namespace)?;
    let by_key = signers.of_key(&signature.key);
    let unknown = || failure(Step::Key, format!("the file has no key {}", fingerprint(&signature.key)));
    if by_key.is_empty() {
        return Err(unknown());
    }
    let public_key = PublicKey::new(signature.sshsig.public_key().clone(), "");
    public_key.verify(namespace, data, &signature.sshsig).map_err(|_| {
        failure(Step::Signature, format!("the signature by {} does not verify", fingerprint(&signature.key)))
    })?;
    furthest(by_key.into_iter().map(|signer| check(signer, namespace, at)), unknown)
}

struct Read {
    /// The key that it says made it, as SSH encodes it.
    key: Vec<u8>,
    sshsig: SshSig,
}

/// Reads a signature and refuses what no key can make good.
fn read(armored: &[u8], namespace: &str) -> Result<Read, Failure> {
    let malformed = |what: &str| failure(Step::Format, format!("the SSH signature is malformed: {what}"));
    let blob = SshSignatureBlob::decode(armored).ok_or_else(|| malformed("its armor"))?;
    let parts = blob.parts().ok_or_else(|| malformed("its fields"))?;
    if parts.version != 1 {
        let message = format!("the SSH signature is of version {}, and 1 is known", parts.version);
        return Err(failure(Step::Format, message));
    }
    if !matches!(parts.hash, b"sha256" | b"sha512") {
        return Err(failure(Step::Hash, "the hash is not accepted: it must be SHA-256 or SHA-512"));
    }
    if parts.namespace != namespace.as_bytes() {
        let found = String::from_utf8_lossy(parts.namespace);
        let message = format!("the SSH signature is for the namespace {found:?}, not {namespace:?}");
        return Err(failure(Step::Namespace, message));
    }
    if !parts.reserved.is_empty() {
        return Err(malformed("its reserved field is not empty"));
    }
    if parts.key_type().is_some_and(is_certificate) {
        let message = "it was made with an SSH certificate, which is not accepted: list the key itself";
        return Err(failure(Step::Key, message));
    }
    if parts.algorithm() == Some(b"ssh-rsa") {
        return Err(failure(Step::Hash, "`ssh-rsa` is not accepted: sign with rsa-sha2-256 or rsa-sha2-512"));
    }
    let sshsig = blob.sshsig().ok_or_else(|| malformed("its key or its signature"))?;
    check_key(sshsig.public_key())?;
    Ok(Read { key: parts.key.to_vec(), sshsig })
}

/// Whether a key type is that of a certificate: `ssh-ed25519-cert-v01@openssh.com`.
fn is_certificate(key_type: &[u8]) -> bool {
    key_type.windows(6).any(|window| window == b"-cert-")
}

fn check_key(key: &KeyData) -> Result<(), Failure> {
    match key.algorithm() {
        Algorithm::Ed25519
        | Algorithm::Ecdsa { .. }
        | Algorithm::SkEd25519
        | Algorithm::SkEcdsaSha2NistP256 => Ok(()),
        Algorithm::Rsa { .. } => {
            let bits = key.rsa().and_then(|rsa| rsa.n.as_positive_bytes()).map_or(0, bits);
            if (MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
                return Ok(());
            }
            let message = format!(
                "the key is an RSA key of {bits} bits, and only {MIN_RSA_BITS} to {MAX_RSA_BITS} are accepted"
            );
            Err(failure(Step::KeyUsage, message))
        }
        other => Err(failure(Step::Key, format!("keys of type {} are not accepted", other.as_str()))),
    }
}

/// Bits of a big-endian number.
fn bits(bytes: &[u8]) -> usize {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros).map_or(0, |first| (bytes.len() - zeros) * 8 - first.leading_zeros() as usize)
}

/// Whether a line of the file allows its key to sign for `namespace` at that time. As with `git verify-commit`, a
/// line's principals are those that its key is found by, so each must only match the line's own patterns.
fn check(signer: &Signer, namespace: &str, at: SignedAt) -> Result<(), Failure> {
    let line = signer.line;
    if signer.is_authority {
        let message = format!("line {line} allows certificates by the key, not the key itself");
        return Err(failure(Step::Key, message));
    }
    if signer.namespaces.as_ref().is_some_and(|list| !pattern::matches_list(namespace, list)) {
        let message = format!("line {line} does not allow the key for the namespace {namespace:?}");
        return Err(failure(Step::Namespace, message));
    }
    if let Some(list) = &signer.principals
        && !pattern::names(list).any(|name| pattern::matches_list(name, list))
    {
        return Err(failure(Step::Principal, format!("line {line} names no principal")));
    }
    check_time(signer, at)
}

fn check_time(signer: &Signer, at: SignedAt) -> Result<(), Failure> {
    let Signer { line, valid_after, valid_before, .. } = signer;
    if valid_after.is_none() && valid_before.is_none() {
        return Ok(());
    }
    let wrong = |message: String| Err(failure(Step::KeyTime, message));
    let Some(signed) = at.signed else {
        return wrong(format!("line {line} allows the key for a time, and when it signed is not told"));
    };
    let now = (at.validity == Validity::Now).then_some(at.now);
    for time in std::iter::once(signed).chain(now) {
        if valid_after.is_some_and(|start| time < start) {
            return wrong(format!("line {line} did not allow the key yet"));
        }
        if valid_before.is_some_and(|end| time > end) {
            return wrong(format!("line {line} did not allow the key any more"));
        }
    }
    Ok(())
}

/// `SHA256:…`, as `ssh-keygen -l` shows a key.
fn fingerprint(key: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    format!("SHA256:{}", data_encoding::BASE64_NOPAD.encode(&Sha256::digest(key)))
}

/// A failure of `step`.
fn failure(step: Step, message: impl AsRef<str>) -> Failure {
    Failure { format: "ssh".to_owned(), ..Failure::new(step, message) }
}
