//! Raw git objects: commits and annotated tags (gitformat: `git cat-file commit`, `git mktag`), their
//! ids and what their signatures say of themselves. Nothing is verified here but the id.

mod armor;
mod openpgp;
mod signature;
mod sshsig;

use bytes::Bytes;
use chrono::{DateTime, Datelike, FixedOffset, SecondsFormat};
use data_encoding::HEXLOWER;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::source::lossy;

pub use signature::SignatureInfo;
pub(crate) use sshsig::SshSignatureBlob;

/// A parsed commit or tag object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitObject {
    /// What it is.
    pub kind: ObjectKind,
    /// The object without git's header, byte for byte.
    pub raw: Bytes,
    /// What was signed: the object without its signature.
    pub signed_data: Vec<u8>,
    /// The armored signature; empty when there is none.
    pub signature: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    message: Vec<u8>,
}

/// The kinds of objects that a ref of a source may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// A commit.
    Commit,
    /// An annotated tag.
    Tag,
}

impl ObjectKind {
    /// Git's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tag => "tag",
        }
    }
}

/// A git object that cannot be trusted to be what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GitObjectError {
    /// A header that every object of its kind has is missing.
    #[error("{kind} object has no {header} header", kind = kind.name())]
    MissingHeader {
        /// What it is.
        kind: ObjectKind,
        /// The header.
        header: &'static str,
    },
    /// An object of another kind than was asked for.
    #[error("expected a {expected} object, got a {found} object", expected = expected.name(), found = found.name())]
    Kind {
        /// What was asked for.
        expected: ObjectKind,
        /// What came.
        found: ObjectKind,
    },
    /// The id is none of SHA-1 or SHA-256.
    #[error("object id {0:?} is neither 40 nor 64 hex digits")]
    Id(String),
    /// The content is not that of the id.
    #[error("{kind} object has id {found}, not {expected}", kind = kind.name())]
    Mismatch {
        /// What it is.
        kind: ObjectKind,
        /// The id that the server gave.
        expected: String,
        /// The id of what it delivered.
        found: String,
    },
    /// A time that RFC 3339 cannot show.
    #[error("time {0:?} is out of range")]
    Time(String),
}

/// A person in a git object: `Name <email> seconds zone`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// Name.
    pub name: String,
    /// Email address.
    pub email: String,
    /// RFC 3339, in the person's time zone; `None` when the object has none that can be read.
    pub when: Option<String>,
}

impl GitObject {
    /// Parses an object, given without git's own header.
    pub fn parse(raw: &Bytes) -> Result<Self, GitObjectError> {
        let kind = if raw.starts_with(b"object ") { ObjectKind::Tag } else { ObjectKind::Commit };
        let object = split(kind, raw);
        let required: &[&'static str] = match kind {
            ObjectKind::Commit => &["tree", "author", "committer"],
            ObjectKind::Tag => &["object", "type", "tag", "tagger"],
        };
        match required.iter().find(|header| object.header(header).is_none()) {
            Some(header) => Err(GitObjectError::MissingHeader { kind, header }),
            None => Ok(object),
        }
    }

    /// Fails unless this is a `kind` whose id, SHA-1 or SHA-256 by its length, is `id`.
    pub fn verify(&self, kind: ObjectKind, id: &str) -> Result<(), GitObjectError> {
        if self.kind != kind {
            return Err(GitObjectError::Kind { expected: kind, found: self.kind });
        }
        let header = format!("{} {}\0", kind.name(), self.raw.len());
        let found = match id.len() {
            40 => HEXLOWER.encode(&Sha1::new().chain_update(header).chain_update(&self.raw).finalize()),
            64 => HEXLOWER.encode(&Sha256::new().chain_update(header).chain_update(&self.raw).finalize()),
            _ => return Err(GitObjectError::Id(id.to_owned())),
        };
        if found == id {
            Ok(())
        } else {
            Err(GitObjectError::Mismatch { kind, expected: id.to_owned(), found })
        }
    }

    /// The first header of a name.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers(name).next()
    }

    /// All headers of a name.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = String> {
        self.headers.iter().filter(move |(key, _)| key == name.as_bytes()).map(|(_, value)| lossy(value))
    }

    /// The person in a header.
    pub fn person(&self, header: &str) -> Result<Person, GitObjectError> {
        self.header(header).map_or_else(|| Ok(Person::default()), |value| Person::parse(&value))
    }

    /// The message, without its last line break and without a tag's signature.
    pub fn message(&self) -> String {
        lossy(&self.message)
    }

    /// The kind of its signature, `pgp` or `ssh`, by how that begins; `None` for none, or one of another kind.
    pub fn signature_format(&self) -> Option<&'static str> {
        if self.signature.starts_with(armor::PGP_BEGIN) {
            Some("pgp")
        } else if self.signature.starts_with(armor::SSH_BEGIN) {
            Some("ssh")
        } else {
            None
        }
    }

    /// When it was made, by its committer or tagger, in seconds since 1970.
    pub fn signed_at(&self) -> Option<i64> {
        let header = match self.kind {
            ObjectKind::Commit => "committer",
            ObjectKind::Tag => "tagger",
        };
        let person = self.header(header)?;
        let (_, time) = person.rsplit_once('>')?;
        time.split_whitespace().next()?.parse().ok()
    }

    /// What the signature says of itself; `None` when there is none, or none that can be read.
    pub fn signature_info(&self) -> Option<SignatureInfo> {
        SignatureInfo::parse(&self.signature)
    }
}

/// Takes an object apart. A commit's signature is a header, continued by indented lines; a tag's is
/// at the end of the message.
fn split(kind: ObjectKind, raw: &Bytes) -> GitObject {
    let mut headers = Vec::new();
    let mut message: Vec<&[u8]> = Vec::new();
    let mut signature: Vec<&[u8]> = Vec::new();
    let mut signed: Vec<&[u8]> = Vec::new();
    let mut lines = raw.split(|b| *b == b'\n');
    let mut in_signature = false;
    for line in lines.by_ref() {
        if line.is_empty() {
            signed.push(line);
            break;
        }
        if kind == ObjectKind::Commit {
            let begin = line.strip_prefix(b"gpgsig ").or_else(|| line.strip_prefix(b"gpgsig-sha256 "));
            let continued = line.strip_prefix(b" ").filter(|_| in_signature);
            in_signature = begin.is_some() || continued.is_some();
            if let Some(part) = begin.or(continued) {
                signature.push(part);
                continue;
            }
        }
        signed.push(line);
        let mut parts = line.splitn(2, |b| *b == b' ');
        if let (Some(key), Some(value)) = (parts.next(), parts.next()) {
            headers.push((key.to_vec(), value.to_vec()));
        }
    }
    let is_begin = |line: &[u8]| line == armor::PGP_BEGIN || line == armor::SSH_BEGIN;
    let mut in_signature = false;
    for line in lines {
        in_signature |= kind == ObjectKind::Tag && is_begin(line);
        if in_signature {
            signature.push(line);
        } else {
            message.push(line);
            signed.push(line);
        }
    }
    let mut message = message.join(&b'\n');
    if message.last() == Some(&b'\n') {
        message.pop();
    }
    let mut signed_data = signed.join(&b'\n');
    if kind == ObjectKind::Tag {
        signed_data.push(b'\n');
    }
    GitObject { kind, raw: raw.clone(), signed_data, signature: signature.join(&b'\n'), headers, message }
}

impl Person {
    fn parse(value: &str) -> Result<Self, GitObjectError> {
        let value = value.trim();
        // A name may hold a `<`; the address is in the last pair.
        let (Some(start), Some(end)) = (value.rfind('<'), value.rfind('>')) else {
            return Ok(Self { name: value.to_owned(), ..Self::default() });
        };
        if end < start {
            return Ok(Self { name: value.to_owned(), ..Self::default() });
        }
        Ok(Self {
            name: value[..start].trim().to_owned(),
            email: value[start + 1..end].trim().to_owned(),
            when: parse_time(value[end + 1..].trim())?,
        })
    }
}

/// `seconds ±hhmm`, as RFC 3339. A time that is malformed is no time; one that is out of range is an error.
fn parse_time(s: &str) -> Result<Option<String>, GitObjectError> {
    let mut fields = s.split_whitespace();
    let (Some(seconds), Some(zone)) = (fields.next().and_then(|f| f.parse::<i64>().ok()), fields.next())
    else {
        return Ok(None);
    };
    let sign = match zone.as_bytes() {
        [b'+', _, _, _, _] => 1,
        [b'-', _, _, _, _] => -1,
        _ => return Ok(None),
    };
    let number = |digits: Option<&str>| digits.and_then(|d| d.parse::<i32>().ok()).unwrap_or(0);
    let offset = sign * (number(zone.get(1..3)) * 3600 + number(zone.get(3..5)) * 60);
    let out_of_range = || GitObjectError::Time(s.to_owned());
    let zone = FixedOffset::east_opt(offset).ok_or_else(out_of_range)?;
    let time = DateTime::from_timestamp(seconds, 0).ok_or_else(out_of_range)?;
    // Adding the zone may leave chrono's range, which is far beyond four digits of year.
    if !(-1..=10_000).contains(&time.year()) {
        return Err(out_of_range());
    }
    let time = time.with_timezone(&zone);
    if !(0..=9999).contains(&time.year()) {
        return Err(out_of_range());
    }
    Ok(Some(time.to_rfc3339_opts(SecondsFormat::Secs, true)))
}

#[cfg(test)]
mod tests;
