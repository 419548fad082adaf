//! OpenPGP signature packets (RFC 9580), as far as they say who signed.

use super::SignatureInfo;

/// The first signature packet that is understood, in a sequence of packets.
pub(super) fn parse(mut packets: &[u8]) -> Option<SignatureInfo> {
    while !packets.is_empty() {
        let (tag, body, rest) = next_packet(packets)?;
        packets = rest;
        if tag != 2 {
            continue;
        }
        match parse_signature(body) {
            Ok(signature) => return Some(signature),
            Err(Problem::Unsupported) => {}
            Err(Problem::Malformed) => return None,
        }
    }
    None
}

/// Why a packet is not read: packets that are merely unknown are passed over.
enum Problem {
    Unsupported,
    Malformed,
}

/// Tag and body of the first packet, and what follows (section 4.2). Partial lengths are not for
/// signatures.
fn next_packet(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&header, rest) = bytes.split_first()?;
    if header & 0x80 == 0 {
        return None;
    }
    let (tag, length, rest) = if header & 0x40 != 0 {
        let (length, rest) = new_length(rest)?;
        (header & 0x3f, length, rest)
    } else {
        let octets = match header & 3 {
            0 => 1,
            1 => 2,
            2 => 4,
            _ => return Some((header >> 2 & 0xf, rest, &[])),
        };
        let (length, rest) = rest.split_at_checked(octets)?;
        (header >> 2 & 0xf, big_endian(length), rest)
    };
    let (body, rest) = rest.split_at_checked(length)?;
    Some((tag, body, rest))
}

fn new_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match *bytes {
        [a @ ..=191, ref rest @ ..] => Some((usize::from(a), rest)),
        [a @ 192..=223, b, ref rest @ ..] => Some((two_octets(a, b), rest)),
        [255, a, b, c, d, ref rest @ ..] => Some((big_endian(&[a, b, c, d]), rest)),
        _ => None,
    }
}

fn two_octets(a: u8, b: u8) -> usize {
    (usize::from(a) - 192) * 256 + usize::from(b) + 192
}

fn big_endian(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |n, b| n << 8 | usize::from(*b))
}

/// A signature packet's body (section 5.2.3).
fn parse_signature(body: &[u8]) -> Result<SignatureInfo, Problem> {
    let mut reader = Reader(body);
    let version = reader.byte()?;
    if !matches!(version, 4 | 6) {
        return Err(Problem::Unsupported);
    }
    let _kind = reader.byte()?;
    let algorithm = reader.byte()?;
    let hash = reader.byte()?;
    let known_hash = matches!(hash, 8..=12 | 14) || (version == 4 && hash == 2);
    if !matches!(algorithm, 1 | 3 | 17 | 19 | 22 | 27 | 28) || !known_hash {
        return Err(Problem::Unsupported);
    }
    let length_octets = if version == 6 { 4 } else { 2 };
    let mut subpackets = Subpackets { version, created: false, key_id: None };
    let length = big_endian(reader.take(length_octets)?);
    subpackets.read(reader.take(length)?, true)?;
    if !subpackets.created {
        return Err(Problem::Malformed);
    }
    let length = big_endian(reader.take(length_octets)?);
    subpackets.read(reader.take(length)?, false)?;
    let _left_bits_of_the_hash = reader.take(2)?;
    if version == 6 {
        let salt = usize::from(reader.byte()?);
        reader.take(salt)?;
    }
    match algorithm {
        1 | 3 => reader.mpis(1)?,
        17 | 19 | 22 => reader.mpis(2)?,
        27 => drop(reader.take(64)?),
        _ => drop(reader.take(114)?),
    }
    Ok(SignatureInfo::Pgp { version, key_id: subpackets.key_id })
}

/// What was found in the subpackets (section 5.2.3.7).
struct Subpackets {
    version: u8,
    created: bool,
    key_id: Option<u64>,
}

impl Subpackets {
    fn read(&mut self, mut area: &[u8], hashed: bool) -> Result<(), Problem> {
        while !area.is_empty() {
            let (length, rest) = match *area {
                [a @ 192..=254, b, ref rest @ ..] => (two_octets(a, b), rest),
                _ => new_length(area).ok_or(Problem::Malformed)?,
            };
            let (subpacket, rest) = rest.split_at_checked(length).ok_or(Problem::Malformed)?;
            area = rest;
            let (&kind, data) = subpacket.split_first().ok_or(Problem::Malformed)?;
            self.read_one(kind & 0x7f, kind & 0x80 != 0, data, hashed)?;
        }
        Ok(())
    }

    fn read_one(&mut self, kind: u8, critical: bool, data: &[u8], hashed: bool) -> Result<(), Problem> {
        match kind {
            2 if hashed => {
                if data.len() != 4 {
                    return Err(Problem::Malformed);
                }
                self.created = true;
            }
            // Issuer key id. Version 6 has fingerprints only.
            16 => {
                let id = data.try_into().map_err(|_| Problem::Malformed)?;
                match (self.version, hashed) {
                    (4, _) => self.key_id = Some(u64::from_be_bytes(id)),
                    (_, true) => return Err(Problem::Malformed),
                    (_, false) => {}
                }
            }
            // Issuer fingerprint: the id is its end up to version 4, its beginning from then on.
            33 => {
                let (&version, fingerprint) = data.split_first().ok_or(Problem::Malformed)?;
                let id = match (version, fingerprint.len()) {
                    (..=4, 20) => fingerprint.last_chunk(),
                    (5.., 32) => fingerprint.first_chunk(),
                    _ => None,
                };
                self.key_id = Some(u64::from_be_bytes(*id.ok_or(Problem::Malformed)?));
            }
            2..=6 | 9 | 11 | 20..=30 | 32 | 35 | 39 => {}
            _ if critical && hashed => return Err(Problem::Unsupported),
            _ => {}
        }
        Ok(())
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], Problem> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or(Problem::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Problem> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// Passes over multiprecision integers (section 3.2).
    fn mpis(&mut self, count: usize) -> Result<(), Problem> {
        for _ in 0..count {
            let bits = big_endian(self.take(2)?);
            self.take(bits.div_ceil(8))?;
        }
        Ok(())
    }
}
