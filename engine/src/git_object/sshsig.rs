//! SSH signatures (OpenSSH, `PROTOCOL.sshsig`).

use data_encoding::BASE64_NOPAD;
use sha2::{Digest, Sha256};

use super::SignatureInfo;

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

/// Reads the blob inside the armor.
pub(super) fn parse(blob: &[u8]) -> Option<SignatureInfo> {
    let mut reader = Reader(blob.strip_prefix(b"SSHSIG")?);
    let version = reader.u32()?;
    let key = reader.string()?;
    let _namespace = reader.string()?;
    let _reserved = reader.string()?;
    let hash = reader.string()?;
    let signature = reader.string()?;
    if version != 1 || !matches!(hash, b"sha256" | b"sha512") || !reader.0.is_empty() {
        return None;
    }
    let algorithm = Reader(signature).string()?;
    let key_type = check_key(key)?;
    if key_type == b"ssh-rsa" && !matches!(algorithm, b"rsa-sha2-256" | b"rsa-sha2-512") {
        return None;
    }
    let fingerprint = format!("SHA256:{}", BASE64_NOPAD.encode(&Sha256::digest(key)));
    Some(SignatureInfo::Ssh { version, fingerprint })
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
