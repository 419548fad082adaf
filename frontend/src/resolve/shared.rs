//! Lookups of repositories and URLs, each made once a run.
//!
//! Whoever shares one has redirects judged by policies of its own: where a lookup was led is remembered, and
//! put before each of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use policy_engine::metadata::{Metadata, Request, Wanted};
use policy_engine::source::SourceOp;
use url::Url;

use super::ResolveError;
use super::http::RedirectCheck;
use super::once::OnceMap;

/// What was looked up so far.
#[derive(Default)]
pub(super) struct SharedLookups {
    made: OnceMap<(SourceOp, Wanted), Arc<Lookup>>,
}

struct Lookup {
    found: Result<Metadata, Arc<ResolveError>>,
    /// Where it was redirected to, in order.
    followed: Vec<Url>,
}

impl SharedLookups {
    /// What `request` wants; `look_up` asks the check it is given about each redirect, which asks `judge`, and runs
    /// only if nobody made the same lookup before.
    pub(super) async fn get<F>(
        &self,
        request: &Request,
        judge: &RedirectCheck,
        look_up: impl FnOnce(RedirectCheck) -> F + Send,
    ) -> Result<Metadata, ResolveError>
    where
        F: Future<Output = Result<Metadata, ResolveError>> + Send,
    {
        let mut own = false;
        let make = async {
            own = true;
            let (redirects, check) = Redirects::new(judge);
            let found = look_up(check).await;
            match found {
                // One judge's refusal is no answer for the others.
                Err(error) if redirects.refused.load(Ordering::Relaxed) => Err(error),
                found => {
                    let followed = redirects.followed.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    Ok(Arc::new(Lookup { found: found.map_err(Arc::new), followed }))
                }
            }
        };
        let key = (request.source.clone(), request.wanted.clone());
        let lookup = self.made.try_get(key, make).await?;
        if !own {
            for target in &lookup.followed {
                judge.ask(target).map_err(|refused| ResolveError::Redirect {
                    target: refused.target,
                    reason: refused.reason,
                })?;
            }
        }
        lookup.found.clone().map_err(ResolveError::Shared)
    }
}

/// The redirects of one lookup.
#[derive(Clone, Default)]
struct Redirects {
    followed: Arc<Mutex<Vec<Url>>>,
    refused: Arc<AtomicBool>,
}

impl Redirects {
    fn new(judge: &RedirectCheck) -> (Self, RedirectCheck) {
        let redirects = Self::default();
        let (noted, judge) = (redirects.clone(), judge.clone());
        let check = RedirectCheck::new(move |target| {
            let asked = judge.ask(target);
            match &asked {
                Ok(()) => {
                    noted.followed.lock().unwrap_or_else(PoisonError::into_inner).push(target.clone());
                }
                Err(_) => noted.refused.store(true, Ordering::Relaxed),
            }
            asked
        });
        (redirects, check)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use policy_engine::source::SourceOp;

    use super::*;
    use crate::resolve::http::HttpError;
    use crate::resolve::judge::testing::trial;

    const SOURCE: &str = "https://origin/file";
    const GOOD: &str = "default allow := false\nallow if input.http.host == \"good\"\n\
                        decision := {\"allow\": allow}";
    const NOBODY: &str = "decision := {\"allow\": false, \"deny_msg\": {\"never\"}}";

    /// A lookup that is redirected to `https://good/`, and how often it was made.
    async fn look_up(
        lookups: &SharedLookups,
        made: &AtomicUsize,
        rego: &str,
    ) -> (Result<Metadata, ResolveError>, Option<Vec<String>>) {
        let trial = trial(rego, SOURCE);
        let request = Request { source: SourceOp::new(SOURCE), platform: None, wanted: Wanted::default() };
        let target = Url::parse("https://good/").unwrap();
        let result = lookups
            .get(&request, &trial.check(), async |check: RedirectCheck| {
                made.fetch_add(1, Ordering::Relaxed);
                let refused = |refused| HttpError::RedirectRefused { url: SOURCE.into(), refused };
                check.ask(&target).map_err(refused)?;
                Ok(Metadata::default())
            })
            .await;
        (result, trial.denial())
    }

    #[tokio::test]
    async fn made_once_and_judged_by_each() {
        let (lookups, made) = (SharedLookups::default(), AtomicUsize::new(0));
        assert!(look_up(&lookups, &made, GOOD).await.0.is_ok());
        assert!(look_up(&lookups, &made, GOOD).await.0.is_ok());
        let (refused, denial) = look_up(&lookups, &made, NOBODY).await;
        assert!(refused.is_err());
        assert_eq!(denial.unwrap(), ["redirect to https://good/: never"]);
        assert_eq!(made.into_inner(), 1);
    }

    #[tokio::test]
    async fn a_refusal_is_kept_from_the_others() {
        let (lookups, made) = (SharedLookups::default(), AtomicUsize::new(0));
        assert!(look_up(&lookups, &made, NOBODY).await.0.is_err());
        assert!(look_up(&lookups, &made, GOOD).await.0.is_ok());
        assert_eq!(made.into_inner(), 2);
    }
}
