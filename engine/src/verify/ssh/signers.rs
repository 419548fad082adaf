//! Files of SSH public keys: `authorized_keys` (sshd, its manual page), `*.pub`, and
//! `allowed_signers` (that of ssh-keygen). A line begins with a key's type, or with options or principals before it.

use data_encoding::BASE64;
use ssh_key::public::KeyData;

use super::{is_certificate, time};

/// Lines that are looked at.
const LINE_LIMIT: usize = 16_384;

/// Types of keys that can sign.
const KEY_TYPES: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// Options of `authorized_keys`, by which they are told from principals.
const LOGIN_OPTIONS: [&str; 24] = [
    "agent-forwarding",
    "cert-authority",
    "command",
    "environment",
    "expiry-time",
    "from",
    "no-agent-forwarding",
    "no-port-forwarding",
    "no-pty",
    "no-touch-required",
    "no-user-rc",
    "no-x11-forwarding",
    "permitlisten",
    "permitopen",
    "port-forwarding",
    "principals",
    "pty",
    "restrict",
    "touch-required",
    "tunnel",
    "user-rc",
    "verify-required",
    "x11-forwarding",
    "zos-key-ring-label",
];

/// Options of `allowed_signers`.
const SIGNER_OPTIONS: [&str; 4] = ["cert-authority", "namespaces", "valid-after", "valid-before"];

/// Whose keys count.
#[derive(Debug, Clone)]
pub struct Signers(Vec<Signer>);

/// A line of the file.
#[derive(Debug, Clone)]
pub(super) struct Signer {
    /// Counted from 1.
    pub(super) line: usize,
    /// The key, as SSH encodes it.
    key: Vec<u8>,
    /// Whether the key is one that makes certificates.
    pub(super) is_authority: bool,
    /// Who has the key: patterns. `None` for lines that don't name anybody.
    pub(super) principals: Option<String>,
    /// What it may sign: patterns.
    pub(super) namespaces: Option<String>,
    /// From when on, in seconds since 1970.
    pub(super) valid_after: Option<i64>,
    /// Until when.
    pub(super) valid_before: Option<i64>,
}

/// Why a file of SSH keys can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignersError {
    /// A line is malformed.
    #[error("line {line}: {reason}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// It is no text.
    #[error("it is neither PGP public keys nor UTF-8 text with SSH public keys")]
    Text,
    /// It holds a private key.
    #[error("it holds a private key; give the public one, which lies beside it as `….pub`")]
    PrivateKey,
    /// There is no key in it.
    #[error("it holds neither a PGP nor an SSH public key")]
    Empty,
    /// It has too many lines.
    #[error("it has more than {LINE_LIMIT} lines")]
    TooLong,
}

impl Signers {
    /// Reads a file. Keys of types that can't be verified are passed over; a line that is malformed refuses the file.
    pub fn parse(file: &[u8]) -> Result<Self, SignersError> {
        let text = std::str::from_utf8(file).map_err(|_| SignersError::Text)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut signers = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if number >= LINE_LIMIT {
                return Err(SignersError::TooLong);
            }
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line.starts_with("-----BEGIN ") && line.contains("PRIVATE KEY") {
                return Err(SignersError::PrivateKey);
            }
            let signer = Signer::parse(number + 1, line)
                .map_err(|reason| SignersError::Line { line: number + 1, reason })?;
            signers.extend(signer);
        }
        if signers.is_empty() { Err(SignersError::Empty) } else { Ok(Self(signers)) }
    }

    /// The lines with this key.
    pub(super) fn of_key(&self, key: &[u8]) -> Vec<&Signer> {
        self.0.iter().filter(|signer| signer.key == key).collect()
    }
}

impl Signer {
    /// `None` for a key of a type that can't be verified.
    fn parse(line: usize, text: &str) -> Result<Option<Self>, String> {
        let mut rest = text;
        let mut before: Vec<&str> = Vec::new();
        let key_type = loop {
            let field = next_field(&mut rest)?;
            match field {
                "" => return Err("there is no public key".to_owned()),
                field if is_key_type(field) => break field,
                field if before.len() < 2 => before.push(field),
                _ => return Err("there is no public key after principals and options".to_owned()),
            }
        };
        let encoded = next_field(&mut rest)?;
        if !KEY_TYPES.contains(&key_type) {
            return Ok(None);
        }
        let key =
            BASE64.decode(encoded.as_bytes()).map_err(|_| format!("the {key_type} key is no base64"))?;
        KeyData::try_from_wire(key_type, &key).ok_or_else(|| format!("the {key_type} key is malformed"))?;
        let mut signer = Self {
            line,
            key,
            is_authority: false,
            principals: None,
            namespaces: None,
            valid_after: None,
            valid_before: None,
        };
        match before.as_slice() {
            [] => {}
            [options] if are_login_options(options)? => signer.read_login_options(options)?,
            [principals] => signer.read_principals(principals)?,
            [principals, options, ..] => {
                signer.read_principals(principals)?;
                signer.read_options(options)?;
            }
        }
        Ok(Some(signer))
    }

    fn read_principals(&mut self, field: &str) -> Result<(), String> {
        let first = field.split(['=', ',']).next().unwrap_or_default();
        if field.contains('=') && SIGNER_OPTIONS.contains(&first) {
            return Err("principals must stand before the options: `*` for anybody".to_owned());
        }
        self.principals = Some(unquoted(field).to_owned());
        Ok(())
    }

    fn read_options(&mut self, field: &str) -> Result<(), String> {
        for option in split_options(field)? {
            let (name, value) = named(option);
            match (name.to_ascii_lowercase().as_str(), value) {
                ("cert-authority", None) => self.is_authority = true,
                ("namespaces", Some(value)) if self.namespaces.is_none() => {
                    self.namespaces = Some(value.to_owned());
                }
                ("valid-after", Some(value)) if self.valid_after.is_none() => {
                    self.valid_after = Some(parse_time(name, value)?);
                }
                ("valid-before", Some(value)) if self.valid_before.is_none() => {
                    self.valid_before = Some(parse_time(name, value)?);
                }
                _ => return Err(format!("the option `{option}` is not known, or there twice")),
            }
        }
        Ok(())
    }

    /// Of options for logging in, those count that limit the key as such.
    fn read_login_options(&mut self, field: &str) -> Result<(), String> {
        for option in split_options(field)? {
            match named(option) {
                (name, None) if name.eq_ignore_ascii_case("cert-authority") => self.is_authority = true,
                (name, Some(value)) if name.eq_ignore_ascii_case("expiry-time") => {
                    self.valid_before = Some(parse_time(name, value)?);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Reads the key inside its encoding.
trait FromWire: Sized {
    fn try_from_wire(key_type: &str, wire: &[u8]) -> Option<Self>;
}

impl FromWire for KeyData {
    fn try_from_wire(key_type: &str, wire: &[u8]) -> Option<Self> {
        let key = ssh_key::PublicKey::from_bytes(wire).ok()?;
        (key.algorithm().as_str() == key_type).then(|| key.key_data().clone())
    }
}

fn is_key_type(field: &str) -> bool {
    KEY_TYPES.contains(&field) || field == "ssh-dss" || is_certificate(field.as_bytes())
}

fn are_login_options(field: &str) -> Result<bool, String> {
    let known = |option: &&str| LOGIN_OPTIONS.contains(&named(option).0.to_ascii_lowercase().as_str());
    Ok(split_options(field)?.iter().all(known))
}

/// Name and value of `name="value"`.
fn named(option: &str) -> (&str, Option<&str>) {
    match option.split_once('=') {
        Some((name, value)) => (name, Some(unquoted(value))),
        None => (option, None),
    }
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

fn parse_time(name: &str, value: &str) -> Result<i64, String> {
    time::parse(value)
        .ok_or_else(|| format!("`{name}` must be YYYYMMDD or YYYYMMDDHHMM[SS], with a Z at the end or not"))
}

/// The next field, up to blanks that are not in quotes; empty at the end.
fn next_field<'t>(rest: &mut &'t str) -> Result<&'t str, String> {
    let text = rest.trim_start();
    let end = unquoted_position(text, |byte| byte.is_ascii_whitespace())?;
    let (field, after) = text.split_at(end.unwrap_or(text.len()));
    *rest = after;
    Ok(field)
}

/// Options between commas that are not in quotes.
fn split_options(field: &str) -> Result<Vec<&str>, String> {
    let mut options = Vec::new();
    let mut rest = field;
    while let Some(comma) = unquoted_position(rest, |byte| byte == b',')? {
        options.push(&rest[..comma]);
        rest = &rest[comma + 1..];
    }
    options.push(rest);
    Ok(options)
}

/// Where the first such ASCII byte is that is not in quotes. In quotes, a backslash keeps a quote from ending them.
fn unquoted_position(text: &str, is: impl Fn(u8) -> bool) -> Result<Option<usize>, String> {
    let (mut in_quotes, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        if !in_quotes && is(byte) {
            return Ok(Some(at));
        }
        in_quotes ^= byte == b'"' && !escaped;
        escaped = in_quotes && byte == b'\\' && !escaped;
    }
    if in_quotes { Err("a quote is not closed".to_owned()) } else { Ok(None) }
}
