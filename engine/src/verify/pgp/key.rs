//! Which parts of a key may sign, and when: self-signatures, bindings, expiry and revocation (RFC 9580 sections
//! 5.2.1, 5.2.3 and 10.1).

use pgp::packet::{PublicKey, PublicSubkey, RevocationCode, Signature, SignatureType, SubpacketData, UserId};
use pgp::ser::Serialize as _;
use pgp::types::{KeyDetails, PublicParams, Tag, VerifyingKey};

use super::packets::big_endian;
use super::{CLOCK_SKEW, Keyring, MIN_RSA_BITS, Moment, failure};
use crate::verify::{Failure, Step};

/// A primary key with all that is bound to it.
#[derive(Debug, Clone)]
pub(super) struct Key {
    primary: PublicKey,
    /// Signatures directly on the key.
    pub(super) direct: Vec<Signature>,
    pub(super) users: Vec<(UserId, Vec<Signature>)>,
    pub(super) subkeys: Vec<Subkey>,
}

/// A subkey and the signatures that follow it.
#[derive(Debug, Clone)]
pub(super) struct Subkey {
    pub(super) key: PublicSubkey,
    pub(super) signatures: Vec<Signature>,
}

/// A primary key, or one of its subkeys.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    of: &'a Key,
    subkey: Option<&'a Subkey>,
}

impl Key {
    pub(super) fn new(primary: PublicKey) -> Self {
        Self { primary, direct: Vec::new(), users: Vec::new(), subkeys: Vec::new() }
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let subkeys = self.subkeys.iter().map(Some);
        std::iter::once(None).chain(subkeys).map(|subkey| Part { of: self, subkey })
    }

    /// Fails unless the primary key is valid. Returns the self-signature that tells what it is for.
    fn check(&self, keyring: &Keyring, moment: Moment) -> Result<&Signature, Failure> {
        let name = name(&self.primary);
        self.check_revocation(keyring, moment, &name)?;
        check_strength(&self.primary, &name)?;
        let newest = newest(self.self_signatures(moment), moment).ok_or_else(|| {
            failure(Step::KeyUsage, format!("{name} has no valid self-signature that tells what it is for"))
        })?;
        check_time(&self.primary, newest, moment, &name)?;
        Ok(newest)
    }

    /// A revoked key is revoked for good, whatever the reason, as in BuildKit: who has it may choose the time of a
    /// signature.
    fn check_revocation(&self, keyring: &Keyring, moment: Moment, name: &str) -> Result<(), Failure> {
        let revoked = |revocation: &&Signature| {
            revocation.verify_key(&self.primary).is_ok() || self.is_by_revoker(revocation, moment)
        };
        match keyring.revocations.iter().find(revoked) {
            None => Ok(()),
            Some(revocation) => Err(revoked_by(name, revocation)),
        }
    }

    /// Whether a revocation says to be by a key that this one appointed for that. It is believed: what is in the
    /// file is there on purpose.
    fn is_by_revoker(&self, revocation: &Signature, moment: Moment) -> bool {
        let issuers = revocation.issuer_fingerprint();
        !issuers.is_empty()
            && self.self_signatures(moment).filter_map(Signature::revocation_key).any(|revoker| {
                issuers.iter().any(|issuer| issuer.as_bytes() == revoker.fingerprint.as_slice())
            })
    }

    /// The verified self-signatures: those on the key, and those on user ids that were not revoked since.
    fn self_signatures(&self, moment: Moment) -> impl Iterator<Item = &Signature> {
        let direct = self.direct.iter().filter(|signature| signature.verify_key(&self.primary).is_ok());
        let users = self.users.iter().flat_map(move |(id, signatures)| {
            let verifies = |signature: &Signature| {
                signature.verify_certification(&self.primary, Tag::UserId, id).is_ok()
            };
            let is_revocation = |it: &Signature| it.typ() == Some(SignatureType::CertRevocation);
            let revocations = signatures.iter().filter(move |it| is_revocation(it) && verifies(it));
            let revoked = revocations.filter_map(created).filter(move |time| *time <= moment.last()).max();
            let counts = move |it: &&Signature| !is_revocation(it) && created(it) > revoked && verifies(it);
            signatures.iter().filter(counts)
        });
        direct.chain(users)
    }
}

impl<'a> Part<'a> {
    pub(super) fn key(&self) -> &'a dyn VerifyingKey {
        match self.subkey {
            None => &self.of.primary,
            Some(subkey) => &subkey.key,
        }
    }

    /// Fails unless this may have signed at that moment.
    pub(super) fn check(&self, keyring: &Keyring, moment: Moment) -> Result<(), Failure> {
        let newest = self.of.check(keyring, moment)?;
        let Some(subkey) = self.subkey else {
            return check_signs(newest, &name(&self.of.primary));
        };
        let name = format!("{}, a subkey of {},", name(&subkey.key), name(&self.of.primary));
        subkey.check(&self.of.primary, moment, &name)
    }
}

impl Subkey {
    fn check(&self, primary: &PublicKey, moment: Moment, name: &str) -> Result<(), Failure> {
        let verified = |typ: SignatureType| {
            let is = move |it: &&Signature| {
                it.typ() == Some(typ) && it.verify_subkey_binding(primary, &self.key).is_ok()
            };
            self.signatures.iter().filter(is)
        };
        let revoked = |revocation: &&Signature| {
            is_hard(revocation) || created(revocation).is_none_or(|time| time <= moment.last())
        };
        if let Some(revocation) = verified(SignatureType::SubkeyRevocation).find(revoked) {
            return Err(revoked_by(name, revocation));
        }
        check_strength(&self.key, name)?;
        let binding = newest(verified(SignatureType::SubkeyBinding), moment)
            .ok_or_else(|| failure(Step::KeyUsage, format!("{name} is not bound to it")))?;
        check_time(&self.key, binding, moment, name)?;
        check_signs(binding, name)?;
        let back = binding.embedded_signature();
        if back.is_none_or(|back| back.verify_primary_key_binding(&self.key, primary).is_err()) {
            let message = format!("{name} does not itself say that it belongs to it");
            return Err(failure(Step::KeyUsage, message));
        }
        Ok(())
    }
}

/// The newest of these signatures that is in force and tells what a key is for.
fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>, moment: Moment) -> Option<&'a Signature> {
    let in_force = |signature: &&Signature| {
        let Some(created) = created(signature) else { return false };
        let lifetime = signature.signature_expiration_time().map_or(0, |it| i64::from(it.as_secs()));
        created <= moment.now.saturating_add(CLOCK_SKEW)
            && (lifetime == 0 || moment.last() <= created + lifetime)
            && has_flags(signature)
            && !has_unknown_critical(signature)
    };
    signatures.filter(in_force).max_by_key(|signature| created(signature))
}

fn has_flags(signature: &Signature) -> bool {
    let flags = |data: &SubpacketData| matches!(data, SubpacketData::KeyFlags(_));
    signature.config().is_some_and(|config| config.hashed_subpackets().any(|it| flags(&it.data)))
}

fn has_unknown_critical(signature: &Signature) -> bool {
    let unknown =
        |data: &SubpacketData| matches!(data, SubpacketData::Other(..) | SubpacketData::Notation(_));
    signature
        .config()
        .is_some_and(|config| config.hashed_subpackets().any(|it| it.is_critical && unknown(&it.data)))
}

fn created(signature: &Signature) -> Option<i64> {
    signature.created().map(|time| i64::from(time.as_secs()))
}

/// Whether a revocation says nothing about time: the key may be in other hands (section 5.2.3.31).
fn is_hard(revocation: &Signature) -> bool {
    !matches!(
        revocation.revocation_reason_code(),
        Some(RevocationCode::KeySuperseded | RevocationCode::KeyRetired)
    )
}

fn revoked_by(name: &str, revocation: &Signature) -> Failure {
    let reason = revocation.revocation_reason_string().map(|text| String::from_utf8_lossy(text).into_owned());
    let reason =
        reason.filter(|text| !text.is_empty()).map_or_else(String::new, |text| format!(": {text:?}"));
    failure(Step::KeyRevoked, format!("{name} is revoked{reason}"))
}

fn check_signs(signature: &Signature, name: &str) -> Result<(), Failure> {
    if signature.key_flags().sign() {
        return Ok(());
    }
    Err(failure(Step::KeyUsage, format!("{name} is not for signing")))
}

fn check_strength(key: &impl KeyDetails, name: &str) -> Result<(), Failure> {
    let PublicParams::RSA(params) = key.public_params() else { return Ok(()) };
    // The modulus comes first, after its length in bits.
    let bits = params.to_bytes().ok().and_then(|bytes| bytes.get(..2).map(big_endian)).unwrap_or_default();
    if bits < MIN_RSA_BITS {
        let message =
            format!("{name} is an RSA key of {bits} bits, and {MIN_RSA_BITS} is the least accepted");
        return Err(failure(Step::KeyUsage, message));
    }
    Ok(())
}

/// Fails unless the key was there when it signed and had not expired by the last time that counts.
fn check_time(
    key: &impl KeyDetails,
    self_signature: &Signature,
    moment: Moment,
    name: &str,
) -> Result<(), Failure> {
    let made = i64::from(key.created_at().as_secs());
    if made > moment.signed {
        return Err(failure(Step::KeyTime, format!("{name} was made after the signature")));
    }
    let lifetime = self_signature.key_expiration_time().map_or(0, |lifetime| i64::from(lifetime.as_secs()));
    if lifetime != 0 && moment.last() > made + lifetime {
        let expired = chrono::DateTime::from_timestamp(made + lifetime, 0).unwrap_or_default();
        let message = format!("{name} expired on {}", expired.format("%Y-%m-%d"));
        return Err(failure(Step::KeyTime, message));
    }
    Ok(())
}

/// The key, for messages.
fn name(key: &impl KeyDetails) -> String {
    format!("the key {:X}", key.fingerprint())
}
