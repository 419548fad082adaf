//! Policies and libraries from elsewhere: a folder, a commit, an OCI artifact, held to digests.
//!
//! From the outside in: [`libraries`] reads `policy-libraries.json`, and [`LibraryRoot`] gives a policy's root the
//! files of libraries below their names; [`Fetcher`] gets the files of a [`Place`], from the cache where that has them;
//! [`layout`] knows how OPA and conftest store policies as artifacts; [`Files`] holds what came, within limits.
//!
//! [`SignedBy`] says who must have signed, and `signatures` finds out whether they did.
//!
//! Nothing is used that no digest holds: a tag or a branch is an error until a lock says what it is.

mod error;
mod fetch;
mod files;
pub mod layout;
pub mod libraries;
mod library_root;
mod listed;
mod place;
mod signatures;
mod signed_by;

pub use self::error::DistributionError;
pub use self::fetch::{Fetched, Fetcher, Held};
pub use self::files::{Files, FilesRoot, MAX_BYTES, MAX_FILES};
pub use self::library_root::LibraryRoot;
pub use self::listed::ListedPlace;
pub use self::place::Place;
pub use self::signed_by::{Signatory, SignedBy};
