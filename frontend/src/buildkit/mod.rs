//! What BuildKit speaks: messages, HTTP/2 streams passed on as they are, session tunnels, builds of our own.

pub mod internal_build;
pub mod llb;
pub mod proto;
#[cfg(test)]
pub(crate) mod testing;
