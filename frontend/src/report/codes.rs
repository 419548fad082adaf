//! Codes of what keeps a source from being decided, and a build from being looked at. Beside them stand those of
//! policies: [`EVALUATION_CODES`].
//!
//! [`EVALUATION_CODES`]: policy_engine::policy::EVALUATION_CODES

use policy_engine::policy::ErrorCode;

/// Why there is no decision about a source, sorted.
#[rustfmt::skip]
pub const SOURCE_CODES: [ErrorCode; 7] = [
    ErrorCode::new("invalid-decision", "what the policy answers is no decision", "a decision is an object: `allow` (a boolean), `deny_msg` (a set of strings), `caps` (an object)"),
    ErrorCode::new("invalid-source", "the source cannot be shown to a policy", "correct the source's name"),
    ErrorCode::new("policy-error", "a policy fails in another way", ""),
    ErrorCode::new("round-limit", "the policy asked ten times and is still undecided", "please report this with the policy: it is a bug"),
    ErrorCode::new("undefined-decision", "`data.docker.decision` is undefined", "end the policy with `decision := {\"allow\": allow}` in `package docker`, and give `allow` a default"),
    ErrorCode::new("unresolvable-source", "what the policy asks for cannot be looked up, or the source is allowed and cannot be loaded", "check the source's name, access to it, and `-v`"),
    ErrorCode::new("unresolved-again", "the policy asks again for what was looked up", "please report this with the policy: it is a bug"),
];

/// Why the sources of a build could not be told, sorted. Where a policy fails before it is asked about a source, the
/// code is one of the others.
#[rustfmt::skip]
pub const BUILD_CODES: [ErrorCode; 8] = [
    ErrorCode::new("aborted", "looking at the build was aborted", "report it: it is a bug"),
    ErrorCode::new("dockerfile-invalid", "BuildKit would refuse the Dockerfile or the options", "correct the line that is named"),
    ErrorCode::new("no-context", "there is no such build context, or it cannot be fetched or unpacked", "name a folder, a git URL, the URL of an archive, or `-`"),
    ErrorCode::new("no-dockerfile", "the Dockerfile is not there or cannot be read, or there are two", "name it with `--file`"),
    ErrorCode::new("no-policy", "no policy applies, and one is required", "create `NAME.rego` beside the Dockerfile, or name a policy with `--policy`"),
    ErrorCode::new("policy-invalid", "a policy is not there or doesn't load", "correct it: the message names file and line"),
    ErrorCode::new("policy-unreadable", "the policy beside the Dockerfile cannot be read", "check the file and its permissions"),
    ErrorCode::new("unknown-target", "the build uses the result of a target whose sources could not be told", "see that target's error"),
];

#[cfg(test)]
mod tests {
    use policy_engine::policy::PolicyError;

    use super::*;
    use crate::context::ContextError;
    use crate::decide::DecideError;
    use crate::dry_run::DryRunError;
    use crate::report::error_code;

    fn assert_known(codes: &[ErrorCode], code: &str) {
        assert!(codes.iter().any(|known| known.code == code), "{code} is in no table");
    }

    #[test]
    fn what_errors_are_called_is_in_the_tables() {
        let undefined = || PolicyError::Undefined { policy: String::new() };
        let invalid = || PolicyError::InvalidDecision(String::new());
        for error in [
            DecideError::Policy(undefined()),
            DecideError::Policy(invalid()),
            DecideError::EmptyConversion,
            DecideError::Rounds,
        ] {
            assert_known(&SOURCE_CODES, error_code(&error));
        }
        for error in [DryRunError::Caps(undefined()), DryRunError::Caps(invalid())] {
            assert_known(&SOURCE_CODES, error.code());
            assert!(error.help().is_some());
        }
        for error in [
            DryRunError::Target(String::new()),
            DryRunError::Aborted,
            DryRunError::NoPolicy { dockerfile: String::new(), is_file: true },
            DryRunError::Context(ContextError::EmptyStdin),
            DryRunError::Context(ContextError::TwoDockerfiles),
        ] {
            assert_known(&BUILD_CODES, error.code());
        }
    }

    #[test]
    fn tables_are_sorted() {
        assert!(SOURCE_CODES.is_sorted_by_key(|known| known.code));
        assert!(BUILD_CODES.is_sorted_by_key(|known| known.code));
    }
}
