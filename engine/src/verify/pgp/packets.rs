//! Files with OpenPGP packets: ASCII armor (RFC 9580 section 6) and the packets inside (section 4.2).

use data_encoding::BASE64;
use pgp::errors::Error;
use pgp::packet::{Packet, PacketParser};

use super::{PACKET_LIMIT, PGP_FILE_LIMIT};

const BEGIN: &str = "-----BEGIN PGP ";
const END: &str = "-----END PGP ";
const DASHES: &str = "-----";

/// Why a file with keys or signatures can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PgpError {
    /// It is too large.
    #[error("larger than the limit of {PGP_FILE_LIMIT} bytes")]
    TooLarge,
    /// There is more of something than is looked at.
    #[error("it holds more than {limit} {what}")]
    TooMany {
        /// `packets` or `signatures`.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// The armor is malformed.
    #[error("line {line}: {reason}")]
    Armor {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// A packet is malformed.
    #[error("malformed OpenPGP packet: {0}")]
    Packet(String),
    /// It holds something else than was expected.
    #[error("it holds a {found}, not {expected}")]
    Kind {
        /// What it holds.
        found: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// It holds a private key.
    #[error("it holds a private key; give the public one: `gpg --armor --export KEY`")]
    PrivateKey,
    /// It holds nothing that counts.
    #[error("it holds no {0}")]
    Empty(&'static str),
}

/// Binary packets of a file, and what the armor around them says they are.
#[derive(Debug)]
pub(super) struct Block {
    /// `PUBLIC KEY BLOCK`; empty for a file without armor.
    pub(super) label: String,
    pub(super) data: Vec<u8>,
}

/// Whether a file looks like OpenPGP.
pub(super) fn is_pgp(file: &[u8]) -> bool {
    is_binary(file) || file.windows(BEGIN.len()).any(|window| window == BEGIN.as_bytes())
}

/// Whether a file begins with a packet: only there is the first bit set. A mark of UTF-8 is text.
fn is_binary(file: &[u8]) -> bool {
    file.first().is_some_and(|byte| byte & 0x80 != 0) && !file.starts_with(b"\xef\xbb\xbf")
}

/// The armored blocks of a file, whatever text stands between them, or the file itself if it is binary.
pub(super) fn blocks(file: &[u8]) -> Result<Vec<Block>, PgpError> {
    if file.len() > PGP_FILE_LIMIT {
        return Err(PgpError::TooLarge);
    }
    if is_binary(file) {
        return Ok(vec![Block { label: String::new(), data: file.to_vec() }]);
    }
    let text = String::from_utf8_lossy(file);
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim).enumerate();
    while let Some((number, line)) = lines.next() {
        let line = line.strip_prefix('\u{feff}').unwrap_or(line);
        let Some(label) = line.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(DASHES)) else {
            continue;
        };
        blocks.push(Block { label: label.to_owned(), data: block(label, number + 1, &mut lines)? });
    }
    Ok(blocks)
}

/// The data of one block. The checksum at its end says nothing that a signature doesn't, and may be left out
/// (section 6.1).
fn block<'t>(
    label: &str,
    begin: usize,
    lines: &mut impl Iterator<Item = (usize, &'t str)>,
) -> Result<Vec<u8>, PgpError> {
    let mut text = String::new();
    let mut in_headers = true;
    for (number, line) in lines {
        let wrong = |reason| PgpError::Armor { line: number + 1, reason };
        if let Some(end) = line.strip_prefix(END) {
            if in_headers || end.strip_suffix(DASHES) != Some(label) {
                return Err(wrong("this ends no block"));
            }
            return BASE64.decode(text.as_bytes()).map_err(|_| wrong("the block before this is no base64"));
        }
        if in_headers {
            in_headers = !line.is_empty();
            if in_headers && !line.contains(':') {
                return Err(wrong("there must be an empty line before the data"));
            }
        } else if !(line.len() == 5 && line.starts_with('=')) {
            text.push_str(line);
        }
    }
    Err(PgpError::Armor { line: begin, reason: "this block has no end" })
}

/// A packet as it lies in a file.
pub(super) struct Frame<'a> {
    pub(super) tag: u8,
    pub(super) body: &'a [u8],
    whole: &'a [u8],
}

/// The packets of a block. Partial and open lengths are not for keys and signatures.
pub(super) fn frames(data: &[u8]) -> Result<Vec<Frame<'_>>, PgpError> {
    let mut frames = Vec::new();
    let mut rest = data;
    while !rest.is_empty() {
        let (tag, header, length) =
            header(rest).ok_or_else(|| PgpError::Packet("its header is malformed".to_owned()))?;
        let cut = || PgpError::Packet("it is cut off".to_owned());
        let (whole, after) =
            header.checked_add(length).and_then(|end| rest.split_at_checked(end)).ok_or_else(cut)?;
        let (_, body) = whole.split_at_checked(header).ok_or_else(cut)?;
        frames.push(Frame { tag, body, whole });
        if frames.len() > PACKET_LIMIT {
            return Err(PgpError::TooMany { what: "packets", limit: PACKET_LIMIT });
        }
        rest = after;
    }
    Ok(frames)
}

/// Tag, and the lengths of header and body.
fn header(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (&first, rest) = bytes.split_first()?;
    if first & 0x80 == 0 {
        return None;
    }
    if first & 0x40 == 0 {
        let octets = match first & 3 {
            0 => 1,
            1 => 2,
            2 => 4,
            _ => return None,
        };
        return Some((first >> 2 & 0xf, 1 + octets, big_endian(rest.get(..octets)?)));
    }
    let tag = first & 0x3f;
    match *rest {
        [a @ ..=191, ..] => Some((tag, 2, usize::from(a))),
        [a @ 192..=223, b, ..] => Some((tag, 3, (usize::from(a) - 192) * 256 + usize::from(b) + 192)),
        [255, a, b, c, d, ..] => Some((tag, 6, big_endian(&[a, b, c, d]))),
        _ => None,
    }
}

pub(super) fn big_endian(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |n, b| n << 8 | usize::from(*b))
}

impl Frame<'_> {
    /// The packet; `None` for one of a kind or version that is not known, which is to be passed over.
    pub(super) fn parse(&self) -> Result<Option<Packet>, PgpError> {
        match PacketParser::new(self.whole).next() {
            Some(Ok(packet)) => Ok(Some(packet)),
            Some(Err(Error::Unsupported { .. } | Error::Unimplemented { .. })) => Ok(None),
            // Tags from 40 on are made to be passed over (section 4.3), and so are those of private use.
            Some(Err(_)) if self.tag >= 40 => Ok(None),
            Some(Err(error)) => Err(PgpError::Packet(error.to_string())),
            None => Err(PgpError::Packet("it is cut off".to_owned())),
        }
    }
}
