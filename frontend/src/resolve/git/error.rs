//! Why a git source could not be resolved.

use std::time::Duration;

use crate::resolve::http::RedirectRefused;
use crate::resolve::transport::{Retry, Retryable, TransportError};

/// Why a git source could not be resolved. Remotes in here are shown without credentials.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// The remote can't be parsed, or is not safe to pass on.
    #[error("invalid git remote {remote}: {reason}")]
    InvalidRemote {
        /// The remote.
        remote: String,
        /// Why.
        reason: &'static str,
    },
    /// The remote's scheme is none that git sources can have.
    #[error("git remote {remote}: {scheme} is not supported; use https, http, ssh, git or user@host:path")]
    UnsupportedTransport {
        /// The remote.
        remote: String,
        /// Its scheme.
        scheme: String,
    },
    /// A `file://` remote where none is allowed.
    #[error("git remote {remote}: local repositories are not allowed here; use a remote one")]
    FileNotAllowed {
        /// The remote.
        remote: String,
    },
    /// The ref can't be the name of one.
    #[error("invalid git ref {reference:?}; name a branch, a tag, a full ref (refs/…) or a commit id")]
    InvalidRef {
        /// The ref.
        reference: String,
    },
    /// The expected checksum is no hex number.
    #[error("invalid git checksum {checksum:?}; give a commit id in lower-case hex")]
    InvalidChecksum {
        /// The checksum.
        checksum: String,
    },
    /// The ref names something else than was expected.
    #[error("{remote}: {reference} is {got}, not {expected} as expected; correct the ref or the checksum")]
    ChecksumMismatch {
        /// The remote.
        remote: String,
        /// The ref as asked for.
        reference: String,
        /// The expected checksum, perhaps abbreviated.
        expected: String,
        /// The object id, or the ids of tag and commit.
        got: String,
    },
    /// No branch, tag or other ref has that name.
    #[error(
        "{remote} has no branch or tag {reference:?}; check the spelling (git ls-remote lists all refs), \
         or leave the ref out to use the default branch"
    )]
    RefNotFound {
        /// The remote.
        remote: String,
        /// The ref as asked for.
        reference: String,
    },
    /// The remote doesn't say what its default branch is.
    #[error(
        "{remote} has no default branch (empty repository or detached HEAD); name a branch, tag or commit"
    )]
    NoDefaultBranch {
        /// The remote.
        remote: String,
    },
    /// Credentials are missing or wrong.
    #[error(
        "{remote} asks for credentials{hint}; give them by a git credential helper or ~/.netrc, \
         or check that the repository exists"
    )]
    Unauthorized {
        /// The remote.
        remote: String,
        /// What was tried, with a comma before it; or empty.
        hint: &'static str,
    },
    /// The server answered with an error status.
    #[error("{remote}: the server answered {status}; {advice}")]
    Status {
        /// The remote.
        remote: String,
        /// HTTP status code.
        status: u16,
        /// What to do next.
        advice: &'static str,
        /// From the `Retry-After` header.
        retry_after: Option<Duration>,
    },
    /// The HTTP connection failed.
    #[error("git remote: {0}")]
    Transport(#[from] TransportError),
    /// The caller refuses to go where a redirect leads.
    #[error("{remote}: {refused}")]
    RedirectRefused {
        /// The remote.
        remote: String,
        /// Target and reason.
        refused: RedirectRefused,
    },
    /// A redirect that leads to something else than git's `info/refs`.
    #[error("{remote} redirects to {target}, which is no git repository; use the repository's own URL")]
    BadRedirect {
        /// The remote.
        remote: String,
        /// Where to.
        target: String,
    },
    /// A connection (other than HTTP) can't be made.
    #[error("{remote}: cannot connect: {detail}; check host, port and network")]
    Connect {
        /// The remote.
        remote: String,
        /// What the operating system says.
        detail: String,
    },
    /// It took too long.
    #[error("{remote}: no answer within {limit:?}; check the network or try again later")]
    Timeout {
        /// The remote.
        remote: String,
        /// The time limit.
        limit: Duration,
    },
    /// The server sent more than is accepted.
    #[error("{remote}: {what} exceeds the limit of {limit} bytes")]
    TooLarge {
        /// The remote.
        remote: String,
        /// What is too large.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The answer doesn't make sense, or is an error message of the server.
    #[error("{remote}: {detail}; check that this is a git repository that can be cloned")]
    Protocol {
        /// The remote.
        remote: String,
        /// What is wrong.
        detail: String,
    },
    /// A program that is needed is not installed.
    #[error(
        "{remote}: the program `{program}` is needed and not installed; install it or use an https remote"
    )]
    MissingProgram {
        /// The remote.
        remote: String,
        /// The program's name.
        program: String,
    },
    /// A program that was needed failed.
    #[error("{remote}: `{program}` failed: {detail}")]
    Program {
        /// The remote.
        remote: String,
        /// The program's name.
        program: String,
        /// Its error output.
        detail: String,
    },
    /// The server did not send the object that was asked for. What it sent instead has other ids.
    #[error(
        "{remote}: the server did not send object {id}, or sent other bytes under its name; \
         check the id, or report this to the server's operator"
    )]
    ObjectMissing {
        /// The remote.
        remote: String,
        /// The id.
        id: String,
    },
    /// Bytes that don't hash to the id they were sent for.
    #[error("object {id} has the wrong content: it hashes to {got}; don't trust this server")]
    ObjectMismatch {
        /// The id.
        id: String,
        /// What the bytes hash to.
        got: String,
    },
    /// A commit or tag object is malformed.
    #[error("{remote}: object {id} is malformed: {reason}; report this to the repository's owner")]
    BadObject {
        /// The remote.
        remote: String,
        /// The id.
        id: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The object is, or the tag leads to, a tree or a blob.
    #[error("{remote}: {id} leads to a {kind}, not to a commit; use a ref that names a commit")]
    NotACommit {
        /// The remote.
        remote: String,
        /// The id.
        id: String,
        /// `tree`, `blob`.
        kind: String,
    },
    /// The commit has no such folder.
    #[error(
        "{remote}: commit {commit} has no folder {folder:?}; check what stands after the colon in the context's URL"
    )]
    NoFolder {
        /// The remote.
        remote: String,
        /// The commit's id.
        commit: String,
        /// The folder.
        folder: String,
    },
    /// Tags of tags of tags …
    #[error(
        "{remote}: tag {id} is nested more than {limit} levels deep; use a ref that is nearer to its commit"
    )]
    TagTooDeep {
        /// The remote.
        remote: String,
        /// The outermost tag.
        id: String,
        /// The limit.
        limit: usize,
    },
    /// The server says that a tag leads to another commit than the tag itself does.
    #[error(
        "{remote}: the server says tag {id} leads to {claimed}, but it leads to {actual}; don't trust this server"
    )]
    PeeledMismatch {
        /// The remote.
        remote: String,
        /// The tag's id.
        id: String,
        /// What the server says.
        claimed: String,
        /// What the tag object says.
        actual: String,
    },
    /// The blocking task that talks to the server died.
    #[error("{remote}: resolving was aborted; this is a bug, please report it")]
    Aborted {
        /// The remote.
        remote: String,
    },
}

impl Retryable for GitError {
    fn retry(&self) -> Retry {
        match self {
            Self::Transport(error) => error.retry(),
            Self::Status { status, retry_after, .. } => Retry::after_status(*status, *retry_after),
            _ => Retry::Never,
        }
    }
}
