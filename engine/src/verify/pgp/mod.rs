//! OpenPGP signatures and the keys that may have made them (RFC 9580).
//!
//! rPGP parses packets and verifies signatures; `packets` takes files apart, `keyring` sorts a file's packets into
//! keys, `key` tells which of a key's parts may sign and when, `signature` verifies. What rPGP leaves to its users is
//! decided here: only strong hashes and keys, and only keys that were neither expired nor revoked.

mod key;
mod keyring;
mod packets;
mod signature;

pub use keyring::Keyring;
pub use packets::PgpError;
pub use signature::{Signature, Signatures};

use super::Failure;
use super::failure::Step;

/// Bytes of a file with keys or signatures.
pub const PGP_FILE_LIMIT: usize = 512 << 10;
/// Signatures in one file, or on one object.
pub const SIGNATURE_LIMIT: usize = 16;
/// Packets in one file.
const PACKET_LIMIT: usize = 16_384;
/// Bits that an RSA key must have.
const MIN_RSA_BITS: usize = 2048;
/// How far in the future a signature may have been made, in seconds: clocks differ.
const CLOCK_SKEW: i64 = 5 * 60;

/// When a key has to be valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// When it signed: it may have expired since.
    WhenSigned,
    /// When it signed and now.
    Now,
}

/// The time of a signature, and of the check: seconds since 1970.
#[derive(Debug, Clone, Copy)]
struct Moment {
    signed: i64,
    now: i64,
    validity: Validity,
}

impl Moment {
    /// The last time at which everything must be valid.
    fn last(self) -> i64 {
        match self.validity {
            Validity::WhenSigned => self.signed,
            Validity::Now => self.now.max(self.signed),
        }
    }
}

/// A failure of `step`.
fn failure(step: Step, message: impl AsRef<str>) -> Failure {
    Failure { format: "pgp".to_owned(), ..Failure::new(step, message) }
}
