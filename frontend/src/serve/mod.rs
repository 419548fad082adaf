//! `policy-check serve`: stands in front of buildkitd and holds every build to policy.

pub mod ids;
pub mod policy_session;
pub mod record;
pub mod sessions;
pub mod uplink;
