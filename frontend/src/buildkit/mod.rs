//! What BuildKit speaks: messages, HTTP/2 streams passed on as they are, session tunnels, builds of our own.

pub mod batch;
pub mod convert;
pub mod endpoint;
pub mod forward;
pub mod grpc;
pub mod ids;
pub mod internal_build;
pub mod limits;
pub mod llb;
pub mod maps;
pub mod proto;
pub mod service;
pub mod stream;
#[cfg(test)]
pub(crate) mod testing;
pub mod tls;
pub mod tunnel;
