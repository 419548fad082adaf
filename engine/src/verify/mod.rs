//! Signatures: what was signed, by whom, and which step failed where one doesn't verify.
//!
//! Pure, as the whole engine: what is verified and the [`Trust`] that it is verified against are passed in.

mod failure;
pub mod git;
pub mod pgp;
pub mod ssh;
mod trust;

pub use failure::{Failure, Step, Subject};
pub use trust::{RootKind, TRUST_ROOT_LIMIT, Trust, TrustError, TrustRoot};
