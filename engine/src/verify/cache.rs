//! What was verified already.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::bundle::VerifiedBundle;

/// Results that are kept; when there are more, all are forgotten.
const CACHE_LIMIT: usize = 4096;

/// Bundles that verified, by all that the result depends on: the bundle, what was signed, what was expected, the key
/// where one was given, and the trust root. Failures are not kept: a bundle from the future verifies one day.
#[derive(Debug, Default)]
pub(super) struct Cache {
    known: Mutex<HashMap<Key, VerifiedBundle>>,
}

/// SHA-256 over all that a result depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 32]);

impl Key {
    /// Of these parts, in this order. Each is hashed with its length, so that no two lists of parts are the same.
    pub(super) fn new(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}

impl Cache {
    pub(super) fn get(&self, key: Key) -> Option<VerifiedBundle> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
    }

    pub(super) fn insert(&self, key: Key, verified: VerifiedBundle) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= CACHE_LIMIT {
            known.clear();
        }
        known.insert(key, verified);
    }
}
