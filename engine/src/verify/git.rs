//! Signatures of git commits and tags, by OpenPGP or SSH keys of one file.

use super::pgp::{self, Keyring, PgpError, Signatures, Validity};
use super::ssh::{self, SignedAt, Signers, SignersError};
use super::{Failure, Step};
use crate::git_object::GitObject;

/// The keys of a file, whose signatures count.
#[derive(Debug, Clone)]
pub enum GitKeys {
    /// OpenPGP public keys.
    Pgp(Keyring),
    /// SSH public keys, or allowed signers.
    Ssh(Signers),
}

/// Why a file of keys can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GitKeysError {
    /// It looked like OpenPGP.
    #[error(transparent)]
    Pgp(#[from] PgpError),
    /// It did not.
    #[error(transparent)]
    Ssh(#[from] SignersError),
}

impl GitKeys {
    /// Reads a file: one with an armored PGP block holds OpenPGP keys, any other one SSH keys.
    pub fn parse(file: &[u8]) -> Result<Self, GitKeysError> {
        if Keyring::is_like(file) {
            return Ok(Self::Pgp(Keyring::parse(file)?));
        }
        Ok(Self::Ssh(Signers::parse(file)?))
    }
}

/// Verifies that `object` is signed with one of `keys`. `now` is in seconds since 1970.
///
/// An OpenPGP signature tells when it was made. An SSH signature doesn't: as in `git verify-commit`, the time of the
/// commit or tag counts.
pub fn verify(object: &GitObject, keys: &GitKeys, now: i64, validity: Validity) -> Result<(), Failure> {
    let kind = object.kind.name();
    if object.signature.is_empty() {
        return Err(Failure::new(Step::Unsigned, format!("the {kind} is not signed")));
    }
    if object.signature.len() > pgp::PGP_FILE_LIMIT {
        let message = format!("the {kind}'s signature is larger than {} bytes", pgp::PGP_FILE_LIMIT);
        return Err(Failure::new(Step::Limit, message));
    }
    let other_kind = |made: &str, held: &str| {
        Failure::new(Step::Key, format!("the {kind} is signed with {made}, and the file holds {held}"))
    };
    match (object.signature_format(), keys) {
        (Some("pgp"), GitKeys::Pgp(keyring)) => {
            let signatures = Signatures::parse(&object.signature).map_err(|error| {
                let step = if matches!(error, PgpError::TooMany { .. }) { Step::Limit } else { Step::Format };
                Failure { format: "pgp".to_owned(), ..Failure::new(step, format!("the signature: {error}")) }
            })?;
            signatures.verify(&object.signed_data, keyring, now, validity)
        }
        (Some("ssh"), GitKeys::Ssh(signers)) => {
            let at = SignedAt { signed: object.signed_at(), now, validity };
            ssh::verify(&object.signature, &object.signed_data, ssh::GIT_NAMESPACE, signers, at)
        }
        (Some("pgp"), GitKeys::Ssh(_)) => Err(other_kind("OpenPGP", "SSH keys")),
        (Some(_), GitKeys::Pgp(_)) => Err(other_kind("SSH", "OpenPGP keys")),
        (Some(_) | None, _) => {
            let message = format!("the {kind}'s signature is neither an OpenPGP nor an SSH signature");
            Err(Failure::new(Step::Format, message))
        }
    }
}

#[cfg(test)]
mod tests;
