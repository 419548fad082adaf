//! Where a user's cache is.

use std::path::PathBuf;

use etcetera::BaseStrategy as _;

/// `POLICY_CHECK_CACHE_DIR`, else `policy-check` in the folder that the platform has for caches
/// (`$XDG_CACHE_HOME`, `~/.cache`; `~/Library/Caches`); `None` for a user without a home.
pub fn default_dir() -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os("POLICY_CHECK_CACHE_DIR").filter(|dir| !dir.is_empty()) {
        return Some(dir.into());
    }
    let strategy = etcetera::base_strategy::choose_native_strategy().ok()?;
    Some(strategy.cache_dir().join("policy-check"))
}
