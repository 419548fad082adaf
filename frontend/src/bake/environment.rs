//! What a definition may see of the world.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

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

/// The spellings of a truth value that Go takes.
pub(crate) fn parse_bool(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}
