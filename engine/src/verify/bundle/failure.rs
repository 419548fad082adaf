//! Why a bundle doesn't count.

use super::BundleVersion;
use crate::verify::{Failure, Step};

/// Characters of a message.
const MESSAGE_LIMIT: usize = 500;

/// Why a bundle doesn't count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{step}: {message}")]
pub struct BundleFailure {
    /// The step that failed.
    pub step: Step,
    /// What is wrong, in words.
    pub message: String,
    /// Name of the trust root; empty where none was needed.
    pub trust_root: String,
    /// Version of the bundle, where it could be told.
    pub version: Option<BundleVersion>,
}

impl BundleFailure {
    /// A failure of `step`, with nothing else said. Messages may quote what comes from outside: they are cut, and
    /// have no control characters.
    pub fn new(step: Step, message: impl AsRef<str>) -> Self {
        let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
        let message = message.as_ref().chars().take(MESSAGE_LIMIT).map(plain).collect();
        Self { step, message, trust_root: String::new(), version: None }
    }

    pub(super) fn under(self, trust_root: &str) -> Self {
        Self { trust_root: trust_root.to_owned(), ..self }
    }

    pub(super) fn of(self, version: BundleVersion) -> Self {
        Self { version: Some(version), ..self }
    }
}

impl From<BundleFailure> for Failure {
    fn from(failure: BundleFailure) -> Self {
        Self {
            format: failure.version.map(|version| version.format().to_owned()).unwrap_or_default(),
            trust_root: failure.trust_root,
            ..Self::new(failure.step, failure.message)
        }
    }
}
