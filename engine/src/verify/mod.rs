//! Signatures: what was signed, by whom, and which step failed where one doesn't verify.
//!
//! Pure, as the whole engine: what is verified and the [`Trust`] that it is verified against are passed in.

mod artifact;
pub mod bundle;
mod cache;
mod certificate;
mod dhi;
mod failure;
pub mod git;
pub mod image;
mod key;
mod kind;
mod manifest;
mod material;
pub mod pgp;
mod simplesigning;
pub mod ssh;
mod trust;

pub use artifact::{Artifact, ArtifactDigest, ArtifactDigestError};
pub use bundle::{Bundle, BundleFailure, BundleVersion, Expect, LogEntry, VerifiedBundle};
pub use failure::{Failure, Step, Subject};
pub use key::{KEY_LIMIT, KeyError, PublicKey};
pub use trust::{RootKind, TRUST_ROOT_LIMIT, Trust, TrustError, TrustRoot};
