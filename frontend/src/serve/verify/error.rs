//! Why there is no decision.

use policy_engine::policy::PolicyError;

use crate::buildkit::convert::ConvertError;
use crate::decide::MAX_ROUNDS;

/// Why there is no decision. The source must not be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// BuildKit's message makes no sense.
    #[error(transparent)]
    Message(#[from] ConvertError),
    /// Nobody said which policies hold.
    #[error("no policy is known for this build, so it may use no source; start the build again")]
    NoJurisdiction,
    /// A policy failed.
    #[error("the policy cannot decide about `{source_shown}`: {cause}")]
    Policy {
        /// The source, fit to be shown.
        source_shown: String,
        /// What went wrong.
        cause: PolicyError,
    },
    /// The engine itself failed.
    #[error(
        "the evaluation of the policy for `{source_shown}` broke down; please report this with the policy"
    )]
    Evaluation {
        /// The source, fit to be shown.
        source_shown: String,
    },
    /// Metadata could not be looked up.
    #[error("the policy needs to know about `{source_shown}`, which cannot be resolved: {cause}")]
    Lookup {
        /// The source, fit to be shown.
        source_shown: String,
        /// What went wrong.
        cause: String,
    },
    /// An image changed between two questions about it.
    #[error(
        "`{source_shown}` was {expected} and became {found} while it was checked; build again, or pin its digest"
    )]
    Moved {
        /// The source, fit to be shown.
        source_shown: String,
        /// The digest at first.
        expected: String,
        /// The digest now.
        found: String,
    },
    /// Attestations of an OCI layout lie at the client, where nobody can fetch them.
    #[error(
        "the policy reads attestations of `{source_shown}`, and BuildKit has none to give of an OCI layout; \
         use the image from a registry, or let the policy decide without them"
    )]
    LayoutAttestations {
        /// The source, fit to be shown.
        source_shown: String,
    },
    /// The policies ask for what was just delivered.
    #[error("the policy asks again for what was just resolved: {0}; report this with the policy")]
    Stuck(String),
    /// The limit on rounds was hit.
    #[error("no decision about `{source_shown}` after {MAX_ROUNDS} rounds: the policy goes on asking")]
    Rounds {
        /// The source, fit to be shown.
        source_shown: String,
    },
    /// A policy converts to nothing, or to what was asked about.
    #[error("the policy converts `{source_shown}` without naming another source")]
    EmptyConversion {
        /// The source, fit to be shown.
        source_shown: String,
    },
}

impl From<VerifyError> for tonic::Status {
    /// BuildKit hands code and message on to whoever builds.
    fn from(error: VerifyError) -> Self {
        Self::failed_precondition(error.to_string())
    }
}
