//! Detached signatures (RFC 9580 sections 5.2 and 10.4).

use bytes::Bytes;
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::{self, Packet, SignatureConfig, SignatureType, SignatureVersionSpecific, SubpacketData};
use pgp::types::KeyVersion;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::key::Part;
use super::packets::{Frame, PgpError, big_endian, blocks, frames};
use super::{CLOCK_SKEW, Keyring, Moment, SIGNATURE_LIMIT, Validity, failure};
use crate::metadata::{ChecksumAlgorithm, ChecksumRequest};
use crate::verify::failure::furthest;
use crate::verify::{Failure, Step};

/// Tag of signature packets.
const SIGNATURE: u8 = 2;

/// The signatures of one file or object. One that verifies is enough.
#[derive(Debug, Clone)]
pub struct Signatures(Vec<Signature>);

/// A signature that lies apart from what it signs.
#[derive(Debug, Clone)]
pub struct Signature {
    packet: packet::Signature,
    /// The packet from its version to the end of its hashed subpackets, as it came.
    hashed: Vec<u8>,
}

impl Signatures {
    /// Reads signatures, armored or binary. Packets that are no signature are passed over, and so are signatures of
    /// versions that are not known; something malformed among them refuses all.
    pub fn parse(file: &[u8]) -> Result<Self, PgpError> {
        let mut signatures = Vec::new();
        for block in blocks(file)? {
            if !matches!(block.label.as_str(), "" | "SIGNATURE") {
                return Err(PgpError::Kind {
                    found: format!("PGP {}", block.label),
                    expected: "a PGP signature",
                });
            }
            for frame in frames(&block.data)?.into_iter().filter(|frame| frame.tag == SIGNATURE) {
                signatures.extend(Signature::read(&frame)?);
                if signatures.len() > SIGNATURE_LIMIT {
                    return Err(PgpError::TooMany { what: "signatures", limit: SIGNATURE_LIMIT });
                }
            }
        }
        if signatures.is_empty() { Err(PgpError::Empty("PGP signature")) } else { Ok(Self(signatures)) }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Signature> {
        self.0.iter()
    }

    /// Verifies that one of them is over `data` and was made by a key of `keyring` that may sign. The failure is that
    /// of the signature that came furthest.
    pub fn verify(
        &self,
        data: &[u8],
        keyring: &Keyring,
        now: i64,
        validity: Validity,
    ) -> Result<(), Failure> {
        let verify = |signature: &Signature| {
            let digest = signature.hash(data)?;
            signature.verify(&digest, keyring, now, validity)
        };
        furthest(self.iter().map(verify), || failure(Step::Unsigned, "there is no signature"))
    }
}

impl Signature {
    /// `None` for a version that is not known.
    fn read(frame: &Frame<'_>) -> Result<Option<Self>, PgpError> {
        let Some(Packet::Signature(packet)) = frame.parse()? else { return Ok(None) };
        let length_octets = match frame.body.first() {
            Some(4) => 2,
            Some(6) => 4,
            _ => return Ok(None),
        };
        let cut = || PgpError::Packet("it is cut off".to_owned());
        let length = big_endian(frame.body.get(4..4 + length_octets).ok_or_else(cut)?);
        let hashed = frame.body.get(..4 + length_octets + length).ok_or_else(cut)?.to_vec();
        Ok(Some(Self { packet, hashed }))
    }

    /// The digest that is needed to verify it: that over the content and then its trailer. Fails where
    /// that digest can't tell: the hash is too weak or not known, or a salt comes before the content (version 6).
    pub fn checksum_request(&self) -> Result<ChecksumRequest, Failure> {
        if self.config()?.version() == packet::SignatureVersion::V6 {
            let message = "a signature of version 6 begins with a salt, and BuildKit can't hash one before the body: \
                           sign with a key of version 4";
            return Err(failure(Step::Format, message));
        }
        Ok(ChecksumRequest { algorithm: self.hash_algorithm()?, suffix: Bytes::from(self.trailer()) })
    }

    /// What is hashed after the content (section 5.2.4).
    fn trailer(&self) -> Vec<u8> {
        let mut trailer = self.hashed.clone();
        trailer.extend(self.hashed.first());
        trailer.push(0xff);
        // The length is that of parts of a file that is limited.
        trailer.extend(u32::try_from(self.hashed.len()).unwrap_or(u32::MAX).to_be_bytes());
        trailer
    }

    fn hash(&self, data: &[u8]) -> Result<Vec<u8>, Failure> {
        let algorithm = self.hash_algorithm()?;
        let salt: &[u8] = match &self.config()?.version_specific {
            SignatureVersionSpecific::V6 { salt } => salt,
            _ => &[],
        };
        let trailer = self.trailer();
        let pieces = [salt, data, &trailer];
        Ok(match algorithm {
            ChecksumAlgorithm::Sha256 => hash::<Sha256>(pieces),
            ChecksumAlgorithm::Sha384 => hash::<Sha384>(pieces),
            ChecksumAlgorithm::Sha512 => hash::<Sha512>(pieces),
        })
    }

    /// What can be told without the content: fails if it can't count whatever that is.
    pub fn check_before(&self, keyring: &Keyring, now: i64, validity: Validity) -> Result<(), Failure> {
        self.check_form(now, validity)?;
        if keyring.parts().any(|part| self.names(&part)) {
            return Ok(());
        }
        Err(self.by_no_key())
    }

    /// Verifies that this is over the content with this digest (see [`Signature::checksum_request`]) and was made by
    /// a key of `keyring` that may sign. `now` is in seconds since 1970.
    pub fn verify(
        &self,
        digest: &[u8],
        keyring: &Keyring,
        now: i64,
        validity: Validity,
    ) -> Result<(), Failure> {
        self.check_before(keyring, now, validity)?;
        let moment = Moment { signed: self.created()?, now, validity };
        let candidates = keyring.parts().filter(|part| self.names(part));
        let verify = |part| self.verify_by(digest, keyring, part, moment);
        furthest(candidates.map(verify), || self.by_no_key())
    }

    fn by_no_key(&self) -> Failure {
        failure(Step::Key, format!("the file has no key {}", self.issuer()))
    }

    fn verify_by(
        &self,
        digest: &[u8],
        keyring: &Keyring,
        part: Part<'_>,
        moment: Moment,
    ) -> Result<(), Failure> {
        let config = self.config()?;
        let key = part.key();
        let wrong =
            |reason: &str| failure(Step::Signature, format!("the signature by {} {reason}", self.issuer()));
        let is_v6 = config.version() == packet::SignatureVersion::V6;
        if is_v6 != (key.version() == KeyVersion::V6) || !same_algorithm(config.pub_alg, key.algorithm()) {
            return Err(wrong("is of another kind than its key"));
        }
        let left_bits = self.packet.signed_hash_value();
        if left_bits.is_none_or(|bits| digest.get(..2) != Some(&bits[..])) {
            return Err(wrong("is over something else"));
        }
        let bytes = self.packet.signature().ok_or_else(|| wrong("is empty"))?;
        key.verify(config.hash_alg, digest, bytes).map_err(|_| wrong("does not verify"))?;
        part.check(keyring, moment)
    }

    /// When it was made, in seconds since 1970.
    fn created(&self) -> Result<i64, Failure> {
        let created =
            self.config()?.created().ok_or_else(|| failure(Step::Format, "the signature has no time"))?;
        Ok(i64::from(created.as_secs()))
    }

    /// What can be told without a key.
    fn check_form(&self, now: i64, validity: Validity) -> Result<(), Failure> {
        let config = self.config()?;
        if config.typ() != SignatureType::Binary {
            let message =
                "it is no signature over a file as it is: sign with `--detach-sign`, without `--textmode`";
            return Err(failure(Step::Format, message));
        }
        self.hash_algorithm()?;
        if !same_algorithm(config.pub_alg, config.pub_alg) {
            let message = format!("{:?} keys are not accepted: use RSA, ECDSA or Ed25519", config.pub_alg);
            return Err(failure(Step::Key, message));
        }
        let is_unknown = |data: &SubpacketData| {
            matches!(
                data,
                SubpacketData::Other(..) | SubpacketData::Experimental(..) | SubpacketData::Notation(_)
            )
        };
        if config.hashed_subpackets().any(|subpacket| subpacket.is_critical && is_unknown(&subpacket.data)) {
            return Err(failure(Step::Format, "the signature has a critical part that is not known"));
        }
        if let SignatureVersionSpecific::V6 { salt } = &config.version_specific
            && config.hash_alg.salt_len() != Some(salt.len())
        {
            return Err(failure(Step::Format, "the signature's salt has a wrong length"));
        }
        let created = self.created()?;
        if created > now.saturating_add(CLOCK_SKEW) {
            return Err(failure(Step::Timestamp, "the signature was made in the future"));
        }
        let lifetime = self.packet.signature_expiration_time().map_or(0, pgp::types::Duration::as_secs);
        if validity == Validity::Now && lifetime != 0 && now > created + i64::from(lifetime) {
            return Err(failure(Step::Timestamp, "the signature has expired"));
        }
        Ok(())
    }

    fn config(&self) -> Result<&SignatureConfig, Failure> {
        self.packet
            .config()
            .ok_or_else(|| failure(Step::Format, "the signature is of a version that is not known"))
    }

    fn hash_algorithm(&self) -> Result<ChecksumAlgorithm, Failure> {
        match self.config()?.hash_alg {
            HashAlgorithm::Sha256 => Ok(ChecksumAlgorithm::Sha256),
            HashAlgorithm::Sha384 => Ok(ChecksumAlgorithm::Sha384),
            HashAlgorithm::Sha512 => Ok(ChecksumAlgorithm::Sha512),
            other => {
                let message = format!("{other} is not accepted: sign with SHA-256, SHA-384 or SHA-512");
                Err(failure(Step::Hash, message))
            }
        }
    }

    /// Whether it says that this key made it, or doesn't say who did.
    fn names(&self, part: &Part<'_>) -> bool {
        let (ids, fingerprints) = (self.packet.issuer_key_id(), self.packet.issuer_fingerprint());
        let key = part.key();
        (ids.is_empty() && fingerprints.is_empty())
            || ids.iter().any(|id| **id == key.legacy_key_id())
            || fingerprints.iter().any(|fingerprint| **fingerprint == key.fingerprint())
    }

    /// Who it says made it, for messages.
    fn issuer(&self) -> String {
        let fingerprint = self.packet.issuer_fingerprint().first().map(|it| format!("{it:X}"));
        let id = self.packet.issuer_key_id().first().map(|it| format!("{it}").to_uppercase());
        fingerprint.or(id).unwrap_or_else(|| "that made the signature".to_owned())
    }
}

fn hash<D: Digest>(pieces: [&[u8]; 3]) -> Vec<u8> {
    pieces.into_iter().fold(D::new(), D::chain_update).finalize().to_vec()
}

/// Whether a signature and a key are for the same algorithm, one that is accepted.
fn same_algorithm(signature: PublicKeyAlgorithm, key: PublicKeyAlgorithm) -> bool {
    use PublicKeyAlgorithm::{ECDSA, Ed25519, EdDSALegacy, RSA, RSASign};
    match (signature, key) {
        (RSA | RSASign, RSA | RSASign) => true,
        (ECDSA | EdDSALegacy | Ed25519, _) => signature == key,
        _ => false,
    }
}
