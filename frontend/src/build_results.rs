//! The builds of a run that others have among their contexts (`target:NAME` of bake): they wait for them here.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::dockerfile::BuildResult;

/// What the builds of a run come to, by their names.
#[derive(Debug, Default)]
pub struct BuildResults(BTreeMap<String, watch::Receiver<Option<Arc<BuildResult>>>>);

/// Where one build says what it comes to. Those that wait for it learn that nobody knows when this is dropped.
#[derive(Debug)]
pub struct ResultSlot(watch::Sender<Option<Arc<BuildResult>>>);

impl BuildResults {
    /// Room for the results of builds with these names, and where each of them says its own.
    pub fn of<'a>(names: impl Iterator<Item = Option<&'a str>>) -> (Arc<Self>, Vec<ResultSlot>) {
        let mut results = BTreeMap::new();
        let slots = names.map(|name| {
            let (sender, receiver) = watch::channel(None);
            if let Some(name) = name {
                results.insert(name.to_owned(), receiver);
            }
            ResultSlot(sender)
        });
        let slots = slots.collect();
        (Arc::new(Self(results)), slots)
    }

    /// What the build `name` comes to, once that is known; `None` if there is no such build or it failed. No two builds
    /// may wait for each other.
    pub async fn get(&self, name: &str) -> Option<Arc<BuildResult>> {
        let mut result = self.0.get(name)?.clone();
        let known = result.wait_for(Option::is_some).await.ok()?;
        known.clone()
    }

    /// Whether there is such a build, and nobody knows what it comes to.
    pub async fn has_failed(&self, name: &str) -> bool {
        self.0.contains_key(name) && self.get(name).await.is_none()
    }
}

impl ResultSlot {
    /// Tells those that wait.
    pub fn set(self, result: BuildResult) {
        self.0.send_replace(Some(Arc::new(result)));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test code")]

    use super::*;

    #[tokio::test]
    async fn who_waits_hears_of_failures() {
        let (results, slots) = BuildResults::of([Some("good"), Some("bad"), None].into_iter());
        let [good, bad, _] = <[_; 3]>::try_from(slots).unwrap();
        let waiting = async { tokio::join!(results.get("good"), results.get("bad"), results.get("none")) };
        let telling = async {
            good.set(BuildResult::default());
            drop(bad);
        };
        let (heard, ()) = tokio::join!(waiting, telling);
        assert!(matches!(heard, (Some(_), None, None)), "{heard:?}");
        let failed =
            tokio::join!(results.has_failed("good"), results.has_failed("bad"), results.has_failed("none"));
        assert_eq!(failed, (false, true, false));
    }
}
