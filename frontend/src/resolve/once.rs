//! Everything once: who asks for what is already under way waits for that.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

/// Results by key; a failure is a result too.
pub(crate) struct OnceMap<K, V> {
    cells: Mutex<HashMap<K, Arc<OnceCell<V>>>>,
}

impl<K, V> Default for OnceMap<K, V> {
    fn default() -> Self {
        Self { cells: Mutex::default() }
    }
}

impl<K: Eq + Hash, V: Clone> OnceMap<K, V> {
    /// The value for `key`; `make` is polled for the first caller only, or for the next one if the first gave up.
    pub(crate) async fn get(&self, key: K, make: impl Future<Output = V>) -> V
    where
        V: Send + Sync,
    {
        self.cell(key).get_or_init(|| make).await.clone()
    }

    /// As [`OnceMap::get`], but an error is not kept: it is the caller's alone, and the next one makes it itself.
    pub(crate) async fn try_get<E>(&self, key: K, make: impl Future<Output = Result<V, E>>) -> Result<V, E>
    where
        V: Send + Sync,
    {
        self.cell(key).get_or_try_init(|| make).await.cloned()
    }

    fn cell(&self, key: K) -> Arc<OnceCell<V>> {
        // Nothing can panic while this is locked, so a poisoned lock holds a sound map.
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(cells.entry(key).or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn concurrent_callers_share_one_run() {
        let map = OnceMap::default();
        let runs = AtomicUsize::new(0);
        let make = async || {
            tokio::task::yield_now().await;
            runs.fetch_add(1, Ordering::Relaxed)
        };
        let results = tokio::join!(map.get("a", make()), map.get("a", make()), map.get("b", make()));
        assert_eq!(results.0, results.1);
        assert_ne!(results.0, results.2);
        assert_eq!(runs.load(Ordering::Relaxed), 2);
    }
}
