//! What a definition may see of the world.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use crate::flag_values::parse_bool;

/// Variables, time, randomness and platform: whatever functions and variables of a definition may depend on.
pub struct Environment {
    /// Environment variables, and what `--var` sets.
    pub variables: BTreeMap<String, String>,
    /// What `timestamp()` says.
    pub now: DateTime<Utc>,
    /// What `uuidv4()` is made of.
    pub random: [u8; 32],
    /// What `homedir()` says.
    pub home: Option<String>,
    /// `BAKE_LOCAL_PLATFORM`, as `linux/amd64`.
    pub local_platform: String,
    calls: AtomicU64,
}

impl Environment {
    /// An environment with these variables.
    pub fn new(
        variables: BTreeMap<String, String>,
        now: DateTime<Utc>,
        random: [u8; 32],
        home: Option<String>,
        local_platform: String,
    ) -> Self {
        Self { variables, now, random, home, local_platform, calls: AtomicU64::new(0) }
    }

    /// That of this process: its variables (those that are UTF-8), the time, fresh randomness.
    ///
    /// # Errors
    ///
    /// Where the system has no randomness.
    pub fn of_process() -> Result<Self, getrandom::Error> {
        let text =
            |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        let variables: BTreeMap<String, String> = std::env::vars_os().filter_map(text).collect();
        let mut random = [0; 32];
        getrandom::fill(&mut random)?;
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "x86" => "386",
            "arm" => "arm/v7",
            "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
            other => other,
        };
        let os = if std::env::consts::OS == "macos" { "darwin" } else { std::env::consts::OS };
        let home = variables.get("HOME").filter(|home| !home.is_empty()).cloned();
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let now = DateTime::from_timestamp(i64::try_from(seconds).unwrap_or(i64::MAX), 0).unwrap_or_default();
        Ok(Self::new(variables, now, random, home, format!("{os}/{architecture}")))
    }

    /// Other bytes at each call.
    pub(crate) fn random_bytes(&self) -> [u8; 16] {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let digest = Sha256::new().chain_update(self.random).chain_update(call.to_be_bytes()).finalize();
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(digest).for_each(|(byte, given)| *byte = given);
        bytes
    }

    /// The value of a variable, but if looking variables up is switched off.
    pub(crate) fn lookup(&self, name: &str) -> Option<&str> {
        if self.lookup_disabled() { None } else { self.variables.get(name).map(String::as_str) }
    }

    pub(crate) fn lookup_disabled(&self) -> bool {
        self.flag("BUILDX_BAKE_DISABLE_VARS_ENV_LOOKUP")
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.variables.get(name).is_some_and(|value| parse_bool(value) == Some(true))
    }
}

impl fmt::Debug for Environment {
    /// Variables may hold secrets: only their names are shown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Environment")
            .field("variables", &self.variables.keys().collect::<Vec<_>>())
            .field("now", &self.now)
            .field("home", &self.home)
            .field("local_platform", &self.local_platform)
            .finish_non_exhaustive()
    }
}
