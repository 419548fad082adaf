//! The key id of a DSSE signature.

use data_encoding::BASE64_NOPAD;
use sha2::{Digest, Sha256};
use sigstore_types::{DerPublicKey, SignatureContent};
use ssh_key::public::{EcdsaPublicKey, Ed25519PublicKey, KeyData, RsaPublicKey};
use x509_cert::der::Decode;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::BundleFailure;
use crate::verify::Step;

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// A signature that names its key must name this one, by its fingerprint as SSH writes it (`SHA256:…`).
pub(super) fn check_key_id(content: &SignatureContent, key: &DerPublicKey) -> Result<(), BundleFailure> {
    let SignatureContent::DsseEnvelope(envelope) = content else { return Ok(()) };
    let named = &envelope.signature.keyid;
    if named.is_empty() || fingerprint(key).is_some_and(|fingerprint| fingerprint == named.as_str()) {
        return Ok(());
    }
    Err(BundleFailure::new(
        Step::Key,
        "the signature names another key than the one it would be verified with",
    ))
}

fn fingerprint(key: &DerPublicKey) -> Option<String> {
    let info = SubjectPublicKeyInfoRef::from_der(key.as_bytes()).ok()?;
    let bits = info.subject_public_key.as_bytes()?;
    let key = match info.algorithm.oid {
        EC => KeyData::Ecdsa(EcdsaPublicKey::from_sec1_bytes(bits).ok()?),
        ED25519 => KeyData::Ed25519(Ed25519PublicKey(bits.try_into().ok()?)),
        RSA => KeyData::Rsa(rsa(bits)?),
        _ => return None,
    };
    let wire = ssh_key::PublicKey::from(key).to_bytes().ok()?;
    Some(format!("SHA256:{}", BASE64_NOPAD.encode(&Sha256::digest(wire))))
}

/// `RSAPublicKey` of RFC 8017: modulus and exponent.
fn rsa(der: &[u8]) -> Option<RsaPublicKey> {
    use x509_cert::der::Reader;
    use x509_cert::der::asn1::UintRef;

    let mut reader = x509_cert::der::SliceReader::new(der).ok()?;
    let (n, e) = reader.sequence(|body| Ok((UintRef::decode(body)?, UintRef::decode(body)?))).ok()?;
    let number = |uint: UintRef<'_>| ssh_key::Mpint::from_positive_bytes(uint.as_bytes()).ok();
    Some(RsaPublicKey { e: number(e)?, n: number(n)? })
}
