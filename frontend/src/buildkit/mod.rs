//! What BuildKit speaks: messages, HTTP/2 streams passed on as they are, session tunnels, builds of our own.

pub mod endpoint;
pub mod forward;
pub mod grpc;
pub mod limits;
pub mod proto;
pub mod service;
pub mod stream;
pub mod tls;
pub mod tunnel;
pub mod internal_build;
pub mod llb;
pub mod proto;
#[cfg(test)]
pub(crate) mod testing;
