//! `policy-check serve`: stands in front of buildkitd and holds every build to policy.

pub mod decision_log;
pub mod metrics;
pub mod metrics_http;
pub mod notify;
pub(crate) mod operator;
pub mod policy_store;
pub mod progress;
pub mod record;
mod recording_root;
