//! `policy-check serve`: stands in front of buildkitd and holds every build to policy.

pub mod ids;
pub mod policy_session;
pub mod decision_log;
pub mod metrics;
pub mod metrics_http;
#[cfg(target_os = "linux")]
pub mod notify;
pub(crate) mod operator;
pub mod progress;
pub mod record;
pub mod sessions;
pub mod uplink;
pub mod build_env;
pub mod record;
pub mod repo_policy;
