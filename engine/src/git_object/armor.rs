//! ASCII armor: base64 between a line that begins and a line that ends it (RFC 9580 section 6,
//! RFC 7468).

use data_encoding::BASE64;

pub(super) const PGP_BEGIN: &[u8] = b"-----BEGIN PGP SIGNATURE-----";
pub(super) const SSH_BEGIN: &[u8] = b"-----BEGIN SSH SIGNATURE-----";
/// Characters in a line of an SSH signature, as OpenSSH writes it.
const SSH_LINE: usize = 70;
const SSH_END: &[u8] = b"-----END SSH SIGNATURE-----";
/// Longest line of armored text, in bytes.
const LINE_LIMIT: usize = 96;

/// The bytes of an armored PGP signature. The checksum at its end is not looked at.
pub(super) fn decode_pgp(armored: &[u8]) -> Option<Vec<u8>> {
    let mut lines = armored.split(|b| *b == b'\n').map(<[u8]>::trim_ascii);
    lines.find(|line| *line == PGP_BEGIN)?;
    // Headers, up to an empty line.
    lines.by_ref().take_while(|line| !line.is_empty()).all(|line| line.contains(&b':')).then_some(())?;
    let mut body = Vec::new();
    for line in lines {
        let is_checksum = line.len() == 5 && line.starts_with(b"=");
        if is_checksum || line.starts_with(b"-----END ") {
            break;
        }
        if line.len() > LINE_LIMIT {
            return None;
        }
        body.extend_from_slice(line);
    }
    BASE64.decode(&body).ok()
}

/// The bytes of an armored SSH signature.
pub(super) fn decode_ssh(armored: &[u8]) -> Option<Vec<u8>> {
    let mut lines = armored.split(|b| *b == b'\n').map(<[u8]>::trim_ascii);
    lines.find(|line| *line == SSH_BEGIN)?;
    let mut body = Vec::new();
    loop {
        let line = lines.next()?;
        if line == SSH_END {
            return BASE64.decode(&body).ok();
        }
        body.extend_from_slice(line);
    }
}

/// An SSH signature in the one form that every reader takes.
pub(super) fn encode_ssh(blob: &[u8]) -> Vec<u8> {
    let body = BASE64.encode(blob);
    let lines = body.as_bytes().chunks(SSH_LINE);
    std::iter::once(SSH_BEGIN).chain(lines).chain([SSH_END, b""]).collect::<Vec<_>>().join(&b'\n')
}
