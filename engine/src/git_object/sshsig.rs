//! SSH signatures (OpenSSH, `PROTOCOL.sshsig`).

use data_encoding::BASE64_NOPAD;
use sha2::{Digest, Sha256};
use ssh_key::SshSig;

use super::{SignatureInfo, armor};

/// The key types of RFC 4253, 5656, 8332, 8709 and of OpenSSH's security keys.
const KEY_TYPES: &[&[u8]] = &[
    b"ssh-rsa",
    b"ssh-dss",
    b"ssh-ed25519",
    b"ecdsa-sha2-nistp256",
    b"ecdsa-sha2-nistp384",
    b"ecdsa-sha2-nistp521",
    b"sk-ssh-ed25519@openssh.com",
    b"sk-ecdsa-sha2-nistp256@openssh.com",
];

/// What is inside the armor of a signature.
pub(crate) struct SshSignatureBlob(Vec<u8>);

/// The fields of a signature.
pub(crate) struct Parts<'a> {
    pub(crate) version: u32,
    pub(crate) key: &'a [u8],
    pub(crate) namespace: &'a [u8],
    pub(crate) reserved: &'a [u8],
    pub(crate) hash: &'a [u8],
    pub(crate) signature: &'a [u8],
}

impl SshSignatureBlob {
    /// Reads the armor.
    pub(crate) fn decode(armored: &[u8]) -> Option<Self> {
        armor::decode_ssh(armored).map(Self)
    }

    #[cfg(test)]
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// The fields; `None` if there are others than there should be.
    pub(crate) fn parts(&self) -> Option<Parts<'_>> {
        let mut reader = Reader(self.0.strip_prefix(b"SSHSIG")?);
        let parts = Parts {
            version: reader.u32()?,
            key: reader.string()?,
            namespace: reader.string()?,
            reserved: reader.string()?,
            hash: reader.string()?,
            signature: reader.string()?,
        };
        reader.0.is_empty().then_some(parts)
    }

    /// The signature, to be verified.
    pub(crate) fn sshsig(&self) -> Option<SshSig> {
        SshSig::from_pem(armor::encode_ssh(&self.0)).ok()
    }
}

impl<'a> Parts<'a> {
    pub(crate) fn key_type(&self) -> Option<&'a [u8]> {
        Reader(self.key).string()
    }

    pub(crate) fn algorithm(&self) -> Option<&'a [u8]> {
        Reader(self.signature).string()
    }
}

/// What the blob inside the armor says of itself.
pub(super) fn parse(blob: &SshSignatureBlob) -> Option<SignatureInfo> {
    let parts = blob.parts()?;
    if parts.version != 1 || !matches!(parts.hash, b"sha256" | b"sha512") {
        return None;
    }
    let algorithm = parts.algorithm()?;
    let key_type = check_key(parts.key)?;
    if key_type == b"ssh-rsa" && !matches!(algorithm, b"rsa-sha2-256" | b"rsa-sha2-512") {
        return None;
    }
    let fingerprint = format!("SHA256:{}", BASE64_NOPAD.encode(&Sha256::digest(parts.key)));
    Some(SignatureInfo::Ssh { version: parts.version, fingerprint })
}

/// The type of a well-formed public key.
fn check_key(key: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader(key);
    let key_type = reader.string()?;
    if !KEY_TYPES.contains(&key_type) {
        return None;
    }
    let first = reader.string()?;
    if key_type == b"ssh-ed25519" && first.len() != 32 {
        return None;
    }
    while !reader.0.is_empty() {
        reader.string()?;
    }
    Some(key_type)
}

/// Reads the wire format of RFC 4251 section 5.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn u32(&mut self) -> Option<u32> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*bytes))
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u32()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}
