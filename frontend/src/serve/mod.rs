//! `policy-check serve`: stands in front of buildkitd and holds every build to policy.

mod bridge;
pub mod build;
pub mod build_env;
pub mod builds;
pub mod client_policy;
pub mod connection;
pub mod decision_log;
pub mod denial;
pub mod guard;
mod health;
pub mod ids;
pub mod metrics;
pub mod metrics_http;
pub mod notify;
pub(crate) mod operator;
pub mod own_calls;
pub mod policy_session;
pub mod progress;
pub mod record;
pub mod repo_policy;
pub mod run;
pub mod server;
pub mod sessions;
mod solve;
mod status;
pub mod uplink;
