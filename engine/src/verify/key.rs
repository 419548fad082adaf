//! Public keys that sign without a certificate, as cosign makes and imports them.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use sigstore_crypto::{VerificationKey, validate_raw_public_key};
use sigstore_types::{DerPublicKey, SignatureContent};

use super::Artifact;

/// Bytes of a file with a public key.
pub const KEY_LIMIT: usize = 128 << 10;

/// A public key: ECDSA (P-256, P-384, P-521), RSA of 2048 to 8192 bits, or Ed25519.
#[derive(Debug, Clone)]
pub struct PublicKey {
    der: DerPublicKey,
    /// The key in each of the schemes that it may have signed with, the usual one first.
    schemes: Vec<(Hash, ParsedPublicKey)>,
    /// Seconds since 1970.
    valid_from: Option<i64>,
}

/// Hash that a key signs with. Ed25519 hashes on its own; its messages are named by their SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// Why a file is no public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Another kind of file.
    #[error("it is no PEM file with a `PUBLIC KEY`")]
    Pem,
    /// Of an algorithm that cosign doesn't make, or malformed.
    #[error(
        "it is no key that is known: ECDSA on P-256, P-384 or P-521, RSA of 2048 to 8192 bits, or Ed25519"
    )]
    Unknown,
}

/// A scheme that signs with a key.
type Scheme = (Hash, &'static dyn VerificationAlgorithm);

/// The schemes of each kind of key. One on a curve signs with the hash of its own strength, and older versions of cosign
/// take SHA-256 for every key.
static SCHEMES: [&[Scheme]; 5] = [
    &[(Hash::Sha256, &signature::ECDSA_P256_SHA256_ASN1)],
    &[(Hash::Sha384, &signature::ECDSA_P384_SHA384_ASN1), (Hash::Sha256, &signature::ECDSA_P384_SHA256_ASN1)],
    &[(Hash::Sha512, &signature::ECDSA_P521_SHA512_ASN1), (Hash::Sha256, &signature::ECDSA_P521_SHA256_ASN1)],
    &[(Hash::Sha256, &signature::RSA_PKCS1_2048_8192_SHA256)],
    &[(Hash::Sha256, &signature::ED25519)],
];

impl PublicKey {
    /// Reads a PEM file with a `PUBLIC KEY` (RFC 7468, section 13).
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let pem = std::str::from_utf8(pem).map_err(|_| KeyError::Pem)?;
        Self::from_der(DerPublicKey::from_pem(pem).map_err(|_| KeyError::Pem)?)
    }

    /// A key of its `SubjectPublicKeyInfo` (RFC 5280, section 4.1).
    pub(super) fn from_der(der: DerPublicKey) -> Result<Self, KeyError> {
        // A short RSA key is a key for the parser below.
        if let Ok(known) = VerificationKey::from_spki(&der) {
            validate_raw_public_key(known.scheme(), known.as_bytes()).map_err(|_| KeyError::Unknown)?;
        }
        let parse = |schemes: &[Scheme]| {
            let keys = schemes.iter().map(|(hash, algorithm)| {
                ParsedPublicKey::new(*algorithm, der.as_bytes()).map(|key| (*hash, key))
            });
            keys.collect::<Result<Vec<_>, _>>().ok()
        };
        let schemes = SCHEMES.iter().find_map(|schemes| parse(schemes)).ok_or(KeyError::Unknown)?;
        Ok(Self { der, schemes, valid_from: None })
    }

    /// The same key, which signs from `time` on (seconds since 1970).
    pub(super) fn valid_from(self, time: i64) -> Self {
        Self { valid_from: Some(time), ..self }
    }

    /// DER of its `SubjectPublicKeyInfo` (RFC 5280, section 4.1).
    pub(super) fn der(&self) -> &DerPublicKey {
        &self.der
    }

    /// When it began to sign, seconds since 1970.
    pub(super) fn start(&self) -> Option<i64> {
        self.valid_from
    }

    /// Whether it made a signature of `artifact`.
    pub(super) fn made(&self, signature: &SignatureContent, artifact: &Artifact<'_>) -> bool {
        match (signature, artifact) {
            (SignatureContent::DsseEnvelope(envelope), _) => {
                self.signed_with(&envelope.pae(), envelope.signature.sig.as_bytes()).is_some()
            }
            // The digest that the bundle names was compared already; a key may have signed another one of the same bytes.
            (SignatureContent::MessageSignature(message), Artifact::Blob(bytes)) => {
                self.signed_with(bytes, message.signature.as_bytes()).is_some()
            }
            (SignatureContent::MessageSignature(message), Artifact::Digest(digest)) => {
                let hash: &'static digest::Algorithm = match digest.algorithm() {
                    "sha256" => &digest::SHA256,
                    "sha384" => &digest::SHA384,
                    _ => &digest::SHA512,
                };
                let digest = digest::Digest::import_less_safe(digest.as_bytes(), hash);
                let signature = message.signature.as_bytes();
                digest.is_ok_and(|digest| {
                    self.schemes.iter().any(|(_, key)| key.verify_digest_sig(&digest, signature).is_ok())
                })
            }
            _ => false,
        }
    }

    /// The hash with which it made the signature of `message`; `None` if it didn't make it.
    pub(super) fn signed_with(&self, message: &[u8], signature: &[u8]) -> Option<Hash> {
        let made = |(_, key): &&(Hash, ParsedPublicKey)| key.verify_sig(message, signature).is_ok();
        self.schemes.iter().find(made).map(|(hash, _)| *hash)
    }
}
