//! `policy-check serve`: stands in front of buildkitd and holds every build to policy.

pub mod build_env;
pub mod cache_imports;
pub mod record;
pub mod repo_policy;
