//! Public keys with their user ids, subkeys and self-signatures, sorted from the packets of a file (RFC 9580
//! section 10.1).

use pgp::packet::{Packet, Signature, SignatureType};
use pgp::types::{KeyDetails, KeyVersion};

use super::key::{Key, Part, Subkey};
use super::packets::{PgpError, blocks, frames, is_pgp};

/// Tags of packets that are keys.
const PUBLIC_KEY: u8 = 6;
const PUBLIC_SUBKEY: u8 = 14;

/// The public keys of one file.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    pub(super) keys: Vec<Key>,
    /// All revocations of keys, wherever in the file they stand: a revocation certificate may just be appended.
    pub(super) revocations: Vec<Signature>,
}

/// What the next signature of a file is about.
#[derive(Clone, Copy)]
enum Place {
    /// Nothing that is known.
    Nowhere,
    Key,
    User,
    Subkey,
}

impl Keyring {
    /// Reads keys: armored blocks, one after another, or binary. Keys of kinds that are not known are passed over;
    /// something malformed refuses the file, and so does a private key.
    pub fn parse(file: &[u8]) -> Result<Self, PgpError> {
        let mut keyring = Self::default();
        for block in blocks(file)? {
            match block.label.as_str() {
                "" | "PUBLIC KEY BLOCK" => keyring.add(&block.data)?,
                "PRIVATE KEY BLOCK" => return Err(PgpError::PrivateKey),
                other => {
                    return Err(PgpError::Kind {
                        found: format!("PGP {other}"),
                        expected: "PGP public keys",
                    });
                }
            }
        }
        if keyring.keys.is_empty() { Err(PgpError::Empty("PGP public key")) } else { Ok(keyring) }
    }

    /// Whether a file looks like it holds OpenPGP keys.
    pub fn is_like(file: &[u8]) -> bool {
        is_pgp(file)
    }

    fn add(&mut self, data: &[u8]) -> Result<(), PgpError> {
        let mut place = Place::Nowhere;
        for frame in frames(data)? {
            let Some(packet) = frame.parse()? else {
                // What follows such a key belongs to it.
                if matches!(frame.tag, PUBLIC_KEY | PUBLIC_SUBKEY) {
                    place = Place::Nowhere;
                }
                continue;
            };
            place = self.sort(packet, place)?;
        }
        Ok(())
    }

    /// Puts a packet where it belongs. Returns what signatures after it are about.
    fn sort(&mut self, packet: Packet, place: Place) -> Result<Place, PgpError> {
        match packet {
            Packet::PublicKey(primary) => {
                if !matches!(primary.version(), KeyVersion::V4 | KeyVersion::V6) {
                    return Ok(Place::Nowhere);
                }
                self.keys.push(Key::new(primary));
                return Ok(Place::Key);
            }
            Packet::SecretKey(_) | Packet::SecretSubkey(_) => return Err(PgpError::PrivateKey),
            Packet::Signature(signature) if signature.typ() == Some(SignatureType::KeyRevocation) => {
                self.revocations.push(signature);
            }
            packet => {
                let Some(key) = self.keys.last_mut().filter(|_| !matches!(place, Place::Nowhere)) else {
                    return Ok(Place::Nowhere);
                };
                return Ok(key.add(packet, place));
            }
        }
        Ok(place)
    }

    /// Every key and subkey that may have made a signature.
    pub(super) fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        self.keys.iter().flat_map(Key::parts)
    }
}

impl Key {
    fn add(&mut self, packet: Packet, place: Place) -> Place {
        match (packet, place) {
            (Packet::UserId(id), _) => {
                self.users.push((id, Vec::new()));
                Place::User
            }
            // What certifies a picture says nothing about the key.
            (Packet::UserAttribute(_), _) => Place::Key,
            (Packet::PublicSubkey(key), _) => {
                self.subkeys.push(Subkey { key, signatures: Vec::new() });
                Place::Subkey
            }
            (Packet::Signature(signature), _) if signature.typ() == Some(SignatureType::Key) => {
                self.direct.push(signature);
                place
            }
            (Packet::Signature(signature), Place::User) => {
                self.users
                    .last_mut()
                    .into_iter()
                    .for_each(|(_, signatures)| signatures.push(signature.clone()));
                place
            }
            (Packet::Signature(signature), Place::Subkey) => {
                self.subkeys
                    .last_mut()
                    .into_iter()
                    .for_each(|subkey| subkey.signatures.push(signature.clone()));
                place
            }
            _ => place,
        }
    }
}
