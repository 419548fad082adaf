//! The caller's say in where redirects may lead.

use std::fmt;
use std::sync::Arc;

use url::Url;

use crate::resolve::transport::redacted;

/// A redirect that must not be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the redirect to {target} is refused: {reason}")]
pub struct RedirectRefused {
    /// Where it leads, without credentials and query.
    pub target: String,
    /// Why it is refused.
    pub reason: String,
}

impl RedirectRefused {
    /// Refuses `target`, because of `reason`.
    pub fn new(target: &Url, reason: impl Into<String>) -> Self {
        Self { target: redacted(target), reason: reason.into() }
    }
}

/// Asked about each redirect before it is followed. The step from HTTPS down to HTTP is refused anyway.
#[derive(Clone)]
pub struct RedirectCheck(Arc<Check>);

type Check = dyn Fn(&Url) -> Result<(), RedirectRefused> + Send + Sync;

impl RedirectCheck {
    /// Asks `check`.
    pub fn new(check: impl Fn(&Url) -> Result<(), RedirectRefused> + Send + Sync + 'static) -> Self {
        Self(Arc::new(check))
    }

    /// Whether `target` may be asked.
    pub fn ask(&self, target: &Url) -> Result<(), RedirectRefused> {
        (self.0)(target)
    }
}

impl Default for RedirectCheck {
    /// Allows all.
    fn default() -> Self {
        Self::new(|_| Ok(()))
    }
}

impl fmt::Debug for RedirectCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedirectCheck")
    }
}
