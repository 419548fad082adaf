//! What a signature says of itself.

use super::armor::{self, PGP_BEGIN, SSH_BEGIN};
use super::sshsig::SshSignatureBlob;
use super::{openpgp, sshsig};

/// A signature's own claims. Nothing is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignatureInfo {
    /// An OpenPGP signature packet (RFC 9580 section 5.2).
    Pgp {
        /// Version of the packet: 4 or 6.
        version: u8,
        /// Id of the key that made it, when the signature names one.
        key_id: Option<u64>,
    },
    /// An SSH signature (OpenSSH, `PROTOCOL.sshsig`).
    Ssh {
        /// Version of the format.
        version: u32,
        /// `SHA256:` and the unpadded base64 of the hash of the public key.
        fingerprint: String,
    },
}

impl SignatureInfo {
    /// Reads an armored signature; `None` when it is neither, or malformed.
    pub fn parse(armored: &[u8]) -> Option<Self> {
        if armored.starts_with(PGP_BEGIN) {
            openpgp::parse(&armor::decode_pgp(armored)?)
        } else if armored.starts_with(SSH_BEGIN) {
            sshsig::parse(&SshSignatureBlob::decode(armored)?)
        } else {
            None
        }
    }
}
