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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::BundleVersion;

    #[test]
    fn no_two_questions_have_the_same_key() {
        let keys = [
            Key::new(&[b"a", b"b"]),
            Key::new(&[b"ab"]),
            Key::new(&[b"ab", b""]),
            Key::new(&[b"", b"ab"]),
            Key::new(&[b"b", b"a"]),
        ];
        for (n, key) in keys.iter().enumerate() {
            assert!(!keys[..n].contains(key), "{n}");
        }
        assert_eq!(keys[0], Key::new(&[b"a", b"b"]));
    }

    #[test]
    fn it_stays_bounded() {
        let cache = Cache::default();
        let verified = VerifiedBundle {
            trust_root: "own".to_owned(),
            root_kind: None,
            version: BundleVersion::V0_3,
            signer: None,
            timestamps: Vec::new(),
            predicate_type: None,
        };
        let key = |n: usize| Key::new(&[&n.to_le_bytes()]);
        for n in 0..=CACHE_LIMIT {
            cache.insert(key(n), verified.clone());
            assert_eq!(cache.get(key(n)).as_ref(), Some(&verified));
        }
        assert_eq!(cache.known.lock().unwrap().len(), 1);
        assert_eq!((cache.get(key(0)), cache.get(key(CACHE_LIMIT))), (None, Some(verified)));
    }
}
