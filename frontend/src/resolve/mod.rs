//! Finds out about sources: a source and what is wanted go in, metadata comes out.

pub mod image;
pub mod oci_layout;
mod once;
pub mod transport;

#[cfg(test)]
pub(crate) mod testing;
