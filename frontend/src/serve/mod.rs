//! `policy-check serve`: stands in front of buildkitd and holds every build to policy.

pub mod record;
pub mod verify;
