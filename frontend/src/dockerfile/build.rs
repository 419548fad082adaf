//! What has to be known of a build before its sources can be found: its Dockerfile, and where BuildKit takes it and
//! the context from.

use policy_engine::source::{Platform, SourceError, SourceOp, git_context};

use crate::build_options::BuildOptions;
use crate::flag_values::parse_bool;

use super::named::http;

/// One build, its Dockerfile read.
#[derive(Debug, Clone, Copy)]
pub struct Build<'a> {
    /// The Dockerfile's text. Bytes that aren't UTF-8 become U+FFFD.
    pub dockerfile: &'a str,
    /// The Dockerfile as it is shown to the user, in places and errors: `app/Dockerfile`, `-`.
    pub name: &'a str,
    /// Where BuildKit reads the Dockerfile from.
    pub origin: DockerfileOrigin,
    /// Whether `<Dockerfile>.dockerignore` lies beside the Dockerfile: `.dockerignore` of the context isn't read
    /// then, so that a build may not need its context at all.
    pub own_dockerignore: bool,
    /// The main context.
    pub context: MainContext,
    /// Everything else.
    pub options: &'a BuildOptions,
    /// The platform of the builder.
    pub build_platform: &'a Platform,
}

/// Where BuildKit reads a Dockerfile from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DockerfileOrigin {
    /// The client shares it in a folder of its own, `local://dockerfile`: always so for a local context; for others
    /// where the Dockerfile comes from standard input, another URL, bake (inline), or an absolute path.
    Client,
    /// It lies in the remote context.
    Context,
}

/// What a build's main context is ([`BuildOptions::context`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MainContext {
    /// A folder of the client, or nothing (standard input is the Dockerfile): `local://context`.
    Local,
    /// A git repository, or an archive or Dockerfile at an http(s) URL: [`remote_context`].
    Remote,
    /// An archive on standard input, which BuildKit fetches from the client by a URL with a random name. It stands
    /// here as [`STDIN_ARCHIVE`].
    StdinArchive,
}

/// The identifier of a context that is an archive on standard input. BuildKit has a random word for `archive`.
pub const STDIN_ARCHIVE: &str = "http://buildkit-session/archive";

/// The source of a remote context as BuildKit loads it, with its attributes; `None` when `options.context` names a
/// local folder or standard input. Fails on a git URL that contradicts itself.
pub fn remote_context(options: &BuildOptions) -> Result<Option<SourceOp>, SourceError> {
    if let Some(git) = git_context(&options.context)? {
        let mut source = git.source;
        if options.build_arg("BUILDKIT_CONTEXT_KEEP_GIT_DIR").and_then(parse_bool) == Some(true) {
            source.attrs.insert("git.keepgitdir".to_owned(), "true".to_owned());
        }
        if options.build_arg("SOURCE_DATE_EPOCH").is_some_and(|epoch| !epoch.is_empty()) {
            source.attrs.entry("git.mtime".to_owned()).or_insert_with(|| "commit".to_owned());
        }
        return Ok(Some(source));
    }
    Ok(is_http_url(&options.context).then(|| http(&options.context, "context")))
}

pub(super) fn is_http_url(s: &str) -> bool {
    s.starts_with("http://") || s.starts_with("https://")
}
