//! What BuildKit speaks: messages, HTTP/2 streams passed on as they are, session tunnels, builds of our own.

pub mod convert;
pub mod proto;
