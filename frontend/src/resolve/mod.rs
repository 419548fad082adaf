//! Finds out about sources: a source and what is wanted go in, metadata comes out.

pub mod git;
pub mod github;
pub mod http;
pub mod image;
mod judge;
mod link;
pub mod oci_layout;
pub(crate) mod once;
mod origin;
pub mod redact;
mod resolver;
mod shared;
pub mod transport;

pub use judge::Judge;
pub use origin::Origin;
pub use resolver::{ResolveError, Resolver};

#[cfg(test)]
pub(crate) mod testing;
