//! BuildKit's messages. Most come generated; the policy session's and a few views of large messages are here.
//!
//! A message of a client is never decoded and encoded again, as that would lose what this version does not
//! know. The views hold the fields that decide something, and nothing is ever written from them.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::{DecodeError, Message};

use super::maps::{self, MapError};

pub use bollard_buildkit_proto::fsutil::types as fsutil;
pub use bollard_buildkit_proto::google;
pub use bollard_buildkit_proto::health;
pub use bollard_buildkit_proto::moby::buildkit::v1 as control;
pub use bollard_buildkit_proto::moby::buildkit::v1::frontend as gateway;
pub use bollard_buildkit_proto::moby::buildkit::v1::sourcepolicy;
pub use bollard_buildkit_proto::moby::filesync;
pub use bollard_buildkit_proto::pb;

/// `moby.buildkit.v1.sourcepolicy.policysession` (`sourcepolicy/policysession/policysession.proto`).
pub mod policysession {
    use std::collections::HashMap;

    use super::{gateway, pb, sourcepolicy};

    /// Path of the service's only method.
    pub const CHECK_POLICY: &str = "/moby.buildkit.v1.sourcepolicy.policysession.PolicyVerifier/CheckPolicy";

    /// May this source be used?
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct CheckPolicyRequest {
        /// The platform it is wanted for; missing for sources without one.
        #[prost(message, optional, tag = "1")]
        pub platform: Option<pb::Platform>,
        /// The source with what is known about it: the complete answer to the last request.
        #[prost(message, optional, tag = "2")]
        pub source: Option<gateway::ResolveSourceMetaResponse>,
        /// Never filled by BuildKit 0.32.
        #[prost(map = "string, bool", tag = "3")]
        pub caps: HashMap<String, bool>,
    }

    /// A decision, or a question.
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct CheckPolicyResponse {
        /// Without a result, BuildKit fails the build.
        #[prost(oneof = "Answer", tags = "1, 2")]
        pub result: Option<Answer>,
    }

    /// What a [`CheckPolicyResponse`] holds.
    #[derive(Clone, PartialEq, prost::Oneof)]
    #[allow(clippy::large_enum_variant, reason = "one at a time, and gone once it is sent")]
    pub enum Answer {
        /// It is decided.
        #[prost(message, tag = "1")]
        Decision(DecisionResponse),
        /// More must be known. A request without a source crashes buildkitd 0.32.2.
        #[prost(message, tag = "2")]
        Request(gateway::ResolveSourceMetaRequest),
    }

    /// A decision. An empty one allows.
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct DecisionResponse {
        /// Allow, deny or convert.
        #[prost(enumeration = "sourcepolicy::PolicyAction", tag = "1")]
        pub action: i32,
        /// Why it is denied.
        #[prost(message, repeated, tag = "2")]
        pub deny_messages: Vec<DenyMessage>,
        /// What to use instead; identifier and attributes both replace the old ones.
        #[prost(message, optional, tag = "3")]
        pub update: Option<pb::SourceOp>,
    }

    /// One reason.
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct DenyMessage {
        /// For people.
        #[prost(string, tag = "1")]
        pub message: String,
    }
}

/// What matters of a `Control.Solve` request (`api/services/control/control.proto`).
#[derive(Clone, PartialEq, prost::Message)]
pub struct SolveView {
    /// The build's id, chosen by the client.
    #[prost(string, tag = "1")]
    pub r#ref: String,
    /// An LLB definition sent directly.
    #[prost(message, optional, tag = "2")]
    pub definition: Option<DefinitionView>,
    /// Name of a single exporter, as old clients give it.
    #[prost(string, tag = "3")]
    pub exporter_deprecated: String,
    /// The client's session.
    #[prost(string, tag = "5")]
    pub session: String,
    /// A frontend that the daemon runs itself; empty when the client drives the build through `LLBBridge`.
    #[prost(string, tag = "6")]
    pub frontend: String,
    /// Options for the frontend. Only told, not acted upon, when `frontend` is empty.
    #[prost(btree_map = "string, string", tag = "7")]
    pub frontend_attrs: BTreeMap<String, String>,
    /// Cache imports and exports.
    #[prost(message, optional, tag = "8")]
    pub cache: Option<control::CacheOptions>,
    /// Definitions that the frontend takes instead of directories (`pb.Definition`, encoded), by name.
    #[prost(btree_map = "string, bytes", tag = "10")]
    pub frontend_inputs: BTreeMap<String, Vec<u8>>,
    /// Not recorded in the history; buildx marks its own helper builds so.
    #[prost(bool, tag = "11")]
    pub internal: bool,
    /// Where results go (`Exporter`, encoded).
    #[prost(bytes = "bytes", repeated, tag = "13")]
    pub exporters: Vec<bytes::Bytes>,
    /// Whether the session may name exporters later.
    #[prost(bool, tag = "14")]
    pub enable_session_exporter: bool,
    /// The session to ask about each source.
    #[prost(string, tag = "15")]
    pub source_policy_session: String,
    /// Whether `RUN` goes through the daemon's proxy.
    #[prost(bool, tag = "17")]
    pub proxy_network: bool,
}

/// What matters of a `pb.Definition`. A message, as one that is there twice is one with the operations of both.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DefinitionView {
    /// The operations (`pb.Op`, encoded).
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub def: Vec<bytes::Bytes>,
}

/// What matters of an `LLBBridge.Solve` request (`frontend/gateway/pb/gateway.proto`).
#[derive(Clone, PartialEq, prost::Message)]
pub struct BridgeSolveView {
    /// A definition to solve.
    #[prost(message, optional, tag = "1")]
    pub definition: Option<DefinitionView>,
    /// A frontend to run; empty when a definition is solved.
    #[prost(string, tag = "2")]
    pub frontend: String,
    /// Options for the frontend: what BuildKit acts on.
    #[prost(btree_map = "string, string", tag = "3")]
    pub frontend_opt: BTreeMap<String, String>,
    /// Caches to import.
    #[prost(message, repeated, tag = "12")]
    pub cache_imports: Vec<gateway::CacheOptionsEntry>,
    /// Definitions that the frontend takes instead of directories (`pb.Definition`, encoded), by name.
    #[prost(btree_map = "string, bytes", tag = "13")]
    pub frontend_inputs: BTreeMap<String, Vec<u8>>,
}

/// Why a request that is passed on is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It is not what it should be.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// The daemon could understand it differently.
    #[error(transparent)]
    Map(#[from] MapError),
}

impl SolveView {
    /// Reads a request that means to every decoder what it means here.
    pub fn read(message: &Bytes) -> Result<Self, ReadError> {
        maps::check(message, &maps::SOLVE)?;
        Ok(Self::decode(message.clone())?)
    }
}

impl BridgeSolveView {
    /// Reads a request that means to every decoder what it means here.
    pub fn read(message: &Bytes) -> Result<Self, ReadError> {
        maps::check(message, &maps::BRIDGE_SOLVE)?;
        Ok(Self::decode(message.clone())?)
    }
}
